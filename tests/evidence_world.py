"""Evidence in a folder of its own, and a way through its life."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.test import TestCase

from tests.world import NOON, arrive, finding, post
from yoake.casework.cases import actions
from yoake.casework.cases.models import Case
from yoake.casework.evidence.models import Evidence
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import Source
from yoake.pipeline.duties import seal as sealing
from yoake.pipeline.duties.capture import capture
from yoake.pipeline.duties.seal import seal

SOON = NOON + timedelta(seconds=30)
LATER = NOON + timedelta(minutes=11)


@pytest.fixture
def vault(settings: Any, tmp_path: Path) -> Iterator[Path]:
    """The data folder of this test alone, with its own key files."""
    data = tmp_path / "data"
    (data / "key").mkdir(parents=True)
    (data / "run").mkdir()
    settings.ENVIRONMENT = replace(configured.ENVIRONMENT, data=data, key_file=data / "key" / "yoake.key")
    sealing._begun.clear()
    yield data
    sealing._begun.clear()


def settle(now: datetime = SOON) -> None:
    """The worker's duties until nothing is due."""
    for _ in range(6):
        with TestCase.captureOnCommitCallbacks(execute=True):  # the transaction of a test never ends by itself
            if not seal(now) + capture(now):
                return


@pytest.fixture
def in_scope(as_analyst: Actor) -> Callable[..., Case]:
    """Decides a case in scope."""

    def decide(case: Case, category: str = "criminal_recruitment", now: datetime = SOON, reason: str = "高額") -> Case:
        version = Case.objects.get(pk=case.pk).post.current_id or 0
        actions.decide(
            as_analyst, case.pk, "in_scope", version_id=version, category_slug=category, reason=reason, now=now
        )
        return Case.objects.get(pk=case.pk)

    return decide


@pytest.fixture
def sealed(vault: Path, waiting: Case, in_scope: Callable[..., Case]) -> Evidence:
    """Sealed evidence of a case that stands in scope."""
    settle()
    in_scope(waiting)
    settle()
    row = Evidence.objects.get()
    assert row.state == "sealed"
    return row


def queued(source: Source, native_id: str = "1", category: str = "criminal_recruitment", **more: Any) -> Case:
    """A case that was queued with these facts of its post."""
    taken = arrive(source, [post(native_id, **more)], [finding(category=category)])
    return Case.objects.get(pk=taken.opened[0])
