"""Words offered to a person: found in confirmed posts, drafted for a second person to approve, or rejected for good."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import transaction

from tests.casework.test_wording import second
from tests.detect.worlds import posts
from tests.quality_world import look_again
from tests.world import NOON
from yoake.casework.audit.models import Entry
from yoake.casework.audit.queries import first_break
from yoake.casework.cases.actions import serving_detector, undo
from yoake.casework.cases.models import Case
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import Actor
from yoake.casework.quality.actions import accept_term, reject_term
from yoake.casework.quality.looking import look_for_terms
from yoake.casework.quality.models import TermProposal
from yoake.casework.quality.queries import proposed_terms, terms_in_draft
from yoake.casework.sources.actions import add_ngram_counts
from yoake.casework.sources.models import Source
from yoake.casework.wording.actions import approve_cue, send_back_cue
from yoake.casework.wording.models import CueDraft
from yoake.detect.background import NgramCounts
from yoake.errors import BadInput, Refused
from yoake.learn.overlay import language

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

__all__ = ["second"]  # a fixture

EVERYDAY = [
    "今日は鍋にします",
    "試合は延長で負けた",
    "電車が止まっている",
    "夕飯はカレーにしようと思う",
    "募集は終わりました",
]


@pytest.fixture
def proposed(live: Source, police: Organisation, decided: Callable[..., list[Case]]) -> TermProposal:
    """ニコニコ隊 stands in six confirmed posts by six authors and in no everyday post."""
    counts = NgramCounts()
    for _ in range(300):
        counts.add(posts(*EVERYDAY))
    add_ngram_counts(live, NOON.date(), counts.table)
    for i, text in enumerate(
        [
            "ニコニコ隊で稼ごう",
            "人が足りないニコニコ隊",
            "ニコニコ隊 東京",
            "明日ニコニコ隊",
            "求むニコニコ隊",
            "はじめまして、ニコニコ隊です",
        ]
    ):
        decided(1, first=i, text=text)
    look_for_terms(police, NOON)
    return TermProposal.objects.get(text="ニコニコ隊")


def test_a_word_is_proposed_with_posts_that_use_it(proposed: TermProposal, as_supervisor: Actor) -> None:
    assert (proposed.category, proposed.groups, proposed.state) == ("criminal_recruitment", 6, "proposed")
    (found,) = proposed_terms(as_supervisor)
    assert found.proposal == proposed
    assert len(found.examples) == 3
    assert all("ニコニコ隊" in (case.post.current.text if case.post.current else "") for case in found.examples)


def test_practice_other_bodies_and_out_of_scope_posts_propose_nothing(
    police: Organisation, hotline: Organisation, proposed: TermProposal, as_analyst: Actor
) -> None:
    look_for_terms(hotline, NOON)
    assert not TermProposal.objects.filter(organisation=hotline).exists()
    for case in Case.objects.all()[:4]:
        undo(as_analyst, case.pk, NOON)
    look_for_terms(police, NOON)
    assert not TermProposal.objects.exists()  # what is no longer over-used is taken back


def test_an_accepted_word_is_tried_and_live_once_a_second_person_approved_it(
    proposed: TermProposal, as_supervisor: Actor, second: Actor
) -> None:
    page = posts("ニコニコ隊 日給10万円 即日即金 詳しくはテレグラムで")
    before = serving_detector()
    assert not spans(before.judge(page).to_pylist(), "ニコニコ隊", "receiver")
    draft = accept_term(as_supervisor, proposed.pk, "receiver", "strong", NOON)
    assert draft == CueDraft.objects.get()
    assert (draft.category, draft.cue, draft.phrase, draft.strength) == (
        "criminal_recruitment", "receiver", "ニコニコ隊", "strong",
    )  # fmt: skip
    assert draft.tried["harmless"] > 250, "tried as one written by hand"
    proposed.refresh_from_db()
    assert (proposed.state, proposed.draft, proposed.by_id) == ("accepted", draft, as_supervisor.user_id)
    assert proposed_terms(as_supervisor) == []
    assert terms_in_draft(as_supervisor)[draft.pk].proposal == proposed
    assert not settings.YOAKE_CATEGORIES.exists(), "it counts for nothing yet"
    with pytest.raises(Refused, match="second person"):
        approve_cue(as_supervisor, draft.pk)
    with pytest.raises(BadInput, match="no such open proposal"):
        accept_term(second, proposed.pk, "receiver", "strong")
    assert not settings.YOAKE_CATEGORIES.exists()
    approve_cue(second, draft.pk, NOON)
    assert terms_in_draft(as_supervisor) == {}
    look_again()
    after = serving_detector()
    assert after.version != before.version
    assert spans(after.judge(page).to_pylist(), "ニコニコ隊", "receiver")
    line = (settings.YOAKE_CATEGORIES / "criminal_recruitment" / "phrases.tsv").read_text().splitlines()[1].split("\t")
    assert line[:5] == ["receiver", "ニコニコ隊", "1.8", "ja", "2026-11"]
    noted = list(Entry.objects.filter(facts__draft=str(draft.pk)).order_by("pk").values_list("kind", "actor"))
    assert noted == [
        ("term_accepted", as_supervisor.name),
        ("cue_drafted", as_supervisor.name),
        ("cue_approved", second.name),
    ]
    assert first_break() is None


def spans(findings: list[dict[str, object]], text: str, cue: str) -> list[object]:
    return [s for f in findings for s in f["spans"] if text in s["text"] and s["cue"] == cue]  # type: ignore[attr-defined]


def test_accepted_and_rejected_words_are_not_proposed_again(
    proposed: TermProposal, police: Organisation, as_supervisor: Actor, second: Actor
) -> None:
    reject_term(as_supervisor, proposed.pk, NOON)
    look_for_terms(police, NOON + timedelta(days=1))
    assert list(TermProposal.objects.values_list("state", flat=True)) == ["rejected"]
    assert proposed_terms(as_supervisor) == []
    TermProposal.objects.update(state="proposed")
    draft = accept_term(as_supervisor, proposed.pk, "receiver", "weak", NOON)
    send_back_cue(second, draft.pk, NOON)
    look_for_terms(police, NOON + timedelta(days=1))
    assert proposed_terms(as_supervisor) == []
    TermProposal.objects.update(state="proposed", draft=None)
    approve_cue(second, accept_term(as_supervisor, proposed.pk, "receiver", "weak", NOON).pk, NOON)
    TermProposal.objects.all().delete()  # even then: it is listed now
    look_again()
    look_for_terms(police, NOON + timedelta(days=1))
    assert not TermProposal.objects.exists()


@pytest.mark.parametrize(("cue", "strength"), [("", "weak"), ("no_such", "weak"), ("receiver", ""), ("receiver", "9")])
def test_wrong_roles_and_strengths_are_refused(
    proposed: TermProposal, as_supervisor: Actor, cue: str, strength: str
) -> None:
    with pytest.raises(BadInput):
        accept_term(as_supervisor, proposed.pk, cue, strength)
    proposed.refresh_from_db()
    assert proposed.state == "proposed"
    assert not CueDraft.objects.exists()
    assert not settings.YOAKE_CATEGORIES.exists()


def test_only_supervisors_of_the_same_body_judge_words(
    proposed: TermProposal, as_analyst: Actor, as_outsider: Actor
) -> None:
    for who, problem in ((as_analyst, Refused), (as_outsider, BadInput)):
        with pytest.raises(problem, match=r"analyst|no such open proposal"):
            accept_term(who, proposed.pk, "receiver", "weak")
        with pytest.raises(problem, match=r"analyst|no such open proposal"):
            reject_term(who, proposed.pk)
    with pytest.raises(Refused):
        proposed_terms(as_analyst)
    assert proposed_terms(as_outsider) == []
    assert not CueDraft.objects.exists()
    assert not settings.YOAKE_CATEGORIES.exists()


def test_when_the_folder_cannot_take_it_nothing_is_recorded(proposed: TermProposal, as_supervisor: Actor) -> None:
    folder: Path = settings.YOAKE_CATEGORIES / "criminal_recruitment"
    folder.mkdir(parents=True)
    (folder / "phrases.tsv").write_text("broken\n")
    with transaction.atomic(), pytest.raises(BadInput, match=r"phrases\.tsv"):
        accept_term(as_supervisor, proposed.pk, "receiver", "weak")
    proposed.refresh_from_db()
    assert proposed.state == "proposed"
    assert not CueDraft.objects.exists()
    assert not Entry.objects.filter(kind__in=("term_accepted", "cue_drafted")).exists()


@pytest.mark.parametrize(
    ("text", "lang"),
    [("ニコニコ隊", "ja"), ("easy cash", "en"), ("고수익", "ko"), ("受子", "any"), ("🍦", "any"), ("lương", "any")],
)
def test_languages_by_script(text: str, lang: str) -> None:
    assert language(text) == lang
