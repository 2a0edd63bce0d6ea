"""Warnings: who gets none, from which letter they are made, what stops them in the last second, and trials of two letters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as configured
from django.utils import timezone

from tests.outbox_world import decided, sender_on
from tests.servers.mastodon.server import TOKEN, Mastodon
from tests.warn_world import LETTER, OTHER, handed, job_ad, letter_in_force, warnable, warned, with_head
from tests.world import arrive, finding, post
from yoake.casework.audit.models import Entry
from yoake.casework.cases import actions as judging
from yoake.casework.cases.actions import undo
from yoake.casework.cases.elements import Tied
from yoake.casework.cases.models import Case, Check
from yoake.casework.cases.notes import mark_minor
from yoake.casework.outbox.actions import approve, approve_second, discard, sent_by_hand, try_again
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import Source
from yoake.casework.warn import choosing, grounds, queries, trials
from yoake.casework.warn.actions import draft_correction, draft_warning
from yoake.casework.warn.models import Trial, WarningMessage
from yoake.casework.wording.models import Letter
from yoake.errors import BadInput, Refused
from yoake.pipeline.last_second import RULES

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def head(as_supervisor: Actor) -> None:
    with_head(as_supervisor)


# --- who is warned, and who never ------------------------------------------------------------------------------------------


def test_a_warning_is_the_letter_in_force_filled_in_and_waits_for_a_person(as_analyst: Actor, live: Source) -> None:
    case = warnable(as_analyst, live, author_handle="aite", url="https://social.example/1")
    made = draft_warning(as_analyst, case.pk, "by_hand")
    item = OutboxItem.objects.get(pk=made.item_id)
    assert (item.state, item.kind, item.way, item.due_at) == ("draft", "warning", "hand", None)
    assert "架空県警察　000-000-0000" in item.body["text"]
    assert "{" not in item.body["text"]
    assert item.to["handle"] == "aite"
    assert (made.letter, made.trial, made.arm, made.language) == (None, None, "", "ja")
    note = Entry.objects.get(kind="warning_drafted")
    assert note.subject == f"case:{case.pk}"
    assert "#9110" not in str(note.facts)


@pytest.mark.parametrize(
    "slug", ["coerced_applicant", "crime_job_seeker", "runaway_at_risk", "suicide_inducing", "minor_approach"]
)
def test_a_category_that_forbids_it_forbids_it_in_the_action(
    slug: str, as_analyst: Actor, as_supervisor: Actor, live: Source
) -> None:
    case = decided(as_analyst, live, slug, network="fediverse")
    Case.objects.filter(pk=case.pk).update(state="decided")  # where a second judgement is waited for, that came
    with pytest.raises(Refused):
        draft_warning(as_analyst, case.pk, "by_hand")
    with pytest.raises(Refused):
        queries.preview(as_analyst, Case.objects.get(pk=case.pk), "ja")
    assert not OutboxItem.objects.exists()


def test_who_is_also_at_risk_gets_help_and_no_warning(as_analyst: Actor, live: Source) -> None:
    now = timezone.now()
    row = post("1", network="fediverse", seen_at=now)
    arrive(live, [row], [finding(category="drug_ad")], now)
    case = Case.objects.get()
    judging.decide(
        as_analyst, case.pk, "in_scope", version_id=case.post.current_id or 0, category_slug="drug_ad", also=("crime_job_seeker",)
    )  # fmt: skip
    with pytest.raises(Refused, match="help"):
        draft_warning(as_analyst, case.pk, "by_hand")
    other = warnable(as_analyst, live, native_id="2")
    Case.objects.filter(pk=other.pk).update(at_risk=True)  # the detector sees somebody in danger, the judge did not
    with pytest.raises(Refused, match="help"):
        draft_warning(as_analyst, other.pk, "by_hand")


def test_practice_the_undecided_and_the_undone_are_not_warned(
    as_analyst: Actor, live: Source, practice: Source
) -> None:
    with pytest.raises(Refused, match="practice"):
        draft_warning(as_analyst, warnable(as_analyst, practice).pk, "by_hand")
    now = timezone.now()
    taken = arrive(live, [post("7", network="fediverse", seen_at=now)], [finding(category="drug_ad")], now)
    with pytest.raises(Refused, match="stands in scope"):
        draft_warning(as_analyst, taken.opened[0], "by_hand")
    case = warnable(as_analyst, live, native_id="8")
    undo(as_analyst, case.pk)
    with pytest.raises(Refused, match="stands in scope"):
        draft_warning(as_analyst, case.pk, "by_hand")


def test_missing_items_of_a_job_ad_alone_are_no_ground(as_analyst: Actor, live: Source) -> None:
    for n, (ticked, found, may) in enumerate(
        [
            (("offer", "unclear_work"), (), False),
            (("offer",), ("harmful_work",), False),  # the person saw it and did not tick it
            ((), (), False),
            ((), ("offer", "unclear_work"), False),
            (("offer", "harmful_work"), (), True),
            (("high_pay",), (), True),
            ((), ("offer", "anonymous_contact"), True),
        ]
    ):
        case = job_ad(as_analyst, live, *ticked, found=found, native_id=str(n), author_id=f"a{n}")
        if may:
            assert draft_warning(as_analyst, case.pk, "by_hand").category == "criminal_recruitment"
        else:
            with pytest.raises(Refused, match="labour bureau"):
                draft_warning(as_analyst, case.pk, "by_hand")


# --- by which way ----------------------------------------------------------------------------------------------------------


def test_a_channel_answers_only_posts_of_its_networks(as_analyst: Actor, live: Source) -> None:
    case = warnable(as_analyst, live, network="web", url="https://board.example/1")
    for channel in ("bluesky", "mastodon", "email", "hotline_form"):
        with pytest.raises(BadInput):
            draft_warning(as_analyst, case.pk, channel)
    assert draft_warning(as_analyst, case.pk, "by_hand").item.way == "hand"
    assert [(road.channel, road.fits) for road in queries.roads_of(as_analyst, case, "あ" * 5000)] == [
        ("by_hand", True)
    ]


def test_one_draft_a_case_and_nobody_twice(
    as_analyst: Actor, as_outsider: Actor, live: Source, hotline: Organisation
) -> None:
    case = warnable(as_analyst, live)
    first = draft_warning(as_analyst, case.pk, "by_hand")
    with pytest.raises(Refused, match="already"):
        draft_warning(as_analyst, case.pk, "by_hand")
    discard(as_analyst, first.item_id)
    sent_by_hand(as_analyst, handed(warned(as_analyst, case, None)).pk, "https://social.example/9")
    with pytest.raises(Refused, match="not long ago"):  # another post of the same author
        draft_warning(as_analyst, warnable(as_analyst, live, native_id="2").pk, "by_hand")
    theirs = Source.objects.create(organisation=hotline, name="theirs", connector="jsonl", options={"path": "-"})
    with_head(Actor(as_outsider.name, as_outsider.user_id, as_outsider.organisation_id, "supervisor"))
    with pytest.raises(Refused, match="warned already"):  # the same post, another organisation
        draft_warning(as_outsider, warnable(as_outsider, theirs).pk, "by_hand")


def test_a_letterhead_is_needed(as_outsider: Actor, hotline: Organisation) -> None:
    source = Source.objects.create(organisation=hotline, name="live", connector="jsonl", options={"path": "-"})
    with pytest.raises(Refused, match="letterhead"):
        draft_warning(as_outsider, warnable(as_outsider, source).pk, "by_hand")


# --- letters ----------------------------------------------------------------------------------------------------------------


def test_the_version_in_force_at_drafting_stays(
    as_analyst: Actor, as_supervisor: Actor, as_administrator: Actor, live: Source
) -> None:
    own = letter_in_force(as_supervisor, as_administrator, LETTER)
    made = draft_warning(as_analyst, warnable(as_analyst, live).pk, "by_hand")
    assert made.letter == own
    letter_in_force(as_supervisor, as_administrator, OTHER)
    item = OutboxItem.objects.get(pk=made.item_id)
    assert item.body["text"].startswith("この投稿は、違法な取引の勧誘")
    approve(as_analyst, item.pk, item.bound)
    assert queries.reason_to_stop(item, timezone.now()) == ""


def test_english_posts_get_the_english_letter(as_analyst: Actor, live: Source) -> None:
    case = warnable(as_analyst, live, lang="en-GB")
    made = draft_warning(as_analyst, case.pk, "by_hand")
    assert made.language == "en"
    assert "Kaku Prefectural Police" in OutboxItem.objects.get(pk=made.item_id).body["text"]


def test_an_article_that_nobody_verified_leaves_in_no_letter(
    as_analyst: Actor, as_supervisor: Actor, as_administrator: Actor, live: Source
) -> None:
    # Approved when the article was verified; the category's file says otherwise now.
    text = LETTER.replace("違法な取引", "職業安定法第65条に触れる取引")
    head = Letter.objects.create(
        organisation_id=as_supervisor.organisation_id, category="drug_ad", name="warning", language="ja", number=1, text=text,
        by_id=as_supervisor.user_id, at=timezone.now(), approved_by_id=as_administrator.user_id, approved_at=timezone.now(),
    )  # fmt: skip
    case = warnable(as_analyst, live)
    with pytest.raises(Refused, match="nobody verified"):
        draft_warning(as_analyst, case.pk, "by_hand")
    Letter.objects.filter(pk=head.pk).update(text=LETTER)
    made = draft_warning(as_analyst, case.pk, "by_hand")
    item = OutboxItem.objects.get(pk=made.item_id)
    assert queries.reason_to_stop(item, timezone.now()) == ""
    item.body = {"text": "職業安定法第65条に触れるおそれがあります。#9110"}
    assert queries.reason_to_stop(item, timezone.now()) == "letter"
    item.body = {"text": "職業安定法第63条に触れるおそれがあります。#9110"}  # verified, but of another category
    assert queries.reason_to_stop(item, timezone.now()) == "letter"


def test_every_shipped_letter_can_leave(as_analyst: Actor, live: Source) -> None:
    from yoake.casework.cases.categories import categories

    slugs = [slug for slug, known in categories().items() if "warn" in known.actions]
    assert len(slugs) >= 5
    for n, slug in enumerate(slugs):
        for language in ("ja", "en"):
            case = Case(organisation_id=live.organisation_id, pk=n + 1)
            letter = choosing.chosen(case, slug, language)
            assert not grounds.broken(categories()[slug], language, letter.text), (slug, language)


# --- approval and the last second -------------------------------------------------------------------------------------------


def test_a_minor_or_the_category_demands_a_second_person(as_analyst: Actor, as_supervisor: Actor, live: Source) -> None:
    now = timezone.now()
    taken = arrive(live, [post("1", network="fediverse", seen_at=now)], [finding(category="drug_ad")], now)
    mark_minor(as_analyst, taken.opened[0], True)
    case = Case.objects.get(pk=taken.opened[0])
    version = case.post.current_id or 0
    judging.decide(as_analyst, case.pk, "in_scope", version_id=version, category_slug="drug_ad")
    Case.objects.filter(pk=case.pk).update(state="decided")  # the second judgement agreed
    made = draft_warning(as_analyst, case.pk, "by_hand")
    item = OutboxItem.objects.get(pk=made.item_id)
    assert item.second_needed
    approve(as_analyst, item.pk, item.bound)
    with pytest.raises(Refused, match="second person"):
        approve_second(as_analyst, item.pk, item.bound)
    assert OutboxItem.objects.get(pk=item.pk).state == "draft"
    approve_second(as_supervisor, item.pk, item.bound)
    assert OutboxItem.objects.get(pk=item.pk).state == "approved"


def _minor(case: Case, actor: Actor) -> None:
    mark_minor(actor, case.pk, True)


def _at_risk(case: Case, actor: Actor) -> None:
    Case.objects.filter(pk=case.pk).update(at_risk=True)


def _undone(case: Case, actor: Actor) -> None:
    undo(actor, case.pk)


def _lost(case: Case, actor: Actor) -> None:
    WarningMessage.objects.filter(case=case).delete()


@pytest.mark.parametrize(
    ("happens", "why"), [(_minor, "second"), (_at_risk, "at_risk"), (_undone, "forbidden"), (_lost, "no_letter")]
)
def test_what_happens_after_the_approval_stops_it(
    happens: Callable[[Case, Actor], None], why: str, as_analyst: Actor, live: Source
) -> None:
    case = warnable(as_analyst, live)
    made = warned(as_analyst, case, None)
    happens(case, as_analyst)
    item = handed(made)
    assert (item.state, item.stopped_why) == ("stopped", why)


def test_a_decision_that_was_taken_anew_on_missing_items_stops_it(as_analyst: Actor, live: Source) -> None:
    case = job_ad(as_analyst, live, "harmful_work")
    made = warned(as_analyst, case, None)
    undo(as_analyst, case.pk)
    version = case.post.current_id or 0
    ticks = [Tied("offer", "text", 0, 4)]
    judging.decide(
        as_analyst, case.pk, "in_scope", version_id=version, category_slug="criminal_recruitment", elements=ticks
    )
    assert queries.reason_to_stop(OutboxItem.objects.get(pk=made.item_id), timezone.now()) == "alone"
    item = handed(made)
    assert (item.state, item.stopped_why) == ("stopped", "changed")  # it was approved for another decision


def test_the_line_of_the_public_page_is_no_part_of_the_letter(as_analyst: Actor, live: Source, settings: Any) -> None:
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, public_url="https://yoake.example")
    made = warned(as_analyst, warnable(as_analyst, live), None)
    assert "https://yoake.example/a" in made.item.body["text"]
    assert queries.reason_to_stop(OutboxItem.objects.get(pk=made.item_id), timezone.now()) == ""


def test_the_rules_of_the_last_second(as_analyst: Actor, live: Source) -> None:
    rule, case = RULES["warning"], warnable(as_analyst, live)
    made = draft_warning(as_analyst, case.pk, "by_hand")
    item = OutboxItem.objects.get(pk=made.item_id)
    assert not rule.unanswered(item)  # whoever carries it out sees who answered
    assert rule.still_up(item)  # there is a source that could be asked
    Check.objects.create(case=case, step="before_act", since=timezone.now(), due_at=timezone.now(), hand="unchecked")
    assert not rule.still_up(item)  # and it said that it cannot
    item.way = "reply"
    assert rule.still_up(item)
    assert rule.unanswered(item)


def test_by_hand_where_no_program_can_look(as_analyst: Actor, live: Source) -> None:
    case = warnable(as_analyst, live, url="https://social.example/1")
    item = handed(warned(as_analyst, case, None))
    assert (item.state, item.stopped_why) == ("sending", "")
    sent_by_hand(as_analyst, item.pk, "https://social.example/2")
    item.refresh_from_db()
    assert (item.state, item.remote_url) == ("sent", "https://social.example/2")


# --- corrections ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def standing(as_analyst: Actor, live: Source) -> OutboxItem:
    made = warned(as_analyst, warnable(as_analyst, live, url="https://social.example/1"), None)
    OutboxItem.objects.filter(pk=made.item_id).update(
        state="sent", sent_at=timezone.now(), remote_id="9", remote_url="https://social.example/9", due_at=None
    )
    return OutboxItem.objects.get(pk=made.item_id)


def test_a_correction_answers_our_own_reply_once(as_analyst: Actor, standing: OutboxItem) -> None:
    item = draft_correction(as_analyst, standing.pk, "先ほどのお知らせは誤りでした。おわびします。")
    assert (item.kind, item.corrects_id, item.state) == ("correction", standing.pk, "draft")
    assert item.to["url"] == "https://social.example/9"
    with pytest.raises(Refused, match="already"):
        draft_correction(as_analyst, standing.pk, "もう一つ")
    approve(as_analyst, item.pk, item.bound)
    assert OutboxItem.objects.get(pk=item.pk).state == "approved"


def test_a_correction_that_may_have_gone_is_made_by_no_other(as_analyst: Actor, standing: OutboxItem) -> None:
    first = draft_correction(as_analyst, standing.pk, "誤りでした。おわびします。")
    approve(as_analyst, first.pk, first.bound)
    OutboxItem.objects.filter(pk=first.pk).update(state="failed", stopped_why="uncertain", due_at=None)
    with pytest.raises(Refused, match="already"):
        draft_correction(as_analyst, standing.pk, "もう一つ")
    OutboxItem.objects.filter(pk=first.pk).update(stopped_why="refused")
    second = draft_correction(as_analyst, standing.pk, "もう一つ")
    OutboxItem.objects.filter(pk=second.pk).update(state="sent", due_at=None)
    with pytest.raises(Refused, match="the same was said meanwhile"):
        try_again(as_analyst, first.pk)


@pytest.mark.parametrize(
    "text", ["", "あ" * 1001, "#闇バイト ではありません", "@somebody さんへ", "https://a.example を見て", "違法です"]
)
def test_a_correction_keeps_the_rules_of_letters(text: str, as_analyst: Actor, standing: OutboxItem) -> None:
    with pytest.raises(BadInput):
        draft_correction(as_analyst, standing.pk, text)


def test_only_what_stands_is_corrected_and_only_by_its_own(
    as_analyst: Actor, as_outsider: Actor, standing: OutboxItem
) -> None:
    with pytest.raises(BadInput):
        draft_correction(as_outsider, standing.pk, "誤りでした。")
    OutboxItem.objects.filter(pk=standing.pk).update(state="withdrawn")
    with pytest.raises(Refused, match="stands"):
        draft_correction(as_analyst, standing.pk, "誤りでした。")


# --- trials -----------------------------------------------------------------------------------------------------------------


def test_a_trial_draws_one_of_two_letters_for_each_case_and_withholds_none(
    as_analyst: Actor, as_supervisor: Actor, as_administrator: Actor, live: Source
) -> None:
    own = letter_in_force(as_supervisor, as_administrator, LETTER)
    trial = trials.start_trial(as_supervisor, "drug_ad", "ja", 0, own.pk)
    made = [
        draft_warning(as_analyst, warnable(as_analyst, live, native_id=str(n), author_id=f"a{n}").pk, "by_hand")
        for n in range(12)
    ]
    arms = [one.arm for one in made]
    assert {one.trial_id for one in made} == {trial.pk}
    assert set(arms) == {"first", "second"}
    for one in made:
        assert one.letter_id == (own.pk if one.arm == "second" else None)
        assert one.letter_digest == (trial.second_digest if one.arm == "second" else trial.first_digest)
        assert choosing.arm_of(trial, one.case) == one.arm  # always the same
    (shown,) = trials.trials_of(as_analyst)
    assert shown.runs
    assert {one.arm: one.drawn for one in shown.arms} == {"first": arms.count("first"), "second": arms.count("second")}
    trials.end_trial(as_supervisor, trial.pk)
    after = draft_warning(as_analyst, warnable(as_analyst, live, native_id="x", author_id="x").pk, "by_hand")
    assert (after.trial, after.arm, after.letter_id) == (None, "", own.pk)


def test_the_lot_is_even_and_keyed(as_supervisor: Actor, settings: Any) -> None:
    trial = Trial(pk=1)
    drawn = [choosing.arm_of(trial, Case(pk=n)) for n in range(2000)]
    assert 900 < drawn.count("first") < 1100
    settings.SECRET_KEY = "another key of the tests"
    assert [choosing.arm_of(trial, Case(pk=n)) for n in range(2000)] != drawn


def test_results_of_a_trial_are_counted(
    as_analyst: Actor, as_supervisor: Actor, as_administrator: Actor, live: Source
) -> None:
    own = letter_in_force(as_supervisor, as_administrator, LETTER)
    trials.start_trial(as_supervisor, "drug_ad", "ja", 0, own.pk)
    made = [
        draft_warning(as_analyst, warnable(as_analyst, live, native_id=str(n), author_id=f"a{n}").pk, "by_hand")
        for n in range(8)
    ]
    sent_at = timezone.now()
    gone = made[0]
    for one in made[:4]:
        OutboxItem.objects.filter(pk=one.item_id).update(state="sent", sent_at=sent_at)
    done = {"outcome": "deleted_by_author", "how": "automatic"}
    for case, minutes in (
        (gone.case, 5),
        (gone.case, 9),
        (made[1].case, -5),
        (made[7].case, 5),
    ):  # twice, before, not sent
        Check.objects.create(
            case=case, step=f"x{minutes}", since=sent_at, checked_at=sent_at + timedelta(minutes=minutes), **done
        )
    (shown,) = trials.trials_of(as_analyst)
    assert sum(one.drawn for one in shown.arms) == 8
    assert sum(one.sent for one in shown.arms) == 4
    assert {one.arm: one.gone for one in shown.arms} == {gone.arm: 1, ({"first", "second"} - {gone.arm}).pop(): 0}


def test_what_cannot_be_tried(as_analyst: Actor, as_supervisor: Actor, as_administrator: Actor) -> None:
    own = letter_in_force(as_supervisor, as_administrator, LETTER)
    draft = Letter.objects.create(
        organisation_id=as_supervisor.organisation_id, category="drug_ad", name="warning", language="ja", number=9, text=OTHER,
        by_id=as_supervisor.user_id, at=timezone.now(),
    )  # fmt: skip
    for slug in ("coerced_applicant", "illegal_gambling_ad"):
        with pytest.raises(Refused, match="nobody is warned"):
            trials.start_trial(as_supervisor, slug, "ja", 0, own.pk)
    with pytest.raises(BadInput):
        trials.start_trial(as_supervisor, "drug_ad", "ja", 0, 0)
    with pytest.raises(BadInput):
        trials.start_trial(as_supervisor, "drug_ad", "ja", 0, draft.pk)  # nobody approved it
    trials.start_trial(as_supervisor, "drug_ad", "ja", 0, own.pk)
    with pytest.raises(Refused, match="open"):
        trials.start_trial(as_supervisor, "drug_ad", "ja", 0, own.pk)


def test_a_shipped_letter_that_changed_ends_what_is_drawn(
    as_analyst: Actor, as_supervisor: Actor, as_administrator: Actor, live: Source, settings: Any
) -> None:
    own = letter_in_force(as_supervisor, as_administrator, LETTER)
    trial = trials.start_trial(as_supervisor, "drug_ad", "ja", 0, own.pk)
    Trial.objects.filter(pk=trial.pk).update(first_digest="0" * 64)
    made = draft_warning(as_analyst, warnable(as_analyst, live).pk, "by_hand")
    assert (made.trial, made.letter_id) == (None, own.pk)
    assert [one.runs for one in trials.trials_of(as_analyst)] == [False]


# --- over a network ---------------------------------------------------------------------------------------------------------


def test_a_reply_too_long_for_the_network_is_seen_before(
    as_analyst: Actor, as_administrator: Actor, live: Source
) -> None:
    with Mastodon() as server:
        server.account_of[TOKEN] = server.account("keisatsu", display="架空県警察")
        sender = sender_on(as_administrator, "mastodon", {"server": server.url, "token": TOKEN})
        case = warnable(as_analyst, live)
        (short, hand) = queries.roads_of(as_analyst, case, "あ" * 10)
        assert (short.channel, short.sender, short.fits, hand.channel) == ("mastodon", sender, True, "by_hand")
        assert not queries.roads_of(as_analyst, case, "あ" * 600)[0].fits
    assert configured.ENVIRONMENT.warn_author_days >= 1
