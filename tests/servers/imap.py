"""A mailbox on loopback that speaks as much of IMAP4rev1 (RFC 3501) as a reader needs: LOGIN, SELECT, UID SEARCH, UID FETCH."""

from __future__ import annotations

import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Imap:
    """One inbox; its mails have ids that only grow. `sign_in` and `answer` make it say no."""

    def __init__(self) -> None:
        self.mails: dict[int, bytes] = {}
        self.validity = 7
        self.user, self.password = "desk", "secret"
        self.broken = False  # breaks off in the middle of a fetch
        self.broken_from = 0  # and that only from this mail on
        self.said: list[str] = []  # commands without arguments that are secret
        self.port = 0

    def put(self, octets: bytes, uid: int = 0) -> int:
        """A mail arrives; returns its id."""
        uid = uid or max(self.mails, default=0) + 1
        self.mails[uid] = octets
        return uid


class _Talk(socketserver.StreamRequestHandler):
    box: Imap

    def handle(self) -> None:
        self._say("* OK ready")
        signed_in = False
        while line := self.rfile.readline():
            tag, _, rest = line.decode("utf-8", "replace").strip().partition(" ")
            verb = rest.split(" ")[0].upper()
            self.box.said.append(rest if verb != "LOGIN" else "LOGIN")
            if verb == "CAPABILITY":
                self._say("* CAPABILITY IMAP4rev1")
                self._say(f"{tag} OK done")
            elif verb == "LOGIN":
                told = re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', rest.partition(" ")[2])
                user, password = ("".join(pair) for pair in told)
                signed_in = (user, password) == (self.box.user, self.box.password)
                self._say(f"{tag} {'OK done' if signed_in else 'NO [AUTHENTICATIONFAILED] wrong'}")
            elif verb == "LOGOUT":
                self._say("* BYE")
                self._say(f"{tag} OK done")
                return
            elif not signed_in:
                self._say(f"{tag} BAD sign in first")
            elif verb in ("SELECT", "EXAMINE"):
                self._say(f"* {len(self.box.mails)} EXISTS")
                self._say(f"* OK [UIDVALIDITY {self.box.validity}]")
                self._say(f"{tag} OK [READ-ONLY] done")
            elif rest.upper().startswith("UID SEARCH"):
                first = int(re.findall(r"UID (\d+):\*", rest)[0])
                found = [uid for uid in sorted(self.box.mails) if uid >= first]
                # as RFC 3501 says: * is the last one, also where it is before the first
                found = found or [max(self.box.mails, default=0)][: len(self.box.mails)]
                self._say(f"* SEARCH {' '.join(map(str, found))}")
                self._say(f"{tag} OK done")
            elif rest.upper().startswith("UID FETCH"):
                uid = int(rest.split(" ")[2])
                octets = self.box.mails[uid]
                if self.box.broken and uid >= self.box.broken_from:
                    self.wfile.write(f"* 1 FETCH (UID {uid} BODY[]<0> {{{len(octets)}}}\r\n".encode() + octets[:10])
                    return
                self.wfile.write(f"* 1 FETCH (UID {uid} BODY[]<0> {{{len(octets)}}}\r\n".encode() + octets + b")\r\n")
                self._say(f"{tag} OK done")
            else:
                self._say(f"{tag} BAD what?")

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@contextmanager
def imap_server() -> Iterator[Imap]:
    """The mailbox while the test lasts."""
    box = Imap()
    handler = type("Handler", (_Talk,), {"box": box})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        box.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield box
        finally:
            server.shutdown()
            thread.join()
