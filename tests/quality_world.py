"""A store of models, a folder of categories and a patrol's notes of one's own; for tests of the quality room."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from tests.world import NOON, arrive, finding, page_of, post
from yoake.casework.cases import categories
from yoake.casework.cases.actions import decide
from yoake.casework.cases.models import Case
from yoake.casework.people.queries import Actor
from yoake.casework.quality.intake import Watch
from yoake.casework.sources.models import Source
from yoake.tables.findings import findings_batch

TOMORROW = NOON + timedelta(days=1)


def look_again() -> None:
    """The next question about categories or models looks at the disk."""
    categories._checked_at = -1e9


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Path]:
    """An empty store of models and an empty overlay, in force for one test."""
    place = tmp_path / "data"
    with override_settings(YOAKE_MODELS=place / "models", YOAKE_CATEGORIES=place / "categories"):
        look_again()
        yield place / "models"
    look_again()


@pytest.fixture
def three_a_day() -> Iterator[None]:
    """Three posts a day are drawn for blind review."""
    with override_settings(ENVIRONMENT=replace(settings.ENVIRONMENT, sample_per_day=3)):
        yield


def note(
    source: Source,
    rows: list[dict[str, Any]],
    findings: Iterable[dict[str, Any]] = (),
    now: datetime = NOON,
) -> None:
    """Lets a patrol note one page of posts."""
    watch = Watch(source)
    page = page_of(rows)
    told = page.posts.to_pylist()
    full = [{"uid": told[f["row"]]["uid"], "content_hash": told[f["row"]]["content_hash"], **f} for f in findings]
    watch.add(page, findings_batch(full), now)
    watch.flush()


def plain(n: int, first: int = 0, **more: Any) -> list[dict[str, Any]]:
    """Posts in which nothing is."""
    return [post(str(i), f"今日は{i}杯目のお茶", **more) for i in range(first, first + n)]


@pytest.fixture
def decided(live: Source, as_analyst: Actor) -> Callable[..., list[Case]]:
    """Cases that a patrol found and an analyst decided."""

    def make(
        n: int, verdict: str = "in_scope", *, at: datetime = NOON, first: int = 0,
        text: str = "受け子募集 その{}", category: str = "criminal_recruitment", **more: Any,
    ) -> list[Case]:  # fmt: skip
        rows = [post(f"d{i}", text.format(i), author_id=f"a{i}", **more) for i in range(first, first + n)]
        taken = arrive(live, rows, [finding(i, category=category) for i in range(n)], at)
        cases = list(Case.objects.filter(pk__in=taken.opened).select_related("post").order_by("pk"))
        for case in cases:
            assert case.post.current_id is not None
            decide(
                as_analyst, case.pk, verdict, version_id=case.post.current_id,
                category_slug=category if verdict == "in_scope" else "", now=at,
            )  # fmt: skip
        return cases

    return make
