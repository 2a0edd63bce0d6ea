"""Who may read and act: what another body holds, what must not be seen before a second judgement, what somebody typed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.casework.test_advice import adviser_of
from tests.casework.test_reviews import again, all_drawn, judged, share
from tests.world import NOON, arrive, finding, post
from yoake.casework.audit.actions import note_views
from yoake.casework.audit.models import Entry
from yoake.casework.audit.queries import first_break
from yoake.casework.cases.actions import add_by_hand, decide
from yoake.casework.cases.advice import advices_about, advices_waiting, ask_advice, give_advice
from yoake.casework.cases.checks import check_now, hand_over, mark_by_hand
from yoake.casework.cases.duplicates import suggestions
from yoake.casework.cases.filters import Filter
from yoake.casework.cases.holds import place_hold
from yoake.casework.cases.in_scope import decided_in_scope
from yoake.casework.cases.models import Case, Check, Decision, SecondReview
from yoake.casework.cases.notes import add_note
from yoake.casework.cases.queries import (
    case_view,
    checks_by_hand,
    checks_by_hand_count,
    earlier_versions,
    others_of_author,
)
from yoake.casework.cases.retention import retention_of
from yoake.casework.cases.searching import search
from yoake.casework.cases.second import untold
from yoake.casework.cases.waiting import neighbours
from yoake.casework.link.queries import decided_together
from yoake.casework.people.models import Membership, Organisation, User
from yoake.casework.people.queries import Actor, actor_of, colleagues
from yoake.casework.quality.agreement import judged_otherwise
from yoake.casework.quality.reviews import settle
from yoake.casework.sources.models import Source
from yoake.errors import Refused

pytestmark = pytest.mark.django_db
__all__ = ["all_drawn"]

URL = "https://sns.example/u/1"
LATER = NOON + timedelta(hours=3)
NOT_READ = "another body"


@pytest.fixture
def other(as_outsider: Actor) -> Source:
    """A source of the other body."""
    return Source.objects.create(organisation_id=as_outsider.organisation_id, name="other", connector="jsonl")


@pytest.fixture
def pair(live: Source) -> list[Case]:
    """Two cases of one author that say the same."""
    rows = [post(str(n), "受け子募集 ぽかぽか便", author_id="a", url=f"{URL}{n}") for n in (1, 2)]
    taken = arrive(live, rows, [finding(0), finding(1)])
    return list(Case.objects.select_related("post").filter(pk__in=taken.opened).order_by("pk"))


@pytest.fixture
def colleague(police: Organisation) -> Actor:
    user = User.objects.create_user("colleague", password="a long pass phrase 17")
    Membership.objects.create(user=user, organisation=police, role="analyst")
    return actor_of(user)


def hold_the_author(actor: Actor) -> None:
    place_hold(actor, "account", "a", network="test", days=30, now=NOON)


def in_hands(case: Case) -> Check:
    """A check of a case that waits for a person."""
    row = Check.objects.filter(case=case, outcome="").order_by("due_at")[0]
    hand_over(row, "unchecked")
    return row


# --- what another body holds ----------------------------------------------------------------------------------------


def test_no_list_prints_what_another_body_holds(
    pair: list[Case], police: Organisation, as_analyst: Actor, colleague: Actor, as_supervisor: Actor,
    as_outsider: Actor,
) -> None:  # fmt: skip
    one, two = pair
    lawyer, partner = adviser_of(police, "bengo"), Actor("user:0", 0, police.pk, "partner")
    ask_advice(as_analyst, one.pk, "当たりますか", NOON)
    judged(as_analyst, one)
    in_hands(one)
    with share(1.0):
        judged(as_analyst, two)
    again(colleague, two, "not_in_scope")
    review = SecondReview.objects.get()
    settle(
        as_supervisor, review.pk, "in_scope", version_id=two.post.current_id or 0, category_slug="drug_ad", now=LATER
    )
    third = add_by_hand(as_analyst, text="別の投稿", now=NOON).case
    soon = NOON + timedelta(hours=2)

    def shown() -> list[int]:
        return [
            len(suggestions(as_analyst, third, str(one.pk))),
            len(others_of_author(as_analyst, one)[0]),
            len(checks_by_hand(as_analyst, soon)),
            checks_by_hand_count(as_analyst, soon),
            len(judged_otherwise(as_analyst, LATER)),
            len(advices_waiting(lawyer)),
            decided_in_scope(partner).count(),
        ]

    assert shown() == [1, 1, 1, 1, 1, 1, 2]
    hold_the_author(as_outsider)
    assert shown() == [0] * 7


def test_no_act_on_what_another_body_holds(
    pair: list[Case], police: Organisation, as_analyst: Actor, colleague: Actor, as_supervisor: Actor,
    as_outsider: Actor, all_drawn: None,
) -> None:  # fmt: skip
    one, two = pair
    lawyer = adviser_of(police, "bengo")
    asked = ask_advice(as_analyst, one.pk, "当たりますか", NOON)
    judged(as_analyst, one)
    row = in_hands(one)
    judged(as_analyst, two)
    review = again(colleague, two, "not_in_scope")
    version, before = two.post.current_id or 0, Decision.objects.count()
    hold_the_author(as_outsider)
    for act in (
        lambda: ask_advice(as_analyst, two.pk, "こちらは", NOON),
        lambda: give_advice(lawyer, asked.pk, "当たります", NOON),
        lambda: check_now(as_analyst, one.pk, NOON),
        lambda: mark_by_hand(as_analyst, row.pk, "gone", NOON + timedelta(hours=2)),
        lambda: settle(as_supervisor, review.pk, "not_in_scope", version_id=version, now=LATER),
    ):
        with pytest.raises(Refused, match=NOT_READ):
            act()
    assert (Decision.objects.count(), Check.objects.exclude(outcome="").count()) == (before, 0)


def test_a_colleague_who_reads_keeps_nobody_from_advice_and_checks(
    pair: list[Case], police: Organisation, as_analyst: Actor, colleague: Actor
) -> None:
    from yoake.casework.cases.leases import take_lease

    take_lease(colleague, pair[0].pk, NOON)
    asked = ask_advice(as_analyst, pair[0].pk, "当たりますか", NOON)
    give_advice(adviser_of(police, "bengo"), asked.pk, "当たります", NOON)
    assert check_now(as_analyst, pair[0].pk, NOON).step == "now"


def test_what_is_recorded_only_is_printed_nowhere_while_another_body_pursues_it(
    pair: list[Case], other: Source, as_analyst: Actor, as_outsider: Actor
) -> None:
    one, two = pair
    arrive(other, [post("1", "受け子募集 ぽかぽか便", author_id="a", url=f"{URL}1")], [finding()])
    theirs = Case.objects.get(organisation_id=as_outsider.organisation_id)
    version = one.post.current_id or 0
    decide(as_outsider, theirs.pk, "in_scope", version_id=version, category_slug="drug_ad", now=NOON)
    decide(as_analyst, one.pk, "in_scope", version_id=version, category_slug="other_illegal", now=NOON)
    one.post.refresh_from_db()
    assert one.post.erased_at is None
    assert suggestions(as_analyst, two, str(one.pk)) == []
    assert others_of_author(as_analyst, two) == ([], 0)
    found = search(as_analyst, "ぽかぽか便", chosen=Filter(), now=NOON).found
    assert [answer.case.pk for answer in found] == [two.pk]


# --- what must not be seen before the second judgement --------------------------------------------------------------


def test_the_second_person_finds_nothing_of_the_first_judgement(
    live: Source, as_analyst: Actor, as_supervisor: Actor, as_administrator: Actor
) -> None:
    rows = [post("1", "強盗 実行役 募集", author_id="a", url=URL), post("2", "別の投稿", author_id="b")]
    taken = arrive(live, rows, [finding(0, category="serious_crime"), finding(1)])
    case, third = Case.objects.select_related("post").filter(pk__in=taken.opened).order_by("pk")
    add_note(as_analyst, case.pk, "闇名簿と同じ番号", NOON)
    ask_advice(as_analyst, case.pk, "共犯に当たりますか", NOON)
    judged(as_analyst, case, category_slug="serious_crime", batch="b-1")
    in_hands(case)
    soon = NOON + timedelta(hours=2)

    def seen(actor: Actor) -> list[object]:
        def found(words: str, state: str = "") -> list[str]:
            return [one.case.state for one in search(actor, words, chosen=Filter(), state=state, now=NOON).found]

        return [
            found("強盗"),
            found("強盗", "waiting"),
            found("強盗", "done"),
            found("闇名簿"),
            [one.case.state for one in suggestions(actor, third, str(case.pk))],
            [one.state for one in (suggestion.case for suggestion in suggestions(actor, third, URL))],
            len(checks_by_hand(actor, soon)),
            checks_by_hand_count(actor, soon),
            len(advices_about(actor, case)),
            len(decided_together(actor, "b-1")),
        ]

    done = "second_review"
    assert seen(as_analyst) == [[done], [], [done], [done], [done], [done], 1, 1, 1, 1], "their own they see"
    assert seen(as_supervisor) == [["waiting"], ["waiting"], [], [], ["waiting"], ["waiting"], 0, 0, 0, 0]
    told = Entry.objects.filter(subject=f"case:{case.pk}", kind="decided")
    assert told.count() == 1
    assert not told.exclude(untold(as_administrator)).exists()
    assert told.exclude(untold(as_analyst)).exists()
    again(as_supervisor, case, category_slug="serious_crime")
    assert told.exclude(untold(as_administrator)).exists(), "afterwards everybody may know"
    assert Case.objects.get(pk=case.pk).state == "decided"


def test_what_goes_next_does_not_tell_the_first_judgement(
    waiting: Case, as_analyst: Actor, as_supervisor: Actor, as_administrator: Actor, all_drawn: None
) -> None:
    judged(as_analyst, waiting, "not_in_scope")
    assert retention_of(as_supervisor, NOON).next == []
    again(as_supervisor, waiting, "not_in_scope")
    assert [row.post_id for row in retention_of(as_administrator, NOON).next] == [waiting.post_id]


def test_a_supervisor_settles_what_they_read(
    waiting: Case, live: Source, as_analyst: Actor, colleague: Actor, as_supervisor: Actor, all_drawn: None
) -> None:
    judged(as_analyst, waiting)
    review = again(colleague, waiting, "not_in_scope")
    arrive(live, [post(text="まったく別の言葉になった")], [finding()], LATER)
    with pytest.raises(Refused, match="changed"):
        settle(as_supervisor, review.pk, "not_in_scope", version_id=waiting.post.current_id or 0, now=LATER)
    assert Decision.objects.count() == 1


def test_elements_of_another_version_are_left_out(
    waiting: Case, as_analyst: Actor, colleague: Actor, as_supervisor: Actor, live: Source, all_drawn: None
) -> None:
    judged(as_analyst, waiting, category_slug="drug_ad")  # stands whatever the post says later
    review = again(colleague, waiting, category_slug="criminal_recruitment", elements=[_tied()])
    arrive(live, [post(text="まったく別の言葉になった")], [finding()], LATER)
    now_says = Case.objects.select_related("post").get(pk=waiting.pk).post.current_id or 0
    slug = "criminal_recruitment"
    settle(as_supervisor, review.pk, "in_scope", version_id=now_says, category_slug=slug, now=LATER)
    standing = case_view(as_supervisor, waiting.pk).standing
    assert standing is not None
    assert (standing.version_id, standing.elements) == (now_says, [])


def _tied() -> object:
    from yoake.casework.cases.categories import category
    from yoake.casework.cases.elements import Tied

    return Tied(category("criminal_recruitment").elements[0].name, "text", 0, 3)


# --- what somebody typed --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["", "https://lure.example/job"])
def test_what_one_body_typed_no_other_reads(url: str, as_analyst: Actor, as_outsider: Actor) -> None:
    mine = add_by_hand(as_analyst, url=url, text="受け子募集 こちらの写し", now=NOON).case
    read = mine.post.current_id
    theirs = add_by_hand(
        as_outsider, url=url, text="受け子募集 あちらの写し" if url else "受け子募集 こちらの写し", now=LATER
    )
    assert not theirs.was_there
    assert theirs.case.post_id != mine.post_id
    mine.post.refresh_from_db()
    assert mine.post.current_id == read, "a judgement in progress goes on"
    view = case_view(as_outsider, theirs.case.pk)
    assert view.version is not None
    assert view.version.text.startswith("受け子募集 あちら" if url else "受け子募集 こちら")
    assert "post_changed" not in {entry.kind for entry in (*view.log, *case_view(as_analyst, mine.pk).log)}
    for actor, case in ((as_analyst, mine), (as_outsider, theirs.case)):
        known = add_by_hand(actor, url=url, text="" if url else "受け子募集 こちらの写し", now=LATER)
        assert (known.case.pk, known.was_there) == (case.pk, True), "each finds its own again"


def test_words_typed_for_an_address_that_both_have_stay_with_who_typed_them(
    as_analyst: Actor, as_outsider: Actor
) -> None:
    url = "https://lure.example/job"
    mine, theirs = (add_by_hand(actor, url=url, now=NOON).case for actor in (as_analyst, as_outsider))
    assert mine.post_id == theirs.post_id, "an address alone is one post"
    added = add_by_hand(as_outsider, url=url, text="受け子募集 あちらの写し", now=LATER)
    assert added.case.pk != theirs.pk
    version = case_view(as_analyst, mine.pk).version
    assert version is not None
    assert version.text == ""


def test_once_the_network_says_it_everybody_may_read_it(
    live: Source, other: Source, as_analyst: Actor, as_outsider: Actor
) -> None:
    row = {"network": "web", "url": "https://lure.example/job", "native_id": "https://lure.example/job"}
    mine = add_by_hand(as_analyst, url=row["url"], text="打ち間違えた写し", now=NOON).case
    arrive(other, [post(text="受け子募集 本物", **row)], [finding()])
    theirs = Case.objects.get(organisation_id=as_outsider.organisation_id)
    assert theirs.post_id == mine.post_id
    mine = Case.objects.select_related("post").get(pk=mine.pk)
    assert [version.text for version in earlier_versions(as_analyst, mine)] == ["打ち間違えた写し"]
    assert earlier_versions(as_outsider, theirs) == []


# --- people ---------------------------------------------------------------------------------------------------------


def test_whoever_left_is_nobodys_colleague_and_keeps_no_case(
    many_waiting: Callable[[int], list[Case]], as_analyst: Actor, colleague: Actor
) -> None:
    first, second = many_waiting(2)
    Case.objects.filter(pk=second.pk).update(assignee=colleague.user_id)
    assert colleague.user_id in colleagues(as_analyst)
    assert neighbours(as_analyst, first, now=NOON) == (None, None)
    Membership.objects.filter(user_id=colleague.user_id).update(ended_at=NOON)
    assert colleague.user_id not in colleagues(as_analyst)
    assert neighbours(as_analyst, first, now=NOON) == (second.pk, second.pk)


# --- what the audit says of looking ---------------------------------------------------------------------------------


def test_many_views_are_noted_in_as_many_queries_as_one(police: Organisation) -> None:
    def queries(subjects: list[str]) -> int:
        with CaptureQueriesContext(
            connection,
        ) as asked:
            note_views("case_viewed", actor="user:7", subjects=subjects, organisation=police.pk)
        return len(asked)

    note_views("case_viewed", actor="user:7", subjects=["case:0"], organisation=police.pk)
    assert queries(["case:1", "case:2"]) == queries([f"case:{n}" for n in range(50)])
    assert Entry.objects.filter(kind="case_viewed").count() == 50, "each once in ten minutes"
    assert first_break() is None


def test_a_search_says_which_cases_it_showed(pair: list[Case], as_analyst: Actor) -> None:
    search(as_analyst, "ぽかぽか便", chosen=Filter(), now=NOON)
    shown = ",".join(str(case.pk) for case in reversed(pair))
    assert Entry.objects.get(kind="searched").facts["cases"] == sha256(shown.encode()).hexdigest()[:32]
