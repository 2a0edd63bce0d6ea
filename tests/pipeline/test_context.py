"""Thread, profile and newest posts around a post: fetched when a case is opened, from a real Bluesky server; kept or erased."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as configured
from django.test import Client

from tests.servers.pds import Pds
from tests.world import NOON, arrive, finding, post
from yoake.casework.cases import actions, surroundings
from yoake.casework.cases.erasing import erase
from yoake.casework.cases.models import Case, Surroundings
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import Source
from yoake.errors import BadInput
from yoake.pipeline.duties.context import context

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
NOBODY = {"endpoints": ["ws://127.0.0.1:9"], "api": "http://127.0.0.1:9", "plc": "http://127.0.0.1:9"}
URI = "at://did:plc:abcdefghijklmnopqrstuvwx/app.bsky.feed.post/3l2abcxyz22"


@pytest.fixture
def away(police: Organisation) -> Source:
    """A source whose network does not answer."""
    return Source.objects.create(organisation=police, name="away", connector="bluesky_jetstream", options=NOBODY)


def case_of(source: Source, uri: str = URI, **more: Any) -> Case:
    taken = arrive(source, [post(uri, network="bluesky", **more)], [finding()])
    return Case.objects.select_related("post").get(pk=taken.opened[0])


def decide(actor: Actor, case: Case, verdict: str, **more: Any) -> None:
    actions.decide(actor, case.pk, verdict, version_id=case.post.current_id or 0, now=NOON, **more)


def kept(case: Case) -> Surroundings | None:
    return Surroundings.objects.filter(post=case.post).first()


def fetched(case: Case, actor: Actor) -> Surroundings:
    """As if the network had answered."""
    row = surroundings.ask(actor, case.pk, NOON)
    assert row is not None
    from yoake.collect.connector import Context
    from yoake.tables.posts import posts_batch

    told = posts_batch([{"network": "bluesky", "native_id": "x", "text": "前の投稿", "images": [{"ref": "pic-ref"}]}])
    assert surroundings.keep(row, "fetched", Context(told, told, "プロフィール", "名前"), NOON)
    row.refresh_from_db()
    return row


@pytest.mark.server
@pytest.mark.slow
def test_from_a_real_server_to_the_page(pds: Pds, police: Organisation, analyst: Any, as_analyst: Actor) -> None:
    pds.start()
    writer, other = pds.writer(), pds.writer()
    writer.profile("架空 太郎", "高額案件を紹介します <b>")
    asked = other.post("お金に困っています")
    for n in range(3):
        writer.post(f"別の投稿 {n}")
    answer = writer.post("詳しくはDMで", reply_to=asked)
    options = {**NOBODY, "api": pds.url, "plc": pds.plc_url}
    source = Source.objects.create(organisation=police, name="b", connector="bluesky_jetstream", options=options)
    case = case_of(source, answer.uri)
    browser = Client(HTTP_ACCEPT_LANGUAGE="en")
    browser.force_login(analyst)
    page = browser.get(f"/case/{case.pk}/").content.decode()
    assert f'hx-post="/case/{case.pk}/around/" hx-trigger="load"' in page
    assert kept(case) is None  # GET is without effect
    waits = browser.post(f"/case/{case.pk}/around/").content.decode()
    assert "being fetched" in waits
    assert 'hx-trigger="every 3s"' in waits
    row = kept(case)
    assert row is not None
    assert row.due_at is not None
    assert context(row.due_at) == 1
    shown = browser.post(f"/case/{case.pk}/around/").content.decode()
    assert "hx-trigger" not in shown
    assert "お金に困っています" in shown
    assert "高額案件を紹介します &lt;b&gt;" in shown
    assert "The author’s newest posts (3)" in shown
    assert shown.count("詳しくはDMで") == 0  # the post itself stands above
    assert context(row.due_at) == 0


def test_a_network_that_is_away_is_tried_and_then_said(away: Source, as_analyst: Actor, browser: Any) -> None:
    case = case_of(away)
    surroundings.ask(as_analyst, case.pk, NOON)
    now = NOON
    for n in range(1, 4):
        assert context(now) == 1
        row = kept(case)
        assert row is not None
        assert (row.attempts if n < 3 else 3) == n
        now = row.due_at or now
    assert row is not None
    assert row.outcome == "unreachable"
    assert "could not be fetched" in browser.post(f"/case/{case.pk}/around/").content.decode()


def test_what_nobody_foresaw_is_told_tried_and_then_said(
    away: Source, as_analyst: Actor, monkeypatch: pytest.MonkeyPatch, mishaps: list[str]
) -> None:
    def unforeseen(row: Surroundings) -> Any:
        raise KeyError("前の投稿")

    monkeypatch.setattr("yoake.pipeline.duties.context._ask", unforeseen)
    case, now = case_of(away), NOON
    surroundings.ask(as_analyst, case.pk, NOON)
    for _attempt in range(3):
        assert context(now) == 1
        now += timedelta(hours=1)
    row = kept(case)
    assert row is not None
    assert row.outcome == "unreachable"
    assert [line.split(" at ")[0] for line in mishaps] == [
        f"asking what surrounds post {case.post_id} failed: KeyError"
    ] * 3
    mishaps.clear()


def test_only_words_are_kept(away: Source, as_analyst: Actor) -> None:
    row = fetched(case_of(away), as_analyst)
    assert row.body["parents"][0]["text"] == "前の投稿"
    assert row.body["parents"][0]["pictures"] == 1
    assert "pic-ref" not in str(row.body)


def test_kept_while_the_post_stands_in_scope(away: Source, as_analyst: Actor) -> None:
    case = case_of(away)
    fetched(case, as_analyst)
    decide(as_analyst, case, "in_scope", category_slug="coerced_applicant")
    context(NOON + 30 * DAY)
    assert kept(case) is not None
    actions.undo(as_analyst, case.pk, NOON + DAY)
    assert context(NOON + 3 * DAY) == 0
    assert context(NOON + 4 * DAY) == 1
    assert kept(case) is None


@pytest.mark.parametrize("verdict", ["", "not_in_scope", "cannot_tell"])
def test_gone_after_72_hours_otherwise(away: Source, as_analyst: Actor, verdict: str) -> None:
    case = case_of(away)
    fetched(case, as_analyst)
    if verdict:
        decide(as_analyst, case, verdict)
    assert context(NOON + 3 * DAY - timedelta(minutes=1)) == 0
    assert kept(case) is not None
    assert context(NOON + 3 * DAY) == 1
    assert kept(case) is None
    assert Case.objects.filter(pk=case.pk).exists()


def test_it_goes_with_the_post(away: Source, as_analyst: Actor) -> None:
    case = case_of(away)
    fetched(case, as_analyst)
    decide(as_analyst, case, "not_in_scope")
    assert erase(case.post, NOON + DAY)
    assert kept(case) is None


def test_what_is_only_recorded_keeps_nothing_and_asks_nothing(away: Source, as_analyst: Actor) -> None:
    case = case_of(away)
    fetched(case, as_analyst)
    decide(as_analyst, case, "in_scope", category_slug="child_abuse_material")
    assert kept(case) is None
    assert surroundings.ask(as_analyst, case.pk, NOON) is None


def test_what_came_too_late_is_not_kept(away: Source, as_analyst: Actor) -> None:
    case = case_of(away)
    row = surroundings.ask(as_analyst, case.pk, NOON)
    assert row is not None
    decide(as_analyst, case, "not_in_scope")
    case.post.erased_at = NOON
    case.post.save()
    assert not surroundings.keep(row, "nothing", None, NOON)
    assert kept(case) is None


def test_practice_switched_off_and_no_source_ask_nobody(
    away: Source, practice: Source, as_analyst: Actor, settings: Any
) -> None:
    lesson = arrive(practice, [post("2026-11-20/p001", network="practice")], [finding()])
    assert surroundings.ask(as_analyst, lesson.opened[0], NOON) is None
    case = case_of(away)
    settings.ENVIRONMENT = replace(configured.ENVIRONMENT, context=False)
    assert surroundings.ask(as_analyst, case.pk, NOON) is None
    settings.ENVIRONMENT = replace(configured.ENVIRONMENT, context=True)
    Source.objects.filter(pk=away.pk).update(enabled=False)
    assert surroundings.ask(as_analyst, case.pk, NOON) is None
    assert not Surroundings.objects.exists()


def test_a_source_that_went_meanwhile_is_said(away: Source, as_analyst: Actor) -> None:
    case = case_of(away)
    surroundings.ask(as_analyst, case.pk, NOON)
    Source.objects.filter(pk=away.pk).delete()
    context(NOON)
    row = kept(case)
    assert row is not None
    assert row.outcome == "refused"


def test_another_organisation_sees_nothing(away: Source, as_analyst: Actor, as_outsider: Actor, outsider: Any) -> None:
    case = case_of(away)
    fetched(case, as_analyst)
    with pytest.raises(BadInput, match="no such case"):
        surroundings.ask(as_outsider, case.pk, NOON)
    client = Client()
    client.force_login(outsider)
    assert client.post(f"/case/{case.pk}/around/").status_code == 404


@pytest.fixture
def browser(analyst: Any) -> Client:
    client = Client(HTTP_ACCEPT_LANGUAGE="en")
    client.force_login(analyst)
    return client
