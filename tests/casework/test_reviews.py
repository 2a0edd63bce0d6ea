"""Judging twice: what is asked of a second person, what they must not see, and how it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import override_settings

from tests.world import NOON, arrive, finding, post
from yoake.casework.audit.models import Entry
from yoake.casework.cases import second
from yoake.casework.cases.actions import decide, undo
from yoake.casework.cases.erasing import erase
from yoake.casework.cases.models import Case, Check, Decision, Erasure, Note, SecondReview
from yoake.casework.cases.notes import mark_minor
from yoake.casework.cases.queries import case_view, others_of_author, recently_decided
from yoake.casework.people.models import Membership, Organisation, User
from yoake.casework.people.queries import Actor, actor_of
from yoake.casework.quality.reviews import (
    disagreements,
    judge_again,
    may_settle,
    next_review,
    reviews_waiting,
    settle,
)
from yoake.casework.sources.models import Source
from yoake.errors import BadInput, Refused

pytestmark = pytest.mark.django_db

State = SecondReview.State
LATER = NOON + timedelta(hours=1)
RECRUITING = {"category_slug": "criminal_recruitment"}


def share(part: float) -> override_settings:
    """So large a share of decisions is drawn by lot."""
    return override_settings(ENVIRONMENT=replace(settings.ENVIRONMENT, review_share=part))


@pytest.fixture
def all_drawn() -> Iterator[None]:
    with share(1.0):
        yield


@pytest.fixture
def colleague(police: Organisation) -> Actor:
    user = User.objects.create_user("colleague", password="a long pass phrase 17")
    Membership.objects.create(user=user, organisation=police, role=Membership.Role.ANALYST)
    return actor_of(user)


@pytest.fixture
def another_supervisor(police: Organisation) -> Actor:
    user = User.objects.create_user("another", password="a long pass phrase 17")
    Membership.objects.create(user=user, organisation=police, role=Membership.Role.SUPERVISOR)
    return actor_of(user)


def judged(actor: Actor, case: Case, verdict: str = "in_scope", **more: object) -> Decision:
    version = case.post.current_id
    assert version is not None
    told = {**(RECRUITING if verdict == "in_scope" else {}), "now": NOON, **more}
    return decide(actor, case.pk, verdict, version_id=version, **told)  # type: ignore[arg-type]


def again(actor: Actor, case: Case, verdict: str = "in_scope", **more: object) -> SecondReview:
    version = case.post.current_id
    assert version is not None
    told = {**(RECRUITING if verdict == "in_scope" else {}), "now": LATER, **more}
    return judge_again(actor, case.pk, verdict, version_id=version, **told)  # type: ignore[arg-type]


def rule(actor: Actor, review: SecondReview, verdict: str, **more: object) -> SecondReview:
    """A supervisor settles it who read what the post says now."""
    version = Case.objects.get(pk=review.case_id).post.current_id
    assert version is not None
    return settle(actor, review.pk, verdict, version_id=version, **more)  # type: ignore[arg-type]


def fresh(case: Case) -> Case:
    return Case.objects.get(pk=case.pk)


@pytest.fixture
def serious(live: Source) -> Case:
    """A case of a category that demands a second judgement."""
    row = post("s", "強盗 実行役 募集", author_id="a", author_handle="h")
    (pk,) = arrive(live, [row], [finding(category="serious_crime")]).opened
    return Case.objects.get(pk=pk)


def test_a_category_that_demands_it_holds_the_case(serious: Case, as_analyst: Actor) -> None:
    judged(as_analyst, serious, category_slug="serious_crime")
    assert fresh(serious).state == Case.State.SECOND_REVIEW
    review = SecondReview.objects.get(case=serious)
    assert (review.why, review.state, review.drawn) == ("category", State.WAITING, False)


def test_a_minor_demands_it(waiting: Case, as_analyst: Actor) -> None:
    Case.objects.update(minor=True)
    judged(as_analyst, waiting)
    assert SecondReview.objects.get().why == "minor"
    assert fresh(waiting).state == Case.State.SECOND_REVIEW


def test_whoever_takes_the_sign_of_a_minor_away_does_not_judge_alone(
    waiting: Case, as_analyst: Actor, colleague: Actor
) -> None:
    Case.objects.update(minor=True)  # as the detector saw it
    mark_minor(as_analyst, waiting.pk, False)
    mark_minor(as_analyst, waiting.pk, True)
    mark_minor(as_analyst, waiting.pk, False)  # nor by a sign of their own in between
    judged(as_analyst, waiting)
    assert SecondReview.objects.get().why == "minor"
    assert fresh(waiting).state == Case.State.SECOND_REVIEW
    undo(as_analyst, waiting.pk)
    judged(colleague, waiting)
    assert fresh(waiting).state == Case.State.DECIDED, "two people saw that the author is not under 18"


def test_a_sign_set_by_mistake_demands_nobody(waiting: Case, as_analyst: Actor) -> None:
    mark_minor(as_analyst, waiting.pk, True)
    mark_minor(as_analyst, waiting.pk, False)
    judged(as_analyst, waiting)
    assert fresh(waiting).state == Case.State.DECIDED


@pytest.mark.parametrize("slug", ["serious_crime", "minor_approach", "disaster_misinformation"])
def test_shipped_categories_that_demand_it(slug: str) -> None:
    from yoake.casework.cases.categories import category

    assert category(slug).second_review


def test_the_lot_draws_beside_and_the_decision_stands(waiting: Case, as_analyst: Actor, all_drawn: None) -> None:
    judged(as_analyst, waiting)
    assert fresh(waiting).state == Case.State.DECIDED
    review = SecondReview.objects.get()
    assert (review.why, review.drawn) == ("lot", True)


def test_nothing_is_drawn_of_practice_or_of_duplicates(
    practice: Source, live: Source, as_analyst: Actor, all_drawn: None
) -> None:
    (learned,) = arrive(practice, [post("p")], [finding()]).opened
    judged(as_analyst, Case.objects.get(pk=learned))
    first, second_one = arrive(live, [post("1"), post("2")], [finding(0), finding(1)]).opened
    judged(as_analyst, Case.objects.get(pk=second_one), "duplicate", duplicate_of=first)
    assert not SecondReview.objects.exists()


def test_the_lot_is_even_and_nobody_without_the_key_knows_it(
    many_waiting: Callable[[int], list[Case]], as_analyst: Actor
) -> None:
    decisions = [judged(as_analyst, case, "not_in_scope") for case in many_waiting(60)]
    lots = [second.lot(decision) for decision in decisions]
    assert all(0 <= lot < 1 for lot in lots)
    assert len(set(lots)) == len(lots)
    assert 0.3 < sum(lots) / len(lots) < 0.7
    with override_settings(SECRET_KEY="another"):
        assert lots[0] != second.lot(decisions[0])


def test_the_share_is_what_the_setting_says(many_waiting: Callable[[int], list[Case]], as_analyst: Actor) -> None:
    with share(0.25):
        for case in many_waiting(80):
            judged(as_analyst, case, "not_in_scope")
    assert 8 <= SecondReview.objects.count() <= 34


def test_never_the_first_person(waiting: Case, as_analyst: Actor, all_drawn: None) -> None:
    judged(as_analyst, waiting)
    assert not reviews_waiting(as_analyst).exists()
    with pytest.raises(Refused, match="another person"):
        again(as_analyst, waiting)


def test_other_bodies_see_none(waiting: Case, as_analyst: Actor, as_outsider: Actor, all_drawn: None) -> None:
    judged(as_analyst, waiting)
    assert not reviews_waiting(as_outsider).exists()
    with pytest.raises(BadInput):
        again(as_outsider, waiting)


def test_the_view_of_the_second_is_that_of_a_waiting_case(
    waiting: Case, as_analyst: Actor, as_supervisor: Actor, all_drawn: None
) -> None:
    before = case_view(as_supervisor, waiting.pk)
    judged(as_analyst, waiting, reason="受け子を募っている")
    Note.objects.create(case=waiting, by_id=as_analyst.user_id, at=NOON, text="まちがいない")
    view = case_view(as_supervisor, waiting.pk)
    assert view.blind
    assert (view.case.state, view.decisions, view.standing, view.notes) == (Case.State.WAITING, [], None, [])
    assert {"decided", "undone"}.isdisjoint(entry.kind for entry in view.log)
    assert "decide" in view.allowed
    assert "undo" not in view.allowed
    assert view.checks == before.checks == []
    assert Check.objects.filter(case=waiting).exists(), "what follows from “in scope” would give it away"
    assert fresh(waiting).state == Case.State.DECIDED, "a view is never saved"
    own = case_view(as_analyst, waiting.pk)
    assert (own.blind, own.standing is not None) == (False, True)
    assert "undo" in own.allowed


def test_it_shows_nowhere_else(
    waiting: Case, as_analyst: Actor, as_supervisor: Actor, live: Source, all_drawn: None
) -> None:
    rows = [post("x", "受け子 募集", author_id="a"), post("y", "別の話", author_id="a")]
    one, other = (Case.objects.get(pk=pk) for pk in arrive(live, rows, [finding(0), finding(1)]).opened)
    judged(as_analyst, one)
    assert recently_decided(as_supervisor, practice=False) == []
    assert len(recently_decided(as_analyst, practice=False)) == 1
    others, _n = others_of_author(as_supervisor, other)
    assert [found.standing for found in others] == [None]


def test_agreement_closes_it(serious: Case, as_analyst: Actor, as_supervisor: Actor) -> None:
    first = judged(as_analyst, serious, category_slug="serious_crime")
    review = again(as_supervisor, serious, category_slug="serious_crime", reason="同じ")
    assert (review.state, review.final_verdict, review.final_category) == (State.AGREED, "in_scope", "serious_crime")
    assert fresh(serious).state == Case.State.DECIDED
    view = case_view(as_supervisor, serious.pk)
    assert (view.blind, view.standing) == (False, first)
    assert Decision.objects.count() == 1
    entry = Entry.objects.filter(kind="reviewed").get()
    assert entry.facts == {"review": review.pk, "verdict": "in_scope", "category": "serious_crime", "alike": True}


@pytest.mark.parametrize(("verdict", "more"), [("not_in_scope", {}), ("in_scope", {"category_slug": "drug_ad"})])
def test_what_is_judged_apart_goes_to_a_supervisor(
    verdict: str, more: dict[str, str], waiting: Case, as_analyst: Actor, colleague: Actor, as_supervisor: Actor,
    all_drawn: None,
) -> None:  # fmt: skip
    judged(as_analyst, waiting)
    review = again(colleague, waiting, verdict, **more)
    assert review.state == State.DISAGREED
    assert fresh(waiting).state == Case.State.SECOND_REVIEW
    assert [one.pk for one in disagreements(as_supervisor)] == [review.pk]
    view = case_view(as_supervisor, waiting.pk)
    assert not view.blind
    assert view.standing == review.first
    for others in (as_analyst, colleague):
        with pytest.raises(Refused):
            disagreements(others)
    assert case_view(colleague, waiting.pk).blind
    with pytest.raises(Refused, match="a supervisor settles it"):
        undo(as_analyst, waiting.pk, LATER)
    with pytest.raises(Refused, match="no second judgement"):
        again(as_supervisor, waiting)


def test_a_disagreement_keeps_the_words(waiting: Case, as_analyst: Actor, colleague: Actor, all_drawn: None) -> None:
    judged(as_analyst, waiting, "not_in_scope")
    assert Erasure.objects.filter(post=waiting.post).exists()
    again(colleague, waiting)
    assert not Erasure.objects.filter(post=waiting.post).exists()


@pytest.mark.parametrize(("final", "erased"), [("not_in_scope", True), ("in_scope", False)])
def test_a_settlement_rules_what_is_kept(
    final: str, erased: bool, waiting: Case, as_analyst: Actor, colleague: Actor, as_supervisor: Actor, all_drawn: None
) -> None:
    first = judged(as_analyst, waiting)
    review = again(colleague, waiting, "not_in_scope")
    slug = "criminal_recruitment" if final == "in_scope" else ""
    settled = rule(as_supervisor, review, final, category_slug=slug, now=LATER)
    assert (settled.state, settled.final_verdict, settled.settled_by_id) == (
        State.SETTLED,
        final,
        as_supervisor.user_id,
    )
    case = fresh(waiting)
    assert case.state == Case.State.DECIDED
    why = Erasure.objects.filter(post=case.post).values_list("why", flat=True).first()
    assert (why == "not_in_scope") is erased
    standing = case_view(colleague, waiting.pk).standing
    assert standing is not None
    assert (standing.verdict, standing == first) == (final, final == "in_scope")
    assert Decision.objects.count() == (3 if erased else 1), "every row is kept"
    assert Entry.objects.filter(kind="settled").count() == 1
    with pytest.raises(BadInput):
        rule(as_supervisor, review, final, category_slug=slug)


def test_a_settlement_can_be_undone_as_any_decision(
    waiting: Case, as_analyst: Actor, colleague: Actor, as_supervisor: Actor, all_drawn: None
) -> None:
    judged(as_analyst, waiting)
    review = again(colleague, waiting, "not_in_scope")
    rule(as_supervisor, review, "not_in_scope", now=LATER)
    undo(as_supervisor, waiting.pk, LATER)
    assert fresh(waiting).state == Case.State.WAITING
    review.refresh_from_db()
    assert review.state == State.SETTLED


def test_who_settles(
    waiting: Case, as_analyst: Actor, as_supervisor: Actor, another_supervisor: Actor, all_drawn: None
) -> None:
    judged(as_analyst, waiting)
    review = again(as_supervisor, waiting, "not_in_scope")
    assert not may_settle(as_supervisor, review), "another supervisor could"
    with pytest.raises(Refused, match="another supervisor"):
        rule(as_supervisor, review, "not_in_scope")
    assert not may_settle(as_analyst, review)
    Membership.objects.filter(user_id=another_supervisor.user_id).update(ended_at=NOON)
    assert may_settle(as_supervisor, review), "nobody else could"
    assert rule(as_supervisor, review, "not_in_scope").state == State.SETTLED


def test_the_first_person_never_settles(
    waiting: Case, as_supervisor: Actor, as_analyst: Actor, all_drawn: None
) -> None:
    judged(as_supervisor, waiting)
    review = again(as_analyst, waiting, "not_in_scope")
    with pytest.raises(Refused):
        rule(as_supervisor, review, "in_scope", category_slug="criminal_recruitment")


def test_taking_the_first_back_ends_the_review(serious: Case, as_analyst: Actor, as_supervisor: Actor) -> None:
    judged(as_analyst, serious, category_slug="serious_crime")
    undo(as_analyst, serious.pk, LATER)
    assert SecondReview.objects.get().state == State.LAPSED
    assert not reviews_waiting(as_supervisor).exists()
    assert fresh(serious).state == Case.State.WAITING
    judged(as_analyst, serious, category_slug="serious_crime", now=LATER)
    assert SecondReview.objects.filter(state=State.WAITING).count() == 1


def test_two_versions_are_no_measure(
    waiting: Case, live: Source, as_analyst: Actor, as_supervisor: Actor, all_drawn: None
) -> None:
    judged(as_analyst, waiting)
    arrive(live, [post(text="受け子 募集 追記")], [finding()], LATER)
    changed = Case.objects.select_related("post").get(pk=waiting.pk)
    with pytest.raises(Refused, match="changed"):
        again(as_supervisor, waiting)
    assert not again(as_supervisor, changed).drawn


def test_the_reason_goes_with_the_words(
    waiting: Case, as_analyst: Actor, as_supervisor: Actor, all_drawn: None
) -> None:
    judged(as_analyst, waiting, "not_in_scope")
    review = again(as_supervisor, waiting, "not_in_scope", reason="ただの求人の引用")
    erase(waiting.post, NOON + timedelta(days=4))
    review.refresh_from_db()
    assert (review.reason, review.final_verdict) == ("", "not_in_scope")


def test_what_was_erased_is_not_offered(
    waiting: Case, as_analyst: Actor, as_supervisor: Actor, all_drawn: None
) -> None:
    judged(as_analyst, waiting, "not_in_scope")
    erase(waiting.post, NOON + timedelta(days=4))
    assert next_review(as_supervisor) is None
    with pytest.raises(Refused, match="waits for no second judgement"):
        again(as_supervisor, waiting, "not_in_scope")


def test_the_order_tells_nothing_of_what_was_judged(
    live: Source, serious: Case, waiting: Case, as_analyst: Actor, as_supervisor: Actor, all_drawn: None
) -> None:
    """Only "in scope" holds a case up until it is judged twice: such a case must not be the first for that."""
    judged(as_analyst, waiting)
    judged(as_analyst, serious, category_slug="serious_crime", now=LATER)
    assert [review.case_id for review in reviews_waiting(as_supervisor)] == [waiting.pk, serious.pk]
    found = next_review(as_supervisor, after=waiting.pk)
    assert found is not None
    assert found.case_id == serious.pk
    Case.objects.filter(pk=serious.pk).update(minor=True)  # what everybody sees may put it first
    assert [review.case_id for review in reviews_waiting(as_supervisor)] == [serious.pk, waiting.pk]


@pytest.mark.parametrize("role", Membership.Role.values)
def test_who_may(
    role: str, many_waiting: Callable[[int], list[Case]], as_analyst: Actor, colleague: Actor, police: Organisation,
    all_drawn: None,
) -> None:  # fmt: skip
    open_one, apart = many_waiting(2)
    judged(as_analyst, open_one)
    judged(as_analyst, apart)
    review = again(colleague, apart, "not_in_scope")
    user = User.objects.create_user("somebody", password="a long pass phrase 17")
    Membership.objects.create(user=user, organisation=police, role=role)
    actor = actor_of(user)
    if role in ("analyst", "supervisor", "administrator"):
        assert again(actor, open_one).state == State.AGREED
    else:
        with pytest.raises(Refused):
            again(actor, open_one)
    if role in ("supervisor", "administrator"):
        assert rule(actor, review, "in_scope", category_slug="criminal_recruitment").state == State.SETTLED
    else:
        with pytest.raises(Refused):
            rule(actor, review, "in_scope", category_slug="criminal_recruitment")


@pytest.mark.parametrize(
    ("verdict", "more", "error"),
    [
        ("duplicate", {}, BadInput),
        ("maybe", {}, BadInput),
        ("in_scope", {"category_slug": "nothing"}, BadInput),
        ("in_scope", {"category_slug": "child_abuse_material"}, Refused),
        ("not_in_scope", {"reason": "あ" * 2001}, BadInput),
    ],
)
def test_what_a_second_judgement_cannot_be(
    verdict: str, more: dict[str, str], error: type[Exception], waiting: Case, as_analyst: Actor, as_supervisor: Actor,
    all_drawn: None,
) -> None:  # fmt: skip
    judged(as_analyst, waiting)
    with pytest.raises(error):
        again(as_supervisor, waiting, verdict, **more)
    assert SecondReview.objects.get().state == State.WAITING


def test_a_post_that_says_something_new_is_judged_by_anybody(
    live: Source, waiting: Case, as_analyst: Actor, as_supervisor: Actor, all_drawn: None
) -> None:
    judged(as_analyst, waiting, "not_in_scope")
    arrive(live, [post(text="受け子募集 日給10万 テレグラムで")], [finding()], NOON + timedelta(hours=1))
    assert fresh(waiting).state == Case.State.WAITING
    assert SecondReview.objects.get().state == SecondReview.State.LAPSED, "it was about the old words"
    judged(as_supervisor, fresh(waiting), now=LATER)
    assert fresh(waiting).state == Case.State.DECIDED


def test_what_another_body_pursues_is_not_erased_by_recording_it_only(
    serious: Case, hotline: Organisation, as_analyst: Actor, as_supervisor: Actor, as_outsider: Actor
) -> None:
    theirs = Source.objects.create(organisation=hotline, name="theirs", connector="jsonl", options={"path": "-"})
    row = post("s", "強盗 実行役 募集", author_id="a", author_handle="h")
    (pk,) = arrive(theirs, [row], [finding(category="serious_crime")]).opened
    judged(as_analyst, serious, category_slug="serious_crime")
    assert fresh(serious).state == Case.State.SECOND_REVIEW
    judged(as_outsider, Case.objects.get(pk=pk), category_slug="obscene_display")
    serious.post.refresh_from_db()
    assert serious.post.erased_at is None, "it waits for its second judgement, in scope so far"
    again(as_supervisor, serious, category_slug="serious_crime")
    assert fresh(serious).state == Case.State.DECIDED
