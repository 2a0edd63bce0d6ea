from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.world import arrive, finding, post
from yoake.casework.cases import holds, leases
from yoake.casework.cases.models import Case, Claim, Finding, Lease
from yoake.casework.people.models import User
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import Source

pytestmark = pytest.mark.django_db

SECRET = "とても目立つ言葉"


def told(response: Any) -> str:
    """The page without what differs each time: the form's token."""
    return re.sub(r'csrfmiddlewaretoken" value="\w+"|X-CSRFToken": "\w+"', "token", str(response.content.decode()))


@pytest.fixture
def boss(supervisor: User) -> Client:
    client = Client(HTTP_ACCEPT_LANGUAGE="en")
    client.force_login(supervisor)
    return client


@pytest.fixture
def outside(outsider: User) -> Client:
    client = Client(HTTP_ACCEPT_LANGUAGE="en")
    client.force_login(outsider)
    return client


@pytest.fixture
def theirs(live: Source, as_outsider: Actor) -> Case:
    """The other body's case of a post that this one has a case of too; behind it another one waits."""
    rows = [
        post("1", f"高額バイト {SECRET} ID: abc_123", author_id="a1", author_handle="some.body", author_name="だれか"),
        post("2", "別の投稿", author_id="a2"),
    ]
    other = Source.objects.create(organisation_id=as_outsider.organisation_id, name="other", connector="jsonl")
    arrive(live, rows[:1], [finding()])
    arrive(other, rows, [finding(0), finding(1)])
    return Case.objects.get(organisation_id=as_outsider.organisation_id, post__native_id="1")


def mine(theirs: Case) -> Case:
    return Case.objects.exclude(pk=theirs.pk).get(post_id=theirs.post_id)


# --- one's own ------------------------------------------------------------------------------------------------------


def test_the_line_says_how_long_and_more_time_is_one_press(browser: Client, waiting: Case) -> None:
    page = told(browser.get(f"/case/{waiting.pk}/"))
    assert f'action="/case/{waiting.pk}/extend/"' in page
    assert 'data-keys="s"' in page
    version = {"version_id": waiting.post.current_id}
    assert "10 min left" in told(browser.post(f"/case/{waiting.pk}/lease/", version))
    more = told(browser.post(f"/case/{waiting.pk}/extend/", version, HTTP_HX_REQUEST="true"))
    assert "30 min left" in more
    assert "30 min left" in told(browser.post(f"/case/{waiting.pk}/lease/", version))
    plain = browser.post(f"/case/{waiting.pk}/extend/", {**version, "desk_view": "grade=high"})
    assert plain["Location"] == f"/case/{waiting.pk}/?grade=high"
    assert Claim.objects.get().extended == 2


def test_skipping_shows_the_next_and_keeps_the_view(browser: Client, many_waiting: Callable[[int], list[Case]]) -> None:
    first, second = sorted(many_waiting(2), key=lambda case: case.pk)
    browser.post(f"/case/{first.pk}/lease/", {"version_id": first.post.current_id})
    answer = browser.post(f"/case/{first.pk}/skip/", {"desk_view": "grade=high"})
    assert answer["Location"] == f"/case/{second.pk}/?grade=high"
    assert [claim.how for claim in Claim.objects.all()] == ["skipped"]
    assert not Lease.objects.exists()


def test_handing_on_asks_for_nobody_and_no_reason(
    browser: Client, boss: Client, many_waiting: Callable[[int], list[Case]], supervisor: User
) -> None:
    first, second = sorted(many_waiting(2), key=lambda case: case.pk)
    page = told(browser.get(f"/case/{first.pk}/"))
    assert f'<option value="{supervisor.pk}">supervisor</option>' in page
    assert "Nobody asks why" in page
    wrong = told(browser.post(f"/case/{first.pk}/hand-on/", {"to": ""}, follow=True))
    assert "choose a colleague" in wrong
    answer = browser.post(f"/case/{first.pk}/hand-on/", {"to": supervisor.pk}, follow=True)
    assert answer.redirect_chain == [(f"/case/{second.pk}/", 302)]
    assert "The case is handed on" in told(answer)
    assert "This case is kept for you" in told(boss.get(f"/case/{first.pk}/"))
    assert "waits for supervisor" in told(browser.get(f"/case/{first.pk}/"))
    assert f'href="/case/{first.pk}/"' not in told(browser.get(f"/case/{second.pk}/"))
    boss.post(f"/case/{first.pk}/hand-on/", {"to": "0"})
    first.refresh_from_db()
    assert first.assignee is None
    browser.post(f"/case/{first.pk}/assign/")
    first.refresh_from_db()
    assert first.assignee is not None
    assert first.assignee.username == "analyst"


def test_who_had_a_case_is_shown_to_supervisors_only(browser: Client, boss: Client, waiting: Case) -> None:
    browser.post(f"/case/{waiting.pk}/lease/", {"version_id": waiting.post.current_id})
    browser.post(f"/case/{waiting.pk}/release/")
    assert "Opened 1 time" not in told(browser.get(f"/case/{waiting.pk}/"))
    page = told(boss.get(f"/case/{waiting.pk}/"))
    assert "Opened 1 time" in page
    told_of = page[page.index("Opened 1 time") :]
    assert told_of.index("analyst") < told_of.index("given back")


def test_what_a_colleague_reads_is_not_skipped_away_from_them(
    browser: Client, waiting: Case, as_supervisor: Actor
) -> None:
    leases.take_lease(as_supervisor, waiting.pk)
    page = told(browser.post(f"/case/{waiting.pk}/hand-on/", {"to": "0"}, follow=True))
    assert "held by a colleague" in page
    assert "This post is held by a colleague" in told(
        browser.post(f"/case/{waiting.pk}/extend/", {"version_id": ""}, follow=True)
    )
    assert Lease.objects.get().user_id == as_supervisor.user_id


# --- another body's -------------------------------------------------------------------------------------------------


def everything(client: Client, case: Case) -> list[tuple[str, int, dict[str, str], str]]:
    """All that another body can open or press about a case: address, status, headers, page."""
    own, version = f"/case/{case.pk}/", {"version_id": case.post.current_id}
    why = Finding.objects.get(version=case.post.current_id).pk
    asked: list[tuple[str, dict[str, Any] | None, bool]] = [
        ("/live/", None, False),
        ("/live/?grade=high", None, False),
        (f"/live/pulse/?shown={case.pk}", None, True),
        (own, None, False),
        (f"{own}lease/", version, True),
        (f"{own}lease/", {"only_look": "1"}, True),
        (f"{own}extend/", version, True),
        (f"{own}decide/", {**version, "verdict": "not_in_scope"}, False),
        (f"{own}decide/", {**version, "verdict": "nonsense"}, False),
        (f"{own}undo/", {}, False),
        (f"{own}hand-on/", {"to": "0"}, False),
        (f"{own}around/", {}, True),
        (f"{own}check/", {}, True),
        (f"{own}open/", None, False),
        (f"{own}why/{why}/", None, False),
        (f"/live/?decided={case.pk}", None, False),
    ]
    seen = []
    for address, form, htmx in asked:
        headers = {"HX-Request": "true"} if htmx else {}
        answer = client.get(address, headers=headers) if form is None else client.post(address, form, headers=headers)
        if answer.status_code == 302 and address.endswith("hand-on/"):
            answer = client.get(answer["Location"])  # and what it says there
        varying = ("Set-Cookie", "Content-Length")
        kept = {name: value for name, value in answer.headers.items() if name not in varying}
        seen.append((address, answer.status_code, kept, told(answer)))
    return seen


def ageless(seen: list[tuple[str, int, dict[str, str], str]]) -> list[tuple[str, int, dict[str, str], str]]:
    """Without ages in words, which may turn by a minute between two looks."""
    return [(address, status, headers, re.sub(r">\d+ \w+ ago<", "><", page)) for address, status, headers, page in seen]


def test_a_hold_cannot_be_told_from_a_lease(
    outside: Client, theirs: Case, as_analyst: Actor, as_supervisor: Actor
) -> None:
    leases.take_lease(as_analyst, mine(theirs).pk)
    by_lease = ageless(everything(outside, theirs))
    leases.release_lease(as_analyst, mine(theirs).pk)
    for kind, value in (("account", "some.body"), ("contact", "abc_123")):
        placed = holds.place_hold(as_supervisor, kind, value, network="test", days=180)
        by_hold = ageless(everything(outside, theirs))
        holds.lift_hold(as_supervisor, placed.pk)
        for one, other in zip(by_lease, by_hold, strict=True):
            assert one == other
    said = "".join(page for _address, _status, _headers, page in by_lease)
    assert "held by another body" in said
    for word in (SECRET, "だれか", "some.body", "abc_123", "analyst", "架空県警察", "min left"):
        assert word not in said
    assert SECRET in told(outside.get(f"/case/{theirs.pk}/"))  # once it is lifted


def test_as_many_questions_to_the_database_for_a_hold_as_for_a_lease(
    outside: Client, theirs: Case, as_analyst: Actor, as_supervisor: Actor
) -> None:
    def questions() -> list[int]:
        n = []
        for address in ("/live/", f"/case/{theirs.pk}/", f"/live/pulse/?shown={theirs.pk}"):
            with CaptureQueriesContext(connection) as asked:
                outside.get(address)
            n.append(len(asked))
        return n

    leases.take_lease(as_analyst, mine(theirs).pk)
    by_lease = questions()
    leases.release_lease(as_analyst, mine(theirs).pk)
    holds.place_hold(as_supervisor, "contact", "abc_123", days=3)
    assert questions() == by_lease


def test_the_next_case_is_never_one_that_another_body_holds(
    outside: Client, theirs: Case, as_supervisor: Actor, as_outsider: Actor
) -> None:
    other = Case.objects.get(organisation_id=as_outsider.organisation_id, post__native_id="2")
    assert f'href="/case/{theirs.pk}/"' in told(outside.get(f"/case/{other.pk}/"))
    holds.place_hold(as_supervisor, "account", "a1", network="test", days=3)
    assert f'href="/case/{theirs.pk}/"' not in told(outside.get(f"/case/{other.pk}/"))
    assert outside.post(f"/case/{theirs.pk}/skip/")["Location"] == f"/case/{other.pk}/"


def test_what_was_decided_before_is_not_shown_while_another_body_holds_it(
    outside: Client, theirs: Case, as_supervisor: Actor
) -> None:
    outside.post(f"/case/{theirs.pk}/decide/", {"version_id": theirs.post.current_id, "verdict": "cannot_tell"})
    assert SECRET in told(outside.get("/live/?beside=1"))
    placed = holds.place_hold(as_supervisor, "contact", "abc_123", days=3)
    desk = told(outside.get("/live/?beside=1"))
    assert SECRET not in desk
    assert f"/case/{theirs.pk}/undo/" not in desk
    assert SECRET not in told(outside.get(f"/case/{theirs.pk}/"))
    holds.lift_hold(as_supervisor, placed.pk)
    assert SECRET in told(outside.get("/live/?beside=1"))


def test_ones_own_hold_changes_nothing_for_colleagues(browser: Client, theirs: Case, as_supervisor: Actor) -> None:
    holds.place_hold(as_supervisor, "contact", "abc_123", days=3)
    case = mine(theirs)
    page = told(browser.get(f"/case/{case.pk}/"))
    assert SECRET in page
    assert "another body" not in page
    assert "min left" in told(browser.post(f"/case/{case.pk}/lease/", {"version_id": case.post.current_id}))


def test_a_lease_that_ran_out_frees_the_post(outside: Client, theirs: Case, as_analyst: Actor) -> None:
    leases.take_lease(as_analyst, mine(theirs).pk, timezone.now() - timedelta(minutes=11))
    assert SECRET in told(outside.get(f"/case/{theirs.pk}/"))
