"""What a person may say, in whose name, and what an approval holds for: refused in the action, whatever page asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.outbox_world import WORDS, approved, decided, judged, to_of
from tests.world import NOON, arrive, finding, post
from yoake.casework.audit.models import Entry
from yoake.casework.audit.queries import first_break
from yoake.casework.cases.actions import undo
from yoake.casework.cases.categories import categories
from yoake.casework.cases.erasing import erase
from yoake.casework.cases.holds import place_hold
from yoake.casework.cases.leases import take_lease
from yoake.casework.cases.models import Account, Case, PostVersion
from yoake.casework.cases.stop import stop
from yoake.casework.due import claim_due
from yoake.casework.outbox import moves, reasons
from yoake.casework.outbox.actions import (
    approve,
    approve_second,
    decide_uncertain,
    discard,
    draft,
    rewrite,
    sent_by_hand,
    stop_all,
    try_again,
    withdraw,
)
from yoake.casework.outbox.channel import Receipt
from yoake.casework.outbox.models import OutboxItem, Sender
from yoake.casework.outbox.queries import (
    for_people,
    item_of,
    items_of,
    standstill_of,
    used_of,
    visible,
    waiting_to_go,
    ways_to,
)
from yoake.casework.outbox.reasons import why_not_now
from yoake.casework.outbox.secrets import speaker_of
from yoake.casework.outbox.senders import add_sender, change_sender, limit_sender, resume_sender
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import Source
from yoake.errors import BadInput, Refused

pytestmark = pytest.mark.django_db
GIVEN = {"server": "https://server.example", "token": "very-secret-token"}


@pytest.fixture
def sender(as_administrator: Actor) -> Sender:
    made = add_sender(as_administrator, "mastodon", "官公庁", GIVEN)
    Sender.objects.filter(pk=made.pk).update(state="active", paused_why="")
    return Sender.objects.get(pk=made.pk)


def drafted(actor: Actor, case: Case, sender: Sender | None, **more: Any) -> OutboxItem:
    told = {
        "kind": "warning",
        "channel": "mastodon",
        "way": "reply",
        "to": to_of(case),
        "body": {"text": WORDS},
        **more,
    }
    return draft(actor, case.pk, told.pop("kind"), sender_id=sender.pk if sender else None, **told)


def test_nothing_leaves_without_a_person_who_approved_it(as_analyst: Actor, live: Source, sender: Sender) -> None:
    item = drafted(as_analyst, decided(as_analyst, live), sender)
    assert (item.state, item.due_at, item.approved_by_id) == ("draft", None, None)
    approve(as_analyst, item.pk, item.bound)
    item.refresh_from_db()
    assert (item.state, item.approved_by_id) == ("approved", as_analyst.user_id)
    assert item.due_at is not None
    with pytest.raises(Refused):
        approve(as_analyst, item.pk, item.bound)
    kinds = Entry.objects.filter(subject=f"case:{item.case_id}", kind__startswith="outbox_").values_list(
        "kind", flat=True
    )
    assert list(kinds) == ["outbox_drafted", "outbox_approved"]
    assert first_break() in ("", None)


def test_an_approval_holds_for_what_was_read_alone(as_analyst: Actor, live: Source, sender: Sender) -> None:
    case = decided(as_analyst, live)
    item = drafted(as_analyst, case, sender)
    shown = item.bound
    rewrite(as_analyst, item.pk, {"text": f"{WORDS}!"})
    with pytest.raises(Refused, match="changed"):
        approve(as_analyst, item.pk, shown)
    shown = OutboxItem.objects.get(pk=item.pk).bound
    changes: tuple[Callable[[], int], ...] = (
        lambda: PostVersion.objects.filter(post=case.post).update(author_name="べつの人"),
        lambda: PostVersion.objects.filter(post=case.post).update(parent_text="べつの親"),
        lambda: PostVersion.objects.filter(post=case.post).update(content_hash="0" * 64),
        lambda: Account.objects.filter(posts=case.post).update(handle="betsu"),
        lambda: Case.objects.filter(pk=case.pk).update(changed_at=NOON),
    )
    for change in changes:
        with transaction.atomic():
            change()
            with pytest.raises(Refused, match="changed"):
                approve(as_analyst, item.pk, shown)
            transaction.set_rollback(True)
    approve(as_analyst, item.pk, shown)


@pytest.mark.parametrize(
    ("category", "kind", "allowed"),
    [
        ("criminal_recruitment", "warning", True),
        ("criminal_recruitment", "request", True),
        ("criminal_recruitment", "help", False),
        ("investment_romance_lure", "warning", False),
        ("minor_approach", "warning", False),
        ("coerced_applicant", "warning", False),
        ("coerced_applicant", "request", False),
        ("coerced_applicant", "report", False),
        ("coerced_applicant", "help", True),
        ("suicide_inducing", "warning", False),
        ("runaway_at_risk", "warning", False),
        ("disaster_misinformation", "warning", False),
    ],
)
def test_a_category_that_does_not_provide_for_an_act_forbids_it(
    as_analyst: Actor, live: Source, sender: Sender, category: str, kind: str, allowed: bool
) -> None:
    case = decided(as_analyst, live, category)
    Case.objects.filter(pk=case.pk).update(state="decided")  # also where a second person would judge first
    if allowed:
        assert drafted(as_analyst, case, sender, kind=kind).state == "draft"
    else:
        with pytest.raises(Refused, match="scope"):
            drafted(as_analyst, case, sender, kind=kind)


def test_somebody_who_is_also_at_risk_is_never_warned(as_analyst: Actor, live: Source, sender: Sender) -> None:
    from yoake.casework.cases.models import Decision

    case = decided(as_analyst, live)
    Decision.objects.filter(case=case).update(also=["coerced_applicant"])
    with pytest.raises(Refused):
        drafted(as_analyst, case, sender)
    assert drafted(as_analyst, case, sender, kind="help", way="message").state == "draft"


def test_practice_undecided_erased_and_held_posts(
    as_analyst: Actor, as_outsider: Actor, as_supervisor: Actor, live: Source, practice: Source, sender: Sender
) -> None:
    taken = arrive(practice, [post("p", network="practice")], [finding()])
    with pytest.raises(Refused, match="practice"):
        drafted(as_analyst, judged(as_analyst, Case.objects.get(pk=taken.opened[0])), sender)
    taken = arrive(live, [post("w", "別の求人 受け子")], [finding()])
    waiting = Case.objects.get(pk=taken.opened[0])
    with pytest.raises(Refused, match="scope"):
        drafted(as_analyst, waiting, sender)
    case = decided(as_analyst, live)
    item = drafted(as_analyst, case, sender)
    place_hold(as_outsider, "account", "author-1", network="test", days=3)
    with pytest.raises(Refused, match="another body"):
        approve(as_analyst, item.pk, item.bound)
    other = decided(as_analyst, live, native_id="2", author_id="author-2")
    theirs = drafted(as_analyst, other, sender)
    take_lease(as_supervisor, other.pk)
    with pytest.raises(Refused, match="colleague"):
        approve(as_analyst, theirs.pk, theirs.bound)


def test_a_second_person_where_category_or_room_demands_one(
    as_analyst: Actor, as_supervisor: Actor, live: Source, sender: Sender
) -> None:
    case = decided(as_analyst, live, "firearms_incitement")
    Case.objects.filter(pk=case.pk).update(state="decided")
    item = drafted(as_analyst, case, sender, kind="request", way="report", body={"text": WORDS, "reason": "violation"})
    assert item.second_needed
    approve(as_analyst, item.pk, item.bound)
    item.refresh_from_db()
    assert (item.state, item.due_at) == ("draft", None)
    with pytest.raises(Refused, match="second person"):
        approve_second(as_analyst, item.pk, item.bound)
    with pytest.raises(Refused):
        approve(as_supervisor, item.pk, item.bound)  # the first approval is given
    approve_second(as_supervisor, item.pk, item.bound)
    item.refresh_from_db()
    assert (item.state, item.second_by_id) == ("approved", as_supervisor.user_id)
    demanded = drafted(as_analyst, decided(as_analyst, live, native_id="2"), sender, second_needed=True)
    approve(as_analyst, demanded.pk, demanded.bound)
    rewrite(as_supervisor, demanded.pk, {"text": "別の言葉"})
    demanded.refresh_from_db()
    assert demanded.approved_by_id is None  # what was approved were other words
    with pytest.raises(Refused):
        approve_second(as_supervisor, demanded.pk, demanded.bound)


def test_an_approval_holds_for_the_decision_it_acts_on(as_analyst: Actor, live: Source, sender: Sender) -> None:
    case = decided(as_analyst, live)
    told: dict[str, Any] = {"kind": "request", "way": "report", "body": {"text": WORDS, "reason": "violation"}}
    item, ready = drafted(as_analyst, case, sender, **told), approved(as_analyst, case, sender, **told)
    undo(as_analyst, case.pk)
    judged(as_analyst, case)  # the same category, but other reasons may stand in it
    with pytest.raises(Refused, match="changed"):
        approve(as_analyst, item.pk, item.bound)
    assert moves.begin(ready.pk, timezone.now()) is None
    ready.refresh_from_db()
    assert (ready.state, ready.stopped_why) == ("stopped", "changed")


def test_a_second_person_that_the_category_demands_only_now_is_asked_for_by_every_kind(
    as_analyst: Actor, as_supervisor: Actor, live: Source, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = decided(as_analyst, live)
    told: dict[str, Any] = {"kind": "request", "way": "report", "body": {"text": WORDS, "reason": "violation"}}
    waits = drafted(as_analyst, case, sender, **told)
    ready, failed = (approved(as_analyst, case, sender, **told) for _ in range(2))
    moves.failed(failed, "no", timezone.now())
    now_demanded = {slug: replace(known, second_review=True) for slug, known in categories().items()}
    monkeypatch.setattr(reasons, "categories", lambda: now_demanded)
    assert moves.begin(ready.pk, timezone.now()) is None
    ready.refresh_from_db()
    assert (ready.state, ready.stopped_why) == ("stopped", "second")
    with pytest.raises(Refused, match="second person"):
        try_again(as_analyst, failed.pk)
    approve(as_analyst, waits.pk, waits.bound)
    waits.refresh_from_db()
    assert (waits.state, waits.second_needed) == ("draft", True)
    approve_second(as_supervisor, waits.pk, waits.bound)
    assert moves.begin(waits.pk, timezone.now()) is not None


def test_what_a_slow_worker_says_late_changes_nothing_but_where_it_stands(
    as_analyst: Actor, live: Source, sender: Sender
) -> None:
    item, now = approved(as_analyst, decided(as_analyst, live), sender), timezone.now()
    claim_due(OutboxItem, now, limit=1)
    slow = OutboxItem.objects.get(pk=item.pk)
    claim_due(OutboxItem, now + timedelta(minutes=6), limit=1)
    quick = moves.begin(item.pk, now + timedelta(minutes=6), OutboxItem.objects.get(pk=item.pk).claimed_until)
    assert quick is not None
    before = OutboxItem.objects.filter(pk=item.pk).values().get()
    moves.wait(slow, now, "late")
    moves.again(slow, "late", now)
    moves.not_gone(slow)
    moves.hand_out(slow, now)
    moves.denied(slow, "frozen", "late", now)
    assert not moves.failed(slow, "late", now)
    assert not moves.stop(slow, "gone", now)
    assert OutboxItem.objects.filter(pk=item.pk).values().get() == before
    assert moves.arrived(slow, Receipt("r1"), now)
    item.refresh_from_db()
    assert (item.state, item.remote_id) == ("sent", "r1")


def test_a_receipt_is_never_lost(as_analyst: Actor, live: Source, sender: Sender) -> None:
    now = timezone.now()
    erased, doubled = (decided(as_analyst, live, native_id=n, author_id=n) for n in "ab")
    first, second = (
        moves.begin(approved(as_analyst, case, sender).pk, now + timedelta(minutes=n))
        for n, case in enumerate((erased, doubled))
    )
    assert first is not None
    assert second is not None
    stop(as_analyst, erased.pk)
    assert moves.arrived(first, Receipt("r1", "https://server.example/@k/1"), now)
    first.refresh_from_db()
    assert (first.state, first.remote_id, first.to) == ("sent", "r1", {})
    moves.failed(second, "no", now)
    other = approved(as_analyst, doubled, sender)
    OutboxItem.objects.filter(pk=second.pk).update(
        author_key=""
    )  # an author is not warned twice, which is asked before
    assert moves.begin(other.pk, now + timedelta(minutes=5)) is not None
    assert moves.arrived(second, Receipt("r2", "javascript:alert(1)"), now)
    second.refresh_from_db()
    assert (second.state, second.stopped_why, second.remote_id, second.remote_url) == ("stopped", "twice", "r2", "")
    withdraw(as_analyst, second.pk, "mistake")
    assert OutboxItem.objects.get(pk=second.pk).due_at is not None


def test_where_it_stands_is_a_web_address(as_analyst: Actor, live: Source) -> None:
    item = approved(as_analyst, decided(as_analyst, live), None, way="hand")
    moves.begin(item.pk, timezone.now())
    for wrong in ("javascript:alert(1)", "data:text/html,x", "受付番号 12", "https://a.example/\n1"):
        with pytest.raises(BadInput, match="web address"):
            sent_by_hand(as_analyst, item.pk, wrong)
    assert sent_by_hand(as_analyst, item.pk, "https://a.example/1").remote_url == "https://a.example/1"


def test_the_stop_switch_takes_it_out_of_every_hand(as_analyst: Actor, as_supervisor: Actor, live: Source) -> None:
    item, now = approved(as_analyst, decided(as_analyst, live), None, way="hand"), timezone.now()
    begun = moves.begin(item.pk, now)
    assert begun is not None
    assert why_not_now(begun, now) == ""
    stop_all(as_analyst, now)
    item.refresh_from_db()
    assert (item.state, why_not_now(item, now)) == ("approved", "standstill")
    assert moves.begin(item.pk, now) is None
    item.refresh_from_db()
    assert item.state == "approved"
    # what somebody had done a moment before is written down as it was
    assert sent_by_hand(as_analyst, item.pk, "https://a.example/1").state == "sent"


def test_what_never_went_and_must_not_any_more_is_put_away(as_analyst: Actor, live: Source, sender: Sender) -> None:
    case = decided(as_analyst, live)
    item = approved(as_analyst, case, sender)
    moves.begin(item.pk, timezone.now())
    stop(as_analyst, case.pk)
    assert [one.pk for one in for_people(as_analyst)] == [item.pk]
    decide_uncertain(as_analyst, item.pk, went=False)
    item.refresh_from_db()
    assert (item.state, item.stopped_why) == ("stopped", "erased")
    assert for_people(as_analyst) == []


def test_of_two_organisations_one_warns(
    as_analyst: Actor, as_outsider: Actor, live: Source, hotline: Organisation, sender: Sender
) -> None:
    ours = decided(as_analyst, live)
    theirs_source = Source.objects.create(organisation=hotline, name="theirs", connector="jsonl", options={"path": "-"})
    theirs = decided(as_outsider, theirs_source)
    assert theirs.post_id == ours.post_id
    approved(as_analyst, ours, sender)
    with pytest.raises(Refused, match="warned already"):
        approved(as_outsider, theirs, None, way="hand")
    item = OutboxItem.objects.get(organisation=hotline)
    with pytest.raises(IntegrityError), transaction.atomic():
        OutboxItem.objects.update(state="sending")  # nor behind the action's back
    # what they approved a day ago and do not send (their sender is paused) keeps nobody from it
    OutboxItem.objects.exclude(pk=item.pk).update(approved_at=timezone.now() - timedelta(days=2))
    assert approve(as_outsider, item.pk, item.bound).state == "approved"


def test_what_does_not_fit_is_said_at_once(
    as_analyst: Actor, live: Source, sender: Sender, as_administrator: Actor
) -> None:
    case = decided(as_analyst, live)
    wrongs: tuple[dict[str, Any], ...] = (
        {"kind": "rumour"},
        {"way": "pigeon"},
        {"body": {"text": "  "}},
        {"body": {"text": "あ" * 501}},
        {"to": {}},
        {"remove_after_s": 5},
        {"channel": "telepathy"},
        {"kind": "correction"},
    )
    for wrong in wrongs:
        with pytest.raises(BadInput):
            drafted(as_analyst, case, sender, **wrong)
    with pytest.raises(Refused, match="no way"):
        drafted(as_analyst, case, sender, way="mail", to={"mail": "a@b.example"})
    with pytest.raises(BadInput, match="sender"):
        drafted(as_analyst, case, None)
    with pytest.raises(BadInput, match="case"):
        draft(as_analyst, None, "warning", channel="by_hand", way="hand", to={}, body={"text": WORDS})
    assert ("mastodon", "report") in ways_to("fediverse")
    assert ("bluesky", "reply") not in ways_to("fediverse")
    assert ("by_hand", "hand") in ways_to("whatever")


def test_people_of_other_organisations_see_and_touch_nothing(
    as_analyst: Actor, as_outsider: Actor, live: Source, sender: Sender
) -> None:
    case = decided(as_analyst, live)
    item = drafted(as_analyst, case, sender)
    assert list(visible(as_outsider)) == items_of(as_outsider, case) == []
    assert [one.pk for one in items_of(as_analyst, case)] == [item.pk]
    for act in (discard, try_again):
        with pytest.raises(BadInput, match="outbox"):
            act(as_outsider, item.pk)
    with pytest.raises(BadInput):
        item_of(as_outsider, item.pk)
    with pytest.raises(BadInput):
        approve(as_outsider, item.pk, item.bound)
    with pytest.raises(BadInput):
        limit_sender(as_outsider_admin(as_outsider), sender.pk, {"per_hour": 1})
    stop_all(as_outsider)
    assert standstill_of(as_analyst) is None


def as_outsider_admin(outsider: Actor) -> Actor:
    return Actor(outsider.name, outsider.user_id, outsider.organisation_id, "administrator")


def test_discarded_taken_back_and_corrected(as_analyst: Actor, live: Source, sender: Sender) -> None:
    case = decided(as_analyst, live)
    discard(as_analyst, drafted(as_analyst, case, sender).pk)
    taken_back = approved(as_analyst, case, sender)
    withdraw(as_analyst, taken_back.pk, "mistake")
    sent = approved(as_analyst, case, sender)  # nothing had gone, so the post may still be warned
    with pytest.raises(BadInput, match="corrects"):
        drafted(as_analyst, case, sender, kind="correction", corrects=sent.pk)
    begun = moves.begin(sent.pk, timezone.now())
    assert begun is not None
    assert moves.arrived(begun, Receipt("r1", "https://server.example/@k/1"), timezone.now())
    assert not moves.arrived(begun, Receipt("r2"), timezone.now())
    with pytest.raises(Refused):
        discard(as_analyst, sent.pk)
    with pytest.raises(BadInput, match="why"):
        withdraw(as_analyst, sent.pk, "because")
    correction = drafted(as_analyst, case, sender, kind="correction", corrects=sent.pk)
    assert correction.corrects_id == sent.pk
    approve(as_analyst, correction.pk, correction.bound)
    states = sorted(OutboxItem.objects.values_list("state", "stopped_why"))
    assert states == [("approved", ""), ("sent", ""), ("stopped", "discarded"), ("stopped", "taken_back")]


def test_secrets_are_sealed_and_never_shown(as_administrator: Actor, sender: Sender) -> None:
    assert b"very-secret" not in bytes(sender.sealed)
    assert "very-secret" not in str(sender.options)
    speaker = speaker_of(sender)
    assert speaker.secrets == {"token": "very-secret-token"}
    assert "very-secret" not in repr(speaker)
    change_sender(as_administrator, sender.pk, {"server": "https://other.example", "token": ""})
    sender.refresh_from_db()
    assert (sender.options["server"], speaker_of(sender).secrets["token"]) == (
        "https://other.example",
        "very-secret-token",
    )
    assert (sender.state, sender.paused_why) == ("paused", "untested")
    with pytest.raises(Refused, match="test"):
        resume_sender(as_administrator, sender.pk)
    assert not Entry.objects.filter(facts__icontains="very-secret").exists()
    for field, value in (("per_hour", -1), ("per_day", 10**6), ("speed", 1)):
        with pytest.raises(BadInput):
            limit_sender(as_administrator, sender.pk, {field: value})
    with pytest.raises(BadInput, match="token"):
        add_sender(as_administrator, "mastodon", "もう一つ", {"server": "https://server.example"})
    with pytest.raises(BadInput, match="no other"):
        add_sender(as_administrator, "mastodon", "官公庁", GIVEN)
    with pytest.raises(BadInput, match="channel"):
        add_sender(as_administrator, "by_hand", "手", {})
    mail = {"address": "desk@office.example", "host": "mail.office.example", "user": "desk", "password": "secret"}
    for field in ("user", "password"):  # no server is asked with what signing in cannot say
        with pytest.raises(BadInput, match="ASCII") as said:
            add_sender(as_administrator, "email", "手紙", {**mail, field: "あいう"})
        assert "あいう" not in str(said.value)


def test_with_another_key_file_secrets_are_entered_anew(settings: Any, as_administrator: Actor, sender: Sender) -> None:
    settings.SECRET_KEY = "another key file"
    with pytest.raises(Refused, match="key file"):
        speaker_of(sender)
    change_sender(as_administrator, sender.pk, {"token": "new"})
    sender.refresh_from_db()
    assert speaker_of(sender).secrets == {"token": "new"}


def test_erasing_a_post_takes_words_and_addressee_and_stops_what_had_not_left(
    as_analyst: Actor, live: Source, sender: Sender
) -> None:
    case = decided(as_analyst, live)
    sent = approved(as_analyst, case, sender)
    begun = moves.begin(sent.pk, timezone.now())
    assert begun is not None
    moves.arrived(begun, Receipt("r1", "https://server.example/@k/1"), timezone.now())
    going = approved(as_analyst, case, sender, kind="request", way="report", body={"text": WORDS, "reason": "spam"})
    Sender.objects.update(free_at=None)
    assert moves.begin(going.pk, timezone.now()) is not None
    waits = drafted(as_analyst, case, sender, kind="report", way="report", body={"text": WORDS, "reason": "spam"})
    bounds = {item.bound for item in (sent, going, waits)}
    stop(as_analyst, case.pk)
    items = {item.pk: item for item in OutboxItem.objects.all()}
    assert [(items[one.pk].state, items[one.pk].stopped_why) for one in (sent, going, waits)] == [
        ("sent", ""),
        ("failed", "uncertain"),
        ("stopped", "erased"),
    ]
    assert all((item.to, item.body, item.author_key, item.problem) == ({}, {}, "", "") for item in items.values())
    assert not bounds & {item.bound for item in items.values()}
    assert items[sent.pk].remote_id == "r1"  # with it one can take it back
    assert not erase(case.post, timezone.now() + timedelta(days=9999))


def test_the_pages_queries_do_not_grow_with_rows(as_analyst: Actor, live: Source, sender: Sender) -> None:
    def count(n: int) -> int:
        for k in range(n):
            approved(as_analyst, decided(as_analyst, live, native_id=f"{n}-{k}", author_id=f"{n}-{k}"), sender)
        with CaptureQueriesContext(connection) as queries:
            for item in waiting_to_go(as_analyst):
                assert item.case is not None
                assert item.sender is not None
            used_of([sender], timezone.now())
        return len(queries)

    assert 0 < count(1) == count(4)
