"""What a patrol met that people had entered, and what people handed in that the patrol had found: both are noted, once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.world import NOON, arrive, finding, post
from yoake.casework.cases.actions import add_by_hand
from yoake.casework.cases.models import Case, Naming, ReceivedLine, SecondLook
from yoake.casework.cases.namings import finish_naming
from yoake.casework.cases.received import add_lines, add_one, hand_in
from yoake.casework.cases.second_looks import finish_look
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import Source
from yoake.collect.address_lists import Line
from yoake.collect.items import Item
from yoake.tables.posts import posts_batch

pytestmark = pytest.mark.django_db

LATER = NOON + timedelta(hours=2)
THEIRS = "https://bsky.app/profile/did:plc:zzzzzzzzzzzzzzzzzzzzzzzz/post/3aaa"
URI = "at://did:plc:zzzzzzzzzzzzzzzzzzzzzzzz/app.bsky.feed.post/3aaa"
BY_HANDLE = "https://bsky.app/profile/writer.example/post/3aaa"


def meet(source: Source, *, now: Any = NOON, grade: str = "high", **more: Any) -> None:
    row = post(URI, "荷物を運ぶだけ", **{"network": "bluesky", "url": THEIRS, "author_id": "did:plc:z"} | more)
    arrive(source, [row], [finding(grade=grade, score=0.9 if grade != "low" else 0.06)], now)


def met(case: Case) -> object:
    case.refresh_from_db()
    return case.met_at


def test_a_patrol_that_would_have_queued_it_is_noted_once(live: Source, as_analyst: Actor) -> None:
    case = add_by_hand(as_analyst, url=THEIRS, now=NOON).case
    assert met(case) is None
    meet(live, grade="low")
    assert met(case) is None, "the patrol would not have queued it"
    meet(live, now=LATER)
    assert (case.origin, met(case)) == (Case.Origin.HAND, LATER)
    meet(live, now=LATER + timedelta(days=1))
    assert met(case) == LATER, "the first time"
    assert Case.objects.get() == case


def test_a_finding_in_shadow_queues_nothing(live: Source, as_analyst: Actor) -> None:
    case = add_by_hand(as_analyst, url=THEIRS, now=NOON).case
    row = post(URI, "荷物を運ぶだけ", network="bluesky", url=THEIRS)
    arrive(live, [row], [finding(shadow=True)])
    assert met(case) is None


def test_what_the_patrol_found_first_was_met_by_nobody(live: Source, as_analyst: Actor) -> None:
    meet(live)
    case = add_by_hand(as_analyst, url=THEIRS, now=NOON).case
    meet(live, now=LATER)
    assert (case.origin, met(case)) == (Case.Origin.PATROL, None)


def test_only_the_patrol_of_the_same_organisation_counts(live: Source, as_analyst: Actor, as_outsider: Actor) -> None:
    mine = add_by_hand(as_analyst, url=THEIRS, now=NOON).case
    theirs = add_by_hand(as_outsider, url=THEIRS, now=NOON).case
    assert mine.post_id == theirs.post_id
    meet(live, now=LATER)
    assert (met(mine), met(theirs)) == (LATER, None)


def test_the_practice_desk_is_left_alone(practice: Source, as_analyst: Actor) -> None:
    case = add_by_hand(as_analyst, url=THEIRS, now=NOON).case
    meet(practice)
    assert Case.objects.filter(practice=True).count() == 0, "the post has a case already"
    assert met(case) is None


def test_an_address_that_turns_out_to_be_a_networks_post_is_met_too(live: Source, as_analyst: Actor) -> None:
    case = add_by_hand(as_analyst, url="https://forum.example/t/17", now=NOON).case
    row = post("17", "荷物を運ぶだけ", network="forum", url="https://forum.example/t/17")
    arrive(live, [row], [finding()], LATER)
    assert (case.post.uid != Case.objects.get().post.uid, met(case)) == (True, LATER)


def test_a_picture_that_is_read_later_counts_for_the_source_that_brought_it(live: Source, as_analyst: Actor) -> None:
    case = add_by_hand(as_analyst, url=THEIRS, now=NOON).case
    version = case.post.current
    assert version is not None
    look = SecondLook.objects.create(version=version, detector="pictures", source=live, due_at=NOON)
    row = posts_batch([post(URI, "", network="bluesky")]).to_pylist()[0]
    empty: dict[str, Any] = {"elements": [], "items": [], "spans": [], "base": 0.0, "rest": 0.0, "frame": ""}
    empty |= {"nearest": None, "explanation": None, "counter": None, "shadow": False}
    found = finding() | empty | {"uid": row["uid"], "content_hash": row["content_hash"]}
    finish_look(look, "", [found], LATER)
    assert met(case) == LATER


def test_a_meeting_goes_along_when_two_entered_cases_are_one(live: Source, as_analyst: Actor) -> None:
    there = add_by_hand(as_analyst, url=THEIRS, now=NOON).case
    by_handle = add_by_hand(as_analyst, url=BY_HANDLE, now=NOON).case
    Case.objects.filter(pk=by_handle.pk).update(met_at=LATER)
    item = Item("item", THEIRS, network="bluesky", native_id=URI)
    finish_naming(Naming.objects.get(post=by_handle.post_id), item, NOON)
    assert met(there) == LATER
    assert Case.objects.get() == there


@pytest.mark.parametrize("how", ["form", "bookmarklet", "picture"])
def test_what_people_add_that_the_patrol_had_found_leaves_a_line(live: Source, as_analyst: Actor, how: str) -> None:
    meet(live)
    case = Case.objects.get()
    added = add_one(as_analyst, url=THEIRS, how=how, now=LATER)
    assert (added.case, added.was_there) == (case, True)
    line = ReceivedLine.objects.select_related("received").get()
    assert (line.case, line.outcome, line.received.how, line.received.at) == (case, "there", how, LATER)


def test_a_list_that_names_what_the_patrol_had_found_leaves_a_line(live: Source, as_analyst: Actor) -> None:
    meet(live)
    handed = hand_in(as_analyst, [Line(1, THEIRS)], "csv", LATER)
    add_lines(LATER, received=handed)
    line = ReceivedLine.objects.get()
    assert (line.case, line.outcome) == (Case.objects.get(), "there")
