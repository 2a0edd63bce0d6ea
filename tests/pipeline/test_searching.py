"""A source that is asked by words, from its watch plan to the desk, with real parts."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from tests.board import TEXT, board
from tests.servers.x.server import BEARER, X
from yoake.casework.cases.models import Post
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import Actor, system
from yoake.casework.sources import plans
from yoake.casework.sources.actions import (
    NotPermitted,
    add_source,
    record_permission,
    switch_source,
    withdraw_permission,
)
from yoake.casework.sources.models import Found, Plan, Query, Source
from yoake.pipeline import searching
from yoake.pipeline.line import PERMITTED_EVERY_S, Progress, patrol

__all__ = ["board"]  # a fixture

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def network(tmp_path: Path) -> Path:
    path = tmp_path / "board.jsonl"
    told = [TEXT.format(n) if n % 2 else f"今日の弁当 その{n}" for n in range(10)]
    path.write_text("".join(json.dumps({"id": str(n), "text": text}) + "\n" for n, text in enumerate(told)))
    return path


@pytest.fixture
def whole(police: Organisation, board: str, network: Path, as_administrator: Actor) -> Source:
    """A permitted source with three queries of its own, beside those of the lexicon."""
    made = add_source(
        system("command"), police, board, options={"path": str(network), "queries": "受け子募集,弁当,無い言葉"}
    )
    today = timezone.localdate()
    record_permission(as_administrator, board, permitted_by="架空社", permitted_on=today, terms="検索のみ")
    switch_source(as_administrator, made, on=True)
    made.refresh_from_db()
    assert plans.plan_of(made) is not None
    return made


@pytest.fixture
def source(whole: Source, monkeypatch: pytest.MonkeyPatch) -> Source:
    """The same, without a lexicon: only the words of the test are asked."""
    monkeypatch.setattr(searching, "categories", dict)
    return whole


def run(source: Source, done: Callable[[], bool], timeout_s: float = 60, engine: str = "") -> Progress:
    stop, began = threading.Event(), time.monotonic()

    def tell(_progress: Progress) -> None:
        if done() or time.monotonic() - began > timeout_s:
            stop.set()

    return patrol(source, stop, engine=engine, tell=tell)


def told(source: Source) -> dict[str, tuple[int, int, int]]:
    """By words: requests, posts, queued."""
    words = dict(Query.objects.filter(source=source).values_list("pk", "words"))
    standings = plans.standings_of(source, timezone.now(), states=Query.State.values)
    return {words[one.pk]: (one.asked, one.posts, one.queued) for one in standings}


def all_asked() -> bool:
    return not Query.objects.filter(state="on", last_turn=0).exists()


@pytest.mark.parametrize("engine", ["inline", "processes"])
def test_each_query_is_asked_and_what_it_brought_is_counted(source: Source, engine: str) -> None:
    progress = run(source, lambda: sum(asked for asked, _posts, _queued in told(source).values()) >= 12, engine=engine)
    found = told(source)
    assert found["受け子募集"][0] >= 3, "five posts, two an answer"
    assert found["受け子募集"][1:] == (5, 5)
    assert found["弁当"][1:] == (5, 0)
    assert found["無い言葉"][1:] == (0, 0)
    assert Post.objects.count() == 5
    assert set(Found.objects.values_list("uid", flat=True)) == set(Post.objects.values_list("uid", flat=True))
    assert progress.posts == 10
    assert progress.seen_until is not None, "the progress line says how far behind live"
    source.refresh_from_db()
    assert source.cursor is None, "each query has a cursor of its own"


def test_interrupted_anywhere_equals_one_run(source: Source) -> None:
    for _piece in range(40):
        run(source, lambda: True)  # stops after its first page
        if set(Query.objects.values_list("cursor", flat=True)) == {"10"}:
            break
    found = told(source)
    assert (found["受け子募集"][1:], found["弁当"][1:]) == ((5, 5), (5, 0))
    assert set(Query.objects.values_list("cursor", flat=True)) == {"10"}


def test_new_posts_are_found_at_the_next_turn(source: Source, network: Path) -> None:
    run(source, all_asked)
    with network.open("a") as more:
        more.write(json.dumps({"id": "new", "text": TEXT.format("新")}) + "\n")
    run(source, lambda: Post.objects.filter(native_id="new").exists())
    assert Post.objects.filter(native_id="new").count() == 1


def test_the_quota_holds_back(source: Source) -> None:
    Plan.objects.filter(source=source).update(per_quarter=2, per_day=2, tokens_at=timezone.now(), tokens=1.0)
    began = time.monotonic()
    run(source, lambda: time.monotonic() - began > 4)
    assert sum(asked for asked, _posts, _queued in told(source).values()) == 1


def test_words_the_network_does_not_take_are_paused_alone(source: Source, as_supervisor: Actor) -> None:
    bad = plans.add_query(as_supervisor, source, "(括弧")
    run(source, all_asked)
    bad.refresh_from_db()
    assert (bad.state, "without brackets" in bad.problem) == ("paused", True)
    assert told(source)["受け子募集"][1] > 0
    assert plans.switch_query(as_supervisor, source, bad.pk, on=True).problem == ""


def test_a_failing_question_counts_against_the_quota(source: Source, as_supervisor: Actor) -> None:
    Query.objects.filter(source=source).delete()
    away = plans.add_query(as_supervisor, source, "away")
    problems: list[str] = []
    stop = threading.Event()

    def tell(progress: Progress) -> None:
        problems.append(progress.problem)
        if any(problems):
            stop.set()

    patrol(source, stop, tell=tell)
    away.refresh_from_db()
    assert "the board is away" in problems
    assert away.last_turn == 1
    assert told(source)["away"][0] >= 1


def test_without_words_it_waits_for_some(source: Source, as_supervisor: Actor) -> None:
    Query.objects.filter(source=source).update(state="paused")
    pages = 0

    def later() -> bool:
        nonlocal pages
        pages += 1
        if pages == 2:
            plans.add_query(as_supervisor, source, "その3")
        return Post.objects.exists()

    run(source, later)
    assert Post.objects.get().native_id == "3"


def test_the_lexicon_fills_the_plan_when_the_patrol_begins(whole: Source) -> None:
    run(whole, lambda: True)
    assert Query.objects.filter(source=whole, origin="lexicon").count() > 50


def test_no_patrol_before_the_permission(police: Organisation, board: str, network: Path) -> None:
    source = add_source(system("command"), police, board, name="other", options={"path": str(network)})
    with pytest.raises(NotPermitted, match="until an administrator records"):
        patrol(source, threading.Event())
    source.refresh_from_db()
    assert (source.state, source.lease_token) == ("paused", "")
    assert not Post.objects.exists()


def test_a_withdrawn_permission_ends_a_running_patrol(
    source: Source, as_administrator: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert PERMITTED_EVERY_S <= 10
    monkeypatch.setattr("yoake.pipeline.line.PERMITTED_EVERY_S", 0.0)
    began = time.monotonic()

    def withdraw() -> bool:
        withdraw_permission(as_administrator, source.connector)
        return time.monotonic() - began > 10

    with pytest.raises(NotPermitted):
        run(source, withdraw)
    assert time.monotonic() - began < 10


def test_asked_last_is_told(source: Source) -> None:
    run(source, all_asked)
    newest = Query.objects.order_by("-last_asked_at").first()
    assert newest is not None
    assert newest.last_asked_at is not None
    assert timezone.now() - newest.last_asked_at < timedelta(minutes=1)


def test_the_search_of_x_by_its_plan(police: Organisation, as_administrator: Actor) -> None:
    """The real connector against a server that speaks X's protocol: permission, key, plan, desk."""
    secrets = settings.ENVIRONMENT.data / "secrets"
    secrets.mkdir(exist_ok=True)
    (secrets / "x_bearer").write_text(BEARER)
    (secrets / "x_bearer").chmod(0o600)
    with X() as server:
        taro = server.user("taro_x")
        for n in range(3):
            server.post(taro, TEXT.format(n))
        server.post(taro, "今日の弁当")
        made = add_source(
            system("command"),
            police,
            "x_search",
            options={"api": server.url, "queries": ["受け子募集", "弁当"], "posts_per_month": 0},
        )
        today = timezone.localdate()
        record_permission(as_administrator, "x_search", permitted_by="架空社", permitted_on=today, terms="検索のみ")
        switch_source(as_administrator, made, on=True)
        plan = plans.plan_of(made)
        assert plan is not None
        Plan.objects.filter(pk=plan.pk).update(
            categories=["firearms_incitement"]
        )  # few words of the lexicon beside ours
        made.refresh_from_db()
        run(made, all_asked)
    found = told(made)
    assert found["受け子募集"] == (1, 3, 3)
    assert found["弁当"] == (1, 1, 0)
    assert Post.objects.count() == 3
    assert all(asked == 1 for asked, _posts, _queued in found.values())
