// A real Bluesky PDS and a PLC directory for the tests, on loopback only:
//   node server.cjs DATA_FOLDER PDS_PORT PLC_PORT
// Prints one JSON line when both answer. Ends when stdin closes or its parent is gone, so that it dies with the test
// run however that ends (a killed pytest cannot send SIGTERM). Started again on the same folder, it is the same server.
'use strict'
const crypto = require('node:crypto')
const fs = require('node:fs')
const path = require('node:path')

const [folder, pdsPort, plcPort] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])]
if (!folder || !pdsPort || !plcPort) {
  console.error('usage: node server.cjs DATA_FOLDER PDS_PORT PLC_PORT')
  process.exit(2)
}

const parent = process.ppid
let stop = () => process.exit(0)
process.stdin.on('error', () => stop()).on('end', () => stop()).on('close', () => stop()).resume()
process.on('SIGTERM', () => stop()).on('SIGINT', () => stop())
// stdin stays open when the test process forked a child that outlives it
setInterval(() => { if (process.ppid !== parent) stop() }, 500)

fs.mkdirSync(path.join(folder, 'blobs'), { recursive: true })
const pds_url = `http://127.0.0.1:${pdsPort}`
const plc_url = `http://127.0.0.1:${plcPort}`

/** New secrets for every data folder, the same ones after a restart: sessions then stay valid, as on a real server. */
function secretsOf(file) {
  if (!fs.existsSync(file)) {
    const hex = (bytes) => crypto.randomBytes(bytes).toString('hex')
    fs.writeFileSync(file, JSON.stringify({ jwt: hex(32), admin: hex(16), plc: hex(32) }), { mode: 0o600 })
  }
  return JSON.parse(fs.readFileSync(file, 'utf8'))
}
const secrets = secretsOf(path.join(folder, 'secrets.json'))

// Only these settings: nothing PDS_* of the person who runs the tests leaks in. Set before @atproto/pds is loaded,
// because its loggers read the environment then.
for (const name of Object.keys(process.env)) if (/^(PDS|LOG)_/.test(name)) delete process.env[name]
Object.assign(process.env, {
  LOG_ENABLED: 'false',
  PDS_PORT: String(pdsPort),
  PDS_HOSTNAME: 'localhost', // the one name for which the PDS calls itself http:// instead of https://
  PDS_DEV_MODE: 'true',
  PDS_DATA_DIRECTORY: folder,
  PDS_BLOBSTORE_DISK_LOCATION: path.join(folder, 'blobs'),
  PDS_DID_PLC_URL: plc_url,
  PDS_SERVICE_HANDLE_DOMAINS: '.test',
  PDS_INVITE_REQUIRED: 'false',
  PDS_DISABLE_SSRF_PROTECTION: 'true',
  PDS_BSKY_APP_VIEW_URL: 'http://127.0.0.1:9', // there is no AppView: the discard port refuses
  PDS_BSKY_APP_VIEW_DID: 'did:example:none',
  PDS_CRAWLERS: '',
  PDS_RATE_LIMITS_ENABLED: 'false', // else 5,000 points an hour per account, three a post
  PDS_JWT_SECRET: secrets.jwt,
  PDS_ADMIN_PASSWORD: secrets.admin,
  PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX: secrets.plc,
})
const { PDS, envToCfg, envToSecrets, readEnv } = require('@atproto/pds')
const plcServer = require('@did-plc/server')

/** Both servers listen on every interface unless told otherwise. */
function onLoopback(app) {
  const listen = app.listen.bind(app)
  app.listen = (port) => listen(port, '127.0.0.1')
}

/** The directory's in-memory store, written down: without it a restarted PDS would know no DID any more. */
async function plcStore(file) {
  const store = plcServer.Database.mock()
  const add = store.validateAndAddOp.bind(store)
  if (fs.existsSync(file)) {
    for (const line of fs.readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
      const { did, operation } = JSON.parse(line)
      await add(did, operation)
    }
  }
  store.validateAndAddOp = async (did, operation) => {
    await add(did, operation)
    fs.appendFileSync(file, JSON.stringify({ did, operation }) + '\n')
  }
  return store
}

async function main() {
  const plc = plcServer.PlcServer.create({ db: await plcStore(path.join(folder, 'plc.jsonl')), port: plcPort })
  const env = readEnv()
  const pds = await PDS.create(envToCfg(env), envToSecrets(env))
  // its firehose looks for news less and less often, at last once a second: every test would wait for that
  pds.ctx.sequencer.exponentialBackoff = () => new Promise((again) => setTimeout(again, 20))
  let stopping = false
  stop = () => {
    if (stopping) return
    stopping = true
    // WebSocket readers would keep a graceful end waiting for seconds
    setTimeout(() => process.exit(0), 300)
    Promise.allSettled([pds.destroy(), plc.destroy()]).then(() => process.exit(0))
  }
  onLoopback(plc.app)
  onLoopback(pds.app)
  await plc.start()
  await pds.start()
  console.log(JSON.stringify({ pds: pds_url, plc: plc_url, admin_password: secrets.admin }))
}

// stdout carries one line only; a reader that is gone must not kill the server before `stop` runs
process.stdout.on('error', () => stop())
main().catch((error) => {
  console.error(error)
  process.exit(1)
})
