"""An HTTP proxy on loopback: CONNECT and plain requests, with a password if wanted; it resolves `.example` to loopback."""

from __future__ import annotations

import base64
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Proxy:
    """What the proxy saw, and how it answers."""

    port: int = 0
    user: str = ""
    password: str = ""
    status: int = 0  # not 0: answers everything with it
    seen: list[str] = field(default_factory=list)  # first lines of requests

    @property
    def address(self) -> str:
        """As it stands in a secret."""
        who = f"{self.user}:{self.password}@" if self.user else ""
        return f"http://{who}127.0.0.1:{self.port}"


@contextmanager
def proxy_server(proxy: Proxy) -> Iterator[Proxy]:
    """Runs the proxy."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        proxy.port = server.getsockname()[1]
        ended = threading.Event()

        def accept() -> None:
            while not ended.is_set():
                with suppress(OSError):
                    client, _ = server.accept()
                    threading.Thread(target=_serve, args=(proxy, client), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            ended.set()
            with suppress(OSError), socket.create_connection(("127.0.0.1", proxy.port)):
                pass
            thread.join()


def _serve(proxy: Proxy, client: socket.socket) -> None:
    with client, suppress(OSError):
        head = b""
        while b"\r\n\r\n" not in head:
            part = client.recv(65536)
            if not part:
                return
            head += part
        head, _, rest = head.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        proxy.seen.append(lines[0].decode())
        told = base64.b64encode(f"{proxy.user}:{proxy.password}".encode())
        if proxy.user and b"Proxy-Authorization: Basic " + told not in lines:
            client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        if proxy.status:
            client.sendall(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % proxy.status)
            return
        method, target, _version = lines[0].split(b" ")
        if method == b"CONNECT":
            name, first = target, b""
        else:
            name, _, path = target.removeprefix(b"http://").partition(b"/")
            kept = [line for line in lines[1:] if not line.lower().startswith(b"proxy-")]
            first = b"\r\n".join([b"%s /%s HTTP/1.1" % (method, path), *kept, b"", b""]) + rest
        host, _, port = name.decode().rpartition(":")
        host = "127.0.0.1" if host.endswith(".example") else host
        with socket.create_connection((host, int(port or 80))) as upstream:
            if method == b"CONNECT":
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n" + rest)
            else:
                upstream.sendall(first)
            _pass_on(client, upstream)


def _pass_on(client: socket.socket, upstream: socket.socket) -> None:
    while True:
        for ready in select.select([client, upstream], [], [])[0]:
            part = ready.recv(65536)
            if not part:
                return
            (upstream if ready is client else client).sendall(part)
