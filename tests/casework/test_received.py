from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext

from tests.world import NOON, arrive, finding, post
from yoake.casework.audit.models import Entry
from yoake.casework.cases import actions, received
from yoake.casework.cases.erasing import erase
from yoake.casework.cases.models import Case, Decision, Received, ReceivedLine
from yoake.casework.cases.received import NEW, SAME, THERE, WRONG, add_lines, add_one, counts_of, hand_in, look_over
from yoake.casework.cases.received_counts import BECAME, latest_received, lines_of, received_of, received_rows, sum_of
from yoake.casework.people.models import Membership, User
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import Source
from yoake.collect.address_lists import FORMULA, Line
from yoake.errors import BadInput, Refused
from yoake.pipeline.worker import work_once

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 20)


def address(n: int) -> str:
    return f"https://social.example/post/{n}"


def lines(*addresses: str) -> list[Line]:
    return [Line(number, url) for number, url in enumerate(addresses, 1)]


MIXED = [
    Line(1, address(1)),
    Line(3, "https://x.com/search?q=abc"),
    Line(4, "https://x.com/somebody"),
    Line(5, "https://social.example/a.png"),
    Line(6, "ただの文"),
    Line(7, address(1) + "?utm_source=mail"),
    Line(8, address(2)),
    Line(9, "", FORMULA),
]


def test_looking_over_stores_nothing_and_tells_of_every_line(as_analyst: Actor) -> None:
    there = actions.add_by_hand(as_analyst, url=address(2)).case
    told = look_over(as_analyst, MIXED)
    assert [(line.number, line.state) for line in told] == [
        (1, NEW), (3, WRONG), (4, WRONG), (5, WRONG), (6, WRONG), (7, SAME), (8, THERE), (9, WRONG),
    ]  # fmt: skip
    assert [told[5].same_as, told[6].case_id] == [1, there.pk]
    assert "search" in told[1].accepted
    assert "profile" in told[2].accepted
    assert "picture" in told[3].accepted
    assert told[7].accepted == FORMULA
    assert counts_of(told) == {NEW: 1, WRONG: 5, SAME: 1, THERE: 1}
    assert Case.objects.count() == 1
    assert not Received.objects.exists()


def test_each_line_becomes_a_case_or_is_told_why_not(as_analyst: Actor) -> None:
    there = actions.add_by_hand(as_analyst, url=address(2), now=NOON).case
    handed = hand_in(as_analyst, MIXED, "csv", NOON)
    assert (handed.lines, handed.refused, handed.opened, handed.there) == (8, 5, 0, 0)
    assert Case.objects.count() == 1
    assert add_lines(NOON) == 3
    handed.refresh_from_db()
    assert (handed.lines, handed.refused, handed.opened, handed.there) == (8, 5, 1, 2)
    rows = {line.number: line for line in lines_of(handed)}
    new = Case.objects.exclude(pk=there.pk).get()
    assert (new.post.url, new.origin) == (address(1), Case.Origin.HAND)
    assert (rows[1].outcome, rows[1].case, rows[1].url) == ("opened", new, "")
    assert (rows[7].outcome, rows[7].case, rows[7].same_as) == ("there", new, 1)
    assert (rows[8].outcome, rows[8].case) == ("there", there)
    assert {n: row.outcome for n, row in rows.items() if n in (3, 4, 5, 6, 9)} == dict.fromkeys(
        (3, 4, 5, 6, 9), "refused"
    )
    assert "search" in rows[3].why
    assert add_lines(NOON) == 0
    note = Entry.objects.get(kind="handed_in")
    assert note.facts == {"how": "csv", "lines": 8}
    assert note.subject == f"received:{handed.pk}"


def test_addresses_go_after_three_days_and_the_counts_stay(as_analyst: Actor) -> None:
    handed = hand_in(as_analyst, MIXED, "list", NOON)
    add_lines(NOON)
    assert lines_of(handed, "refused").exclude(url="").count() == 4
    add_lines(NOON + timedelta(hours=71))
    assert lines_of(handed, "refused").exclude(url="").count() == 4
    work_once(NOON + timedelta(hours=73))
    assert not lines_of(handed).exclude(url="").exists()
    assert not ReceivedLine.objects.exclude(due_at=None).exists()
    assert lines_of(handed, "refused").count() == 5


def test_the_worker_goes_on_where_it_was_killed(as_analyst: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    handed = hand_in(as_analyst, lines(*map(address, range(5))), "list", NOON)
    real, calls = actions.add_by_hand, list[str]()

    def dies(*args: Any, **told: Any) -> Any:
        calls.append(told["url"])
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*args, **told)

    monkeypatch.setattr(received, "add_by_hand", dies)
    with pytest.raises(KeyboardInterrupt):
        add_lines(NOON)
    handed.refresh_from_db()
    assert handed.opened == Case.objects.count() == 2
    assert add_lines(NOON + timedelta(minutes=1)) == 0  # still claimed
    assert add_lines(NOON + timedelta(minutes=6)) == 3
    handed.refresh_from_db()
    assert handed.opened == Case.objects.count() == 5


def test_one_line_that_fails_holds_no_other_up(as_analyst: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    handed = hand_in(as_analyst, lines(*map(address, range(3))), "list", NOON)
    real = actions.add_by_hand

    def fails(*args: Any, **told: Any) -> Any:
        if told["url"] == address(1):
            raise DatabaseError("disk")
        return real(*args, **told)

    monkeypatch.setattr(received, "add_by_hand", fails)
    add_lines(NOON)
    handed.refresh_from_db()
    assert handed.opened == 2
    failed = ReceivedLine.objects.get(received=handed, outcome="")
    assert (failed.url, failed.problem, failed.due_at) == (address(1), "DatabaseError", NOON + timedelta(minutes=1))
    monkeypatch.undo()
    add_lines(NOON + timedelta(minutes=2))
    handed.refresh_from_db()
    assert handed.opened == 3


def test_whoever_has_left_adds_nothing_more(as_analyst: Actor) -> None:
    handed = hand_in(as_analyst, lines(address(1)), "list", NOON)
    Membership.objects.filter(user_id=as_analyst.user_id).update(ended_at=NOON)
    add_lines(NOON)
    handed.refresh_from_db()
    assert (handed.refused, handed.opened) == (1, 0)
    assert not Case.objects.exists()
    assert ReceivedLine.objects.get().why


def test_another_role_adds_nothing_more(as_analyst: Actor) -> None:
    handed = hand_in(as_analyst, lines(address(1)), "list", NOON)
    Membership.objects.filter(user_id=as_analyst.user_id).update(role=Membership.Role.AUDITOR)
    add_lines(NOON)
    handed.refresh_from_db()
    assert handed.refused == 1


@pytest.mark.parametrize(
    "role", [role for role in Membership.Role if role not in ("analyst", "supervisor", "administrator")]
)
def test_roles_that_may_not_add(police: Any, role: str, analyst: User) -> None:
    actor = Actor("user:1", analyst.pk, police.pk, role)
    for act in (
        lambda: look_over(actor, lines(address(1))),
        lambda: hand_in(actor, lines(address(1)), "list"),
        lambda: add_one(actor, url=address(1)),
    ):
        with pytest.raises(Refused):
            act()
    assert not Received.objects.exists()


@pytest.mark.parametrize(
    ("given", "how"),
    [([], "list"), (lines(address(1)), "form"), ([Line(1, address(1)), Line(1, address(2))], "csv")],
)
def test_what_is_no_list(as_analyst: Actor, given: list[Line], how: str) -> None:
    with pytest.raises(BadInput):
        hand_in(as_analyst, given, how)
    assert not Received.objects.exists()


def test_one_post_is_counted_as_received(as_analyst: Actor) -> None:
    first = add_one(as_analyst, url=address(1), now=NOON)
    again = add_one(as_analyst, url=address(1), how="bookmarklet", now=NOON)
    assert (first.was_there, again.was_there, again.case) == (False, True, first.case)
    assert list(Received.objects.order_by("pk").values_list("how", "lines", "opened", "there")) == [
        ("form", 1, 1, 0),
        ("bookmarklet", 1, 0, 1),
    ]
    with pytest.raises(BadInput):
        add_one(as_analyst, url="https://x.com/somebody", now=NOON)
    add_one(as_analyst, text="練習", practice=True, now=NOON)
    assert Received.objects.count() == 2


def test_words_from_a_picture_say_so(as_analyst: Actor) -> None:
    added = add_one(as_analyst, text="日給5万円 運ぶだけ", how="picture", now=NOON)
    assert added.case.post.current is not None
    assert added.case.post.current.labels == ["read_from_picture"]
    assert added.case.post.current.images == []
    assert add_one(as_analyst, url=address(1), how="picture").case.post.current.labels == []  # type: ignore[union-attr]


# --- counts -----------------------------------------------------------------------------------------------------------


def decide(actor: Actor, case: Case, verdict: str, **more: Any) -> None:
    case.refresh_from_db()
    assert case.post.current_id is not None
    actions.decide(actor, case.pk, verdict, version_id=case.post.current_id, now=NOON, **more)


def test_every_sum_agrees_to_the_unit(as_analyst: Actor, live: Source, practice: Source, as_outsider: Actor) -> None:
    hand_in(
        as_analyst,
        [*lines(*map(address, range(6))), Line(7, "https://x.com/somebody"), Line(8, address(0))],
        "xlsx",
        NOON,
    )
    add_lines(NOON)
    handed = [
        line.case for line in ReceivedLine.objects.filter(outcome="opened").select_related("case").order_by("number")
    ]
    assert all(handed)
    decide(as_analyst, handed[0], "in_scope", category_slug="drug_ad")  # type: ignore[arg-type]
    decide(as_analyst, handed[1], "not_in_scope")  # type: ignore[arg-type]
    decide(as_analyst, handed[2], "cannot_tell")  # type: ignore[arg-type]
    decide(as_analyst, handed[3], "duplicate", duplicate_of=handed[0].pk)  # type: ignore[arg-type,union-attr]
    decide(as_analyst, handed[4], "not_in_scope")  # type: ignore[arg-type]
    actions.undo(as_analyst, handed[4].pk, now=NOON)  # type: ignore[union-attr]
    hand_in(as_analyst, lines(address(90), address(91)), "list", NOON)
    arrive(live, [post("1"), post("2")], [finding(0), finding(1)])
    arrive(practice, [post("3", network="practice")], [finding(0)])
    add_one(as_outsider, url=address(0), now=NOON)
    actions.add_by_hand(as_analyst, url=address(50), now=NOON - timedelta(days=1))
    rows = received_rows(as_analyst, TODAY - timedelta(days=1), TODAY)
    assert [(row.day, row.how, row.lines) for row in rows] == [
        (TODAY, "list", 2),
        (TODAY, "xlsx", 8),
        (TODAY, "patrol", 2),
        (TODAY - timedelta(days=1), "hand", 1),
    ]
    assert rows[0].n == {"to_add": 2}
    xlsx = {name: n for name, n in rows[1].n.items() if n}
    assert xlsx == {
        "opened": 6, "there": 1, "refused": 1,
        "in_scope": 1, "not_in_scope": 1, "cannot_tell": 1, "duplicate": 1, "waiting": 2,
    }  # fmt: skip
    for row in (*rows, sum_of(rows, TODAY)):
        assert row.n["opened"] == sum(row.n[name] for name in BECAME)
    assert sum_of(rows, TODAY).lines == 13
    assert [row.how for row in received_rows(as_outsider, TODAY, TODAY)] == ["form"]


def test_the_count_of_a_day_that_is_over_never_changes(as_analyst: Actor, live: Source) -> None:
    """A case that the patrol found is erased, and brought back by somebody who hands it in days later."""
    uri, url = (
        "at://did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/app.bsky.feed.post/3kabcdefgh222",
        "https://bsky.app/profile/did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/post/3kabcdefgh222",
    )
    taken = arrive(live, [post(uri, network="bluesky", url=url)], [finding()])
    case = Case.objects.get(pk=taken.opened[0])
    decide(as_analyst, case, Decision.Verdict.NOT_IN_SCOPE)
    before = received_rows(as_analyst, TODAY, TODAY)
    later = NOON + timedelta(days=4)
    assert erase(case.post, later)
    added = add_one(as_analyst, url=url, text="また高額バイト", now=later)
    assert (added.case.pk, added.was_there) == (case.pk, False)
    assert (
        [(row.how, row.lines) for row in received_rows(as_analyst, TODAY, TODAY)]
        == [(row.how, row.lines) for row in before]
        == [("patrol", 1)]
    )
    assert [(row.how, row.lines) for row in received_rows(as_analyst, later.date(), later.date())] == [("form", 1)]


def test_days_are_those_of_tokyo(as_analyst: Actor) -> None:
    add_one(as_analyst, url=address(1), now=NOON.replace(hour=14, minute=59))  # 23:59 in Tokyo
    add_one(as_analyst, url=address(2), now=NOON.replace(hour=15, minute=0))
    days = [row.day for row in received_rows(as_analyst, TODAY, TODAY + timedelta(days=1))]
    assert days == [TODAY + timedelta(days=1), TODAY]
    assert len(received_rows(as_analyst, TODAY, TODAY)) == 1
    with pytest.raises(BadInput):
        received_rows(as_analyst, TODAY, TODAY - timedelta(days=1))


def test_a_case_that_goes_is_counted_as_removed(as_analyst: Actor) -> None:
    added = add_one(as_analyst, url=address(1), now=NOON)
    Case.objects.filter(pk=added.case.pk).delete()
    (row,) = received_rows(as_analyst, TODAY, TODAY)
    assert (row.lines, row.n["opened"], row.n["removed"]) == (1, 1, 1)


def test_another_organisation_sees_nothing_of_it(as_analyst: Actor, as_outsider: Actor) -> None:
    handed = hand_in(as_analyst, lines(address(1)), "list", NOON)
    assert latest_received(as_analyst) == [handed]
    assert latest_received(as_outsider) == []
    with pytest.raises(BadInput):
        received_of(as_outsider, handed.pk)
    add_lines(NOON)
    assert look_over(as_outsider, lines(address(1)))[0].state == NEW


@pytest.mark.parametrize("n", [3, 30])
def test_query_counts_do_not_grow_with_rows(as_analyst: Actor, n: int) -> None:
    given = lines(*map(address, range(n)))
    hand_in(as_analyst, given, "list", NOON)
    add_lines(NOON)
    for case in Case.objects.all():
        decide(as_analyst, case, Decision.Verdict.CANNOT_TELL)
    with CaptureQueriesContext(
        connection,
    ) as looked:
        look_over(as_analyst, given)
    with CaptureQueriesContext(connection) as counted:
        received_rows(as_analyst, TODAY, TODAY)
    assert (len(looked), len(counted)) == (2, 3)


def test_five_thousand_lines_are_looked_over_in_a_moment(as_analyst: Actor) -> None:
    given = lines(*map(address, range(5000)))
    with CaptureQueriesContext(connection) as asked:
        assert counts_of(look_over(as_analyst, given)) == {NEW: 5000}
    assert len(asked) == 26
    handed = hand_in(as_analyst, given, "csv", NOON)
    assert ReceivedLine.objects.filter(received=handed, outcome="").count() == 5000
