"""What a person ticks, the notes beside a case, and the sign of a minor."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.world import NOON, arrive, finding, post
from yoake.casework.audit.models import Entry
from yoake.casework.cases.actions import add_by_hand, decide, undo
from yoake.casework.cases.categories import category
from yoake.casework.cases.elements import Tied, proposed, quoted, reason_in, tied_of
from yoake.casework.cases.models import Case, Decision, Note
from yoake.casework.cases.notes import add_note, mark_minor
from yoake.casework.cases.reasons import Quoted, compose
from yoake.casework.people.queries import Actor
from yoake.casework.quality.lessons import training_rows
from yoake.casework.quality.models import HashedPost
from yoake.casework.sources.models import Source
from yoake.errors import BadInput, Refused
from yoake.pipeline.worker import work_once

pytestmark = pytest.mark.django_db

TEXT = "🥦👨‍👩‍👧高額バイト 日当30万円、詳しくはDMで"
PAY = (TEXT.index("日当"), TEXT.index("円") + 1)


def case_of(live: Source, text: str = TEXT, category: str = "criminal_recruitment", **more: Any) -> Case:
    return Case.objects.get(pk=arrive(live, [post(text=text)], [finding(0, category, **more)]).opened[0])


def in_scope(actor: Actor, case: Case, *elements: Tied, category: str = "criminal_recruitment") -> Decision:
    assert case.post.current_id
    return decide(
        actor, case.pk, "in_scope", version_id=case.post.current_id, category_slug=category, elements=elements, now=NOON
    )


def test_a_reason_that_an_english_page_made_goes_out_in_the_readers_language(live: Source, as_analyst: Actor) -> None:
    case = case_of(live)
    decision = in_scope(as_analyst, case, Tied("high_pay", "text", *PAY))
    version, known = case.post.current, category("criminal_recruitment")
    assert version is not None
    japanese, english = (compose(known, quoted(version, tied_of(decision)), english=one) for one in (False, True))
    decision.reason = english
    assert (reason_in("ja", decision, version), reason_in("en", decision, version)) == (japanese, english)
    decision.reason = "自分の言葉で書いた。"
    assert reason_in("ja", decision, version) == "自分の言葉で書いた。"


def test_what_is_ticked_is_kept_with_its_place_in_the_original(live: Source, as_analyst: Actor) -> None:
    case = case_of(live)
    pay, contact = Tied("high_pay", "text", *PAY), Tied("anonymous_contact", "text", len(TEXT) - 3, len(TEXT))
    decision = in_scope(as_analyst, case, contact, pay, pay)
    assert decision.elements == [pay.row(), contact.row()]  # in the category's order, each once
    assert case.post.current is not None
    assert [one.words for one in quoted(case.post.current, tied_of(decision))] == ["日当30万円", "DMで"]


@pytest.mark.parametrize(
    "wrong",
    [
        Tied("no_such_element", "text", 0, 2),
        Tied("left_home", "text", 0, 2),  # of another category
        Tied("high_pay", "text", 3, 3),
        Tied("high_pay", "text", -1, 3),
        Tied("high_pay", "text", 0, len(TEXT) + 1),
        Tied("high_pay", "profile", 0, 1),
        Tied("high_pay", "url", 0, 1),
        Tied("high_pay", "image:1", 0, 1),
    ],
)
def test_what_is_not_there_cannot_be_ticked(live: Source, as_analyst: Actor, wrong: Tied) -> None:
    case = case_of(live)
    with pytest.raises(BadInput):
        in_scope(as_analyst, case, wrong)
    assert not Decision.objects.exists()


def test_words_in_a_picture_are_tied_only_where_a_detector_read_them(live: Source, as_analyst: Actor) -> None:
    span = {"field": "image:1", "start": 2, "end": 8, "text": "日当30万円", "cue": "high_pay", "weight": 1.0}
    element = {"name": "high_pay", "span": {key: span[key] for key in ("field", "start", "end", "text")}}
    case = case_of(live, spans=[span], elements=[element])
    assert case.post.current is not None
    found = proposed(case.post.current.findings.all(), "criminal_recruitment")
    assert found == {"high_pay": (Tied("high_pay", "image:1", 2, 8), "日当30万円")}
    decision = in_scope(as_analyst, case, found["high_pay"][0])
    assert [one.words for one in quoted(case.post.current, tied_of(decision))] == ["日当30万円"]


def test_only_in_scope_has_elements(live: Source, as_analyst: Actor) -> None:
    case = case_of(live)
    assert case.post.current_id
    decision = decide(
        as_analyst, case.pk, "not_in_scope", version_id=case.post.current_id, elements=[Tied("high_pay", "text", *PAY)]
    )
    assert decision.elements == []


def test_spans_and_notes_go_when_the_words_go(live: Source, as_analyst: Actor, as_supervisor: Actor) -> None:
    case = case_of(live)
    in_scope(as_analyst, case, Tied("high_pay", "text", *PAY))
    undo(as_analyst, case.pk, NOON)
    add_note(as_analyst, case.pk, "同じ文面を見たことがある", NOON)
    assert case.post.current_id
    decide(as_supervisor, case.pk, "not_in_scope", version_id=case.post.current_id, now=NOON)
    work_once(NOON + timedelta(hours=73))
    case.post.refresh_from_db()
    assert case.post.erased_at is not None
    assert Decision.objects.order_by("pk")[0].elements == [{"name": "high_pay", "field": "", "start": 0, "end": 0}]
    assert not Note.objects.exists()
    with pytest.raises(Refused, match="erased"):
        add_note(as_analyst, case.pk, "noch etwas", NOON)


# --- the written reason ---------------------------------------------------------------------------------------------


def test_the_reason_is_one_an_officer_can_sign() -> None:
    known = category("criminal_recruitment")
    ticked = [
        Quoted("high_pay", "text", "日当30万円"),
        Quoted("high_pay", "text", "即金"),
        Quoted("anonymous_contact", "profile", "テレグラム"),
        Quoted("denial", "text", "違法ではありません"),
        Quoted("not_of_it", "text", "x"),
    ]
    assert compose(known, ticked) == (
        "「日当30万円」「即金」との記載があり、著しく高い報酬を示しているものと認められる。"
        "プロフィール欄に「テレグラム」との記載があり、匿名性の高い連絡手段に誘っているものと認められる。"
        "「違法ではありません」との記載があり、違法でない、捕まらないなどと断っているものと認められる。"
        "以上を総合し、「犯罪実行者の募集」に当たる疑いがあると判断した。"
    )
    said = compose(known, ticked[1:3], english=True)
    assert said == (
        "The post says “即金”, which appears to show: exceptionally high pay is suggested. "
        "The profile says “テレグラム”, which appears to show: leads to an anonymous way of contact. "
        "Taken together, the post appears to fall under “Recruitment of people to carry out crimes”."
    )
    assert compose(known, []) == ""
    assert compose(known, [Quoted("not_of_it", "text", "x")]) == ""


def test_a_noun_makes_a_sentence_too_and_a_long_quotation_is_shortened() -> None:
    known = category("serious_crime")
    assert "臓器の売買に関するものと認められる。" in compose(known, [Quoted("organ", "image:1", "あ" * 200)])
    assert "画像に「" + "あ" * 40 + "……" in compose(known, [Quoted("organ", "image:1", "あ" * 200)])


def test_about_a_person_at_risk_it_speaks_of_help() -> None:
    said = compose(category("coerced_applicant"), [Quoted("threatened", "text", "家族に言うと言われた")])
    assert said == (
        "「家族に言うと言われた」との記載があり、脅されていることがうかがわれる。"
        "以上から、投稿者本人又は家族などが支援を必要としている可能性があると判断した。"
    )


# --- notes ----------------------------------------------------------------------------------------------------------


def test_a_note_is_kept_and_the_audit_holds_no_word_of_it(waiting: Case, as_analyst: Actor, as_outsider: Actor) -> None:
    written = add_note(as_analyst, waiting.pk, "  前にも見た書き方  ", NOON)
    assert (written.text, written.by_id, written.at) == ("前にも見た書き方", as_analyst.user_id, NOON)
    entry = Entry.objects.get(kind="noted")
    assert entry.facts == {"note": written.pk}
    for wrong in ("", "   ", "あ" * 2001):
        with pytest.raises(BadInput):
            add_note(as_analyst, waiting.pk, wrong)
    with pytest.raises(BadInput, match="no such case"):
        add_note(as_outsider, waiting.pk, "x")


# --- a sign that the author is under 18 -----------------------------------------------------------------------------


def test_the_wording_sets_the_flag_and_a_person_sets_or_clears_it(live: Source, as_analyst: Actor) -> None:
    case = case_of(live, "高2です。日払いの仕事ありませんか")
    assert case.minor
    assert not mark_minor(as_analyst, case.pk, False, NOON).minor
    mark_minor(as_analyst, case.pk, False, NOON)  # says the same: nothing is written
    assert [entry.kind for entry in Entry.objects.filter(kind__startswith="minor_")] == ["minor_cleared"]
    arrive(live, [post(text="高2です。日払いの仕事ありませんか!")], [finding()])
    case.refresh_from_db()
    assert not case.minor  # a person cleared it, and the words say nothing new
    mark_minor(as_analyst, case.pk, True, NOON)
    assert Case.objects.get().minor


def test_new_words_of_the_author_set_it_again(live: Source) -> None:
    case = case_of(live)
    assert not case.minor
    arrive(live, [post(text="訂正。16歳です")], [finding()])
    case.refresh_from_db()
    assert case.minor


def test_the_profile_counts_and_what_it_replies_to_does_not(live: Source, as_analyst: Actor) -> None:
    taken = arrive(
        live,
        [post("1", profile="JK2 / 埼玉"), post("2", parent_text="15歳です"), post("3")],
        [finding(0), finding(1), finding(2)],
    )
    assert list(Case.objects.filter(pk__in=taken.opened).order_by("pk").values_list("minor", flat=True)) == [
        True,
        False,
        False,
    ]
    assert add_by_hand(as_analyst, text="中3です。泊めてください").case.minor


def test_of_a_minor_a_second_person_judges_too(live: Source, as_analyst: Actor, practice: Source) -> None:
    case = case_of(live, "高1です。受け子やります")
    in_scope(as_analyst, case)
    case.refresh_from_db()
    assert case.state == Case.State.SECOND_REVIEW
    undo(as_analyst, case.pk)
    case.refresh_from_db()
    assert case.post.current_id
    decide(as_analyst, case.pk, "not_in_scope", version_id=case.post.current_id)
    case.refresh_from_db()
    assert case.state == Case.State.DECIDED


@pytest.mark.usefixtures("store")
def test_what_a_minor_wrote_is_nobodys_example(live: Source, as_analyst: Actor) -> None:
    def closed(number: int, verdict: str) -> Case:
        taken = arrive(live, [post(f"n{number}", f"荷物の受け取り役 その{number}")], [finding()])
        case = Case.objects.get(pk=taken.opened[0])
        assert case.post.current_id
        slug = "criminal_recruitment" if verdict == "in_scope" else ""
        decide(as_analyst, case.pk, verdict, version_id=case.post.current_id, category_slug=slug, now=NOON)
        return case

    yes, no = closed(1, "in_scope"), closed(2, "not_in_scope")
    assert len(list(training_rows())) == 2
    for case in (yes, no):
        mark_minor(as_analyst, case.pk, True, NOON)
    assert list(training_rows()) == []
    work_once(NOON + timedelta(hours=73))
    assert not HashedPost.objects.exists()
    late = closed(3, "not_in_scope")
    work_once(NOON + timedelta(hours=73))
    assert len(list(training_rows())) == 1
    mark_minor(as_analyst, late.pk, True, NOON)  # noticed after the words were gone
    assert list(training_rows()) == []


def test_roles(waiting: Case, as_analyst: Actor) -> None:
    as_auditor = replace(as_analyst, role="auditor")
    for act in (lambda: add_note(as_auditor, waiting.pk, "x"), lambda: mark_minor(as_auditor, waiting.pk, True)):
        with pytest.raises(Refused, match="does not allow"):
            act()
