from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.world import NOON, arrive, finding, post
from yoake.casework.audit.models import Entry
from yoake.casework.cases import actions
from yoake.casework.cases.duplicates import SUGGESTED, suggestions
from yoake.casework.cases.models import Case, Decision, Erasure
from yoake.casework.people.queries import Actor
from yoake.casework.quality.actions import judge_sample
from yoake.casework.quality.lessons import training_rows
from yoake.casework.quality.models import HashedPost
from yoake.casework.quality.queries import decided_by_grade
from yoake.casework.sources.models import Source
from yoake.errors import BadInput, Refused
from yoake.pipeline.worker import work_once

pytestmark = pytest.mark.django_db

Many = Callable[[int], list[Case]]


def repeat(actor: Actor, case: Case, of: int, **more: Any) -> Decision:
    assert case.post.current_id is not None
    told = {"version_id": case.post.current_id, "now": NOON, **more}
    return actions.decide(actor, case.pk, "duplicate", duplicate_of=of, **told)


def test_a_duplicate_names_the_case_that_it_repeats(as_analyst: Actor, many_waiting: Many) -> None:
    first, second = many_waiting(2)
    decision = repeat(as_analyst, second, first.pk, reason="同じ募集")
    assert (decision.verdict, decision.duplicate_of, decision.category, decision.hotline_class) == (
        "duplicate",
        first,
        "",
        "",
    )
    second.refresh_from_db()
    assert second.state == Case.State.DECIDED
    assert list(first.duplicates.values_list("case_id", flat=True)) == [second.pk]
    facts = Entry.objects.get(kind="decided").facts
    assert (facts["verdict"], facts["duplicate_of"]) == ("duplicate", first.pk)


@pytest.mark.parametrize("which", ["nothing", "itself", "foreign", "practice"])
def test_it_repeats_a_case_of_its_own_desk(
    which: str, as_analyst: Actor, as_outsider: Actor, live: Source, practice: Source, many_waiting: Many
) -> None:
    case, _other = many_waiting(2)
    other = {
        "nothing": 0,
        "itself": case.pk,
        "foreign": actions.add_by_hand(as_outsider, url="https://social.example/1").case.pk,
        "practice": actions.add_by_hand(as_analyst, text="練習", practice=True).case.pk,
    }[which]
    with pytest.raises(BadInput) as error:
        repeat(as_analyst, case, other)
    assert error.value.field == "duplicate_of"
    case.refresh_from_db()
    assert case.state == Case.State.WAITING


def test_duplicates_do_not_hang_on_duplicates(as_analyst: Actor, many_waiting: Many) -> None:
    one, two, three = many_waiting(3)
    repeat(as_analyst, two, one.pk)
    with pytest.raises(Refused, match="itself a duplicate"):
        repeat(as_analyst, three, two.pk)
    with pytest.raises(Refused, match="itself a duplicate"):
        repeat(as_analyst, one, two.pk)
    actions.undo(as_analyst, two.pk, now=NOON)
    assert repeat(as_analyst, one, two.pk).duplicate_of == two


def test_other_verdicts_repeat_nothing(as_analyst: Actor, many_waiting: Many) -> None:
    one, two = many_waiting(2)
    assert one.post.current_id is not None
    decision = actions.decide(
        as_analyst, one.pk, "cannot_tell", version_id=one.post.current_id, duplicate_of=two.pk, now=NOON
    )
    assert decision.duplicate_of is None


def test_its_words_go_after_three_days_and_teach_nothing(as_analyst: Actor, many_waiting: Many) -> None:
    first, second = many_waiting(2)
    repeat(as_analyst, second, first.pk)
    assert (Erasure.objects.get().why, Erasure.objects.get().due_at) == ("duplicate", NOON + timedelta(hours=72))
    assert list(training_rows()) == []
    work_once(NOON + timedelta(hours=71))
    second.post.refresh_from_db()
    assert second.post.erased_at is None
    work_once(NOON + timedelta(hours=73))
    second.refresh_from_db()
    assert second.post.erased_at is not None
    assert second.post.current is not None
    assert (second.post.current.text, second.post.url) == ("", "")
    assert Decision.objects.get().duplicate_of == first  # what it repeats stays known
    assert not HashedPost.objects.exists()
    assert list(training_rows()) == []
    first.post.refresh_from_db()
    assert first.post.erased_at is None


def test_undoing_keeps_the_words(as_analyst: Actor, many_waiting: Many) -> None:
    first, second = many_waiting(2)
    repeat(as_analyst, second, first.pk)
    actions.undo(as_analyst, second.pk, now=NOON)
    assert not Erasure.objects.exists()
    work_once(NOON + timedelta(hours=73))
    second.refresh_from_db()
    assert (second.state, second.post.erased_at) == (Case.State.WAITING, None)


def test_what_another_body_pursues_stays(as_analyst: Actor, as_outsider: Actor) -> None:
    url = "https://social.example/post/1"
    mine, theirs = (actions.add_by_hand(who, url=url, now=NOON).case for who in (as_analyst, as_outsider))
    other = actions.add_by_hand(as_analyst, text="別の投稿", now=NOON).case
    assert theirs.post.current_id is not None
    actions.decide(
        as_outsider, theirs.pk, "in_scope", version_id=theirs.post.current_id, category_slug="drug_ad", now=NOON
    )
    repeat(as_analyst, mine, other.pk)
    assert not Erasure.objects.filter(post=mine.post, why="duplicate").exists()


def test_a_duplicate_says_nothing_about_the_detector(as_analyst: Actor, many_waiting: Many) -> None:
    first, second = many_waiting(2)
    repeat(as_analyst, second, first.pk)
    assert decided_by_grade(as_analyst, NOON - timedelta(days=1)) == []


def test_a_sample_cannot_be_a_duplicate(as_supervisor: Actor) -> None:
    with pytest.raises(BadInput, match="in_scope, not_in_scope, cannot_tell"):
        judge_sample(as_supervisor, 1, "duplicate")


def test_what_changes_afterwards_is_looked_at_again(as_analyst: Actor, live: Source, many_waiting: Many) -> None:
    first, second = many_waiting(2)
    repeat(as_analyst, second, first.pk)
    arrive(live, [post("1", "高額バイト まったく別の話 テレグラムへ", author_id="a1")], [finding()])
    second.refresh_from_db()
    assert second.state == Case.State.WAITING


# --- suggestions ------------------------------------------------------------------------------------------------------


def test_the_likeliest_come_first(as_analyst: Actor, as_outsider: Actor, live: Source) -> None:
    same = "荷物を運ぶだけ 日給8万円"
    taken = arrive(
        live,
        [post("1", same, author_id="a"), post("2", same, author_id="a"), post("3", same, author_id="b"), post("4", "別の話", author_id="a")],
        [finding(n) for n in range(4)],
    )  # fmt: skip
    one, two, three, _four = (Case.objects.get(pk=pk) for pk in taken.opened)
    actions.add_by_hand(as_outsider, text=same)
    assert [(found.case, found.why) for found in suggestions(as_analyst, one)] == [
        (two, "same_author"),
        (three, "same_text"),
    ]


def test_a_number_or_an_address_is_found(as_analyst: Actor, as_outsider: Actor, waiting: Case) -> None:
    url = "https://social.example/post/1"
    other = actions.add_by_hand(as_analyst, url=url).case
    theirs = actions.add_by_hand(as_outsider, url="https://social.example/post/2").case
    assert [found.case for found in suggestions(as_analyst, waiting, f" {other.pk} ")] == [other]
    assert [found.case for found in suggestions(as_analyst, waiting, url + "?utm_source=x")] == [other]
    for asked in (str(theirs.pk), str(waiting.pk), "https://social.example/post/2", "ただの文", "9" * 40):
        assert suggestions(as_analyst, waiting, asked) == []


def test_there_are_never_many(as_analyst: Actor, live: Source) -> None:
    rows = [post(str(n), "同じ文", author_id="a") for n in range(20)]
    taken = arrive(live, rows, [finding(n) for n in range(20)])
    found = suggestions(as_analyst, Case.objects.get(pk=taken.opened[0]))
    assert len(found) == SUGGESTED
