"""A time-stamp authority on loopback: `openssl ts` with a small chain of certificates of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from tests.collect.loopback import http_server, respond

_CONF = """
[tsa]
default_tsa = stamping
[stamping]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.crt
certs = {folder}/chain.crt
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


@dataclass
class Tsa:
    """Where it is, and what it answers with."""

    url: str
    folder: Path
    status: int = 200
    body: bytes | None = None  # instead of a stamp
    asked: int = 0

    @property
    def roots(self) -> Path:
        """The certificate that its stamps lead to."""
        return self.folder / "root.crt"


def make_authority(folder: Path, name: str = "Yoake Test TSA") -> None:
    """A root, an intermediate certificate, and one that may stamp times."""
    folder.mkdir(parents=True, exist_ok=True)
    for who, usage in (
        ("root", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n"),
        ("middle", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n"),
        (
            "tsa",
            "basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n",
        ),
    ):
        key, request, made = (folder / f"{who}.{end}" for end in ("key", "csr", "crt"))
        (folder / f"{who}.ext").write_text(usage)
        # As any authority names itself: the certificates of its answers stand in no order of their octets.
        subject = f"/CN={name}" if who == "tsa" else f"/CN={name} {who}"
        _openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request, "-subj", subject)
        signed = {"root": ("-signkey", key), "middle": _by(folder, "root"), "tsa": _by(folder, "middle")}[who]
        _openssl(
            "x509", "-req", "-in", request, "-days", "30", "-extfile", folder / f"{who}.ext", "-out", made, *signed
        )
    (folder / "chain.crt").write_text((folder / "middle.crt").read_text())
    (folder / "serial").write_text("01\n")
    (folder / "tsa.conf").write_text(_CONF.format(folder=folder))


def stamp_of(folder: Path, query: bytes) -> bytes:
    """What `openssl ts` answers to a question."""
    (folder / "query.tsq").write_bytes(query)
    _openssl(
        "ts", "-reply", "-config", folder / "tsa.conf", "-queryfile", folder / "query.tsq", "-out", folder / "reply.tsr"
    )
    return (folder / "reply.tsr").read_bytes()


@contextmanager
def tsa_server(folder: Path) -> Iterator[Tsa]:
    """The authority, listening."""
    make_authority(folder)
    tsa = Tsa("", folder)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        tsa.asked += 1
        query = handler.rfile.read(int(handler.headers["Content-Length"]))
        assert handler.headers["Content-Type"] == "application/timestamp-query"
        body = stamp_of(folder, query) if tsa.body is None else tsa.body
        respond(handler, tsa.status, body, Content_Type="application/timestamp-reply")

    with http_server(answer) as url:
        tsa.url = f"{url}/tsa"
        yield tsa


def _by(folder: Path, who: str) -> tuple[object, ...]:
    return "-CA", folder / f"{who}.crt", "-CAkey", folder / f"{who}.key", "-CAcreateserial"


def _openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
