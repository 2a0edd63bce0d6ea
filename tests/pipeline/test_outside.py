from __future__ import annotations

import threading
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.conf import settings as django_settings

from yoake.collect.net import Busy
from yoake.config.environment import read
from yoake.errors import Refused
from yoake.pipeline import outside as module
from yoake.pipeline.outside import outside


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LazySettings:
    told = {
        "YOAKE_DATA": str(tmp_path),
        "YOAKE_HOST_LIMITS": "*=7 own.example=0",
        "YOAKE_SECRET_GIVEN": "by-environment",
    }
    monkeypatch.setattr(django_settings, "ENVIRONMENT", read({**told, "YOAKE_CONTACT": "patrol@example.jp"}))
    module._hosts.cache_clear()
    return django_settings


def test_connectors_are_given_what_the_settings_allow(settings: LazySettings, tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir(0o700)
    (folder / "kept").write_text("in-a-file\n")
    (folder / "kept").chmod(0o600)
    stop = threading.Event()
    net = outside(stop)
    try:
        assert (net.secret("kept"), net.secret("given")) == ("in-a-file", "by-environment")
        with pytest.raises(Refused, match=str(folder / "missing")):
            net.secret("missing")
        assert "patrol@example.jp" in net.user_agent
        assert not net.allow_private
        assert outside().hosts is net.hosts  # one object for all of a process
        for _ in range(35):
            assert net.hosts.turn("a.example:443", 0) == 0  # five seconds' worth at once
        assert net.hosts.due_s("a.example:443") > 0
        module._hosts.cache_clear()  # as another process begins
        with pytest.raises(Busy, match="at its limit"):
            outside().hosts.turn("a.example:443", 0)
        for _ in range(1000):
            assert net.hosts.turn("own.example:443", 0) == 0
        stop.set()
        assert net.stopping
    finally:
        module._hosts.cache_clear()
