"""What a patrol notes beside taking posts in: scores, cues, the shadow's opinion, posts drawn by lot."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.learn.models import lexicon_model
from tests.quality_world import TOMORROW, look_again, note, plain
from tests.world import NOON, arrive, finding, page_of, post
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import system
from yoake.casework.quality.intake import Watch, lots_of
from yoake.casework.quality.models import Round, Sample, ScoreCount, ShadowCount
from yoake.casework.quality.service import add_model, shadow_model
from yoake.casework.sources.models import Source
from yoake.tables.findings import findings_batch
from yoake.tables.posts import uid_of

pytestmark = pytest.mark.django_db

CUES = [
    {"field": "text", "start": 0, "end": 2, "text": "受け", "cue": cue, "weight": 1.0} for cue in ("pay", "pay", "dm")
]


def test_scores_and_cues_are_counted_by_the_hour(live: Source, store: Path) -> None:
    found = [finding(0, score=0.95, spans=CUES), finding(1, score=0.05, grade="low", spans=CUES[:1])]
    note(live, plain(5), found)
    note(live, plain(5, 5), [finding(2, score=1.0), finding(2, category="drug_ad", score=0.31, grade="mid")])
    row = ScoreCount.objects.get()
    assert (row.posts, row.queued) == (10, 2)
    assert row.hour == NOON
    assert row.model.startswith("shipped/")
    assert row.scores == {
        "criminal_recruitment": [1, 0, 0, 0, 0, 0, 0, 0, 0, 2], "drug_ad": [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    }  # fmt: skip
    assert row.cues == {"criminal_recruitment": {"pay": 3, "dm": 1}}
    note(live, plain(1), [], NOON + timedelta(hours=1))
    assert ScoreCount.objects.count() == 2


def test_a_new_hour_closes_the_old_one(live: Source, store: Path) -> None:
    watch = Watch(live)
    for minutes in (0, 59, 60, 61):
        page = page_of(plain(2))
        watch.add(page, findings_batch([]), NOON + timedelta(minutes=minutes))
    watch.flush()
    assert list(ScoreCount.objects.order_by("hour").values_list("posts", flat=True)) == [4, 4]


def test_of_practice_nothing_is_counted(practice: Source, store: Path, three_a_day: None) -> None:
    note(practice, plain(5), [finding(0)])
    assert not ScoreCount.objects.exists()
    assert not Sample.objects.exists()


def test_counting_costs_no_query_a_page(live: Source, store: Path) -> None:
    watch, page = Watch(live), page_of(plain(50))
    watch.add(page, findings_batch([]), NOON)
    with CaptureQueriesContext(connection) as captured:
        for _ in range(20):
            watch.add(page, findings_batch([]), NOON)
    assert len(captured) == 0


def test_a_source_that_was_removed_leaves_nothing(live: Source, store: Path) -> None:
    watch = Watch(live)
    watch.add(page_of(plain(2)), findings_batch([]), NOON)
    Source.objects.all().delete()
    watch.flush()
    assert not ScoreCount.objects.exists()


def test_looks_are_planned_for_whoever_patrols(live: Source, police: Organisation, store: Path) -> None:
    note(live, plain(1))
    note(live, plain(1))
    assert sorted(Round.objects.values_list("organisation", "name")) == [(police.pk, "drift"), (police.pk, "terms")]


# --- shadow ---------------------------------------------------------------------------------------------------------


def test_the_shadow_is_counted_and_opens_no_case(live: Source, store: Path, tmp_path: Path) -> None:
    add_model(system("command"), lexicon_model(tmp_path / "m", "1"), "tokyo")
    shadow_model(system("command"), "tokyo/1", NOON)
    look_again()
    said: dict[str, Any] = {"shadow": True, "version": "tokyo/1", "detector": "lexicon"}
    found = [
        finding(0), finding(0, **said), finding(1), finding(2, **said), finding(3, score=0.2, grade="low", **said),
    ]  # fmt: skip
    taken = arrive(live, plain(5), found)
    assert len(taken.opened) == 2
    assert taken.counts["queued"] == 2
    assert taken.counts["low:criminal_recruitment"] == 0  # what only the shadow says is in no count of the desk
    note(live, plain(5), found)
    row = ShadowCount.objects.get()
    assert (row.model, row.posts, row.both, row.only_serving, row.only_shadow) == ("tokyo/1", 5, 1, 1, 1)
    counted = ScoreCount.objects.get()
    assert (counted.queued, sum(counted.scores["criminal_recruitment"])) == (2, 2)


def test_without_a_shadow_nothing_is_counted_for_one(live: Source, store: Path) -> None:
    note(live, plain(5), [finding(0)])
    assert not ShadowCount.objects.exists()


# --- lots -----------------------------------------------------------------------------------------------------------


def uids(n: int) -> pa.Array:
    return pa.array([uid_of("test", str(i)) for i in range(n)], pa.string())


def test_lots_are_uniform_and_nobody_elses() -> None:
    lots = lots_of(uids(20_000), 1, NOON.date())
    assert lots.dtype == np.int64
    assert lots.min() >= 0
    assert len(np.unique(lots)) == 20_000
    tenths = np.bincount((lots.astype(np.float64) / 2**63 * 10).astype(int), minlength=10)
    assert ((tenths - 2000) ** 2 / 2000).sum() < 28  # chi-square, 9 degrees: 99.9 %
    for other in (lots_of(uids(20_000), 2, NOON.date()), lots_of(uids(20_000), 1, TOMORROW.date())):
        assert abs(np.corrcoef(lots, other)[0, 1]) < 0.03
    sliced = uids(20_000).slice(7_000, 500)
    assert np.array_equal(lots_of(sliced, 1, NOON.date()), lots[7_000:7_500])


def test_without_the_setting_nothing_is_drawn(live: Source, store: Path) -> None:
    note(live, plain(50))
    assert not Sample.objects.exists()


def test_the_lowest_lots_of_the_day_are_drawn_whoever_reads_them(live: Source, store: Path, three_a_day: None) -> None:
    everything = plain(300)
    lots = lots_of(uids(300), live.organisation_id, NOON.date())
    wanted = {uid_of("test", str(i)) for i in np.argsort(lots)[:3]}
    for first in range(0, 300, 50):
        note(live, everything[first : first + 50])
    assert set(Sample.objects.values_list("uid", flat=True)) == wanted
    for first in range(250, -1, -50):  # read once more, the other way round, by a patrol that was started anew
        note(live, everything[first : first + 50])
    assert set(Sample.objects.values_list("uid", flat=True)) == wanted
    note(live, plain(30, 1000), now=TOMORROW)
    assert Sample.objects.count() == 6


def test_several_sources_of_one_body_draw_together(
    live: Source, police: Organisation, hotline: Organisation, store: Path, three_a_day: None
) -> None:
    second = Source.objects.create(organisation=police, name="second", connector="jsonl")
    other = Source.objects.create(organisation=hotline, name="other", connector="jsonl")
    note(live, plain(100))
    note(second, plain(100, 100))
    note(other, plain(100))
    lots = lots_of(uids(200), police.pk, NOON.date())
    drawn = Sample.objects.filter(organisation=police)
    assert set(drawn.values_list("uid", flat=True)) == {uid_of("test", str(i)) for i in np.argsort(lots)[:3]}
    assert Sample.objects.filter(organisation=hotline).count() == 3


def test_what_is_queued_or_stored_is_never_drawn(live: Source, store: Path, three_a_day: None) -> None:
    arrive(live, plain(1), [finding(0)])
    note(live, plain(4), [finding(1), finding(2, score=0.4, grade="low")])
    drawn = {row.content["native_id"]: row.score for row in Sample.objects.all()}
    assert drawn == {"2": 0.4, "3": 0.0}  # 0 is stored, 1 was queued


def test_a_sample_is_kept_as_it_was_written(live: Source, store: Path, three_a_day: None) -> None:
    note(live, [post("1", "詳しくはDM", profile="🍦", parent_text="お金がない", author_id="a", labels=["x"])])
    sample = Sample.objects.get()
    assert (sample.content["text"], sample.content["profile"], sample.content["parent_text"]) == (
        "詳しくはDM",
        "🍦",
        "お金がない",
    )
    assert sample.due_at == NOON + timedelta(days=7)
    assert (sample.day.isoformat(), sample.source) == ("2026-11-20", live)
