"""A PostgreSQL server of the tests' own: a fresh cluster in a temporary folder, on a free port of this machine."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType

from tests import needs


class PostgreSQL:
    """`with PostgreSQL() as server:` starts it; `server.url` is what YOAKE_DATABASE_URL takes."""

    def __init__(self) -> None:
        programs = needs.found("postgresql")
        if programs is None:
            raise RuntimeError("PostgreSQL is not installed")
        self._programs = Path(programs)
        # the server refuses to run as root: then its own system user runs it
        self._user = "postgres" if os.geteuid() == 0 else None
        self.url = ""

    def __enter__(self) -> PostgreSQL:
        self._folder = Path(tempfile.mkdtemp(prefix="yoake-postgresql-"))
        if self._user:
            shutil.chown(self._folder, self._user)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        try:
            self._run(
                "initdb", "-D", f"{self._folder}/data", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C"
            )
            # what a crash could lose does not matter here, speed does
            options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self._folder} -c fsync=off"
            self._run("pg_ctl", "-D", f"{self._folder}/data", "-w", "-l", f"{self._folder}/log", "-o", options, "start")
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        self.url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._run("pg_ctl", "-D", f"{self._folder}/data", "-m", "immediate", "-w", "stop")
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        ran = subprocess.run(
            [self._programs / program, *arguments],
            user=self._user,
            group=pwd.getpwnam(self._user).pw_gid if self._user else None,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # a pipe would stay open as long as the server it starts
            stderr=subprocess.DEVNULL,
            check=False,
        )
        if ran.returncode:
            log = self._folder / "log"
            raise RuntimeError(f"{program} failed: {log.read_text() if log.exists() else 'no log'}")
