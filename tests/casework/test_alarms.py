"""Drift, a fall in precision, a shadow that does not load: who hears of it, when, and who ends it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.world import NOON
from yoake.casework.audit.models import Entry
from yoake.casework.cases.models import Case
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import Actor
from yoake.casework.quality.actions import close_alarm
from yoake.casework.quality.alarms import raise_alarm
from yoake.casework.quality.looking import look_at_shadow, look_for_drift, look_for_fall
from yoake.casework.quality.models import Alarm, Round, ScoreCount
from yoake.casework.quality.queries import closed_alarms, open_alarms
from yoake.casework.sources.models import Source
from yoake.detect import serving
from yoake.detect.model import SHADOW
from yoake.errors import BadInput, Refused
from yoake.learn import versions
from yoake.pipeline.worker import work_once

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

STEADY = [0, 2, 3, 4, 3, 2, 2, 1, 1, 6]
TURNED = [9, 4, 2, 1, 1, 0, 0, 0, 0, 1]
CUES = {"pay": 10, "receiver": 8, "dm": 6}


def hours(
    source: Source, first: int, last: int, *, queued: int = 10, scores: list[int] = STEADY, cues: dict[str, int] = CUES,
    model: str = "",
) -> None:  # fmt: skip
    """Counts for the hours from `first` to `last` before NOON."""
    ScoreCount.objects.bulk_create(
        ScoreCount(
            source=source, hour=NOON - timedelta(hours=h), model=model or serving.service_ref(Path("/nowhere")), posts=10_000,
            queued=queued, scores={"criminal_recruitment": scores}, cues={"criminal_recruitment": cues},
        )
        for h in range(first, last, -1)
    )  # fmt: skip


def kinds() -> list[str]:
    return sorted(Alarm.objects.filter(closed_at=None).values_list("kind", flat=True))


def test_nothing_changed_nothing_is_raised(live: Source, police: Organisation) -> None:
    hours(live, 200, 0)
    look_for_drift(police, NOON)
    assert kinds() == []


def test_a_detector_that_fell_silent_raises_an_alarm(live: Source, police: Organisation) -> None:
    hours(live, 200, 24)
    hours(live, 23, 0, queued=0, scores=[0] * 10, cues={})
    look_for_drift(police, NOON)
    (alarm,) = Alarm.objects.all()
    assert (alarm.kind, alarm.source, alarm.facts["recent"]) == ("rate", live, 0.0)
    assert alarm.facts["before"] == pytest.approx(10, rel=0.05)


def test_other_scores_and_other_cues_raise_alarms(live: Source, police: Organisation) -> None:
    hours(live, 200, 24)
    hours(live, 23, 0, scores=TURNED, cues={"pay": 2, "receiver": 2, "emoji": 20})
    look_for_drift(police, NOON)
    assert kinds() == ["cues", "scores"]
    alarm = Alarm.objects.get(kind="cues")
    assert alarm.category == "criminal_recruitment"
    assert alarm.facts["cues"][0] == "emoji"
    assert alarm.facts["psi"] > 0.25


def test_a_young_reference_says_nothing(live: Source, police: Organisation) -> None:
    hours(live, 80, 24)
    hours(live, 23, 0, queued=0)
    look_for_drift(police, NOON)
    assert kinds() == []


def test_another_model_is_no_drift(live: Source, police: Organisation) -> None:
    hours(live, 200, 24, model="tokyo/1")
    hours(live, 23, 0, queued=90, scores=TURNED)
    look_for_drift(police, NOON)
    assert kinds() == []


def test_practice_raises_nothing(practice: Source, police: Organisation) -> None:
    hours(practice, 200, 24)
    hours(practice, 23, 0, queued=0)
    look_for_drift(police, NOON)
    assert kinds() == []


def test_a_fall_in_precision_raises_an_alarm(police: Organisation, decided: Callable[..., list[Case]]) -> None:
    before, recent = NOON - timedelta(days=20), NOON - timedelta(days=1)
    decided(27, at=before)
    decided(3, "not_in_scope", at=before, first=100)
    look_for_fall(police, NOON)
    assert kinds() == []  # nothing recent to compare
    decided(10, at=recent, first=200)
    decided(20, "not_in_scope", at=recent, first=300)
    decided(20, "cannot_tell", at=recent, first=400)
    look_for_fall(police, NOON)
    found = {alarm.category: alarm.facts for alarm in Alarm.objects.filter(kind="precision")}
    assert set(found) == {"", "criminal_recruitment"}
    assert found[""] == {"before": 0.9, "recent": 0.333, "decided": 30}


def test_a_small_fall_and_few_decisions_raise_nothing(police: Organisation, decided: Callable[..., list[Case]]) -> None:
    before, recent = NOON - timedelta(days=20), NOON - timedelta(days=1)
    decided(20, at=before)
    decided(18, at=recent, first=200)
    decided(2, "not_in_scope", at=recent, first=300)
    look_for_fall(police, NOON)
    assert kinds() == []


def test_a_shadow_that_does_not_load_raises_an_alarm(police: Organisation, store: Path) -> None:
    look_at_shadow(police, NOON)
    assert kinds() == []
    versions.point(store, SHADOW, "tokyo/7")
    look_at_shadow(police, NOON)
    assert "tokyo/7" in Alarm.objects.get(kind="shadow").facts["problem"]


# --- an alarm's life ------------------------------------------------------------------------------------------------


def test_an_alarm_is_raised_once_and_kept_up_to_date(police: Organisation) -> None:
    first = raise_alarm(police, "rate", NOON, recent=1)
    again = raise_alarm(police, "rate", NOON + timedelta(hours=1), recent=2)
    assert first == again == Alarm.objects.get()
    assert Alarm.objects.get().facts == {"recent": 2}
    assert (Alarm.objects.get().raised_at, Alarm.objects.get().seen_at) == (NOON, NOON + timedelta(hours=1))
    assert Entry.objects.filter(kind="alarm_raised").count() == 1


def test_a_supervisor_closes_it_with_a_note_and_it_stays_quiet_for_a_week(
    police: Organisation, as_supervisor: Actor
) -> None:
    alarm = raise_alarm(police, "rate", NOON)
    assert alarm is not None
    for note in ("", "  ", "x" * 501):
        with pytest.raises(BadInput, match="what you found"):
            close_alarm(as_supervisor, alarm.pk, note, NOON)
    close_alarm(as_supervisor, alarm.pk, " 連休で投稿が減っただけ ", NOON)
    alarm.refresh_from_db()
    assert (alarm.note, alarm.closed_by_id) == ("連休で投稿が減っただけ", as_supervisor.user_id)
    assert "連休" not in str(Entry.objects.get(kind="alarm_closed").facts)
    assert list(open_alarms(as_supervisor)) == []
    assert closed_alarms(as_supervisor) == [alarm]
    assert raise_alarm(police, "rate", NOON + timedelta(days=6)) is None
    assert raise_alarm(police, "rate", NOON + timedelta(days=8)) is not None
    with pytest.raises(BadInput, match="no such open alarm"):
        close_alarm(as_supervisor, alarm.pk, "again")


def test_who_sees_and_closes_alarms(police: Organisation, as_analyst: Actor, as_outsider: Actor) -> None:
    alarm = raise_alarm(police, "rate", NOON)
    assert alarm is not None
    with pytest.raises(Refused, match="analyst"):
        open_alarms(as_analyst)
    with pytest.raises(Refused, match="analyst"):
        close_alarm(as_analyst, alarm.pk, "gone")
    assert not open_alarms(as_outsider).exists()
    with pytest.raises(BadInput):
        close_alarm(as_outsider, alarm.pk, "gone")


def test_the_worker_takes_the_look_that_is_due(live: Source, police: Organisation) -> None:
    hours(live, 200, 24)
    hours(live, 23, 0, queued=0)
    Round.objects.create(organisation=police, name="drift", due_at=NOON)
    Round.objects.create(organisation=police, name="terms", due_at=NOON)
    assert work_once(NOON) == 1  # one at a time
    assert work_once(NOON) == 1
    assert work_once(NOON) == 0
    assert kinds() == ["rate"]
    due = dict(Round.objects.values_list("name", "due_at"))
    soon = NOON + timedelta(minutes=10)
    everywhere = {"precision": NOON + timedelta(hours=1), "gold": soon, "changes": soon}
    assert due == {"drift": NOON + timedelta(hours=1), "terms": NOON + timedelta(days=1), **everywhere}


def test_old_counts_go(live: Source, police: Organisation) -> None:
    hours(live, 24 * 95, 24 * 95 - 3)
    hours(live, 5, 0)
    Round.objects.create(organisation=police, name="drift", due_at=NOON)
    work_once(NOON)
    assert ScoreCount.objects.count() == 5
