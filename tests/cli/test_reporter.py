"""What the progress line says of live networks and of files."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from yoake.cli.ground.reporter import lag_text
from yoake.cli.patrol import _moving
from yoake.pipeline.line import Progress


@pytest.mark.parametrize(
    ("behind", "told"),
    [
        (timedelta(seconds=7), "7 s behind live"),
        (timedelta(minutes=9), "9 min behind live"),
        (timedelta(hours=5), "5 h behind live"),
        (timedelta(seconds=-40), "0 s behind live"),
        (None, "nothing read yet"),
    ],
)
def test_how_far_behind_live(behind: timedelta | None, told: str) -> None:
    seen_until = None if behind is None else timezone.now() - behind
    assert lag_text(Progress("net", seen_until=seen_until)) == told


def test_a_file_is_not_live() -> None:
    assert lag_text(Progress("file", live=False, pages=12)) == "12 pages read"


def test_the_line_says_rate_queued_and_lag() -> None:
    progress = Progress("net", posts=500, counts=Counter(queued=7), seen_until=timezone.now())
    progress.started -= 100
    assert _moving(progress) == "net: 500 posts (5/s), 7 queued, 0 skipped, 0 s behind live"
