"""What a page leaves behind: queued posts, edits, removals, counts and the cursor, all or nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.world import NOON, arrive, finding, page_of, post
from yoake.casework.audit.models import Entry
from yoake.casework.audit.queries import first_break
from yoake.casework.cases.actions import decide, undo
from yoake.casework.cases.intake import intake
from yoake.casework.cases.models import Case, Erasure, Finding, Post, PostVersion
from yoake.casework.cases.queries import recently_decided
from yoake.casework.cases.ranking import rank_of
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import Actor
from yoake.casework.sources.actions import LeaseLost, take_lease
from yoake.casework.sources.models import HourCount, Skipped, Source
from yoake.collect import practice as practice_stream
from yoake.collect.connector import Page, Skip
from yoake.pipeline.duties.erase import erase as erase_due
from yoake.tables.findings import findings_batch
from yoake.tables.posts import posts_batch, removals_batch

pytestmark = pytest.mark.django_db


def counts(source: Source) -> dict[str, int]:
    return {row.name: row.n for row in HourCount.objects.filter(source=source)}


def test_only_queued_posts_are_stored(live: Source) -> None:
    rows = [post("a"), post("b", "今日は寒い"), post("c", "荷物を運ぶ仕事")]
    taken = arrive(live, rows, [finding(0), finding(2, score=0.1, grade="low")], cursor="7")
    assert [p.native_id for p in Post.objects.all()] == ["a"]
    assert counts(live) == {"posts": 3, "queued": 1, "low:criminal_recruitment": 1}
    assert len(taken.opened) == 1
    live.refresh_from_db()
    assert live.cursor == "7"


def test_a_shadow_finding_never_queues(live: Source) -> None:
    arrive(live, [post()], [finding(shadow=True)])
    assert not Post.objects.exists()


def test_the_case_carries_what_the_inbox_orders_by(live: Source) -> None:
    arrive(
        live, [post()], [finding(score=0.8, grade="mid"), finding(category="coerced_applicant", score=0.7, grade="mid")]
    )
    case = Case.objects.get()
    assert (case.category, case.at_risk, case.grade) == ("coerced_applicant", True, "mid")
    assert case.rank == rank_of("coerced_applicant", 0.7, NOON, gone=False)


def test_findings_keep_the_fixed_interface(live: Source) -> None:
    span = {"field": "text", "start": 0, "end": 2, "text": "高額", "cue": "lure", "weight": 1.5}
    arrive(live, [post()], [finding(spans=[span], explanation={"ja": "あ", "en": "a"}, frame="advertisement")])
    kept = Finding.objects.get()
    assert kept.body["spans"] == [span]
    assert kept.body["explanation"] == {"ja": "あ", "en": "a"}
    assert (kept.frame, kept.hotline_class) == ("advertisement", "illegal")


def test_the_same_page_twice_changes_nothing_but_counts(live: Source) -> None:
    arrive(live, [post()], [finding()])
    arrive(live, [post()], [finding()])
    assert (Post.objects.count(), PostVersion.objects.count(), Case.objects.count(), Finding.objects.count()) == (
        1,
        1,
        1,
        1,
    )
    assert counts(live)["again"] == 1


def test_the_same_post_twice_in_one_page(live: Source) -> None:
    arrive(live, [post(), post()], [finding(0), finding(1)])
    assert (Post.objects.count(), Case.objects.count()) == (1, 1)


def test_an_edit_is_a_new_version_with_its_own_findings(live: Source) -> None:
    arrive(live, [post(text="一")], [finding()])
    arrive(live, [post(text="二")], [finding(score=0.5, grade="mid")])
    stored = Post.objects.get()
    assert stored.current is not None
    assert (stored.current.text, stored.versions.count(), Finding.objects.count()) == ("二", 2, 2)
    assert Case.objects.get().score == 0.9  # an author cannot hide a post by editing it
    assert counts(live)["edited"] == 1


def test_an_edit_of_a_stored_post_is_kept_even_when_nothing_is_found_in_it(live: Source) -> None:
    arrive(live, [post(text="一")], [finding()])
    arrive(live, [post(text="消しました")], [])
    stored = Post.objects.get()
    assert stored.current is not None
    assert stored.current.text == "消しました"


def test_an_edit_opens_a_case_again_that_was_out_of_scope(live: Source, as_analyst: Actor) -> None:
    arrive(live, [post(text="一")], [finding()])
    case = Case.objects.get()
    decide(as_analyst, case.pk, "not_in_scope", version_id=case.post.current_id or 0)
    arrive(live, [post(text="二")], [finding()])
    case.refresh_from_db()
    assert case.state == Case.State.WAITING
    assert case.changed_at is not None


def test_an_edit_leaves_a_decision_in_scope_standing(live: Source, as_analyst: Actor) -> None:
    arrive(live, [post(text="一")], [finding()])
    case = Case.objects.get()
    decide(as_analyst, case.pk, "in_scope", version_id=case.post.current_id or 0, category_slug="criminal_recruitment")
    arrive(live, [post(text="二")], [finding()])
    case.refresh_from_db()
    assert case.state == Case.State.DECIDED
    assert case.changed_at is not None


def test_an_edit_that_is_worse_moves_a_waiting_case_up(live: Source) -> None:
    arrive(live, [post(text="一")], [finding(score=0.5, grade="mid")])
    arrive(live, [post(text="二")], [finding(score=0.9)])
    assert Case.objects.get().score == 0.9


def test_a_case_that_an_edit_opened_again_is_not_erased(live: Source, as_analyst: Actor) -> None:
    arrive(live, [post(text="一")], [finding()])
    case = Case.objects.get()
    decide(as_analyst, case.pk, "not_in_scope", version_id=case.post.current_id or 0, now=NOON)
    arrive(live, [post(text="二")], [finding()], now=NOON + timedelta(hours=71))
    assert erase_due(NOON + timedelta(hours=80)) == 0
    assert Post.objects.get().erased_at is None
    # judged in scope, taken back: it waits, and what was decided about an older text no longer counts
    case.refresh_from_db()
    seen = case.post
    seen.refresh_from_db()
    decide(as_analyst, case.pk, "in_scope", version_id=seen.current_id or 0, category_slug="drug_ad", now=NOON)
    undo(as_analyst, case.pk, NOON)
    assert not Erasure.objects.exists()
    assert recently_decided(as_analyst, practice=False) == []


def test_a_case_of_a_second_organisation_keeps_the_post(live: Source, hotline: Organisation, as_analyst: Actor) -> None:
    other = Source.objects.create(organisation=hotline, name="other", connector="jsonl")
    arrive(live, [post()], [finding()])
    case = Case.objects.get()
    decide(as_analyst, case.pk, "not_in_scope", version_id=case.post.current_id or 0, now=NOON)
    arrive(other, [post()], [finding()], now=NOON + timedelta(hours=10))
    assert erase_due(NOON + timedelta(hours=80)) == 0
    assert Post.objects.get().erased_at is None


def removal(native_id: str = "1", **more: object) -> dict[str, object]:
    return {
        "kind": "post",
        "network": "test",
        "native_id": native_id,
        "state": "deleted_by_author",
        "removed_at": NOON,
        **more,
    }


def test_a_removal_marks_a_stored_post_and_ignores_others(live: Source) -> None:
    arrive(live, [post()], [finding()])
    arrive(live, [], [], removed=removals_batch([removal(), removal("other")]))
    stored = Post.objects.get()
    assert (stored.gone_state, stored.gone_at) == ("deleted_by_author", NOON)
    assert counts(live)["removed"] == 1


def test_a_suspended_account_takes_its_posts_along_and_brings_them_back(live: Source) -> None:
    arrive(live, [post("1", author_id="did:x"), post("2", author_id="did:y")], [finding(0), finding(1)])
    arrive(live, [], [], removed=removals_batch([removal("did:x", kind="account", state="suspended")]))
    assert {p.native_id: p.gone_state for p in Post.objects.all()} == {"1": "suspended", "2": ""}
    arrive(live, [], [], removed=removals_batch([removal("did:x", kind="account", state="back")]))
    assert {p.native_id: p.gone_state for p in Post.objects.all()} == {"1": "", "2": ""}


def test_a_deletion_and_news_of_the_account_in_one_page(live: Source) -> None:
    arrive(live, [post(author_id="did:x")], [finding()])
    news = [removal(), removal("did:x", kind="account", state="back")]
    arrive(live, [], [], removed=removals_batch(news))
    assert Post.objects.get().gone_state == "deleted_by_author"


def test_deleted_and_written_anew(live: Source) -> None:
    arrive(live, [post()], [finding()])
    arrive(live, [], [], removed=removals_batch([removal()]))
    arrive(live, [post()], [finding()])
    assert Post.objects.get().gone_state == ""


def test_deleted_while_suspended_stays_deleted(live: Source) -> None:
    arrive(live, [post(author_id="did:x")], [finding()])
    news = [
        removal("did:x", kind="account", state="suspended"),
        removal(),
        removal("did:x", kind="account", state="back"),
    ]
    arrive(live, [], [], removed=removals_batch(news))
    assert Post.objects.get().gone_state == "deleted_by_author"


def test_suspended_and_back_in_one_page(live: Source) -> None:
    arrive(live, [post(author_id="did:x")], [finding()])
    news = [removal("did:x", kind="account", state=state) for state in ("suspended", "back")]
    arrive(live, [], [], removed=removals_batch(news))
    assert Post.objects.get().gone_state == ""


def test_skipped_things_are_counted_and_named(live: Source) -> None:
    arrive(live, [], [], skipped=(Skip("not_json", "line 17"), Skip("not_json", "line 18")))
    assert counts(live)["skipped:not_json"] == 2
    assert [s.where for s in Skipped.objects.order_by("id")] == ["line 17", "line 18"]


def test_only_the_newest_skipped_things_are_kept(live: Source) -> None:
    arrive(live, [], [], skipped=tuple(Skip("not_json", f"line {i}") for i in range(900)))
    arrive(live, [], [], skipped=tuple(Skip("not_json", f"line {i}") for i in range(900, 1500)))
    assert Skipped.objects.count() == 1000
    assert counts(live)["skipped:not_json"] == 1500


def test_nothing_is_written_once_the_lease_is_lost(live: Source) -> None:
    token = take_lease(live, NOON)
    Source.objects.filter(pk=live.pk).update(lease_token="somebody else")
    row = page_of([post()], cursor="9")
    told = row.posts.to_pylist()[0]
    with pytest.raises(LeaseLost):
        intake(
            live,
            token,
            row,
            findings_batch([{**finding(), "uid": told["uid"], "content_hash": told["content_hash"]}]),
            NOON,
        )
    live.refresh_from_db()
    assert live.cursor is None
    assert not Post.objects.exists()
    assert not HourCount.objects.exists()


def test_two_organisations_have_a_case_each_on_one_post(live: Source, hotline: Organisation) -> None:
    other = Source.objects.create(organisation=hotline, name="other", connector="jsonl")
    arrive(live, [post()], [finding()])
    arrive(other, [post()], [finding()])
    assert Post.objects.count() == 1
    assert Case.objects.count() == 2


def test_the_practice_desk_also_shows_what_the_detector_missed(practice: Source) -> None:
    row = next(row for row in practice_stream.stream() if row["answer"]["verdict"] == "in_scope")
    chatter = next(row for row in practice_stream.stream() if not row["answer"]["ja"])
    rows = [post(f"2026-11-20/{r['id']}", r["text"], network="practice") for r in (row, chatter)]
    arrive(practice, rows, [])
    case = Case.objects.get()
    assert case.post.native_id.endswith(row["id"])
    assert case.origin == Case.Origin.LESSON


def test_practice_cases_are_marked_and_go_after_two_days(practice: Source) -> None:
    arrive(practice, [post(network="practice")], [finding()])
    assert Case.objects.get().practice
    assert Erasure.objects.get().due_at == NOON + timedelta(days=2)


def test_the_chain_holds_after_intake(live: Source) -> None:
    arrive(live, [post(str(i)) for i in range(3)], [finding(i) for i in range(3)])
    assert Entry.objects.filter(kind="case_opened").count() == 3
    assert first_break() is None


@pytest.mark.parametrize("n", [1, 300])
def test_queries_do_not_grow_with_posts_nobody_needs(live: Source, n: int, django_assert_max_num_queries) -> None:  # type: ignore[no-untyped-def]
    page = Page(posts=posts_batch([post(str(i), "今日は寒い") for i in range(n)]), cursor="1")
    token = take_lease(live, NOON)
    with django_assert_max_num_queries(8):
        intake(live, token, page, findings_batch([]), NOON)


def test_text_a_database_might_refuse_is_stored_as_it_came(live: Source) -> None:
    strange = "�\u202e👨‍👩‍👧‍👦 e\u0301 \U0001f4b0"
    arrive(live, [post(text=strange)], [finding()])
    assert PostVersion.objects.get().text == strange
