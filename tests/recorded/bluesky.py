"""Records what a real Bluesky PDS sends: `python -m tests.recorded.bluesky` writes bluesky_firehose.jsonl next door.

One firehose frame a line, base64, with what it is. Accounts, texts and keys are made up by the recording; nothing of any
network is in it.
"""

from __future__ import annotations

import base64
import struct
import zlib
from pathlib import Path

import orjson

from tests.servers.jetstream import decode_dag_cbor
from tests.servers.pds import Pds
from yoake.collect.net import Net

FILE = Path(__file__).parent / "bluesky_firehose.jsonl"


def frames() -> list[bytes]:
    """The recorded frames."""
    return [base64.b64decode(orjson.loads(line)["frame"]) for line in FILE.read_bytes().splitlines()]


def tiny_png() -> bytes:
    """A picture of one pixel."""
    parts = ((b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(b"\0\0")), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def main() -> None:
    """Let two accounts live a little and keep every frame of it."""
    kept = []
    with Pds() as pds, Net(allow_private=True).websocket(f"{pds.firehose_url}?cursor=0") as socket:
        alice, bob = pds.writer("alice"), pds.writer("bob")
        alice.profile("アリス", "練習用の架空の人")
        first = alice.post("高額バイト、即日現金。", images=[tiny_png()])
        reply = bob.post("詳しく", reply_to=first, langs=("ja", "en"))
        bob.like(first)
        alice.edit(first.uri, "募集は終わりました。")
        alice.post_many(["一件目", "二件目", "三件目"])
        bob.delete(reply.uri)
        bob.deactivate()
        bob.activate()
        pds.takedown(alice.did)
        pds.delete_account(bob.did)
        while isinstance(frame := socket.recv(1.0), bytes):
            header, _ = decode_dag_cbor(frame)
            kept.append({"kind": header["t"], "frame": base64.b64encode(frame).decode()})
    FILE.write_bytes(b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in kept))


if __name__ == "__main__":
    main()
