from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.world import arrive, finding, post
from yoake.casework.cases import actions, leases
from yoake.casework.cases.models import Case
from yoake.casework.people.models import User
from yoake.casework.people.queries import Actor
from yoake.casework.sources.actions import count, note_skipped
from yoake.casework.sources.models import Source
from yoake.collect.connector import Skip

pytestmark = pytest.mark.django_db


def desk(client: Client, address: str = "/live/") -> str:
    return str(client.get(address).content.decode())


def running(source: Source, **more: Any) -> None:
    now = timezone.now()
    changes = {
        "state": "running",
        "last_page_at": now,
        "seen_until": now,
        "lease_expires_at": now + timedelta(minutes=1),
        **more,
    }
    Source.objects.filter(pk=source.pk).update(**changes)


def test_at_risk_first_then_the_heaviest_then_the_oldest(browser: Client, live: Source) -> None:
    rows = [post(str(i), f"投稿{i}", author_id=str(i)) for i in range(4)]
    found = [
        finding(0, "criminal_recruitment", 0.5, "mid"),
        finding(1, "criminal_recruitment", 0.9),
        finding(2, "coerced_applicant", 0.3, "mid"),
        finding(3, "criminal_recruitment", 0.9),
    ]
    arrive(live, rows, found)
    assert re.findall(r"投稿(\d)", desk(browser)) == ["2", "1", "3", "0"]
    assert re.findall(r"投稿(\d)", desk(browser, "/live/?category=coerced_applicant")) == ["2"]
    assert len(re.findall(r"投稿(\d)", desk(browser, "/live/?category=nothing_like_it"))) == 4


def test_thirty_rows_a_page(browser: Client, many_waiting: Callable[[int], list[Case]]) -> None:
    many_waiting(33)
    first, second = desk(browser), desk(browser, "/live/?page=2")
    assert (first.count("data-row"), second.count("data-row")) == (30, 3)
    assert "31–33 / 33" in second
    assert desk(browser, "/live/?page=99").count("data-row") == 3


def test_new_cases_are_announced_and_nothing_jumps(browser: Client, waiting: Case, live: Source) -> None:
    page = desk(browser)
    (newest,) = re.findall(r'name="newest" value="(\d+)"', page)
    quiet = browser.get(f"/live/pulse/?newest={newest}&shown={waiting.pk}&n_new=0", HTTP_HX_REQUEST="true")
    assert "new-posts" not in quiet.content.decode()
    assert quiet["HX-Reswap"] == "none"
    arrive(live, [post("2", "別の投稿", author_id="b")], [finding()])
    told = browser.get(f"/live/pulse/?newest={newest}&shown={waiting.pk}&n_new=0", HTTP_HX_REQUEST="true")
    assert "1 new post" in told.content.decode()
    assert "HX-Reswap" not in told
    assert "別の投稿" not in told.content.decode()
    again = browser.get(f"/live/pulse/?newest={newest}&shown={waiting.pk}&n_new=1", HTTP_HX_REQUEST="true")
    assert again["HX-Reswap"] == "none"


def test_rows_say_what_others_do_with_them(browser: Client, waiting: Case, as_supervisor: Actor) -> None:
    leases.take_lease(as_supervisor, waiting.pk)
    assert "being read by supervisor" in desk(browser)
    assert "being read by supervisor" in desk(browser, f"/live/pulse/?shown={waiting.pk}")
    assert waiting.post.current_id
    actions.decide(as_supervisor, waiting.pk, "cannot_tell", version_id=waiting.post.current_id)
    assert "decided meanwhile" in desk(browser, f"/live/pulse/?shown={waiting.pk}")


def test_an_empty_desk_says_that_the_patrol_runs(browser: Client, live: Source) -> None:
    running(live)
    count(live, timezone.now(), {"posts": 41_233})
    page = desk(browser)
    assert "41233 posts read since" in page or "41,233 posts read since" in page
    assert "may stay empty for hours" in page


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"state": "waiting", "problem": "no network", "next_try": True}, "Nothing could be read since"),
        ({"state": "waiting", "last_page_at": None, "next_try": True}, "Nothing could be read yet"),
        ({"state": "paused", "problem": "the file is gone; put it back"}, "A person must act"),
        ({"state": "running", "lease_expires_at": None}, "No patrol is running"),
        ({"state": "running", "late": True}, "Nothing has come since"),
        ({"enabled": False}, "Switched off"),
    ],
)
def test_a_source_that_is_not_well_says_so(browser: Client, live: Source, changes: dict[str, Any], said: str) -> None:
    now = timezone.now()
    if changes.pop("next_try", False):
        changes["next_try_at"] = now + timedelta(minutes=2)
    if changes.pop("late", False):
        changes["last_page_at"] = now - timedelta(minutes=10)
    running(live, **changes)
    for address in ("/live/beside/", "/live/pulse/", f"/source/{live.pk}/"):
        page = desk(browser, address)
        assert said in page, address
        if "problem" in changes:
            assert changes["problem"].split(";")[0][1:] in page


def test_without_sources_the_desk_says_how_to_begin(browser: Client) -> None:
    assert "yoake patrol bluesky_jetstream" in desk(browser, "/live/beside/")


def test_nothing_unreadable_is_silent(browser: Client, live: Source) -> None:
    running(live)
    now = timezone.now()
    count(live, now, {"posts": 5, "skipped:too_long": 2, "skipped:brand_new_reason": 1})
    note_skipped(
        live,
        now,
        [Skip("too_long", "line 17"), Skip("brand_new_reason", "cursor 99"), Skip("future_time", "line 3", kept=True)],
    )
    assert "3 unreadable" in desk(browser, "/live/beside/")
    rows = desk(browser, f"/source/{live.pk}/skipped/")
    for said in ("too long", "line 17", "brand_new_reason", "cursor 99", "kept all the same"):
        assert said in rows
        assert said in desk(browser, f"/source/{live.pk}/")


def test_an_administrator_lets_a_paused_source_go_on(live: Source, administrator: User, analyst: User) -> None:
    running(live, state="paused", problem="the file is gone; put it back")
    client = Client(HTTP_ACCEPT_LANGUAGE="en")
    client.force_login(analyst)
    assert "/resume/" not in desk(client, f"/source/{live.pk}/")
    assert client.post(f"/source/{live.pk}/resume/").status_code == 403
    client.force_login(administrator)
    assert "It is fixed: resume" in desk(client, f"/source/{live.pk}/")
    client.post(f"/source/{live.pk}/resume/")
    live.refresh_from_db()
    assert (live.state, live.problem) == ("stopped", "")


def test_only_an_administrator_removes_practice_and_is_asked_first(
    practice: Source, waiting: Case, analyst: User, administrator: User
) -> None:
    arrive(practice, [post("p1", "練習の投稿", network="practice")], [finding()])
    client = Client(HTTP_ACCEPT_LANGUAGE="en")
    client.force_login(analyst)
    assert "/practice/remove/" not in desk(client, "/practice/")
    assert client.get("/practice/remove/").status_code == 403
    assert client.post("/practice/remove/").status_code == 403
    client.force_login(administrator)
    assert "/practice/remove/" in desk(client, "/practice/")
    assert "its 1 case" in desk(client, "/practice/remove/")
    assert Case.objects.filter(practice=True).count() == 1
    answer = client.post("/practice/remove/", follow=True)
    assert "are removed" in answer.content.decode() or "is removed" in answer.content.decode()
    assert list(Case.objects.all()) == [waiting]


def test_practice_and_live_are_apart(browser: Client, practice: Source, waiting: Case) -> None:
    arrive(practice, [post("p1", "練習の投稿", network="practice")], [finding()])
    assert "練習の投稿" not in desk(browser)
    assert "高額バイト" not in desk(browser, "/practice/")
    assert "Every post here is invented" in desk(browser, "/practice/")


def test_evidence_in_the_profile_is_pointed_at(browser: Client, live: Source) -> None:
    span = {"field": "profile", "start": 0, "end": 3, "text": "受け子", "cue": "receiver", "weight": 2.0}
    arrive(live, [post("1", "ひまな人いる？", profile="受け子募集")], [finding(spans=[span])])
    assert "strongest evidence: profile" in desk(browser)


def test_a_post_that_is_gone_is_marked(browser: Client, waiting: Case) -> None:
    waiting.post.gone_state, waiting.post.gone_at = "deleted_by_author", timezone.now()
    waiting.post.save()
    assert "deleted by its author" in desk(browser)
    assert "deleted by its author" in desk(browser, f"/case/{waiting.pk}/")
