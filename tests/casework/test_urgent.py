"""The fast lane: who is in it, in what order, and what takes a case out of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.outbox_world import judged
from tests.world import NOON, arrive, finding, post
from yoake.casework.audit.models import Entry
from yoake.casework.cases.actions import add_by_hand
from yoake.casework.cases.holds import place_hold
from yoake.casework.cases.models import Case, Naming
from yoake.casework.cases.namings import finish_naming
from yoake.casework.people.queries import Actor
from yoake.casework.report.models import EmergencyCall
from yoake.casework.report.urgent import LONGEST, SHOWN, calls_of, danger_of, dangers, note_call
from yoake.casework.sources.models import Source
from yoake.collect.items import Item
from yoake.errors import BadInput, Refused

pytestmark = pytest.mark.django_db

GOING = {"elements": [{"name": "about_to_go", "span": {"field": "text", "start": 0, "end": 2, "text": "今夜"}}]}
SOON = NOON + timedelta(minutes=7)


def came(source: Source, category: str, native_id: str = "1", **more: Any) -> Case:
    row = post(native_id, "今夜行くことになっている", author_id=f"a{native_id}")
    taken = arrive(source, [row], [finding(category=category, **more)])
    return Case.objects.get(pk=taken.opened[0])


def lane(actor: Actor, now: Any = SOON) -> list[tuple[int, str, int]]:
    return [(one.case.pk, one.category, one.minutes) for one in dangers(actor, now)[0]]


@pytest.mark.parametrize("category", ["serious_crime", "minor_approach", "suicide_inducing"])
def test_these_are_in_the_lane_as_soon_as_they_come(category: str, live: Source, as_analyst: Actor) -> None:
    case = came(live, category)
    assert lane(as_analyst) == [(case.pk, category, 7)]
    danger = danger_of(as_analyst, case, SOON)
    assert danger is not None
    assert danger.minutes == 7


def test_an_applicant_is_in_the_lane_when_they_are_about_to_go(live: Source, as_analyst: Actor) -> None:
    came(live, "coerced_applicant", "1")
    going = came(live, "coerced_applicant", "2", **GOING)
    assert lane(as_analyst) == [(going.pk, "coerced_applicant", 7)]


def test_others_are_not(live: Source, practice: Source, as_analyst: Actor) -> None:
    came(live, "criminal_recruitment")
    came(live, "crime_job_seeker", "2")
    arrive(practice, [post("3", "x")], [finding(category="serious_crime")])
    assert dangers(as_analyst, SOON) == ([], 0)


def test_a_judgement_takes_it_out_or_puts_it_in(live: Source, as_analyst: Actor) -> None:
    from django.utils import timezone

    from yoake.casework.cases.actions import decide

    out, into = came(live, "serious_crime", "1"), came(live, "criminal_recruitment", "2")
    now = timezone.now()
    Case.objects.update(opened_at=now - timedelta(minutes=7))
    decide(as_analyst, out.pk, "not_in_scope", version_id=out.post.current_id or 0)
    judged(as_analyst, into, "serious_crime")
    assert [one[:2] for one in lane(as_analyst, now)] == [(into.pk, "serious_crime")]


def test_the_second_person_learns_nothing_of_the_first_judgement(
    live: Source, as_analyst: Actor, as_supervisor: Actor
) -> None:
    case = came(live, "criminal_recruitment")
    judged(as_analyst, case, "minor_approach")
    Case.objects.update(opened_at=NOON)
    assert Case.objects.get().state == "second_review"
    assert lane(as_supervisor) == []
    assert lane(as_analyst) == [(case.pk, "minor_approach", 7)], "whoever judged it knows"
    found = came(live, "minor_approach", "2")
    judged(as_analyst, found, "minor_approach")
    Case.objects.update(opened_at=NOON)
    assert lane(as_supervisor) == [(found.pk, "minor_approach", 7)], "as the detector told"


def test_what_a_person_did_takes_it_out_and_stays(live: Source, as_analyst: Actor, as_supervisor: Actor) -> None:
    case = came(live, "serious_crime")
    note_call(as_analyst, case.pk, "called_110", " 受理 7 ", SOON)
    assert dangers(as_supervisor, SOON) == ([], 0)
    assert danger_of(as_supervisor, case, SOON) is None
    (call,) = calls_of(as_supervisor, case)
    assert (call.how, call.reference, call.minutes) == ("called_110", "受理 7", 7)
    note_call(as_supervisor, case.pk, "no_danger", now=SOON + timedelta(minutes=1))
    assert [one.how for one in calls_of(as_analyst, case)] == ["no_danger", "called_110"]
    entry = Entry.objects.filter(kind="emergency_noted").order_by("pk").first()
    assert entry is not None
    assert entry.facts == {"how": "called_110", "minutes": 7}


def test_a_call_is_written_down_soundly(live: Source, practice: Source, as_analyst: Actor, as_outsider: Actor) -> None:
    case = came(live, "serious_crime")
    for how, reference in (("shouted", ""), ("called_110", "1" * 61)):
        with pytest.raises(BadInput):
            note_call(as_analyst, case.pk, how, reference, SOON)
    with pytest.raises(BadInput, match="no such case"):
        note_call(as_outsider, case.pk, "called_110", now=SOON)
    taken = arrive(practice, [post("9", "x")], [finding(category="serious_crime")])
    with pytest.raises(Refused, match="practice"):
        note_call(as_analyst, taken.opened[0], "called_110", now=SOON)
    assert not EmergencyCall.objects.exists()


def test_what_another_body_holds_is_theirs(live: Source, as_analyst: Actor, as_outsider: Actor) -> None:
    case = came(live, "serious_crime")
    place_hold(as_outsider, "account", "a1", network="test", days=1, now=NOON)
    assert dangers(as_analyst, SOON) == ([], 0)
    with pytest.raises(Refused, match="another body"):
        note_call(as_analyst, case.pk, "called_110", now=SOON)


def test_the_newest_come_first_and_all_are_counted(
    live: Source, as_analyst: Actor, django_assert_num_queries: Any
) -> None:
    cases = [came(live, "serious_crime", str(n)) for n in range(SHOWN + 2)]
    for n, case in enumerate(cases):
        Case.objects.filter(pk=case.pk).update(opened_at=NOON + timedelta(seconds=n))
    with django_assert_num_queries(4):
        found, n = dangers(as_analyst, SOON)
    assert ([one.case.pk for one in found], n) == ([case.pk for case in reversed(cases)][:SHOWN], SHOWN + 2)


def test_those_who_can_wait_push_nobody_out(
    live: Source, as_analyst: Actor, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    monkeypatch.setattr("yoake.casework.report.urgent.MOST_COUNTED", 2)
    urgent = came(live, "serious_crime", "0")
    for n in range(1, 4):
        came(live, "coerced_applicant", str(n))
    with django_assert_num_queries(4):
        assert lane(as_analyst) == [(urgent.pk, "serious_crime", 7)]
    with django_assert_num_queries(0):
        assert danger_of(as_analyst, Case(category="drug_ad", opened_at=NOON, state="waiting"), SOON) is None


def test_after_three_days_the_lane_lets_go(live: Source, as_analyst: Actor) -> None:
    came(live, "serious_crime")
    assert lane(as_analyst, NOON + LONGEST - timedelta(minutes=1)) != []
    assert lane(as_analyst, NOON + LONGEST) == []


def test_what_was_done_goes_along_when_a_case_joins_another(live: Source, as_analyst: Actor) -> None:
    url, uri = "https://bsky.app/profile/somebody.example/post/3aaa", "at://did:plc:zz/app.bsky.feed.post/3aaa"
    row = post(uri, "今夜", network="bluesky", author_id="did:plc:zz")
    there = Case.objects.get(pk=arrive(live, [row], [finding(category="serious_crime")]).opened[0])
    mine = add_by_hand(as_analyst, url=url, text="今夜", now=NOON).case
    note_call(as_analyst, mine.pk, "called_110", now=SOON)
    assert lane(as_analyst) == [(there.pk, "serious_crime", 7)]
    finish_naming(Naming.objects.get(post=mine.post_id), Item("item", url, network="bluesky", native_id=uri), SOON)
    assert not Case.objects.filter(pk=mine.pk).exists()
    assert [call.case_id for call in EmergencyCall.objects.all()] == [there.pk]
    assert lane(as_analyst) == []
