"""Leasing, deciding, undoing, adding by hand, erasing: each action as each of the three standing users."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import Model

from tests.world import NOON, arrive, finding, post
from yoake.casework.audit.models import Entry
from yoake.casework.audit.queries import first_break
from yoake.casework.cases.actions import (
    add_by_hand,
    decide,
    remove_practice,
    undo,
)
from yoake.casework.cases.erasing import erase
from yoake.casework.cases.filters import Filter
from yoake.casework.cases.leases import release_lease, take_lease
from yoake.casework.cases.models import Account, Case, Decision, Erasure, Finding, Lease, Post, PostVersion
from yoake.casework.cases.queries import case_view
from yoake.casework.cases.waiting import cases_awaiting_review, show
from yoake.casework.people.models import Membership, User
from yoake.casework.people.queries import Actor, actor_of, system
from yoake.casework.sources.models import Source
from yoake.errors import BadInput, Refused
from yoake.pipeline.duties.erase import erase as erase_due
from yoake.pipeline.worker import work_once
from yoake.tables.posts import uid_of

pytestmark = pytest.mark.django_db

IN_SCOPE = {"category_slug": "criminal_recruitment"}


def decided(actor: Actor, case: Case, verdict: str = "not_in_scope", **more: object) -> Decision:
    return decide(actor, case.pk, verdict, version_id=case.post.current_id or 0, now=NOON, **more)  # type: ignore[arg-type]


# --- deciding -------------------------------------------------------------------------------------------------------


def test_a_decision_is_kept_with_version_class_and_reason(waiting: Case, as_analyst: Actor) -> None:
    decision = decided(as_analyst, waiting, "in_scope", reason=" 受け子の募集 ", **IN_SCOPE)
    waiting.refresh_from_db()
    assert waiting.state == Case.State.DECIDED
    assert (decision.category, decision.hotline_class, decision.reason) == (
        "criminal_recruitment",
        "illegal",
        "受け子の募集",
    )
    assert decision.version_id == waiting.post.current_id
    assert decision.by_id == as_analyst.user_id


def test_not_in_scope_carries_no_category(waiting: Case, as_analyst: Actor) -> None:
    assert decided(as_analyst, waiting, "not_in_scope", **IN_SCOPE).category == ""


@pytest.mark.parametrize(("verdict", "slug"), [("guilty", ""), ("in_scope", ""), ("in_scope", "no_such_category")])
def test_unknown_verdicts_and_categories_are_refused(waiting: Case, as_analyst: Actor, verdict: str, slug: str) -> None:
    with pytest.raises(BadInput):
        decided(as_analyst, waiting, verdict, category_slug=slug)
    assert not Decision.objects.exists()


def test_a_case_is_decided_once(waiting: Case, as_analyst: Actor, as_supervisor: Actor) -> None:
    decided(as_analyst, waiting)
    with pytest.raises(Refused, match="decided already"):
        decided(as_supervisor, waiting)


def test_a_decision_holds_for_what_was_read(live: Source, waiting: Case, as_analyst: Actor) -> None:
    read = waiting.post.current_id or 0
    arrive(live, [post(text="書き換えました")], [])
    with pytest.raises(Refused, match="changed"):
        decide(as_analyst, waiting.pk, "not_in_scope", version_id=read)


@pytest.mark.parametrize("role", ["adviser", "auditor", "partner"])
def test_roles_that_only_read_cannot_decide(waiting: Case, role: str) -> None:
    user = User.objects.create_user(role)
    Membership.objects.create(user=user, organisation=waiting.organisation, role=role)
    with pytest.raises(Refused, match=role):
        decided(actor_of(user), waiting)


def test_another_organisation_sees_and_does_nothing(waiting: Case, as_outsider: Actor) -> None:
    for attempt in (
        lambda: decided(as_outsider, waiting),
        lambda: take_lease(as_outsider, waiting.pk),
        lambda: undo(as_outsider, waiting.pk),
        lambda: case_view(as_outsider, waiting.pk),
    ):
        with pytest.raises(BadInput, match="no such case"):
            attempt()
    assert not cases_awaiting_review(as_outsider, practice=False).exists()


def test_the_system_decides_nothing(waiting: Case) -> None:
    with pytest.raises(Refused, match="only a person"):
        decided(system("worker", waiting.organisation_id), waiting)


# --- undoing --------------------------------------------------------------------------------------------------------


def test_undoing_is_a_new_decision_and_the_case_waits_again(waiting: Case, as_analyst: Actor) -> None:
    first = decided(as_analyst, waiting)
    undoing = undo(as_analyst, waiting.pk, NOON)
    waiting.refresh_from_db()
    assert waiting.state == Case.State.WAITING
    assert (undoing.undoes_id, undoing.verdict) == (first.pk, "")
    assert case_view(as_analyst, waiting.pk, NOON).standing is None
    again = decided(as_analyst, waiting, "in_scope", **IN_SCOPE)
    assert case_view(as_analyst, waiting.pk, NOON).standing == again


def test_nothing_to_undo(waiting: Case, as_analyst: Actor) -> None:
    with pytest.raises(Refused, match="no decision"):
        undo(as_analyst, waiting.pk)


def test_a_supervisor_undoes_what_an_analyst_decided_but_not_the_reverse(
    many_waiting: Callable[[int], list[Case]], as_analyst: Actor, as_supervisor: Actor
) -> None:
    one, two = many_waiting(2)
    decided(as_analyst, one)
    undo(as_supervisor, one.pk, NOON)
    decided(as_supervisor, two)
    with pytest.raises(Refused, match="analyst"):
        undo(as_analyst, two.pk, NOON)


# --- leases ---------------------------------------------------------------------------------------------------------


def test_a_lease_keeps_colleagues_out_until_it_ends(waiting: Case, as_analyst: Actor, as_supervisor: Actor) -> None:
    take_lease(as_analyst, waiting.pk, NOON)
    with pytest.raises(Refused, match="held"):
        decided(as_supervisor, waiting)
    with pytest.raises(Refused, match="a colleague"):
        take_lease(as_supervisor, waiting.pk, NOON + timedelta(minutes=9))
    take_lease(as_supervisor, waiting.pk, NOON + timedelta(minutes=11))
    assert Lease.objects.get().user_id == as_supervisor.user_id


def test_a_lease_is_extended_and_given_back(waiting: Case, as_analyst: Actor, as_supervisor: Actor) -> None:
    take_lease(as_analyst, waiting.pk, NOON)
    lease = take_lease(as_analyst, waiting.pk, NOON + timedelta(minutes=5))
    assert (lease.taken_at, lease.expires_at) == (NOON, NOON + timedelta(minutes=15))
    release_lease(as_supervisor, waiting.pk, NOON)  # not theirs: nothing happens
    assert Lease.objects.exists()
    release_lease(as_analyst, waiting.pk, NOON)
    assert not Lease.objects.exists()
    kinds = list(Entry.objects.filter(subject=f"case:{waiting.pk}").order_by("id").values_list("kind", flat=True))
    assert kinds == ["case_opened", "lease_taken", "lease_released"]


def test_a_lease_of_another_body_holds_the_post_without_a_name(
    live: Source, as_analyst: Actor, as_outsider: Actor
) -> None:
    other = Source.objects.create(organisation_id=as_outsider.organisation_id, name="other", connector="jsonl")
    arrive(live, [post()], [finding()])
    arrive(other, [post()], [finding()])
    mine, theirs = (Case.objects.get(organisation_id=a.organisation_id) for a in (as_analyst, as_outsider))
    take_lease(as_outsider, theirs.pk, NOON)
    with pytest.raises(Refused, match="another body"):
        take_lease(as_analyst, mine.pk, NOON)
    with pytest.raises(Refused, match="held"):
        decided(as_analyst, mine)
    with pytest.raises(Refused, match="another body"):
        case_view(as_analyst, mine.pk, NOON)


def test_deciding_gives_the_lease_back(waiting: Case, as_analyst: Actor) -> None:
    take_lease(as_analyst, waiting.pk, NOON)
    decided(as_analyst, waiting)
    assert not Lease.objects.exists()


# --- the inbox ------------------------------------------------------------------------------------------------------


def test_at_risk_comes_first_then_severity_and_score_then_age(live: Source, as_analyst: Actor) -> None:
    rows = [post(str(i)) for i in range(4)]
    arrive(
        live,
        rows,
        [
            finding(0, score=0.6, grade="mid"),
            finding(1, score=0.95),
            finding(2, category="coerced_applicant", score=0.5, grade="mid"),
            finding(3, score=0.95),
        ],
    )
    order = [case.post.native_id for case in cases_awaiting_review(as_analyst, practice=False)]
    assert order == ["2", "1", "3", "0"]


@pytest.mark.parametrize("n", [1, 3])
def test_inbox_and_case_take_the_same_queries_however_many(  # type: ignore[no-untyped-def]
    many_waiting: Callable[[int], list[Case]], as_analyst: Actor, n: int, django_assert_num_queries
) -> None:
    cases = many_waiting(n)
    with django_assert_num_queries(4):  # whether the order is on, which rows, the rows, their findings
        for case in show(as_analyst, practice=False, chosen=Filter(), number=1, now=NOON).cases:
            assert all((case.post.current, case.source))
    with django_assert_num_queries(4):
        view = case_view(as_analyst, cases[0].pk, NOON)
        assert (len(view.findings), len(view.decisions), len(view.log)) == (1, 0, 1)


# --- adding by hand -------------------------------------------------------------------------------------------------


def test_a_text_becomes_a_case_whatever_the_detector_says(as_analyst: Actor) -> None:
    added = add_by_hand(as_analyst, text="今日は良い天気です", now=NOON)
    assert not added.was_there
    assert added.case.origin == Case.Origin.HAND
    assert case_view(as_analyst, added.case.pk, NOON).findings == []


def test_the_detectors_opinion_stands_beside_it(as_analyst: Actor) -> None:
    added = add_by_hand(as_analyst, text="受け子募集 日給10万 即日即金 詳しくはテレグラムで", now=NOON)
    (strongest, *_rest) = case_view(as_analyst, added.case.pk, NOON).findings
    assert strongest.category == "criminal_recruitment"


def test_the_same_address_twice_is_one_case(as_analyst: Actor, as_outsider: Actor) -> None:
    first = add_by_hand(as_analyst, url="https://board.example/item/5?utm_source=x#top", now=NOON)
    second = add_by_hand(as_analyst, url="https://BOARD.example/item/5", now=NOON)
    assert (second.case, second.was_there) == (first.case, True)
    theirs = add_by_hand(as_outsider, url="https://board.example/item/5", now=NOON)
    assert theirs.case != first.case
    assert Post.objects.count() == 1


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "ftp://a.example/",
        "https://",
        "https://a b.example/",
        "https://u:p@a.example/",
        "x" * 10,
        "http://[::1",
    ],
)
def test_addresses_that_cannot_be_one(as_analyst: Actor, url: str) -> None:
    with pytest.raises(BadInput):
        add_by_hand(as_analyst, url=url)


def test_a_text_typed_later_is_kept_and_judged(as_analyst: Actor) -> None:
    first = add_by_hand(as_analyst, url="https://board.example/5", now=NOON)
    text = "受け子募集 日給10万 即日即金 詳しくはテレグラムで"
    second = add_by_hand(as_analyst, url="https://board.example/5", text=text, now=NOON)
    assert (second.case.pk, second.was_there) == (first.case.pk, False)
    view = case_view(as_analyst, first.case.pk, NOON)
    assert view.version is not None
    assert view.version.text == text
    assert view.case.category == "criminal_recruitment"


def test_what_a_network_said_is_not_replaced_by_what_somebody_typed(live: Source, as_analyst: Actor) -> None:
    arrive(live, [post(url="https://sns.example/1")], [finding()])
    added = add_by_hand(as_analyst, url="https://sns.example/1", text="別の文", now=NOON)
    assert added.was_there
    assert PostVersion.objects.get().text != "別の文"


def test_what_a_feed_says_of_another_sites_page_is_not_that_page(live: Source, as_analyst: Actor) -> None:
    """Whoever adds the page's address means the page, and reads nothing that somebody else's feed says of it."""
    url = "https://board.example/7"
    feed = post(network="web", native_id=f"{'0' * 16}/{url}", url=url, text="受け子募集")
    arrive(live, [feed], [finding()])
    added = add_by_hand(as_analyst, url=url, text="家庭教師募集", now=NOON)
    assert (added.was_there, added.case.post.uid) == (False, uid_of("web", url))
    assert add_by_hand(as_analyst, url=url, now=NOON).case == added.case


def test_adding_an_erased_address_again_opens_its_case(as_analyst: Actor) -> None:
    case = add_by_hand(as_analyst, url="https://board.example/5", text="一", now=NOON).case
    case.refresh_from_db()
    decided(as_analyst, case)
    assert erase(case.post, NOON)
    again = add_by_hand(as_analyst, url="https://board.example/5", text="受け子募集", now=NOON)
    assert (again.case.pk, again.was_there) == (case.pk, False)
    again.case.refresh_from_db()
    assert again.case.state == Case.State.WAITING
    assert again.case.post.erased_at is None


def test_practice_never_stands_in_for_a_live_post(as_analyst: Actor) -> None:
    trained = add_by_hand(as_analyst, url="https://board.example/9", practice=True, now=NOON)
    live_one = add_by_hand(as_analyst, url="https://board.example/9", now=NOON)
    assert (live_one.was_there, live_one.case.practice) == (False, False)
    assert live_one.case.post_id != trained.case.post_id
    assert erase_due(NOON + timedelta(days=3)) == 1
    assert Case.objects.get() == live_one.case


def test_the_same_text_twice_is_one_case(as_analyst: Actor) -> None:
    first = add_by_hand(as_analyst, text="受け子募集", now=NOON)
    again = add_by_hand(as_analyst, text="受け子募集\n", now=NOON)
    assert (again.case, again.was_there) == (first.case, True)


def test_something_must_be_given(as_analyst: Actor) -> None:
    with pytest.raises(BadInput):
        add_by_hand(as_analyst, url=" ", text="\n")


def test_practice_by_hand_stays_practice(as_analyst: Actor) -> None:
    added = add_by_hand(as_analyst, text="練習です", practice=True, now=NOON)
    assert added.case.practice
    assert Erasure.objects.get().why == "practice"


# --- what is not kept -----------------------------------------------------------------------------------------------


def test_out_of_scope_goes_after_72_hours_and_numbers_stay(waiting: Case, as_analyst: Actor) -> None:
    decided(as_analyst, waiting, reason="引用: 高額バイト")
    assert erase_due(NOON + timedelta(hours=71)) == 0
    assert erase_due(NOON + timedelta(hours=73)) == 1
    stored = Post.objects.get()
    version = PostVersion.objects.get()
    assert (stored.url, stored.native_id, stored.account, version.text) == ("", "", None, "")
    assert Decision.objects.get().reason == ""
    assert Decision.objects.get().verdict == "not_in_scope"
    assert version.findings.get().body == {}
    assert first_break() is None
    with pytest.raises(Refused, match="erased"):
        undo(as_analyst, waiting.pk)


def test_undoing_in_time_keeps_the_post(waiting: Case, as_analyst: Actor) -> None:
    decided(as_analyst, waiting)
    undo(as_analyst, waiting.pk, NOON)
    assert erase_due(NOON + timedelta(hours=100)) == 0
    assert PostVersion.objects.get().text


def test_in_scope_and_cannot_tell_stay_for_their_time(
    many_waiting: Callable[[int], list[Case]], as_analyst: Actor
) -> None:
    one, two = many_waiting(2)
    decided(as_analyst, one, "in_scope", **IN_SCOPE)
    decided(as_analyst, two, "cannot_tell")
    assert erase_due(NOON + timedelta(days=29)) == 0


def test_an_account_goes_only_with_its_last_post(live: Source, as_analyst: Actor) -> None:
    arrive(live, [post("1", author_id="a"), post("2", author_id="a")], [finding(0), finding(1)])
    one, two = Post.objects.order_by("native_id")
    for case in Case.objects.all():
        decided(as_analyst, case)
    erase(one, NOON)
    assert Account.objects.exists()
    erase(two, NOON)
    assert not Account.objects.exists()


def test_a_post_that_still_waits_is_never_erased(waiting: Case) -> None:
    assert not erase(waiting.post, NOON)
    assert PostVersion.objects.get().text


def test_an_erased_post_that_comes_back_unchanged_stays_erased(live: Source, waiting: Case, as_analyst: Actor) -> None:
    decided(as_analyst, waiting)
    erase(waiting.post, NOON)
    arrive(live, [post()], [finding()])
    assert Post.objects.get().erased_at is not None
    assert PostVersion.objects.get().text == ""


def test_an_erased_post_that_says_something_new_is_judged_anew(live: Source, waiting: Case, as_analyst: Actor) -> None:
    decided(as_analyst, waiting)
    erase(waiting.post, NOON)
    arrive(live, [post(text="受け子募集")], [finding()])
    waiting.refresh_from_db()
    assert waiting.state == Case.State.WAITING
    assert waiting.post.erased_at is None
    assert waiting.post.current is not None
    assert waiting.post.current.text == "受け子募集"


def test_old_practice_goes_whole(practice: Source) -> None:
    arrive(practice, [post(network="practice", author_id="a")], [finding()])
    assert work_once(NOON + timedelta(days=8)) == 1
    assert [m.objects.count() for m in (Post, Case, Account)] == [0, 0, 0]


def test_removing_ones_practice_leaves_the_practice_of_others(
    practice: Source, as_administrator: Actor, as_outsider: Actor
) -> None:
    theirs = Source.objects.create(
        organisation_id=as_outsider.organisation_id, name="theirs", connector="practice", practice=True
    )
    for source in (practice, theirs):
        arrive(source, [post(network="practice")], [finding()])
    assert remove_practice(as_administrator) == 1
    assert Case.objects.get().organisation_id == as_outsider.organisation_id
    assert Post.objects.count() == 1


def test_the_practice_desk_is_removed_with_one_action(
    practice: Source, live: Source, waiting: Case, as_administrator: Actor, as_analyst: Actor
) -> None:
    arrive(practice, [post(network="practice", author_id="a")], [finding()])
    trained = Case.objects.get(practice=True)
    decided(as_analyst, trained)
    with pytest.raises(Refused):
        remove_practice(as_analyst)
    assert remove_practice(as_administrator) == 1
    assert Case.objects.get() == waiting
    assert Source.objects.get() == live
    assert Post.objects.count() == 1
    assert first_break() is None


# --- record-only: address, time and count ---------------------------------------------------------------------------

RECORD = {"category_slug": "other_illegal"}
WHOLE: dict[str, Any] = {
    "url": "https://sns.example/1",
    "author_id": "a",
    "author_handle": "somebody",
    "author_name": "名前",
    "profile": "自己紹介",
    "parent_id": "9",
    "parent_text": "返信先",
    "root_id": "8",
    "lang": "ja",
    "labels": ["porn"],
    "images": [{"ref": "r", "alt": "説明"}],
}


def everything_stored() -> str:
    """All that the tables of cases and the audit hold, as one text."""
    kinds: list[type[Model]] = [Account, Post, PostVersion, Finding, Case, Decision, Erasure, Entry]
    return json.dumps([list(kind._default_manager.values()) for kind in kinds], default=str, ensure_ascii=False)


def test_a_record_only_decision_keeps_address_time_and_count_at_once(live: Source, as_analyst: Actor) -> None:
    arrive(live, [post(text="一度目の文", **WHOLE)], [finding()])
    arrive(live, [post(text="二度目の文", **WHOLE)], [finding(spans=[{"text": "二度目"}])])
    case = Case.objects.get()
    decided(as_analyst, case, "cannot_tell", reason="はじめの理由")
    undo(as_analyst, case.pk, NOON)
    case.refresh_from_db()
    decision = decided(as_analyst, case, "in_scope", reason="二度目の文という言葉", **RECORD)
    assert (decision.category, decision.hotline_class, decision.verdict) == ("other_illegal", "illegal", "in_scope")
    stored = Post.objects.get()
    assert (stored.url, stored.native_id, stored.account) == ("https://sns.example/1", "", None)
    assert (stored.posted_at, stored.first_seen_at, stored.erased_at) == (NOON, NOON, NOON)
    kept = everything_stored()
    for gone in ("度目", "somebody", "名前", "自己紹介", "返信先", "porn", "説明", "理由", "言葉"):
        assert gone not in kept
    assert not Finding.objects.exists()
    assert list(Entry.objects.filter(kind="erased").values_list("actor", flat=True)) == [as_analyst.name]
    assert first_break() is None
    view = case_view(as_analyst, case.pk, NOON)
    assert (view.record_only, view.allowed) == (True, frozenset())
    with pytest.raises(Refused, match="erased"):
        undo(as_analyst, case.pk, NOON)
    assert erase_due(NOON + timedelta(days=30)) == 0


def test_what_a_recorded_post_says_later_is_not_stored(live: Source, as_analyst: Actor, as_outsider: Actor) -> None:
    arrive(live, [post(**WHOLE)], [finding()])
    case = Case.objects.get()
    decided(as_analyst, case, "in_scope", **RECORD)
    arrive(live, [post(text="書き換えた文", **WHOLE)], [finding()])
    for actor, was_there in ((as_analyst, True), (as_outsider, False), (as_outsider, True)):
        added = add_by_hand(actor, url="https://sns.example/1", text="手で入れた文", now=NOON)
        assert (added.case.post_id, added.was_there) == (case.post_id, was_there)
    assert "文" not in everything_stored()
    assert Post.objects.get().erased_at == NOON


def test_another_body_can_still_judge_a_recorded_address(live: Source, as_analyst: Actor, as_outsider: Actor) -> None:
    other = Source.objects.create(organisation_id=as_outsider.organisation_id, name="other", connector="jsonl")
    arrive(live, [post(**WHOLE)], [finding()])
    arrive(other, [post(**WHOLE)], [finding()])
    mine, theirs = (Case.objects.get(organisation_id=a.organisation_id) for a in (as_analyst, as_outsider))
    decided(as_analyst, mine, "in_scope", **RECORD)
    view = case_view(as_outsider, theirs.pk, NOON)
    assert (view.record_only, view.allowed, view.case.post.url) == (
        True,
        frozenset({"decide"}),
        "https://sns.example/1",
    )
    theirs.refresh_from_db()
    before = everything_stored()
    decided(as_outsider, theirs, "in_scope", **RECORD)
    assert PostVersion.objects.get().content_hash in before  # not keyed a second time
    assert Post.objects.get().url == "https://sns.example/1"


def test_what_another_body_pursues_goes_when_that_body_is_done(
    live: Source, as_analyst: Actor, as_outsider: Actor
) -> None:
    other = Source.objects.create(organisation_id=as_outsider.organisation_id, name="other", connector="jsonl")
    arrive(live, [post(**WHOLE)], [finding()])
    arrive(other, [post(**WHOLE)], [finding()])
    mine, theirs = (Case.objects.get(organisation_id=a.organisation_id) for a in (as_analyst, as_outsider))
    decided(as_outsider, theirs, "in_scope", **IN_SCOPE)
    decided(as_analyst, mine, "in_scope", reason="引用", **RECORD)
    assert PostVersion.objects.get().text  # their evidence
    assert not Decision.objects.filter(reason="引用").exists()
    view = case_view(as_analyst, mine.pk, NOON)
    assert (view.record_only, view.findings) == (True, [])
    assert not case_view(as_outsider, theirs.pk, NOON).record_only
    assert erase_due(NOON + timedelta(days=30)) == 0
    undo(as_outsider, theirs.pk, NOON)
    work_once(NOON)
    assert (PostVersion.objects.get().text, Post.objects.get().url) == ("", "https://sns.example/1")


def test_without_an_address_the_networks_own_id_stays_but_never_one_made_of_the_text(
    live: Source, as_analyst: Actor
) -> None:
    arrive(live, [post("at://abc/1")], [finding()])
    decided(as_analyst, Case.objects.get(), "in_scope", **RECORD)
    assert Post.objects.get().native_id == "at://abc/1"
    typed = add_by_hand(as_analyst, text="手で入れた文", now=NOON).case
    typed.refresh_from_db()
    decided(as_analyst, typed, "in_scope", **RECORD)
    assert Post.objects.get(network="hand").native_id == ""


def test_a_record_only_category_is_chosen_alone(waiting: Case, as_analyst: Actor) -> None:
    for slug, also in (("other_illegal", ("drug_ad",)), ("drug_ad", ("other_illegal",))):
        with pytest.raises(BadInput, match="record-only category alone"):
            decided(as_analyst, waiting, "in_scope", category_slug=slug, also=also)
    assert PostVersion.objects.get().text
    assert not Decision.objects.exists()


def test_on_the_practice_desk_nothing_is_real_and_nothing_goes_early(practice: Source, as_analyst: Actor) -> None:
    arrive(practice, [post(network="practice")], [finding()])
    case = Case.objects.get()
    decided(as_analyst, case, "in_scope", **RECORD)
    assert PostVersion.objects.get().text
    assert "undo" in case_view(as_analyst, case.pk, NOON).allowed
