"""What every test stands on: the test world, the servers on loopback, and no way out of this machine."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings

pytest_plugins = [
    "tests.spread",
    "tests.servers.fixtures",
    "tests.world",
    "tests.quality_world",
    "tests.evidence_world",
]

_connect = socket.socket.connect


def _loopback_only(self: socket.socket, address: Any) -> None:
    if self.family in (socket.AF_INET, socket.AF_INET6) and not str(address[0]).startswith(
        ("127.", "::1", "localhost")
    ):
        raise AssertionError(f"a test tried to reach {address[0]}: only loopback is ever contacted")
    return _connect(self, address)


@pytest.fixture(autouse=True)
def mishaps() -> Iterator[list[str]]:
    """What the worker met and nobody foresaw: it goes on, and the test fails that did not expect it and clear this."""
    heard: list[str] = []
    hear = logging.Handler()
    hear.emit = lambda record: heard.append(record.getMessage())  # type: ignore[method-assign]
    log = logging.getLogger("yoake.mishap")
    log.addHandler(hear)
    yield heard
    log.removeHandler(hear)
    assert heard == []


@pytest.fixture(autouse=True, scope="session")
def _quick_passwords() -> Iterator[None]:
    """The real hasher takes a quarter of a second a user on purpose; servers in processes of their own still use it."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Tests empty their tables, which the audit's own table refuses; tests/casework/test_audit_guard.py puts the guard back."""
    from importlib import import_module

    from django.db import connection

    guard = import_module("yoake.casework.audit.migrations.0002_append_only")
    with django_db_blocker.unblock(), connection.schema_editor() as editor:
        guard.unguard(None, editor)


@pytest.fixture(autouse=True, scope="session")
def _no_way_out() -> Iterator[None]:
    socket.socket.connect = _loopback_only  # type: ignore[method-assign, assignment]
    yield
    socket.socket.connect = _connect  # type: ignore[method-assign]
