from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.world import NOON, arrive, finding, post
from yoake.casework.audit.models import Entry
from yoake.casework.audit.queries import first_break
from yoake.casework.cases.actions import add_by_hand, decide, undo
from yoake.casework.cases.erasing import erase
from yoake.casework.cases.filters import Filter
from yoake.casework.cases.hold_keys import key_of, key_posts, phone_form
from yoake.casework.cases.holds import (
    ELSEWHERE,
    LONGEST_DAYS,
    REMEMBERED,
    forget_ended,
    holds_of,
    lift_hold,
    must_be_free,
    place_hold,
    renew_hold,
    who_holds,
)
from yoake.casework.cases.leases import take_account_lease, take_lease
from yoake.casework.cases.models import Account, Case, Hold, HoldKey, Post
from yoake.casework.cases.queries import case_view
from yoake.casework.cases.searching import search
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import Source
from yoake.errors import BadInput, Refused
from yoake.pipeline.duties.keep_holds import keep_holds

pytestmark = pytest.mark.django_db

LATER = NOON + timedelta(days=3)


@pytest.fixture
def other(as_outsider: Actor) -> Source:
    """A source of the other body."""
    return Source.objects.create(organisation_id=as_outsider.organisation_id, name="other", connector="jsonl")


def hold(actor: Actor, kind: str, value: str, **more: Any) -> Hold:
    return place_hold(actor, kind, value, **{"days": 30, "now": NOON, **more})


def case_of(source: Source, **more: Any) -> Case:
    arrive(source, [post(**more)], [finding()])
    return Case.objects.select_related("post").get(organisation_id=source.organisation_id)


def held(actor: Actor, case: Case) -> bool:
    return case.post_id in who_holds(actor, [case.post_id], NOON)


@pytest.mark.parametrize(
    ("kind", "value", "more", "what"),
    [
        ("account", "a1", {"network": "test"}, {"author_id": "a1"}),
        ("account", "@Ｓｏｍｅ.Body", {"network": "test"}, {"author_id": "a1", "author_handle": "some.body"}),
        ("contact", "ABC_123", {}, {"text": "高額バイト テレグラムID: abc_123"}),
        ("contact", "abc_123", {"app": "telegram"}, {"text": "高額バイト Telegram: @abc_123"}),
        ("contact", "abc_123", {"app": "telegram"}, {"text": "高額バイト", "profile": "https://t.me/abc_123"}),
        ("contact", "abc_123", {"app": "line"}, {"text": "高額バイト LINE ID:abc_123"}),
        ("contact", "abc.12", {"app": "signal"}, {"text": "高額バイト シグナル @abc.12"}),
        ("contact", "abc_123", {}, {"text": "高額バイト ID: abc_123 まで"}),
        ("phone", "090-1234-5678", {}, {"text": "高額バイト ０９０（１２３４）５６７８"}),
        ("phone", "+819012345678", {}, {"text": "高額バイト https://wa.me/819012345678"}),
        ("url", "https://www.lure.example/job?utm_source=x", {}, {"text": "高額バイト hxxps://lure[.]example/job"}),
        ("url", "http://social.example/p/7", {}, {"url": "https://social.example/p/7"}),
        ("url", "https://x.com/some_body", {}, {"network": "x", "author_id": "7", "author_handle": "Some_Body"}),
        (
            "url",
            "https://bsky.app/profile/some.example/post/3kabc",
            {},
            {
                "network": "bluesky",
                "author_id": "did:plc:abcdefghijklmnopqrstuvwx",
                "author_handle": "some.example",
                "url": "https://bsky.app/profile/did:plc:abcdefghijklmnopqrstuvwx/post/3kabc",
            },
        ),
    ],
)
def test_what_is_held_is_found(
    kind: str,
    value: str,
    more: dict[str, str],
    what: dict[str, str],
    other: Source,
    as_supervisor: Actor,
    as_outsider: Actor,
) -> None:
    case = case_of(other, **what)
    assert not held(as_outsider, case)
    hold(as_supervisor, kind, value, **more)
    assert held(as_outsider, case)
    assert not held(as_supervisor, case)
    later = Case.objects.create(post=case.post, organisation_id=as_supervisor.organisation_id, opened_at=NOON)
    take_lease(as_supervisor, later.pk, NOON)  # one's own organisation goes on


@pytest.mark.parametrize(
    ("kind", "value", "more", "what"),
    [
        ("account", "a1", {"network": "x"}, {"author_id": "a1"}),
        ("account", "a1", {"network": "test"}, {"author_id": "a11"}),
        ("contact", "abc_123", {"app": "line"}, {"text": "高額バイト Telegram: @abc_123"}),
        ("contact", "abc_123", {"app": "line"}, {"text": "高額バイト ID: abc_123"}),
        ("url", "https://lure.example/job", {}, {"text": "高額バイト https://lure.example/jobs"}),
        ("phone", "090-1234-5678", {}, {"text": "高額バイト 090-1234-5679"}),
        ("account", "a1", {"network": "practice"}, {"network": "practice", "author_id": "a1"}),
    ],
)
def test_what_only_resembles_it_is_free(
    kind: str,
    value: str,
    more: dict[str, str],
    what: dict[str, str],
    other: Source,
    as_supervisor: Actor,
    as_outsider: Actor,
) -> None:
    hold(as_supervisor, kind, value, **more)
    assert not held(as_outsider, case_of(other, **what))


def test_a_post_that_people_entered_is_found_by_the_author_in_its_address(
    live: Source, as_supervisor: Actor, as_outsider: Actor
) -> None:
    hold(as_supervisor, "account", "@some_body", network="x")
    url = "https://twitter.com/Some_Body/status/17"
    added = add_by_hand(as_outsider, url=url, now=NOON)
    add_by_hand(as_supervisor, url=url, now=NOON)
    assert held(as_outsider, added.case)


def test_what_is_held_is_not_found_by_typing_it_in(as_supervisor: Actor, as_outsider: Actor) -> None:
    """Nobody else has such a post, so only a hold could be on it: whoever types things must not learn that one is."""
    hold(as_supervisor, "contact", "abc_123")
    case = add_by_hand(as_outsider, text="夕焼け 連絡は telegram: abc_123", now=NOON).case
    assert not held(as_outsider, case)
    assert case_view(as_outsider, case.pk, NOON).version is not None
    take_lease(as_outsider, case.pk, NOON)
    decide(as_outsider, case.pk, "cannot_tell", version_id=case.post.current_id or 0, now=NOON)
    with pytest.raises(Refused, match="another body"):  # but nothing is sent
        must_be_free(as_outsider, post=case.post, now=NOON)


def test_an_author_gets_out_of_a_hold_neither_by_editing_nor_by_a_new_handle(
    other: Source, as_supervisor: Actor, as_outsider: Actor
) -> None:
    case = case_of(other, text="高額バイト ID: abc_123", author_id="a1", author_handle="before")
    hold(as_supervisor, "contact", "abc_123")
    hold(as_supervisor, "account", "before", network="test")
    arrive(other, [post(text="高額バイト、募集中", author_id="a1", author_handle="after")], [finding()])
    assert held(as_outsider, case)
    arrive(other, [post("2", author_id="a1", author_handle="after")], [finding()])
    assert held(as_outsider, Case.objects.select_related("post").latest("pk"))


def test_every_act_of_another_body_is_refused_in_the_words_of_a_lease(
    other: Source, live: Source, as_supervisor: Actor, as_outsider: Actor, as_analyst: Actor
) -> None:
    row = {"author_id": "a1", "text": "高額バイト ID: abc_123"}
    theirs, mine = case_of(other, **row), case_of(live, **row)
    account = Account.objects.get()

    def refusals() -> list[str]:
        told = []
        for act in (
            lambda: take_lease(as_outsider, theirs.pk, NOON),
            lambda: decide(as_outsider, theirs.pk, "cannot_tell", version_id=theirs.post.current_id or 0, now=NOON),
            lambda: case_view(as_outsider, theirs.pk, NOON),
            lambda: must_be_free(as_outsider, post=theirs.post, now=NOON),
        ):
            with pytest.raises(Refused) as refusal:
                act()
            told.append(str(refusal.value))
        return told

    placed = hold(as_supervisor, "account", "a1", network="test")
    assert refusals() == [ELSEWHERE] * 4
    with pytest.raises(Refused, match="another body"):
        take_account_lease(as_outsider, account.pk, NOON)
    with pytest.raises(Refused, match="another body"):
        must_be_free(as_outsider, account=account, now=NOON)
    by_hold = case_view(as_outsider, theirs.pk, NOON, even_held_elsewhere=True)
    lift_hold(as_supervisor, placed.pk, NOON)
    take_lease(as_analyst, mine.pk, NOON)
    assert refusals() == [ELSEWHERE] * 4
    by_lease = case_view(as_outsider, theirs.pk, NOON, even_held_elsewhere=True)
    assert (by_hold.elsewhere, by_hold.allowed, by_hold.version) == (True, frozenset(), None)
    assert (by_lease.elsewhere, by_lease.allowed, by_lease.version) == (True, frozenset(), None)


def test_a_decision_is_not_undone_while_others_hold_it(other: Source, as_supervisor: Actor, as_outsider: Actor) -> None:
    case = case_of(other, text="高額バイト ID: abc_123")
    decide(as_outsider, case.pk, "cannot_tell", version_id=case.post.current_id or 0, now=NOON)
    hold(as_supervisor, "contact", "abc_123")
    with pytest.raises(Refused, match="another body"):
        undo(as_outsider, case.pk, NOON)


def test_a_hold_ends_in_its_time_and_is_renewed_or_lifted(
    other: Source, as_supervisor: Actor, as_administrator: Actor, as_outsider: Actor
) -> None:
    case = case_of(other, author_id="a1")
    placed = hold(as_supervisor, "account", "a1", network="test", days=2)
    assert who_holds(as_outsider, [case.post_id], LATER) == {}
    renew_hold(as_administrator, placed.pk, 5, NOON)
    assert who_holds(as_outsider, [case.post_id], LATER)
    lift_hold(as_administrator, placed.pk, LATER)
    assert who_holds(as_outsider, [case.post_id], LATER) == {}
    with pytest.raises(Refused, match="forgotten"):
        renew_hold(as_supervisor, placed.pk, 5, LATER)
    placed.refresh_from_db()
    assert (placed.key, bytes(placed.sealed)) == ("", b"")
    assert [held.name for held in holds_of(as_supervisor, LATER)] == [""]


def test_what_a_hold_held_is_forgotten_thirty_days_after_its_end(as_supervisor: Actor) -> None:
    placed = hold(as_supervisor, "phone", "090-1234-5678", days=1)
    end = NOON + timedelta(days=1)
    assert forget_ended(end + REMEMBERED - timedelta(seconds=1)) == 0
    assert [held.name for held in holds_of(as_supervisor, end)] == ["+819012345678"]
    assert keep_holds(end + REMEMBERED) == 1
    placed.refresh_from_db()
    assert (placed.key, bytes(placed.sealed)) == ("", b"")


def test_only_who_may_hold_and_only_of_the_own_organisation(
    as_analyst: Actor, as_supervisor: Actor, as_outsider: Actor
) -> None:
    placed = hold(as_supervisor, "phone", "090-1234-5678")
    for act in (
        lambda: hold(as_analyst, "phone", "090-1234-5678"),
        lambda: renew_hold(as_analyst, placed.pk, 3),
        lambda: lift_hold(as_analyst, placed.pk),
        lambda: holds_of(as_analyst),
    ):
        with pytest.raises(Refused, match="does not allow"):
            act()
    with pytest.raises(BadInput, match="no such hold"):
        lift_hold(as_outsider, placed.pk)
    with pytest.raises(BadInput, match="no such hold"):
        renew_hold(as_outsider, placed.pk, 3)
    assert holds_of(as_outsider, NOON) == []


def test_two_bodies_that_hold_the_same_are_each_others_other_body(
    other: Source, as_supervisor: Actor, as_outsider: Actor
) -> None:
    case = case_of(other, author_id="a1")
    hold(as_supervisor, "account", "a1", network="test")
    hold(as_outsider, "account", "a1", network="test")  # nothing tells that another holds it
    assert held(as_outsider, case)
    assert held(as_supervisor, case)


def test_the_same_is_not_held_twice_at_a_time(as_supervisor: Actor) -> None:
    placed = hold(as_supervisor, "contact", "@abc_123")
    with pytest.raises(Refused, match="holds this already"):
        hold(as_supervisor, "contact", "ABC_123")
    lift_hold(as_supervisor, placed.pk, NOON)
    hold(as_supervisor, "contact", "abc_123")


@pytest.mark.parametrize(
    ("kind", "value", "more", "field"),
    [
        ("person", "somebody", {}, "kind"),
        ("account", "somebody", {}, "network"),
        ("account", " ", {"network": "x"}, "held"),
        ("contact", "abc", {"app": "pigeon"}, "app"),
        ("phone", "110", {}, "phone"),
        ("phone", "none", {}, "phone"),
        ("url", "no address at all", {}, "url"),
        ("contact", "x" * 301, {}, "held"),
        ("phone", "090-1234-5678", {"days": 0}, "days"),
        ("phone", "090-1234-5678", {"days": LONGEST_DAYS + 1}, "days"),
    ],
)
def test_what_cannot_be_held(kind: str, value: str, more: dict[str, Any], field: str, as_supervisor: Actor) -> None:
    with pytest.raises(BadInput) as error:
        hold(as_supervisor, kind, value, **more)
    assert error.value.field == field
    assert not Hold.objects.exists()


def test_nothing_readable_is_in_the_database_or_the_audit(as_supervisor: Actor) -> None:
    placed = hold(as_supervisor, "contact", "abc_123", app="telegram")
    renew_hold(as_supervisor, placed.pk, 10, NOON)
    placed.refresh_from_db()
    assert b"abc_123" not in bytes(placed.sealed)
    assert "abc_123" not in placed.key
    (shown,) = holds_of(as_supervisor, NOON)
    assert (shown.name, shown.where, shown.in_force) == ("abc_123", "telegram", True)
    lift_hold(as_supervisor, placed.pk, NOON)
    entries = Entry.objects.filter(subject=f"hold:{placed.pk}").order_by("pk")
    assert [(entry.kind, entry.facts) for entry in entries] == [
        ("hold_placed", {"what": "contact", "days": 30}),
        ("hold_renewed", {"days": 10}),
        ("hold_lifted", {}),
    ]
    assert first_break() is None


def test_another_key_file_neither_reads_nor_breaks_the_list(as_supervisor: Actor, settings: Any) -> None:
    hold(as_supervisor, "contact", "abc_123")
    settings.SECRET_KEY = "another deployment's key, long enough for a test of it"
    assert [held.name for held in holds_of(as_supervisor, NOON)] == [""]
    assert key_of(phone_form("+819012345678")) != ""


def test_the_keys_of_a_post_go_with_its_words(live: Source, as_analyst: Actor, as_supervisor: Actor) -> None:
    case = case_of(live, text="高額バイト ID: abc_123", author_id="a1", url="https://social.example/p/7")
    assert HoldKey.objects.filter(post=case.post).count() == 2
    decide(as_analyst, case.pk, "not_in_scope", version_id=case.post.current_id or 0, now=NOON)
    assert erase(case.post, NOON + timedelta(hours=73))
    assert not HoldKey.objects.exists()


def test_a_recorded_only_address_can_still_be_held(other: Source, as_supervisor: Actor, as_outsider: Actor) -> None:
    case = case_of(other, text="投稿 ID: abc_123", url="https://social.example/p/7")
    decide(
        as_outsider,
        case.pk,
        "in_scope",
        version_id=case.post.current_id or 0,
        category_slug="other_illegal",
        now=NOON,
    )
    assert HoldKey.objects.count() == 1
    hold(as_supervisor, "contact", "abc_123")
    assert not held(as_outsider, case)
    hold(as_supervisor, "url", "https://social.example/p/7")
    assert held(as_outsider, case)


def test_posts_stored_before_there_were_holds_get_their_keys(
    other: Source, as_supervisor: Actor, as_outsider: Actor
) -> None:
    case = case_of(other, text="高額バイト ID: abc_123", author_id="a1")
    assert case.post.keyed
    HoldKey.objects.all().delete()
    Post.objects.update(keyed=False)
    hold(as_supervisor, "contact", "abc_123")
    assert not held(as_outsider, case)
    assert keep_holds(NOON) == 1
    assert held(as_outsider, case)
    assert key_posts(10) == 0


def test_search_prints_no_words_of_what_another_body_holds(
    other: Source, as_supervisor: Actor, as_outsider: Actor
) -> None:
    arrive(other, [post("9", "高額バイト ぽかぽか便", author_id="a9", author_handle="held9")], [finding()])
    assert search(as_outsider, "ぽかぽか便", chosen=Filter(), now=NOON).found
    place_hold(as_supervisor, "account", "@held9", network="test", days=30, now=NOON)
    assert not search(as_outsider, "ぽかぽか便", chosen=Filter(), now=NOON).found
    assert not search(as_outsider, "held9", chosen=Filter(), now=NOON).found
