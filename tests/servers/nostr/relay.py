"""A real relay: `with Relay(folder) as relay:`. An `Author` signs events and publishes them."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import venv
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from coincurve import PrivateKey, PublicKeyXOnly
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from tests.servers.pds import free_port

HERE = Path(__file__).parent
HOME = HERE.parents[2] / "var" / "nostr-relay"
MOST = 50  # stored events that the relay sends for one question

CONFIG = """
DEBUG: false
relay_name: tests
storage:
  sqlalchemy.url: sqlite+aiosqlite:///{folder}/nostr.sqlite3
  num_concurrent_reqs: 10
  num_concurrent_adds: 2
  validators:
    - nostr_relay.validators.is_not_too_large
    - nostr_relay.validators.is_signed
verification:
  nip05_verification: disabled
gunicorn:
  bind: 127.0.0.1:{port}
  workers: 1
  loglevel: warning
  reload: false
authentication:
  enabled: false
subscription_limit: 32
max_limit: {most}
"""


class RelayError(RuntimeError):
    """The relay could not be installed or started."""


def install() -> Path:
    """The folder of the relay's programs; installs them the first time (half a minute). Raises RelayError."""
    lock = HERE / "requirements.lock"
    wanted = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()
    stamp, programs = HOME / ".installed", HOME / "bin"
    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / ".lock").open("w") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_text() == wanted:
            return programs
        venv.create(HOME, with_pip=True)
        command = [str(programs / "pip"), "install", "-q", "--require-hashes", "-r", str(lock)]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        if ran.returncode:
            raise RelayError(f"pip could not install the relay:\n{ran.stderr[-2000:]}")
        stamp.write_text(wanted)
    return programs


class Relay:
    """One relay process with its data folder; it can be stopped and started again as the same relay."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"ws://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Start, unless it runs; returns when it answers."""
        if self._process is not None:
            return
        config = self.folder / "config.yaml"
        config.write_text(CONFIG.format(folder=self.folder, port=self.port, most=MOST))
        log = (self.folder / "log").open("ab")
        self._process = subprocess.Popen(
            [str(install() / "nostr-relay"), "-c", str(config), "serve"],
            cwd=self.folder,
            env={**os.environ, "HOME": str(self.folder)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()
        deadline = time.monotonic() + 30
        while True:
            try:
                with connect(self.url, proxy=None, open_timeout=1):
                    return
            except (OSError, WebSocketException, TimeoutError):
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self.stop()
                    told = (self.folder / "log").read_text()[-2000:]
                    raise RelayError(f"the relay did not start:\n{told}") from None
                time.sleep(0.1)

    def stop(self) -> None:
        """Stop it, with its workers."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def publish(self, *events: dict[str, Any]) -> None:
        """Publish events; each must be accepted."""
        with connect(self.url, proxy=None) as socket:
            for event in events:
                socket.send(json.dumps(["EVENT", event]))
                answer = json.loads(socket.recv(10))
                if answer[:3] != ["OK", event["id"], True]:
                    raise RelayError(f"the relay refused an event: {answer}")


class Author:
    """Somebody with a key."""

    def __init__(self) -> None:
        self._key = PrivateKey()
        self.id = PublicKeyXOnly.from_secret(self._key.secret).format().hex()

    def event(
        self, content: str, *, kind: int = 1, tags: Sequence[Sequence[str]] = (), at: int | None = None
    ) -> dict[str, Any]:
        """A signed event."""
        created = int(time.time()) if at is None else at
        parts = [0, self.id, created, kind, [list(tag) for tag in tags], content]
        digest = hashlib.sha256(json.dumps(parts, separators=(",", ":"), ensure_ascii=False).encode()).digest()
        return {
            "id": digest.hex(),
            "pubkey": self.id,
            "created_at": created,
            "kind": kind,
            "tags": parts[4],
            "content": content,
            "sig": self._key.sign_schnorr(digest).hex(),
        }

    def deletion(self, *events: dict[str, Any], at: int | None = None) -> dict[str, Any]:
        """A signed wish to delete events."""
        return self.event("", kind=5, tags=[["e", event["id"]] for event in events], at=at)
