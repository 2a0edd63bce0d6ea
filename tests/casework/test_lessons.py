"""Decisions as training rows: texts in scope, features out of scope, nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from tests.quality_world import TOMORROW, note
from tests.world import NOON, arrive, finding, post
from yoake.casework.audit.models import Entry
from yoake.casework.cases.actions import decide, undo
from yoake.casework.cases.models import Case, LegalHold, Post
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import Actor, system
from yoake.casework.quality.actions import judge_sample
from yoake.casework.quality.lessons import training_rows, write_training_rows
from yoake.casework.quality.models import HashedPost, Sample
from yoake.casework.sources.models import Source
from yoake.errors import Refused
from yoake.learn.corpus import Corpus, Row, read_corpus
from yoake.pipeline.worker import work_once

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

LATER = NOON + timedelta(hours=73)


def test_in_scope_as_text_out_of_scope_as_features(decided: Callable[..., list[Case]]) -> None:
    decided(1, profile="夜のみ", parent_text="お金がない")
    decided(1, "not_in_scope", first=1, text="近所の手伝い募集 {}")
    decided(1, "cannot_tell", first=2)
    text, hashed = training_rows()
    assert text["text"] == "受け子募集 その0"
    assert (text["profile"], text["parent_text"], text["label"]) == ("夜のみ", "お金がない", "criminal_recruitment")
    assert (text["time"], len(text["group"])) == ("2026-11", 32)
    assert (hashed["label"], "text" in hashed, hashed["time"]) == ("none", False, "2026-11")
    assert hashed["group"] != text["group"]


def test_features_outlive_the_text_and_are_the_same(decided: Callable[..., list[Case]]) -> None:
    decided(1, "not_in_scope", text="近所の手伝い募集 {}", profile="🥦")
    (before,) = training_rows()
    assert not HashedPost.objects.exists()
    work_once(LATER)
    assert Post.objects.get().erased_at == LATER
    (after,) = training_rows()
    assert after == before
    corpus = Corpus([Row("近所の手伝い募集 0", (), profile="🥦")], groups=np.arange(1))
    kept = HashedPost.objects.get()
    assert kept.bits == after["bits"]
    assert len(bytes(kept.features)) < 600
    assert corpus.features(17, 3)[1].size > 0


def test_what_a_hold_keeps_at_the_last_moment_is_not_learned_yet(
    decided: Callable[..., list[Case]], as_analyst: Actor
) -> None:
    """The erasure was planned before; the hold came between the worker's claim and its lock."""
    (case,) = decided(1, "not_in_scope", text="近所の手伝い募集 {}")
    LegalHold.objects.create(case=case, placed_by_id=as_analyst.user_id, placed_at=NOON, ground="trial")
    work_once(LATER)
    assert Post.objects.get().erased_at is None
    assert not HashedPost.objects.exists(), "it may yet be decided in scope"


def test_an_undone_decision_teaches_nothing(decided: Callable[..., list[Case]], as_analyst: Actor) -> None:
    (case,) = decided(1, "not_in_scope")
    undo(as_analyst, case.pk, NOON + timedelta(hours=1))
    assert list(training_rows()) == []
    work_once(LATER)
    assert not HashedPost.objects.exists()


def test_a_post_that_waits_elsewhere_is_kept_and_not_hashed(
    decided: Callable[..., list[Case]], hotline: Organisation
) -> None:
    decided(1, "not_in_scope", text="近所の手伝い募集 {}")
    other = Source.objects.create(organisation=hotline, name="other", connector="jsonl")
    arrive(other, [post("d0", "近所の手伝い募集 0", author_id="a0")], [finding()])
    work_once(LATER)
    assert not HashedPost.objects.exists()
    assert Post.objects.get().erased_at is None


def test_practice_never(practice: Source, as_analyst: Actor) -> None:
    taken = arrive(practice, [post("p", "受け子募集")], [finding()])
    case = Case.objects.get(pk=taken.opened[0])
    decide(as_analyst, case.pk, "not_in_scope", version_id=case.post.current_id or 0, now=NOON)
    assert list(training_rows()) == []
    work_once(NOON + timedelta(days=9))
    assert not HashedPost.objects.exists()


def test_two_bodies_that_disagree_teach_nothing(
    decided: Callable[..., list[Case]], hotline: Organisation, as_outsider: Actor
) -> None:
    decided(1)
    other = Source.objects.create(organisation=hotline, name="other", connector="jsonl")
    arrive(other, [post("d0", "受け子募集 その0", author_id="a0")], [finding()])
    theirs = Case.objects.get(organisation=hotline)
    decide(as_outsider, theirs.pk, "not_in_scope", version_id=theirs.post.current_id or 0, now=NOON)
    assert list(training_rows()) == []
    (mine,) = training_rows(Case.objects.exclude(organisation=hotline).get().organisation)
    assert mine["label"] == "criminal_recruitment"


def test_further_categories_are_labels_too(live: Source, as_analyst: Actor) -> None:
    taken = arrive(live, [post("x", "口座も薬も")], [finding()])
    case = Case.objects.get(pk=taken.opened[0])
    decide(
        as_analyst, case.pk, "in_scope", version_id=case.post.current_id or 0, category_slug="drug_ad",
        also=("criminal_recruitment",), now=NOON,
    )  # fmt: skip
    (row,) = training_rows()
    assert row["label"] == ["criminal_recruitment", "drug_ad"]
    assert row["group"] == ""  # nobody knows who wrote it


def test_one_author_is_one_group_over_texts_and_features(live: Source, as_analyst: Actor, three_a_day: None) -> None:
    rows = [post("1", "受け子募集", author_id="same"), post("2", "鍋の会 募集", author_id="same")]
    taken = arrive(live, rows, [finding(0), finding(1)])
    for case_id, verdict in zip(taken.opened, ("in_scope", "not_in_scope"), strict=True):
        case = Case.objects.get(pk=case_id)
        slug = "criminal_recruitment" if verdict == "in_scope" else ""
        decide(as_analyst, case_id, verdict, version_id=case.post.current_id or 0, category_slug=slug, now=NOON)
    note(live, [post("3", "まったく別の話", author_id="same")])
    judge_sample(as_analyst, Sample.objects.get().pk, "not_in_scope", now=TOMORROW)
    assert len({row["group"] for row in training_rows()}) == 1


def test_the_file_is_read_by_training_and_is_its_owners_only(
    tmp_path: Path, decided: Callable[..., list[Case]], as_analyst: Actor
) -> None:
    decided(4)
    decided(3, "not_in_scope", first=10, text="近所の手伝い募集 {}")
    work_once(LATER)
    file = tmp_path / "rows.jsonl"
    counts = write_training_rows(system("command"), file)
    assert (counts["texts"], counts["hashed"], counts["label:none"]) == (4, 3, 3)
    assert file.stat().st_mode & 0o077 == 0
    corpus = read_corpus([file])
    assert (len(corpus.rows), corpus.refusals) == (7, [])
    assert corpus.labels() == ["criminal_recruitment"]
    assert all("author" not in json.loads(line) for line in file.read_text().splitlines())
    entry = Entry.objects.get(kind="decisions_written")
    assert (entry.facts["texts"], entry.facts["hashed"]) == (4, 3)
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []
    with pytest.raises(Refused, match="analyst"):
        write_training_rows(as_analyst, file)
