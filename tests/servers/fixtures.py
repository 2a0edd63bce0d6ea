"""Fixtures for tests against a real Bluesky server; the root conftest names this file in `pytest_plugins`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import needs
from tests.servers.jetstream import Jetstream
from tests.servers.pds import Pds, PdsError, install


@pytest.fixture(scope="session")
def pds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pds]:
    """A Bluesky PDS, one a test process: make accounts of your own; if you stop it, start it again."""
    needs.need("node")
    try:
        install()
    except PdsError as error:
        needs.lacking(f"needs the npm packages of tests/servers/bluesky: {error}")
    with Pds(tmp_path_factory.mktemp("pds")) as server:
        yield server


@pytest.fixture
def jetstream(pds: Pds) -> Iterator[Jetstream]:
    """A Jetstream of what happens on the PDS from now on."""
    pds.start()  # in case the test before left it stopped
    with Jetstream(pds, since=pds.sequence()) as server:
        yield server
