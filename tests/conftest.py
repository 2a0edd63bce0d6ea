"""What every test stands on: the test world, the servers on loopback, and no way out of this machine."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

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
