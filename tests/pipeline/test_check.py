"""Asking whether posts are still there: a real Bluesky server and pages on loopback, and connectors that cannot say."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any
from xml.etree import ElementTree

import pytest
from django.conf import settings as configured
from django.utils import timezone

from tests.collect.loopback import http_server, respond
from tests.servers.pds import Pds
from tests.world import NOON, arrive, finding, post
from yoake.casework.cases import actions
from yoake.casework.cases.checks import check_now
from yoake.casework.cases.holds import lift_hold, place_hold
from yoake.casework.cases.models import Case, Check
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import Source
from yoake.collect.jobs import posting_of_feed
from yoake.pipeline.duties.check import check
from yoake.pipeline.outside import _hosts

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def decide(actor: Actor, case: Case) -> Case:
    version = case.post.current_id or 0
    actions.decide(actor, case.pk, "in_scope", version_id=version, category_slug="drug_ad", now=NOON)
    return case


def outcomes(case: Case) -> list[tuple[str, str]]:
    return list(Check.objects.filter(case=case).exclude(outcome="").order_by("pk").values_list("step", "outcome"))


def row(case: Case, step: str = "1h") -> Check:
    return Check.objects.get(case=case, step=step)


# --- a board of our own ---------------------------------------------------------------------------------------------


@dataclass
class Board:
    """Pages of a board, and how often each was asked for."""

    url: str = ""
    status: dict[str, int] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path = request.path
        if path != "/robots.txt":
            self.asked.append(path)
        status = self.status.get(path, 200 if path in self.texts else 404)
        html = f"<html lang=ja><title>t</title><body><p>{self.texts.get(path, '')}</p></body></html>"
        respond(request, status, html.encode(), Content_Type="text/html; charset=utf-8")


@pytest.fixture
def board() -> Iterator[Board]:
    made = Board()
    with http_server(made.answer) as url:
        made.url = url
        yield made


@pytest.fixture
def watched(board: Board, police: Organisation) -> Source:
    options = {"url": f"{board.url}/p0"}
    return Source.objects.create(organisation=police, name="board", connector="web_page", options=options)


@pytest.fixture
def case_of(board: Board, watched: Source, as_analyst: Actor) -> Callable[..., Case]:
    """A page of the board as the connector read it, as a case that is decided in scope."""

    def make(path: str, text: str) -> Case:
        from yoake.collect.connectors.web_page import WebPage
        from yoake.pipeline.outside import outside

        board.texts[path] = text
        (page,) = WebPage().pages(WebPage.Options(url=f"{board.url}{path}"), None, outside())
        taken = arrive(watched, page.posts.to_pylist(), [finding()])
        board.asked.clear()
        return decide(as_analyst, Case.objects.select_related("post").get(pk=taken.opened[0]))

    return make


def test_nothing_is_asked_before_its_time(case_of: Callable[..., Case], board: Board) -> None:
    case_of("/a", "受け子募集")
    assert check(NOON + HOUR - timedelta(seconds=1)) == 0
    assert board.asked == []


def test_what_nobody_foresaw_is_told_and_says_nothing_about_the_post(
    case_of: Callable[..., Case], monkeypatch: pytest.MonkeyPatch, mishaps: list[str]
) -> None:
    def unforeseen(*_all: Any) -> Any:
        raise KeyError("受け子募集")

    asked = case_of("/a", "受け子募集")
    monkeypatch.setattr("yoake.pipeline.checking._answers", unforeseen)
    assert check(NOON + 2 * HOUR) == 1
    assert (row(asked).outcome, row(asked).problem) == ("", "KeyError")
    assert len(mishaps) == 1
    assert "failed: KeyError at " in mishaps[0]
    assert "受け子募集" not in mishaps[0]
    mishaps.clear()


def test_up_gone_and_away_are_told_apart(case_of: Callable[..., Case], board: Board) -> None:
    up, gone, away = (case_of(path, f"受け子募集 {path}") for path in ("/a", "/b", "/c"))
    board.status |= {"/b": 410, "/c": 500}
    now = NOON + 2 * HOUR
    assert check(now) == 3
    assert outcomes(up) == [("1h", "up")]
    assert outcomes(gone) == [("1h", "removed")]
    assert not Check.objects.filter(case=gone, outcome="").exists()
    done = row(up)
    assert done.checked_at is not None
    assert done.elapsed_s == int((done.checked_at - NOON).total_seconds())  # when it was asked, not when it was due
    assert outcomes(away) == []  # unreachable only once the tries say so
    for n in range(1, 5):
        waits = row(away)
        assert (waits.attempts, waits.outcome) == (n, "")
        assert "500" in waits.problem
        assert waits.due_at is not None
        now = waits.due_at
        check(now)
    assert outcomes(away)[0] == ("1h", "unreachable")
    assert row(away, "2w").outcome == ""


def test_a_host_that_comes_back_in_time_was_never_unreachable(case_of: Callable[..., Case], board: Board) -> None:
    case = case_of("/a", "受け子募集")
    board.status["/a"] = 500
    check(NOON + 2 * HOUR)
    board.status.clear()
    check(NOON + 3 * HOUR)
    assert outcomes(case) == [("1h", "up")]


def test_an_edited_page_is_seen_and_not_seen_again(case_of: Callable[..., Case], board: Board) -> None:
    case = case_of("/a", "受け子募集")
    board.texts["/a"] = "家庭教師募集"
    check(NOON + 2 * HOUR)
    case.refresh_from_db()
    assert outcomes(case) == [("1h", "edited")]
    assert case.changed_at is not None
    assert row(case).content_hash
    case.post.refresh_from_db()
    assert case.post.current is not None
    assert "家庭教師募集" in case.post.current.text  # whoever opens the case reads what it says now
    check(NOON + 7 * HOUR)
    assert outcomes(case) == [("1h", "edited"), ("6h", "up")]


def test_an_offer_of_a_feed_is_no_edit_at_first_sight(
    board: Board, watched: Source, police: Organisation, as_analyst: Actor
) -> None:
    """A job board words its feed otherwise than its pages: only what changes in the page after the first look is an edit."""

    def offer(title: str) -> str:
        told = {"@type": "JobPosting", "title": title, "description": "荷物の受け取り", "datePosted": "2026-11-20"}
        return f'</p><script type="application/ld+json">{json.dumps(told)}</script><p>'

    job = f"<job><title>荷受け</title><url>{board.url}/j1</url><description>受け子募集</description></job>"
    board.texts |= {"/jobs.xml": "", "/j1": offer("荷受け")}
    element = ElementTree.fromstring(job)
    (read, _) = posting_of_feed(element, f"{board.url}/jobs.xml", None, NOON)
    options = {"url": f"{board.url}/jobs.xml", "delay_s": 0}
    source = Source.objects.create(organisation=police, name="jobs", connector="job_posting", options=options)
    assert read is not None
    taken = arrive(source, [read], [finding()])
    case = decide(as_analyst, Case.objects.select_related("post").get(pk=taken.opened[0]))
    check(NOON + 2 * HOUR)
    check(NOON + 7 * HOUR)
    assert outcomes(case) == [("1h", "up"), ("6h", "up")]
    board.texts["/j1"] = offer("家庭教師")
    check(NOON + timedelta(days=5))
    assert ("1d", "edited") in outcomes(case)
    case.post.refresh_from_db()
    assert case.post.current is not None
    assert "家庭教師" in case.post.current.text
    check(NOON + timedelta(days=6))
    assert outcomes(case)[-1][1] == "up"  # and not seen again


def test_both_rows_of_a_post_cost_one_question(case_of: Callable[..., Case], board: Board, as_analyst: Actor) -> None:
    case = case_of("/a", "受け子募集")
    check_now(as_analyst, case.pk, NOON + 2 * HOUR)
    assert check(NOON + 2 * HOUR) == 2
    assert outcomes(case) == [("1h", "up"), ("now", "up")]
    assert board.asked == ["/a"]


def test_a_days_checks_of_a_host_are_limited(case_of: Callable[..., Case], board: Board, settings: Any) -> None:
    cases = [case_of(f"/{n}", f"受け子募集 {n}") for n in range(5)]
    settings.ENVIRONMENT = replace(configured.ENVIRONMENT, checks_per_host=3)
    check(NOON + 2 * HOUR)
    assert len(board.asked) == 3
    waits = Check.objects.filter(step="1h", outcome="")
    assert {(late.attempts, late.problem) for late in waits} == {(0, "today's checks of this host are used up")}
    assert {late.due_at for late in waits} == {datetime(2026, 11, 20, 15, 0, tzinfo=NOON.tzinfo)}  # midnight in Tokyo
    check(NOON + 15 * HOUR)
    assert all(("1h", "up") in outcomes(case) for case in cases if row(case).outcome)
    assert len(board.asked) == 6


@pytest.fixture
def limit(settings: Any) -> Iterator[Callable[[float], None]]:
    """Sets how many requests a second each host gets, as a process that begins now knows it."""

    def to(rate: float) -> None:
        settings.ENVIRONMENT = replace(configured.ENVIRONMENT, host_limits={"*": rate}, checks_per_host=3)
        _hosts.cache_clear()

    yield to
    _hosts.cache_clear()


def test_who_waits_for_the_hosts_turn_was_not_asked(
    case_of: Callable[..., Case], board: Board, limit: Callable[[float], None]
) -> None:
    """However often that is: no attempt, none of today's checks, and no person has to look instead."""
    cases = [case_of(f"/{n}", f"受け子募集 {n}") for n in range(3)]
    now = NOON + 2 * HOUR
    for _ in range(4):
        limit(0.001)  # the one turn goes to robots.txt
        check(now)
        waits = Check.objects.filter(step="1h")
        assert {(late.attempts, late.hand, late.outcome) for late in waits} == {(0, "", "")}
        assert all(late.due_at is not None and late.due_at > now + timedelta(minutes=10) for late in waits)
        now += timedelta(minutes=20)
    assert board.asked == []
    limit(0.0)
    check(now)
    assert [outcomes(case) for case in cases] == [[("1h", "up")]] * 3


def test_a_page_that_lets_no_program_in_is_looked_at_by_a_person(case_of: Callable[..., Case], board: Board) -> None:
    case = case_of("/a", "受け子募集")
    board.status["/a"] = 403
    now = NOON + 2 * HOUR
    while not row(case).hand:
        assert row(case).attempts < 3
        check(now)
        now = row(case).due_at or now
    case.post.refresh_from_db()
    assert (row(case).hand, row(case).outcome, case.post.gone_state) == ("unchecked", "", "")


def test_a_source_that_is_switched_off_or_paused_is_not_asked(
    case_of: Callable[..., Case], board: Board, watched: Source
) -> None:
    case = case_of("/a", "受け子募集")
    Source.objects.filter(pk=watched.pk).update(enabled=False)
    check(NOON + 2 * HOUR)
    assert row(case).hand == "source_off"
    Source.objects.filter(pk=watched.pk).update(enabled=True, state="paused")
    check(NOON + 7 * HOUR)
    assert row(case, "6h").hand == "source_off"
    assert board.asked == []


def test_a_source_that_was_removed_leaves_a_to_do(case_of: Callable[..., Case], watched: Source) -> None:
    case = case_of("/a", "受け子募集")
    Source.objects.filter(pk=watched.pk).delete()
    check(NOON + 2 * HOUR)
    assert (row(case).hand, row(case).outcome) == ("no_source", "")


def test_a_file_cannot_say_and_a_person_is_asked(live: Source, waiting: Case, as_analyst: Actor) -> None:
    decide(as_analyst, waiting)
    now = NOON + 2 * HOUR
    while not row(waiting).hand:
        assert row(waiting).attempts < 3
        check(now)
        now = row(waiting).due_at or now
    assert (row(waiting).hand, row(waiting).outcome) == ("unchecked", "")
    assert check(now) == 0  # what waits for a person is not claimed again


def test_what_was_undone_meanwhile_is_not_asked(case_of: Callable[..., Case], board: Board, as_analyst: Actor) -> None:
    case = case_of("/a", "受け子募集")
    Case.objects.filter(pk=case.pk).update(state="waiting")
    check(NOON + 2 * HOUR)
    assert not Check.objects.filter(case=case, step="1h").exists()
    assert board.asked == []


def test_no_network_is_asked_about_what_another_body_holds(
    case_of: Callable[..., Case], board: Board, as_outsider: Actor
) -> None:
    case = case_of("/a", "受け子募集")
    placed = place_hold(as_outsider, "url", case.post.url, days=30, now=NOON)
    now = NOON + 2 * HOUR
    assert check(now) == 1
    assert (board.asked, Check.objects.exclude(outcome="").count()) == ([], 0)
    assert check(now) == 0, "it waits"
    lift_hold(as_outsider, placed.pk, now)
    assert check(now + timedelta(minutes=11)) == 1
    assert board.asked == ["/a"]
    row = Check.objects.exclude(outcome="").get()
    assert (row.outcome, row.attempts) == ("up", 1)


def test_a_worker_that_died_is_followed_by_another(case_of: Callable[..., Case]) -> None:
    case = case_of("/a", "受け子募集")
    now = NOON + 2 * HOUR
    Check.objects.filter(step="1h").update(claimed_until=now + timedelta(minutes=5), attempts=1)
    assert check(now) == 0
    assert check(now + timedelta(minutes=6)) == 1
    assert outcomes(case) == [("1h", "up")]


# --- Bluesky --------------------------------------------------------------------------------------------------------


@pytest.mark.server
@pytest.mark.slow
def test_on_a_real_bluesky_server(pds: Pds, police: Organisation, as_analyst: Actor) -> None:
    pds.start()
    writer, other = pds.writer(), pds.writer()
    source = Source.objects.create(
        organisation=police,
        name="bluesky",
        connector="bluesky_jetstream",
        options={"endpoints": ["ws://127.0.0.1:9"], "api": pds.url, "plc": pds.plc_url},
    )
    posted = {name: writer.post(f"受け子募集 {name}") for name in ("up", "deleted")} | {"down": other.post("出し子")}
    cases: dict[str, Case] = {}
    for name, at in posted.items():
        told = post(at.uri, f"受け子募集 {name}", network="bluesky", url=f"https://bsky.app/{name}")
        taken = arrive(source, [told], [finding()], timezone.now())
        cases[name] = decide(as_analyst, Case.objects.select_related("post").get(pk=taken.opened[0]))
    writer.delete(posted["deleted"].uri)
    pds.takedown(other.did)
    check(NOON + 2 * HOUR)
    found = {name: outcomes(case) for name, case in cases.items()}
    assert found == {
        "up": [("1h", "up")],
        "deleted": [("1h", "deleted_by_author")],
        "down": [("1h", "account_suspended")],
    }
