"""The blind sample: who may judge what, what stays, and what it says about misses."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.quality_world import TOMORROW, note, plain
from tests.world import NOON, arrive, finding, post
from yoake.casework.audit.models import Entry
from yoake.casework.audit.queries import first_break
from yoake.casework.cases.models import Case, Decision, Post, SearchText
from yoake.casework.cases.stop import stop_address
from yoake.casework.people.models import Membership, User
from yoake.casework.people.queries import Actor, actor_of, system
from yoake.casework.quality.actions import judge_sample
from yoake.casework.quality.models import HashedPost, Sample
from yoake.casework.quality.queries import estimated_misses, most_useful, sample_of, samples_to_review
from yoake.casework.sources.models import Source
from yoake.errors import BadInput, Refused
from yoake.learn.chances import clopper_pearson
from yoake.pipeline.worker import work_once

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store", "three_a_day")]


@pytest.fixture
def drawn(live: Source, store: Path, three_a_day: None) -> list[Sample]:
    """Three samples of one day, in the order of their lots."""
    note(live, [post(str(i), f"夜だけ動ける人 その{i}", author_id=f"a{i}") for i in range(3)])
    return list(Sample.objects.order_by("lot"))


def test_what_was_stopped_is_never_drawn_nor_what_answers_it(
    live: Source, store: Path, three_a_day: None, as_administrator: Actor
) -> None:
    url = "https://bsky.app/profile/did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/post/3kabcdefgh222"
    uri = "at://did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/app.bsky.feed.post/3kabcdefgh222"
    stop_address(as_administrator, url, NOON)
    itself = post(uri, "持ってはならない言葉", network="bluesky")
    answer = post("answer", "夜だけ動ける人", network="bluesky", parent_id=uri, parent_text="持ってはならない言葉")
    note(live, [itself, answer, post("1", "夜だけ動ける人 その1")])
    assert [sample.content["native_id"] for sample in Sample.objects.all()] == ["1"]


def test_a_sample_waits_until_its_day_is_over(drawn: list[Sample], as_analyst: Actor) -> None:
    assert not samples_to_review(as_analyst, NOON).exists()
    assert list(samples_to_review(as_analyst, TOMORROW)) == drawn
    with pytest.raises(BadInput, match="judged already"):
        judge_sample(as_analyst, drawn[0].pk, "not_in_scope", now=NOON)


def test_out_of_scope_leaves_features_and_no_text(drawn: list[Sample], as_analyst: Actor) -> None:
    assert judge_sample(as_analyst, drawn[0].pk, "not_in_scope", now=TOMORROW) is None
    drawn[0].refresh_from_db()
    assert (drawn[0].verdict, drawn[0].content, drawn[0].due_at) == ("not_in_scope", {}, None)
    assert (HashedPost.objects.get().post, HashedPost.objects.get().month) == (None, "2026-11")
    assert HashedPost.objects.get().author
    assert not Post.objects.exists()
    assert Entry.objects.get(kind="sample_judged").facts["verdict"] == "not_in_scope"
    assert first_break() is None


def test_in_scope_becomes_a_case_decided_so(drawn: list[Sample], as_analyst: Actor) -> None:
    case = judge_sample(as_analyst, drawn[0].pk, "in_scope", category_slug="criminal_recruitment", now=TOMORROW)
    assert case is not None
    case.refresh_from_db()
    assert (case.state, case.origin, case.practice) == (Case.State.DECIDED, Case.Origin.HAND, False)
    assert case.post.current is not None
    assert case.post.current.text.startswith("夜だけ動ける人")
    decision = Decision.objects.get()
    assert (decision.verdict, decision.category, decision.by_id) == (
        "in_scope",
        "criminal_recruitment",
        as_analyst.user_id,
    )
    drawn[0].refresh_from_db()
    assert (drawn[0].content, drawn[0].category) == ({}, "criminal_recruitment")
    assert not HashedPost.objects.exists()
    assert case.decide_by is not None, "opened as any case: with its clock, to be found by its words"
    assert SearchText.objects.filter(case=case).exists()


def test_cannot_tell_leaves_nothing(drawn: list[Sample], as_analyst: Actor) -> None:
    judge_sample(as_analyst, drawn[0].pk, "cannot_tell", now=TOMORROW)
    drawn[0].refresh_from_db()
    assert (drawn[0].verdict, drawn[0].content) == ("cannot_tell", {})
    assert not HashedPost.objects.exists()


def test_a_sample_is_judged_once(drawn: list[Sample], as_analyst: Actor, as_supervisor: Actor) -> None:
    judge_sample(as_analyst, drawn[0].pk, "not_in_scope", now=TOMORROW)
    with pytest.raises(BadInput, match="take the next one"):
        judge_sample(as_supervisor, drawn[0].pk, "in_scope", category_slug="drug_ad", now=TOMORROW)
    assert HashedPost.objects.count() == 1


@pytest.mark.parametrize(("verdict", "slug"), [("", ""), ("guilty", ""), ("in_scope", ""), ("in_scope", "no_such")])
def test_wrong_judgements_change_nothing(drawn: list[Sample], as_analyst: Actor, verdict: str, slug: str) -> None:
    with pytest.raises(BadInput):
        judge_sample(as_analyst, drawn[0].pk, verdict, category_slug=slug, now=TOMORROW)
    assert samples_to_review(as_analyst, TOMORROW).count() == 3


def test_another_organisation_sees_and_judges_nothing(drawn: list[Sample], as_outsider: Actor) -> None:
    assert not samples_to_review(as_outsider, TOMORROW).exists()
    with pytest.raises(BadInput):
        sample_of(as_outsider, drawn[0].pk, TOMORROW)
    with pytest.raises(BadInput):
        judge_sample(as_outsider, drawn[0].pk, "not_in_scope", now=TOMORROW)
    assert estimated_misses(as_outsider, TOMORROW) is None
    assert most_useful(as_outsider, now=TOMORROW) == []


def test_who_only_reads_judges_nothing(drawn: list[Sample]) -> None:
    user = User.objects.create_user("auditor")
    Membership.objects.create(user=user, organisation=drawn[0].organisation, role="auditor")
    with pytest.raises(Refused, match="auditor"):
        samples_to_review(actor_of(user), TOMORROW)
    with pytest.raises(Refused, match="only a person"):
        judge_sample(system("worker", drawn[0].organisation_id), drawn[0].pk, "not_in_scope", now=TOMORROW)


def test_after_seven_days_the_content_goes_and_the_lot_stays(drawn: list[Sample], as_analyst: Actor) -> None:
    judge_sample(as_analyst, drawn[0].pk, "cannot_tell", now=TOMORROW)
    late = NOON + timedelta(days=6, hours=23)
    assert [work_once(late) for _ in range(3)] == [1, 1, 0]  # the looks that every patrol plans, no sample
    assert Sample.objects.exclude(content={}).count() == 2
    work_once(NOON + timedelta(days=7))
    assert not Sample.objects.exclude(content={}).exists()
    assert Sample.objects.count() == 3
    assert not samples_to_review(as_analyst, NOON + timedelta(days=7)).exists()
    with pytest.raises(BadInput, match="its time is over"):
        judge_sample(as_analyst, drawn[1].pk, "not_in_scope", now=NOON + timedelta(days=7))


def test_what_the_patrol_queued_meanwhile_is_one_case(live: Source, drawn: list[Sample], as_analyst: Actor) -> None:
    row = drawn[0].content
    arrive(live, [post(row["native_id"], row["text"], author_id=row["author_id"])], [finding()], TOMORROW)
    case = judge_sample(as_analyst, drawn[0].pk, "in_scope", category_slug="drug_ad", now=TOMORROW)
    assert Case.objects.get() == case
    assert case is not None
    assert (case.origin, Decision.objects.get().category) == (Case.Origin.PATROL, "drug_ad")


# --- what it says ---------------------------------------------------------------------------------------------------


def judged(actor: Actor, verdicts: list[str]) -> None:
    """Judges the lowest lots of the day, in their order; "" passes one over."""
    for sample, verdict in zip(list(samples_to_review(actor, TOMORROW)), verdicts, strict=False):
        if verdict:
            slug = "drug_ad" if verdict == "in_scope" else ""
            judge_sample(actor, sample.pk, verdict, category_slug=slug, now=TOMORROW)


def test_misses_with_their_interval(live: Source, drawn: list[Sample], as_analyst: Actor) -> None:
    note(live, plain(997, 1000))
    note(live, plain(20, 5000), [finding(i) for i in range(20)])
    judged(as_analyst, ["not_in_scope", "in_scope", "cannot_tell"])
    found = estimated_misses(as_analyst, TOMORROW)
    assert found is not None
    assert (found.judged, found.missed, found.unsure, found.posts) == (3, 1, 1, 1000)
    assert found.share == (0.5, *clopper_pearson(1, 2))
    assert found.expected[0] == 500


def test_recall_counts_what_was_found_on_these_days(
    live: Source, drawn: list[Sample], as_analyst: Actor, decided: object
) -> None:
    assert callable(decided)
    decided(10)  # found by the patrol and confirmed
    decided(5, "not_in_scope", first=50)
    judged(as_analyst, ["not_in_scope"] * 3)
    found = estimated_misses(as_analyst, TOMORROW)
    assert found is not None
    assert found.found == 10
    assert found.recall[0] == 1.0
    low = 10 / (10 + clopper_pearson(0, 3)[1] * found.posts)
    assert found.recall[1] == pytest.approx(low)


def test_judging_out_of_order_does_not_bend_the_estimate(drawn: list[Sample], as_analyst: Actor) -> None:
    judged(as_analyst, ["", "", "in_scope"])  # somebody picked the most suspicious one
    assert estimated_misses(as_analyst, TOMORROW) is None
    judged(as_analyst, ["not_in_scope"])
    found = estimated_misses(as_analyst, TOMORROW)
    assert found is not None
    assert (found.judged, found.missed) == (1, 0)
    judged(as_analyst, ["not_in_scope"])
    found = estimated_misses(as_analyst, TOMORROW)
    assert found is not None
    assert (found.judged, found.missed) == (3, 1)


def test_old_days_do_not_count(drawn: list[Sample], as_analyst: Actor) -> None:
    judged(as_analyst, ["not_in_scope"] * 3)
    assert estimated_misses(as_analyst, NOON + timedelta(days=28)) is not None
    assert estimated_misses(as_analyst, NOON + timedelta(days=29)) is None


# --- what to label next ---------------------------------------------------------------------------------------------


def test_the_unsure_and_the_new_come_first(live: Source, drawn: list[Sample], as_analyst: Actor) -> None:
    sure = [post(f"s{i}", f"受け子募集 日給{i}万円 テレグラム") for i in range(3)]
    unsure = post("u", "荷物を運ぶだけ 興味ある人")
    arrive(live, [*sure, unsure], [*(finding(i, score=0.999) for i in range(3)), finding(3, score=0.3, grade="mid")])
    listed = most_useful(as_analyst, 4, TOMORROW)
    assert listed[0].case is not None
    assert listed[0].case.post.native_id == "u"
    assert len(listed) == 4
    assert any(item.sample is not None for item in listed)
    assert len({(item.case and item.case.pk, item.sample and item.sample.pk) for item in listed}) == 4


def test_what_was_judged_is_not_proposed(live: Source, drawn: list[Sample], as_analyst: Actor) -> None:
    judged(as_analyst, ["not_in_scope"] * 3)
    assert most_useful(as_analyst, now=TOMORROW) == []
