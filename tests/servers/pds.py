"""A real Bluesky PDS with its PLC directory on loopback, and hands to write on it.

`server.cjs` next door starts both in one Node process. A `Pds` is one such process with its data folder; it can be
stopped, killed and started again as the same server. A `Writer` is one account.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import random
import re
import select
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import httpx

HERE = Path(__file__).parent / "bluesky"
POST = "app.bsky.feed.post"
WRITES_PER_CALL = 200  # what com.atproto.repo.applyWrites accepts
BODY_BYTES = 140_000  # the PDS refuses JSON bodies above 150 kB


class PdsError(RuntimeError):
    """The server did not start, or refused a call."""

    def __init__(self, message: str, status: int = 0, error: str = "") -> None:
        super().__init__(message, status, error)
        self.message, self.status, self.error = message, status, error

    def __str__(self) -> str:
        return self.message


class Posted(NamedTuple):
    """A record as the network names it."""

    uri: str
    cid: str


def free_port() -> int:
    """A free port on 127.0.0.1 below the range from which the system takes the ports of outgoing connections.

    In that range a server that is down for a moment can lose its port to a client, and a client that keeps trying a
    closed port of its own machine can end up connected to itself.
    """
    for port in random.sample(range(20_000, 32_000), 200):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise PdsError("no free port between 20000 and 32000 on 127.0.0.1")


def install() -> Path:
    """Install the npm packages of the lock file, unless they are there; about 100 s the first time.

    Returns:
        The `node_modules` folder.

    Raises:
        PdsError: npm failed; the message ends with what it said.
    """
    modules, stamp = HERE / "node_modules", HERE / "node_modules" / ".yoake-installed"
    node = _node_facts()
    wanted = hashlib.sha256((HERE / "package-lock.json").read_bytes() + node["modules"].encode()).hexdigest()
    with _alone(HERE):
        if stamp.exists() and stamp.read_text() == wanted:
            return modules
        # `npm ci` runs node-gyp for better-sqlite3. Node's headers are taken from beside `node` when they are of this
        # very version; otherwise node-gyp fetches them. Both names: npm before and after 12.
        environment = dict(os.environ)
        if node["headers"]:
            environment["npm_config_nodedir"] = environment["npm_package_config_node_gyp_nodedir"] = node["headers"]
        ran = subprocess.run(
            ["npm", "ci", "--no-fund", "--no-audit"],
            cwd=HERE,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=1200,
            check=False,
        )
        if ran.returncode:
            raise PdsError(f"npm ci in {HERE} failed:\n{ran.stdout[-2000:]}")
        stamp.write_text(wanted)
    return modules


def _node_facts() -> dict[str, str]:
    """The binary interface that compiled packages are tied to, and the prefix of matching headers if there is one."""
    script = "JSON.stringify({path: process.execPath, version: process.version, modules: process.versions.modules})"
    facts: dict[str, str] = json.loads(subprocess.run(["node", "-p", script], capture_output=True, check=True).stdout)
    prefix = Path(facts["path"]).resolve().parent.parent
    header = prefix / "include" / "node" / "node_version.h"
    numbers = dict(re.findall(r"#define NODE_(MAJOR|MINOR|PATCH)_VERSION (\d+)", _text(header)))
    version = "v" + ".".join(numbers.get(part, "") for part in ("MAJOR", "MINOR", "PATCH"))
    return {"modules": facts["modules"], "headers": str(prefix) if version == facts["version"] else ""}


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time; the lock is on the folder itself and ends with its holder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


class Pds:
    """One PDS and its PLC directory on loopback, with one data folder and, once started, fixed ports."""

    def __init__(self, folder: Path | None = None) -> None:
        self._own = None if folder else tempfile.TemporaryDirectory(prefix="yoake-pds-")
        self.folder = folder or Path(self._own.name if self._own else "")
        self.url = self.plc_url = self.admin_password = ""
        self._ports: tuple[int, int] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        # an environment with a proxy must not catch loopback calls
        self.http = httpx.Client(timeout=30, trust_env=False)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def firehose_url(self) -> str:
        """The address of com.atproto.sync.subscribeRepos."""
        return self.url.replace("http:", "ws:", 1) + "/xrpc/com.atproto.sync.subscribeRepos"

    @property
    def pid(self) -> int | None:
        """The Node process, while it is started."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start both servers and wait until they answer, about 2 s; after a stop it is the same server again."""
        if self._process:
            return
        for _ in range(5):
            ports = self._ports or (free_port(), free_port())
            ready = self._launch(ports)
            if ready:
                self._ports = ports
                self.url, self.plc_url, self.admin_password = ready["pds"], ready["plc"], ready["admin_password"]
                return
            if self._ports or "EADDRINUSE" not in self._log():
                break
        raise PdsError(f"the PDS did not start:\n{self._log()[-2000:]}")

    def _launch(self, ports: tuple[int, int], timeout_s: float = 60) -> dict[str, str] | None:
        self.folder.mkdir(parents=True, exist_ok=True)
        # nothing of the person's own settings (NODE_OPTIONS, proxies, PDS_*) reaches the server
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        with (self.folder / "server.log").open("wb") as log:
            process = subprocess.Popen(
                ["node", str(HERE / "server.cjs"), str(self.folder), *map(str, ports)],
                stdin=subprocess.PIPE,  # held open, never written: the server ends when this process does
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
            )
        self._process = process
        assert process.stdout
        if select.select([process.stdout], [], [], timeout_s)[0] and (line := process.stdout.readline()):
            ready: dict[str, str] = json.loads(line)
            return ready
        self.kill()
        return None

    def _log(self) -> str:
        return _text(self.folder / "server.log")

    def stop(self) -> None:
        """End both servers in order; their data stay."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End both servers as a power cut would; their data stay."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()

    def restart(self) -> None:
        """Stop, then start on the same ports with the same data, accounts and sessions."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop for good; a folder of its own is removed."""
        self.stop()
        self.http.close()
        if self._own:
            self._own.cleanup()

    def call(
        self,
        name: str,
        body: Any = None,
        *,
        params: dict[str, Any] | None = None,
        token: str = "",
        content: bytes | None = None,
        content_type: str = "application/json",
    ) -> Any:
        """Call an XRPC method: a query when there is neither body nor content, else a procedure."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = f"{self.url}/xrpc/{name}"
        if body is not None:
            content = json.dumps(body, ensure_ascii=False).encode()
        if content is None:
            answer = self.http.get(url, params=params, headers=headers)
        else:
            answer = self.http.post(url, content=content, headers={**headers, "Content-Type": content_type})
        return _result(name, answer)

    def admin(self, name: str, body: dict[str, Any]) -> Any:
        """Call an XRPC procedure as the server's administrator."""
        answer = self.http.post(f"{self.url}/xrpc/{name}", json=body, auth=("admin", self.admin_password))
        return _result(name, answer)

    def sequence(self) -> int:
        """The number of the newest firehose event (0: none): a firehose cursor that means "from now"."""
        # The protocol has no call for it. Asking the live stream would tell only at the next event.
        with closing(sqlite3.connect(f"file:{self.folder}/sequencer.sqlite?mode=ro", uri=True, timeout=10)) as database:
            return int(database.execute("SELECT max(seq) FROM repo_seq").fetchone()[0] or 0)

    def writer(self, handle: str = "") -> Writer:
        """A new account; without a handle it gets one of its own."""
        return Writer(self, handle)

    def takedown(self, subject: str, *, applied: bool = True) -> None:
        """Take an account (DID) or a record (AT-URI) down as the provider, or with applied=False put it back."""
        about: dict[str, Any]
        if subject.startswith("at://"):
            about = {"$type": "com.atproto.repo.strongRef", "uri": subject, "cid": _cid_of(self, subject)}
        else:
            about = {"$type": "com.atproto.admin.defs#repoRef", "did": subject}
        body = {"subject": about, "takedown": {"applied": applied, "ref": "test"}}
        self.admin("com.atproto.admin.updateSubjectStatus", body)

    def delete_account(self, did: str) -> None:
        """Delete an account as the administrator; the firehose forgets everything it ever wrote."""
        self.admin("com.atproto.admin.deleteAccount", {"did": did})

    def record(self, uri: str) -> dict[str, Any]:
        """A record as anyone may read it: {"uri", "cid", "value"}.

        Raises:
            PdsError: it is not there (error "RecordNotFound"), or its account is gone.
        """
        repo, collection, rkey = uri.removeprefix("at://").split("/")
        found: dict[str, Any] = self.call(
            "com.atproto.repo.getRecord", params={"repo": repo, "collection": collection, "rkey": rkey}
        )
        return found


def _cid_of(pds: Pds, uri: str) -> str:
    try:
        return str(pds.record(uri)["cid"])
    except PdsError:  # already down: the PDS reads the URI only, but the reference must be well formed
        return "bafyreigtxzrvxvxkfvu7gctdikn4tdo4vtpafnxz7x4c2esbchbvb4lyhm"


def _result(name: str, answer: httpx.Response) -> Any:
    if answer.is_success:
        return answer.json() if answer.content else None
    with suppress(ValueError):
        told = answer.json()
        raise PdsError(
            f"{name}: {answer.status_code} {told.get('error')}: {told.get('message')}",
            answer.status_code,
            str(told.get("error", "")),
        )
    raise PdsError(f"{name}: {answer.status_code} {answer.text[:300]}", answer.status_code)


class Writer:
    """One account on a PDS."""

    def __init__(self, pds: Pds, handle: str = "") -> None:
        self.pds = pds
        handle = handle or f"w{time.time_ns() % 10**14:x}{random.randrange(10**4)}"
        self.handle = handle if "." in handle else f"{handle}.test"
        session = pds.call(
            "com.atproto.server.createAccount",
            {"handle": self.handle, "email": f"{self.handle}@example.com", "password": "only-for-tests"},
        )
        self.did: str = session["did"]
        self.token: str = session["accessJwt"]  # valid for two hours, also after a restart of the server

    def _call(self, name: str, body: dict[str, Any]) -> Any:
        return self.pds.call(name, body, token=self.token)

    def _create(self, collection: str, record: dict[str, Any]) -> Posted:
        made = self._call(
            "com.atproto.repo.createRecord", {"repo": self.did, "collection": collection, "record": record}
        )
        return Posted(made["uri"], made["cid"])

    def post(
        self,
        text: str,
        *,
        reply_to: Posted | None = None,
        langs: Sequence[str] = ("ja",),
        created_at: datetime | None = None,
        images: Sequence[bytes] = (),
        **fields: Any,
    ) -> Posted:
        """Publish a post; `fields` are further fields of the record (facets, embed, labels, tags).

        `created_at` is the author's claim; the network does not check it.
        """
        record = post_record(text, langs=langs, created_at=created_at, **fields)
        if reply_to:
            above = self.pds.record(reply_to.uri)["value"].get("reply")
            record["reply"] = {"root": above["root"] if above else reply_to._asdict(), "parent": reply_to._asdict()}
        if images:
            blobs = [{"alt": "", "image": self.upload(image)} for image in images]
            record["embed"] = {"$type": "app.bsky.embed.images", "images": blobs}
        return self._create(POST, record)

    def post_many(self, posts: Iterable[str | dict[str, Any]]) -> list[Posted]:
        """Publish texts, or records from `post_record`, as fast as the server takes them: up to 200 in one commit."""
        made: list[Posted] = []
        writes: list[dict[str, Any]] = []
        size = 0
        for post in posts:
            value = post_record(post) if isinstance(post, str) else post
            write = {"$type": "com.atproto.repo.applyWrites#create", "collection": POST, "value": value}
            length = len(json.dumps(write, ensure_ascii=False).encode()) + 2
            if len(writes) == WRITES_PER_CALL or size + length > BODY_BYTES:
                made += self._apply(writes)
                writes, size = [], 0
            writes.append(write)
            size += length
        return made + self._apply(writes)

    def delete_many(self, uris: Iterable[str]) -> None:
        """Delete records, up to 200 in one commit."""
        writes = []
        for uri in uris:
            _, collection, rkey = uri.removeprefix("at://").split("/")
            writes.append({"$type": "com.atproto.repo.applyWrites#delete", "collection": collection, "rkey": rkey})
        for at in range(0, len(writes), WRITES_PER_CALL):
            self._apply(writes[at : at + WRITES_PER_CALL])

    def _apply(self, writes: list[dict[str, Any]]) -> list[Posted]:
        if not writes:
            return []
        done = self._call("com.atproto.repo.applyWrites", {"repo": self.did, "writes": writes})
        return [Posted(result["uri"], result["cid"]) for result in done["results"] if "uri" in result]

    def edit(self, uri: str, text: str) -> Posted:
        """Give a post a new text under the same URI."""
        record = {**self.pds.record(uri)["value"], "text": text}
        _, collection, rkey = uri.removeprefix("at://").split("/")
        return self.put(collection, rkey, record)

    def put(self, collection: str, rkey: str, record: dict[str, Any]) -> Posted:
        """Write a record under a key, whether or not there is one; lexicons the PDS does not know are accepted."""
        made = self._call(
            "com.atproto.repo.putRecord", {"repo": self.did, "collection": collection, "rkey": rkey, "record": record}
        )
        return Posted(made["uri"], made["cid"])

    def delete(self, uri: str) -> None:
        """Delete a record."""
        _, collection, rkey = uri.removeprefix("at://").split("/")
        self._call("com.atproto.repo.deleteRecord", {"repo": self.did, "collection": collection, "rkey": rkey})

    def like(self, subject: Posted) -> Posted:
        """Like a post: a record that is no post."""
        record = {"$type": "app.bsky.feed.like", "subject": subject._asdict(), "createdAt": timestamp()}
        return self._create("app.bsky.feed.like", record)

    def profile(self, display_name: str = "", description: str = "") -> Posted:
        """Set the account's public profile."""
        record = {"$type": "app.bsky.actor.profile", "displayName": display_name, "description": description}
        return self.put("app.bsky.actor.profile", "self", record)

    def upload(self, image: bytes) -> dict[str, Any]:
        """Upload a picture; the returned blob goes into a record. The PDS drops one that no record uses."""
        kind = "image/png" if image.startswith(b"\x89PNG") else "image/jpeg"
        uploaded = self.pds.call("com.atproto.repo.uploadBlob", token=self.token, content=image, content_type=kind)
        blob: dict[str, Any] = uploaded["blob"]
        return blob

    def deactivate(self) -> None:
        """Leave for a while: the account's posts are hidden until `activate`."""
        self._call("com.atproto.server.deactivateAccount", {})

    def activate(self) -> None:
        """Come back."""
        self.pds.call("com.atproto.server.activateAccount", token=self.token, content=b"")


def timestamp(moment: datetime | None = None) -> str:
    """A time as Bluesky writes it: UTC, milliseconds, Z."""
    moment = (moment or datetime.now(UTC)).astimezone(UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def post_record(
    text: str, *, langs: Sequence[str] = ("ja",), created_at: datetime | None = None, **fields: Any
) -> dict[str, Any]:
    """The record of a post (lexicon app.bsky.feed.post)."""
    record: dict[str, Any] = {"$type": POST, "text": text, "createdAt": timestamp(created_at), **fields}
    if langs:
        record["langs"] = list(langs)
    return record
