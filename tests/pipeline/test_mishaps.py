"""What nobody foresaw: a duty that fails pauses by itself and is told of, its neighbours go on, and no word of a post is in the log."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.conf import settings as configured
from django.test import Client
from django.utils import timezone

from tests.world import NOON
from yoake.casework.cases.erasing import erase as erase_post
from yoake.casework.cases.models import Erasure, Post
from yoake.casework.people.models import User
from yoake.cli.ground.checkup import _duties
from yoake.pipeline import mishaps as told_of
from yoake.pipeline import worker
from yoake.pipeline.duties.erase import erase
from yoake.pipeline.mishaps import goes_on, standing_still

_DUTY = """
__all__ = ["{name}"]
from datetime import datetime
done = []
fails = {fails}
def {name}(now: datetime) -> int:
    done.append(now)
    if len(done) <= fails:
        raise ValueError("高額バイト")
    return 0
"""


class _Quick(threading.Event):
    """Waits a moment whatever it is asked, and keeps what each duty asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: dict[str, list[float | None]] = {}

    def wait(self, timeout: float | None = None) -> bool:
        self.asked.setdefault(threading.current_thread().name, []).append(timeout)
        return super().wait(0.01)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, settings: Any) -> None:
    (tmp_path / "run").mkdir()
    settings.ENVIRONMENT = replace(configured.ENVIRONMENT, data=tmp_path)


@pytest.fixture
def own_duties(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A shelf with a duty that fails four times, one that is well, and one that cannot even be imported."""
    (tmp_path / "some_duties").mkdir()
    for name, fails in (("bad", 4), ("good", 0)):
        (tmp_path / "some_duties" / f"{name}.py").write_text(_DUTY.format(name=name, fails=fails))
    (tmp_path / "some_duties" / "broken.py").write_text("import there_is_no_such_thing\n")
    shelf = ModuleType("some_duties")
    shelf.__path__ = [str(tmp_path / "some_duties")]
    for module in ("some_duties", "some_duties.bad", "some_duties.good", "some_duties.broken"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, "some_duties", shelf)
    monkeypatch.setattr(worker, "duties", shelf)
    return shelf


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.005)


def test_a_duty_that_fails_pauses_by_itself_and_its_neighbours_go_on(
    own_duties: ModuleType, mishaps: list[str]
) -> None:
    stop = _Quick()
    working = threading.Thread(target=worker.work, args=(stop,))
    working.start()
    asked = stop.asked
    until(lambda: len(asked.get("duty broken", ())) > 7 and worker.LOOKED_EVERY_S in asked.get("duty bad", ()))
    (one,) = standing_still(timezone.now())
    stop.set()
    working.join()
    assert asked["duty bad"][:5] == [5, 10, 20, 40, worker.LOOKED_EVERY_S]
    assert asked["duty broken"][:8] == [5, 10, 20, 40, 80, 160, 300, 300]
    assert set(asked["duty good"]) == {worker.LOOKED_EVERY_S}
    assert one.duty == "broken"
    assert one.why.startswith("ModuleNotFoundError at ")
    assert sum(line.startswith("the duty bad failed: ValueError at bad.py:9 < ") for line in mishaps) == 4
    assert not any("高額" in line for line in mishaps)
    mishaps.clear()


def test_what_stands_still_is_said_by_the_doctor_until_it_goes_on(own_duties: ModuleType, mishaps: list[str]) -> None:
    now = timezone.now()
    told_of.stands_still("bad", KeyError("高額"), now, 5.0)
    told_of.stands_still("bad", KeyError("高額"), timezone.now(), 10.0)
    (one,) = standing_still(timezone.now())
    assert one.since == now
    (finding,) = _duties()
    assert (finding.state, "bad" in finding.what, "高額" in finding.what) == ("wrong", True, False)
    assert standing_still(timezone.now() + timedelta(minutes=2)) == [], "its worker is gone"
    goes_on("bad")
    assert list(_duties()) == []
    assert len(mishaps) == 2
    mishaps.clear()


@pytest.mark.django_db
def test_what_stands_still_is_said_on_the_desk(analyst: User, mishaps: list[str]) -> None:
    browser = Client(HTTP_ACCEPT_LANGUAGE="en")
    browser.force_login(analyst)
    assert "stands still" not in browser.get("/live/").content.decode()
    told_of.stands_still("seal", KeyError(), timezone.now(), 5.0)
    assert "Some of the work in the background stands still since" in browser.get("/live/").content.decode()
    assert "stands still" not in browser.get("/practice/").content.decode()
    mishaps.clear()


@pytest.mark.django_db
def test_what_nobody_foresaw_of_one_post_holds_up_the_erasing_of_no_other(
    monkeypatch: pytest.MonkeyPatch, mishaps: list[str]
) -> None:
    odd, other = (
        Post.objects.create(uid=name, network="n", native_id=name, first_seen_at=NOON) for name in ("odd", "other")
    )
    for post in (odd, other):
        Erasure.objects.create(post=post, why="unqueued", due_at=NOON)

    def unforeseen(post: Post, now: datetime) -> bool:
        if post.pk == odd.pk:
            raise KeyError("高額")
        return erase_post(post, now)

    monkeypatch.setattr("yoake.pipeline.duties.erase.erase_post", unforeseen)
    assert erase(NOON) == 2
    row = Erasure.objects.get(post=odd)
    assert (row.problem, row.due_at, row.claimed_until) == ("KeyError", NOON + timedelta(minutes=1), None)
    assert not Erasure.objects.filter(post=other, due_at=NOON).exists()
    assert mishaps[0].startswith(f"erasure {row.pk} failed: KeyError at ")
    assert "高額" not in mishaps[0]
    mishaps.clear()
