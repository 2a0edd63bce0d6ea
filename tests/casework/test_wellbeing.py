from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings

from tests.world import NOON, arrive, finding, post
from yoake.casework.audit.models import Entry
from yoake.casework.cases.models import Case
from yoake.casework.cases.offering import burden_of, offered, sensitive_categories, veiled_for
from yoake.casework.cases.waiting import neighbours
from yoake.casework.people.models import Exposure, Wellbeing
from yoake.casework.people.queries import Actor, system
from yoake.casework.people.wellbeing import choose, day_of, had_break, note_reading
from yoake.casework.sources.models import Source
from yoake.errors import BadInput, Refused

HEAVY, LIGHT = "suicide_inducing", "criminal_recruitment"
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.fixture
def mixed(live: Source) -> list[Case]:
    """Two burdensome cases and two others wait, the burdensome ones first."""
    slugs = [HEAVY, HEAVY, LIGHT, LIGHT]
    rows = [post(str(i), f"投稿 {i}", author_id=f"a{i}") for i in range(4)]
    taken = arrive(live, rows, [finding(i, slug, 0.99 - i / 10) for i, slug in enumerate(slugs)])
    return [Case.objects.select_related("post").get(pk=pk) for pk in taken.opened]


def takes(actor: Actor, *slugs: str) -> None:
    choose(actor, takes=frozenset(slugs), now=NOON)


def offered_to(actor: Actor) -> set[str]:
    return set(offered(actor, Case.objects.all(), NOON).values_list("category", flat=True))


def test_the_burdensome_categories_are_those_of_the_data() -> None:
    assert {
        "suicide_inducing", "serious_crime", "minor_approach", "intimate_image_abuse", "child_abuse_material", "obscene_display",
    } <= sensitive_categories()  # fmt: skip
    assert LIGHT not in sensitive_categories()


def test_nobody_is_offered_what_they_did_not_choose(as_analyst: Actor, mixed: list[Case]) -> None:
    assert offered_to(as_analyst) == {LIGHT}
    takes(as_analyst, HEAVY)
    assert offered_to(as_analyst) == {LIGHT, HEAVY}
    assert offered_to(system("worker", as_analyst.organisation_id)) == {LIGHT, HEAVY}


def test_the_next_case_is_one_that_is_offered(as_analyst: Actor, mixed: list[Case]) -> None:
    light, other = mixed[2:]
    assert neighbours(as_analyst, light, now=NOON)[1] == other.pk
    assert neighbours(as_analyst, other, now=NOON)[1] == light.pk, "the burdensome ones are passed over"
    takes(as_analyst, HEAVY)
    assert neighbours(as_analyst, other, now=NOON)[1] == mixed[0].pk


def test_after_so_many_in_a_row_something_else_comes_first(as_analyst: Actor, mixed: list[Case]) -> None:
    takes(as_analyst, HEAVY)
    for i in range(settings.ENVIRONMENT.sensitive_in_a_row):
        note_reading(as_analyst, sensitive=True, opened=True, now=NOON + i * SECOND)
    assert offered_to(as_analyst) == {LIGHT}
    note_reading(as_analyst, sensitive=False, opened=True, now=NOON + MINUTE)
    assert offered_to(as_analyst) == {LIGHT, HEAVY}
    for i in range(settings.ENVIRONMENT.sensitive_in_a_row):
        note_reading(as_analyst, sensitive=True, opened=True, now=NOON + MINUTE + i * SECOND)
    Case.objects.filter(category=LIGHT).delete()
    assert offered_to(as_analyst) == {HEAVY}, "where there is nothing else, they go on"


def test_the_measure_of_a_day(as_analyst: Actor, mixed: list[Case]) -> None:
    choose(as_analyst, takes=frozenset({HEAVY}), most_cases=1, now=NOON)
    assert HEAVY not in veiled_for(as_analyst, NOON)
    note_reading(as_analyst, sensitive=True, opened=True, now=NOON)
    assert day_of(as_analyst, NOON).spent
    assert offered_to(as_analyst) == {LIGHT}
    assert HEAVY in veiled_for(as_analyst, NOON)
    assert not day_of(as_analyst, NOON + timedelta(days=1)).spent


def test_minutes_are_those_of_reading(as_analyst: Actor) -> None:
    choose(as_analyst, takes=frozenset({HEAVY}), most_minutes=2, break_minutes=3, now=NOON)
    for i in range(5):  # the page reports every 30 seconds
        note_reading(as_analyst, sensitive=i > 2, opened=i == 0, now=NOON + i * 30 * SECOND)
    day = day_of(as_analyst, NOON + 2 * MINUTE)
    assert (day.cases, day.minutes, day.sensitive_minutes, day.minutes_without_break) == (1, 2, 1, 2)
    assert not day.spent
    assert not day.break_due
    note_reading(as_analyst, sensitive=True, opened=False, now=NOON + 4 * MINUTE)
    assert day_of(as_analyst, NOON + 4 * MINUTE).minutes == 2, "what lies between two far signs is not reading"


def test_a_break_is_proposed_dismissed_and_taken(as_analyst: Actor) -> None:
    choose(as_analyst, takes=frozenset(), break_minutes=2, now=NOON)
    for i in range(5):
        note_reading(as_analyst, sensitive=False, opened=False, now=NOON + i * 30 * SECOND)
    at = NOON + 2 * MINUTE
    assert day_of(as_analyst, at).break_due
    had_break(as_analyst, at)
    assert not day_of(as_analyst, at).break_due
    for i in range(5):
        note_reading(as_analyst, sensitive=False, opened=False, now=at + i * 30 * SECOND)
    assert day_of(as_analyst, at + 2 * MINUTE).break_due, "it remembers, and comes again after as much work"
    assert not day_of(as_analyst, at + 8 * MINUTE).break_due, "nobody touched anything: that was a break"
    note_reading(as_analyst, sensitive=False, opened=False, now=at + 8 * MINUTE)
    assert day_of(as_analyst, at + 8 * MINUTE).minutes_without_break == 0


def test_midnight_is_no_break(as_analyst: Actor) -> None:
    choose(as_analyst, takes=frozenset({HEAVY}), break_minutes=2, now=NOON)
    midnight = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)  # in Tokyo
    for i in range(4, 0, -1):
        note_reading(as_analyst, sensitive=True, opened=True, now=midnight - i * 30 * SECOND)
    assert day_of(as_analyst, midnight).minutes_without_break == 1
    assert day_of(as_analyst, midnight).in_a_row == 4
    for i in range(2):
        note_reading(as_analyst, sensitive=True, opened=True, now=midnight + i * 30 * SECOND)
    day = day_of(as_analyst, midnight + 30 * SECOND)
    assert (day.cases, day.minutes, day.in_a_row) == (2, 1, 6), "what was read is the new day's"
    assert day.break_due
    had_break(as_analyst, midnight + 30 * SECOND)
    assert not day_of(as_analyst, midnight + 30 * SECOND).break_due


def test_a_break_declined_at_midnight_is_declined(as_analyst: Actor) -> None:
    choose(as_analyst, takes=frozenset(), break_minutes=1, now=NOON)
    midnight = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
    for i in range(4, 0, -1):
        note_reading(as_analyst, sensitive=False, opened=False, now=midnight - i * 30 * SECOND)
    assert day_of(as_analyst, midnight).break_due
    had_break(as_analyst, midnight)
    note_reading(as_analyst, sensitive=False, opened=False, now=midnight + 20 * SECOND)
    assert not day_of(as_analyst, midnight + 20 * SECOND).break_due


def test_whoever_rested_over_midnight_begins_anew(as_analyst: Actor) -> None:
    midnight = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
    note_reading(as_analyst, sensitive=True, opened=True, now=midnight - 3 * MINUTE)
    note_reading(as_analyst, sensitive=True, opened=True, now=midnight + 3 * MINUTE)
    assert day_of(as_analyst, midnight + 3 * MINUTE).in_a_row == 1


def test_none_is_proposed_to_whoever_wants_none(as_analyst: Actor) -> None:
    choose(as_analyst, takes=frozenset(), break_minutes=0, now=NOON)
    Exposure.objects.create(user_id=as_analyst.user_id, day=NOON.date(), without_break=90_000, seen_at=NOON)
    assert not day_of(as_analyst, NOON).break_due


@pytest.mark.parametrize("limits", [{"most_cases": 61}, {"most_minutes": 121}, {"break_minutes": -1}])
def test_limits_only_go_down(limits: dict[str, int], as_analyst: Actor) -> None:
    with pytest.raises(BadInput):
        choose(as_analyst, takes=frozenset(), now=NOON, **limits)
    assert not Wellbeing.objects.exists()


def test_the_audit_says_that_but_not_what_was_chosen(as_analyst: Actor) -> None:
    choose(as_analyst, takes=frozenset({HEAVY}), most_cases=3, now=NOON)
    (entry,) = Entry.objects.filter(kind="wellbeing_chosen")
    assert entry.facts == {}


def test_who_oversees_sees_numbers_without_names(
    as_supervisor: Actor, as_analyst: Actor, as_outsider: Actor, mixed: list[Case]
) -> None:
    takes(as_analyst, HEAVY)
    takes(as_outsider, HEAVY)
    found = {one.category: (one.waiting, one.people) for one in burden_of(as_supervisor)}
    assert found[HEAVY] == (2, 1)
    with pytest.raises(Refused):
        burden_of(as_analyst)
