"""A running patrol takes a new model or a new word up between two pages, and counts what it says."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db.models import Sum

from tests.learn.models import lexicon_model, narrow_model
from tests.quality_world import look_again
from yoake.casework.cases.models import Case, Finding
from yoake.casework.people.models import Membership, Organisation, User
from yoake.casework.people.queries import Actor, actor_of, system
from yoake.casework.quality import service
from yoake.casework.quality.models import Round, Sample, ScoreCount, ShadowCount
from yoake.casework.sources.actions import add_source
from yoake.casework.sources.models import HourCount, NgramCount, Source
from yoake.detect.category import Phrase
from yoake.detect.model import SHADOW
from yoake.learn import versions
from yoake.learn.overlay import add_phrase
from yoake.pipeline.line import Progress, patrol

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("store")]

RECRUITING = "受け子募集 日給10万円 即日即金 詳しくはテレグラムで {}"
PAGES, POSTS = 4, 10


@pytest.fixture
def source(police: Organisation, tmp_path: Path) -> Source:
    """A file of forty posts, half of them offers, read ten at a time."""
    file = tmp_path / "posts.jsonl"
    rows = [{"id": str(i), "text": RECRUITING.format(i) if i % 2 else f"今日は{i}杯目"} for i in range(PAGES * POSTS)]
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return add_source(system("command"), police, "jsonl", options={"path": str(file), "page_posts": POSTS})


@pytest.fixture
def boss(police: Organisation) -> Actor:
    user = User.objects.create_user("boss")
    Membership.objects.create(user=user, organisation=police, role=Membership.Role.SUPERVISOR)
    return actor_of(user)


def patrolled(source: Source, after: int, act: Callable[[], object], engine: str = "inline") -> list[int]:
    """Patrols to the end; `act` happens after so many pages. Returns how many cases each page opened."""
    opened: list[int] = []

    def tell(progress: Progress) -> None:
        if progress.posts < (len(opened) + 1) * POSTS:
            return  # the end of the file comes as an empty page
        opened.append(progress.opened - sum(opened))
        if len(opened) == after:
            act()
            look_again()

    patrol(source, threading.Event(), engine=engine, until_end=True, tell=tell)
    return opened


def test_a_new_model_judges_the_next_page(source: Source, boss: Actor, store: Path, tmp_path: Path) -> None:
    service.add_model(system("command"), narrow_model(tmp_path / "m", "narrow"), "tokyo")
    opened = patrolled(source, 2, lambda: service.serve_model(boss, "tokyo/narrow", "trial"))
    assert opened == [5, 5, 0, 0]  # it knows no recruitment
    counted = {row.model.partition("/")[0]: (row.posts, row.queued) for row in ScoreCount.objects.all()}
    assert counted == {"shipped": (20, 10), "tokyo": (20, 0)}


def test_an_accepted_word_judges_the_next_page(source: Source, store: Path) -> None:
    def accept() -> None:
        from django.conf import settings

        phrase = Phrase("receiver", "杯目", 9.0, "ja", "2026-11", "for this test", "")
        add_phrase(settings.YOAKE_CATEGORIES, "criminal_recruitment", phrase)

    assert patrolled(source, 1, accept) == [5, 10, 10, 10]


def test_a_shadow_is_noticed_stores_findings_and_opens_nothing(source: Source, store: Path, tmp_path: Path) -> None:
    command = system("command")
    service.add_model(command, narrow_model(tmp_path / "n", "narrow"), "tokyo")
    service.add_model(command, lexicon_model(tmp_path / "w", "whole"), "tokyo")
    assert patrolled(source, 1, lambda: service.shadow_model(command, "tokyo/whole")) == [5, 5, 5, 5]
    row = ShadowCount.objects.get()
    assert (row.model, row.posts, row.both, row.only_shadow) == ("tokyo/whole", 30, 15, 0)
    said = Finding.objects.filter(shadow=True, category="criminal_recruitment", grade__in=["mid", "high"])
    assert said.count() == 15
    assert set(said.values_list("detector_version", flat=True)) == {"tokyo/whole"}
    assert not HourCount.objects.filter(name__startswith="low:").exclude(n=0).filter(name="low:shadow").exists()


def test_a_shadow_alone_opens_no_case(source: Source, boss: Actor, store: Path, tmp_path: Path) -> None:
    command = system("command")
    service.add_model(command, narrow_model(tmp_path / "n", "narrow"), "tokyo")
    service.add_model(command, lexicon_model(tmp_path / "w", "whole"), "tokyo")
    service.serve_model(boss, "tokyo/narrow", "trial")
    service.shadow_model(command, "tokyo/whole")
    look_again()
    assert patrolled(source, 9, lambda: None) == [0, 0, 0, 0]
    assert not Case.objects.exists()
    row = ShadowCount.objects.get()
    assert (row.posts, row.both, row.only_serving, row.only_shadow) == (40, 0, 0, 20)


def test_a_broken_shadow_stops_no_patrol(source: Source, store: Path) -> None:
    assert patrolled(source, 1, lambda: versions.point(store, SHADOW, "tokyo/gone")) == [5, 5, 5, 5]
    assert not ShadowCount.objects.exists()


@pytest.mark.slow
def test_shadow_and_new_model_with_processes(source: Source, boss: Actor, store: Path, tmp_path: Path) -> None:
    command = system("command")
    service.add_model(command, lexicon_model(tmp_path / "w", "whole"), "tokyo")
    service.shadow_model(command, "tokyo/whole")
    look_again()
    assert patrolled(source, 9, lambda: None, "processes") == [5, 5, 5, 5]
    assert ShadowCount.objects.get().both == 20


def test_what_a_patrol_notes(source: Source, store: Path, three_a_day: None) -> None:
    patrolled(source, 9, lambda: None)
    noted = ScoreCount.objects.get()
    assert (noted.posts, noted.queued) == (PAGES * POSTS, 20)
    arrived = dict(HourCount.objects.values_list("name").annotate(n=Sum("n")))  # kept for good; it says the same
    assert (arrived["posts"], arrived["queued"]) == (noted.posts, noted.queued)
    assert Sample.objects.count() == 3
    assert all("杯目" in row.content["text"] for row in Sample.objects.all())
    assert Round.objects.count() == 2
    assert NgramCount.objects.count() == 1
