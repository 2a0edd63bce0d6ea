"""What every test stands on: a data folder of its own, and no way out of this machine."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# before Django reads its settings: nothing of the person who runs the tests is read or written
_DATA = tempfile.TemporaryDirectory(prefix="yoake-tests-")
for _name in [
    name for name in os.environ if name.startswith("YOAKE_") and not name.startswith(("YOAKE_TEST", "YOAKE_KEEP"))
]:
    if _name != "YOAKE_DATABASE_URL":
        del os.environ[_name]
os.environ["YOAKE_DATA"] = _DATA.name
os.environ["YOAKE_ALLOW_PRIVATE_NETWORKS"] = "yes"  # the servers of the tests are on loopback
(Path(_DATA.name) / "db").mkdir()

pytest_plugins = ["tests.servers.fixtures", "tests.world"]

_connect = socket.socket.connect


def _loopback_only(self: socket.socket, address: Any) -> None:
    if self.family in (socket.AF_INET, socket.AF_INET6) and not str(address[0]).startswith(
        ("127.", "::1", "localhost")
    ):
        raise AssertionError(f"a test tried to reach {address[0]}: only loopback is ever contacted")
    return _connect(self, address)


@pytest.fixture(autouse=True, scope="session")
def _no_way_out() -> Iterator[None]:
    socket.socket.connect = _loopback_only  # type: ignore[method-assign, assignment]
    yield
    socket.socket.connect = _connect  # type: ignore[method-assign]
