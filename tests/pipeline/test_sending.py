"""What leaves, over a real Bluesky server and over servers that speak the API documents of Mastodon, Misskey and X."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from django.conf import settings as configured
from django.utils import timezone

from tests.collect.loopback import respond
from tests.outbox_world import NO_PAUSE, WORDS, approved, decided, rule, sender_on, to_of
from tests.servers.mastodon.server import TOKEN, Mastodon
from tests.servers.pds import Pds, PdsError
from tests.servers.x.server import X
from yoake import shelf
from yoake.casework.audit.models import Entry
from yoake.casework.cases.checks import mark_by_hand
from yoake.casework.cases.holds import place_hold
from yoake.casework.cases.models import Case, Check, PostVersion
from yoake.casework.due import claim_due
from yoake.casework.outbox import moves
from yoake.casework.outbox.actions import (
    decide_uncertain,
    discard,
    draft,
    go_on,
    sent_by_hand,
    stop_all,
    try_again,
    withdraw,
    withdrawn_by_hand,
)
from yoake.casework.outbox.models import OutboxItem, Sender
from yoake.casework.outbox.queries import for_people, paused_senders, used_of
from yoake.casework.outbox.senders import end_sender, limit_sender, pause_sender, resume_sender
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import Actor
from yoake.casework.registers.actions import add_official_account
from yoake.casework.sources.models import Source
from yoake.errors import Refused
from yoake.pipeline import duties, worker
from yoake.pipeline.last_second import Rule
from yoake.pipeline.outside import _hosts
from yoake.pipeline.sending import send_one, take_back_one

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def no_limits_of_hosts(settings: Any) -> Iterator[None]:
    """Servers of the tests are asked as often as they must."""
    settings.ENVIRONMENT = replace(configured.ENVIRONMENT, host_limits={"127.0.0.1": 0.0})
    _hosts.cache_clear()
    yield
    _hosts.cache_clear()


@pytest.fixture
def server() -> Iterator[Mastodon]:
    with Mastodon() as running:
        running.now = datetime.now(UTC)
        running.account_of[TOKEN] = running.account("keisatsu", display="架空県警察")
        yield running


@pytest.fixture
def sender(server: Mastodon, as_administrator: Actor) -> Sender:
    return sender_on(as_administrator, "mastodon", {"server": server.url, "token": TOKEN})


@pytest.fixture(autouse=True)
def warnings_may_go() -> Iterator[None]:
    with rule("warning", Rule()):
        yield


@pytest.fixture
def patrolled(server: Mastodon, police: Organisation) -> Source:
    """A source whose connector can say whether a post of the server is still up."""
    return Source.objects.create(
        organisation=police, name="fediverse", connector="mastodon", options={"instance": server.url, "token": ""}
    )


def posted(server: Mastodon, actor: Actor, source: Source, name: str = "aite") -> Case:
    """A post of somebody on the server, as a case in scope."""
    author = server.account(name)
    ident = server.post(author, "高額バイト 詳しくはDMで")
    uri = server.uri(ident)
    return decided(
        actor,
        source,
        network="fediverse",
        native_id=uri,
        url=uri,
        author_id=f"{server.url}/users/{name}",
        author_handle=name,
    )


def replies(server: Mastodon) -> list[str]:
    return [one["content"] for one in server.statuses.values() if one["account"]["username"] == "keisatsu"]


def drain(after: timedelta = timedelta()) -> None:
    """Everything that is due so long from now."""
    while send_one(timezone.now() + after):
        pass


def state(item: OutboxItem) -> tuple[str, str]:
    item.refresh_from_db()
    return item.state, item.stopped_why


def test_an_approved_warning_stands_under_the_post_once(
    server: Mastodon, sender: Sender, as_analyst: Actor, live: Source
) -> None:
    case = posted(server, as_analyst, live)
    item = approved(as_analyst, case, sender)
    now = timezone.now()
    assert send_one(now) == 1
    item.refresh_from_db()
    assert (item.state, item.due_at, item.tried_at, item.counted_at) == ("sent", None, item.counted_at, item.tried_at)
    assert item.remote_url.startswith(server.url)
    assert len(replies(server)) == 1
    assert WORDS in replies(server)[0]
    assert server.statuses[item.remote_id]["in_reply_to_id"] == next(iter(server.statuses))
    assert send_one(now + timedelta(hours=1)) == 0


def test_what_was_accepted_and_not_answered_is_found_and_not_said_again(
    server: Mastodon, sender: Sender, as_analyst: Actor, live: Source
) -> None:
    server.forgetful = True
    item = approved(as_analyst, posted(server, as_analyst, live), sender)
    lost: list[str] = []

    def lose_the_answer(handler: BaseHTTPRequestHandler) -> bool:
        if handler.command == "POST" and not lost:
            lost.append(handler.path)
            server.post(next(iter(server.accounts)), f"@aite {WORDS}", reply_to=next(iter(server.statuses)))
            respond(handler, 500, b"")
            return True
        return False

    server.answer = lose_the_answer
    now = timezone.now()
    send_one(now)
    assert state(item) == ("sending", "")
    assert send_one(now + timedelta(seconds=30)) == 0  # it rests a minute
    assert send_one(now + timedelta(minutes=2)) == 1
    assert state(item) == ("sent", "")
    assert len(replies(server)) == 1
    assert lost == ["/api/v1/statuses"]


def test_a_server_that_is_in_trouble_gets_it_later(
    server: Mastodon, sender: Sender, as_analyst: Actor, live: Source
) -> None:
    item = approved(as_analyst, posted(server, as_analyst, live), sender)
    trouble = {"left": 3}

    def fail(handler: BaseHTTPRequestHandler) -> bool:
        if handler.command == "POST" and trouble["left"]:
            trouble["left"] -= 1
            respond(handler, 502, b"<h1>Bad Gateway</h1>", Content_Type="text/html")
            return True
        return False

    server.answer = fail
    now = timezone.now()
    for hours in range(6):
        send_one(now + hours * HOUR)
    assert state(item) == ("sent", "")
    assert (len(replies(server)), trouble["left"]) == (1, 0)


def test_a_worker_killed_before_it_spoke_loses_nothing(
    server: Mastodon, sender: Sender, as_analyst: Actor, live: Source
) -> None:
    item = approved(as_analyst, posted(server, as_analyst, live), sender)
    now = timezone.now()
    assert moves.begin(item.pk, now) is not None  # and here it is killed
    assert replies(server) == []
    assert send_one(now + timedelta(minutes=6)) == 1
    assert state(item) == ("sent", "")
    assert len(replies(server)) == 1


def test_of_two_workers_only_the_one_that_holds_the_claim_speaks(
    server: Mastodon, sender: Sender, as_analyst: Actor, live: Source
) -> None:
    item = approved(as_analyst, posted(server, as_analyst, live), sender)
    now = timezone.now()
    (slow,) = claim_due(OutboxItem, now, limit=1)
    slow.refresh_from_db()
    (quick,) = claim_due(OutboxItem, now + timedelta(minutes=6), limit=1)  # asking outside took the first one too long
    quick.refresh_from_db()
    assert moves.begin(item.pk, now + timedelta(minutes=7), slow.claimed_until) is None
    assert moves.begin(item.pk, now + timedelta(minutes=7), quick.claimed_until) is not None
    assert send_one(now + timedelta(minutes=11)) == 0  # the claim began anew
    assert send_one(now + timedelta(minutes=13)) == 1
    assert state(item) == ("sent", "")
    assert len(replies(server)) == 1


def test_nothing_is_said_to_a_post_that_is_gone(
    server: Mastodon, sender: Sender, as_analyst: Actor, patrolled: Source
) -> None:
    with rule("warning", Rule(still_up=lambda item: True)):
        item = approved(as_analyst, posted(server, as_analyst, patrolled), sender)
        server.delete(next(iter(server.statuses)))
        send_one(timezone.now())
    assert state(item) == ("stopped", "gone")
    assert Check.objects.get(case=item.case, step="before_act").outcome in ("removed", "deleted_by_author")
    assert replies(server) == []


def test_a_post_that_is_up_is_answered_and_one_that_was_edited_is_read_anew_first(
    server: Mastodon, sender: Sender, as_analyst: Actor, patrolled: Source
) -> None:
    with rule("warning", Rule(still_up=lambda item: True)):
        item = approved(as_analyst, posted(server, as_analyst, patrolled), sender)
        send_one(timezone.now())
        edited = approved(as_analyst, posted(server, as_analyst, patrolled, "hokano"), sender)
        theirs = next(ident for ident, one in server.statuses.items() if one["account"]["username"] == "hokano")
        server.edit(theirs, "高額バイト 受け子 詳しくはDMで")
        for seconds in range(0, 60, 10):
            send_one(timezone.now() + timedelta(seconds=seconds))
    assert state(item) == ("sent", "")
    assert state(edited) == ("stopped", "changed")
    assert len(replies(server)) == 1


def test_where_an_official_account_answered_nobody_answers_again(
    server: Mastodon, sender: Sender, as_analyst: Actor, as_administrator: Actor, live: Source
) -> None:
    add_official_account(
        as_administrator, "fediverse", "hokken@keisatsu.example", "架空道警察", "invented for a test", "2026-11-01"
    )
    official, other = server.account("hokken", host="keisatsu.example"), server.account("yajiuma")
    with rule("warning", Rule(unanswered=lambda item: True)):
        first = approved(as_analyst, posted(server, as_analyst, live), sender)
        server.post(other, "これ大丈夫?", reply_to=next(iter(server.statuses)))
        second = approved(as_analyst, posted(server, as_analyst, live, "hokano"), sender)
        above = next(ident for ident, one in server.statuses.items() if one["account"]["username"] == "hokano")
        server.post(official, "この投稿は…", reply_to=above)
        drain()
    assert state(first) == ("sent", "")
    assert state(second) == ("stopped", "answered")


def test_what_the_room_says_stops_it_and_a_kind_without_a_room_never_leaves(
    server: Mastodon, sender: Sender, as_analyst: Actor, live: Source
) -> None:
    case = posted(server, as_analyst, live)
    with rule("warning", Rule(reason=lambda item, now: "article_unverified")):
        item = approved(as_analyst, case, sender)
        send_one(timezone.now())
    assert state(item) == ("stopped", "article_unverified")
    from yoake.pipeline import last_second

    waits = approved(as_analyst, case, sender)
    del last_second.RULES["warning"]
    try:
        send_one(timezone.now())
    finally:
        last_second.RULES["warning"] = Rule()
    assert state(waits) == ("approved", "")
    assert waits.due_at is not None
    assert waits.due_at > timezone.now()
    assert replies(server) == []


def test_an_approval_falls_with_a_changed_post_a_hold_and_an_undone_decision(
    server: Mastodon, sender: Sender, as_analyst: Actor, as_outsider: Actor, live: Source
) -> None:
    from yoake.casework.cases.actions import undo

    changed, held, undone = (approved(as_analyst, posted(server, as_analyst, live, n), sender) for n in ("a", "b", "c"))
    assert changed.post is not None
    assert held.post is not None
    PostVersion.objects.filter(post=changed.post).update(author_name="べつの名前")
    assert held.post.account is not None
    place_hold(as_outsider, "account", held.post.account.native_id, network="fediverse", days=3)
    assert undone.case is not None
    undo(as_analyst, undone.case.pk)
    drain()
    assert [state(item) for item in (changed, held, undone)] == [
        ("stopped", "changed"),
        ("stopped", "held"),
        ("stopped", "forbidden"),
    ]
    assert replies(server) == []
    assert Entry.objects.filter(kind="outbox_stopped").count() == 3


def test_the_stop_switch_holds_everything_until_a_supervisor_goes_on(
    server: Mastodon, sender: Sender, as_analyst: Actor, as_supervisor: Actor, live: Source
) -> None:
    item = approved(as_analyst, posted(server, as_analyst, live), sender)
    stop_all(as_analyst)
    now = timezone.now()
    for minutes in range(0, 10, 2):
        send_one(now + timedelta(minutes=minutes))
    assert state(item) == ("approved", "")
    assert item.attempts == 0
    with pytest.raises(Refused):
        go_on(as_analyst)
    go_on(as_supervisor)
    assert send_one(now + HOUR) == 1
    assert state(item) == ("sent", "")


def test_a_frozen_account_pauses_its_sender_and_people_are_told(
    server: Mastodon, sender: Sender, as_analyst: Actor, as_administrator: Actor, live: Source
) -> None:
    items = [approved(as_analyst, posted(server, as_analyst, live, name), sender) for name in ("a", "b")]
    server.disabled.add(server.account_of[TOKEN])
    now = timezone.now()
    drain()
    sender.refresh_from_db()
    assert (sender.state, sender.paused_why) == ("paused", "frozen")
    assert "disabled" in sender.problem
    assert [one.pk for one in paused_senders(as_analyst)] == [sender.pk]
    asked = len(server.asked)
    for minutes in range(2, 20, 2):
        send_one(now + timedelta(minutes=minutes))
    assert len(server.asked) == asked  # nobody asks over an account that was taken away
    assert [state(item)[0] for item in items if state(item)[0] in ("approved", "sending")] == [
        item.state for item in items
    ]
    server.disabled.clear()
    resume_sender(as_administrator, sender.pk)
    drain(HOUR)
    assert [state(item)[0] for item in items] == ["sent", "sent"]
    assert len(replies(server)) == 2


def test_a_paused_sender_waits_and_an_ended_one_never_speaks(
    server: Mastodon, sender: Sender, as_analyst: Actor, as_administrator: Actor, live: Source
) -> None:
    item = approved(as_analyst, posted(server, as_analyst, live), sender)
    pause_sender(as_administrator, sender.pk)
    now = timezone.now()
    send_one(now)
    assert (state(item), item.problem) == (("approved", ""), "the sender is paused")
    assert paused_senders(as_analyst) == []  # somebody here paused it: nobody needs to be told
    end_sender(as_administrator, sender.pk)
    send_one(now + HOUR)
    assert state(item)[0] in ("stopped", "failed")
    sender.refresh_from_db()
    assert bytes(sender.sealed) == b""
    assert replies(server) == []


def test_quotas_of_an_hour_and_a_day_and_the_pause_between_two(
    server: Mastodon, sender: Sender, as_analyst: Actor, as_administrator: Actor, live: Source
) -> None:
    limit_sender(as_administrator, sender.pk, {"per_hour": 2, "per_day": 3, "cooldown_s": 60})
    items = [approved(as_analyst, posted(server, as_analyst, live, name), sender) for name in "abcd"]
    now = timezone.now()

    def gone(after: timedelta) -> int:
        drain(after)
        return OutboxItem.objects.filter(state="sent").count()

    assert gone(timedelta()) == 1
    assert gone(timedelta(seconds=50)) == 1  # the pause
    assert gone(timedelta(seconds=70)) == 2
    assert gone(timedelta(minutes=30)) == 2  # the hour
    assert gone(timedelta(minutes=62)) == 3
    assert gone(timedelta(hours=5)) == 3  # the day
    assert gone(timedelta(hours=23)) == 3
    assert gone(timedelta(hours=25)) == 4
    assert len(items) == len(replies(server)) == 4
    assert all(item.attempts == 0 for item in OutboxItem.objects.all())
    assert used_of([sender], now + timedelta(hours=25)) == {sender.pk: (1, 2)}


def test_a_withdrawn_reply_is_deleted_and_why_is_kept(
    server: Mastodon, sender: Sender, as_analyst: Actor, live: Source
) -> None:
    item = approved(as_analyst, posted(server, as_analyst, live), sender)
    now = timezone.now()
    send_one(now)
    withdraw(as_analyst, item.pk, "mistake", now)
    assert take_back_one(now) == 1
    assert (state(item)[0], item.withdraw_why, replies(server)) == ("withdrawn", "mistake", [])
    assert take_back_one(now + HOUR) == 0
    with pytest.raises(Refused):
        approved(as_analyst, Case.objects.get(outbox=item), sender)  # never twice to a post, also not after that


def test_a_reply_that_goes_by_itself_and_one_that_was_deleted_there_already(
    server: Mastodon, sender: Sender, as_analyst: Actor, live: Source
) -> None:
    item = approved(as_analyst, posted(server, as_analyst, live), sender, remove_after_s=3600)
    now = timezone.now()
    send_one(now)
    assert take_back_one(now + timedelta(minutes=59)) == 0
    server.delete(OutboxItem.objects.get(pk=item.pk).remote_id)
    assert take_back_one(now + timedelta(minutes=61)) == 1
    assert (state(item)[0], item.withdraw_why) == ("withdrawn", "time")


def test_withdrawn_while_it_was_being_sent(server: Mastodon, sender: Sender, as_analyst: Actor, live: Source) -> None:
    never, late = (approved(as_analyst, posted(server, as_analyst, live, name), sender) for name in "ab")
    now = timezone.now()
    for item in (never, late):
        assert moves.begin(item.pk, timezone.now()) is not None
    above = next(ident for ident, one in server.statuses.items() if one["account"]["username"] == "b")
    server.post(next(iter(server.accounts)), f"@b {WORDS}", reply_to=above)
    for item in (never, late):
        withdraw(as_analyst, item.pk, "mistake", now)
    for _ in range(4):
        send_one(now + timedelta(minutes=6))
        take_back_one(now + timedelta(minutes=6))
    assert state(never) == ("stopped", "taken_back")
    assert state(late)[0] == "withdrawn"
    assert replies(server) == []


def test_what_the_network_refuses_a_person_sees_and_may_try_again(
    server: Mastodon, sender: Sender, as_analyst: Actor, live: Source
) -> None:
    case = posted(server, as_analyst, live)
    item = approved(as_analyst, case, sender, body={"text": "あ" * 499})  # the handle in front makes it too long
    now = timezone.now()
    send_one(now)
    assert state(item) == ("failed", "refused")
    assert "500" in item.problem
    assert [one.pk for one in for_people(as_analyst)] == [item.pk]
    try_again(as_analyst, item.pk)
    drain()
    assert state(item) == ("failed", "refused")
    with pytest.raises(Refused):
        decide_uncertain(as_analyst, item.pk, went=True)
    discard(as_analyst, item.pk)
    assert state(item) == ("stopped", "taken_back")
    assert for_people(as_analyst) == []


def test_a_report_that_may_have_gone_is_for_a_person_to_decide(
    server: Mastodon, sender: Sender, as_analyst: Actor, live: Source
) -> None:
    case = posted(server, as_analyst, live)
    told: dict[str, Any] = {"kind": "request", "way": "report", "body": {"text": "募集の疑い", "reason": "violation"}}
    with rule("request", Rule()):
        item, killed = (approved(as_analyst, case, sender, **told) for _ in range(2))
        now = timezone.now()
        send_one(now)
        assert state(item) == ("sent", "")
        assert moves.begin(killed.pk, timezone.now()) is not None
        send_one(now + timedelta(minutes=6))
        assert state(killed) == ("failed", "uncertain")
        assert len(server.reports) == 1
        with pytest.raises(Refused):
            try_again(as_analyst, killed.pk)
        decide_uncertain(as_analyst, killed.pk, went=False, now=now)
        send_one(now + HOUR)
    assert state(killed) == ("sent", "")
    assert [(one["comment"], one["category"], one["forwarded"]) for one in server.reports] == [
        ("募集の疑い", "violation", True)
    ] * 2


def test_a_private_message_and_its_look_up(server: Mastodon, sender: Sender, as_analyst: Actor, live: Source) -> None:
    case = posted(server, as_analyst, live)
    item = approved(as_analyst, case, sender, way="message")
    now = timezone.now()
    moves.begin(item.pk, now)
    server.post(
        next(iter(server.accounts)), f"@aite {WORDS}", visibility="direct"
    )  # arrived before the worker was killed
    send_one(now + timedelta(minutes=6))
    assert state(item) == ("sent", "")
    assert len(replies(server)) == 1
    withdraw(as_analyst, item.pk, "asked", now)
    take_back_one(now)
    assert replies(server) == []


def test_by_hand_a_person_says_where_it_stands(as_analyst: Actor, live: Source) -> None:
    case = decided(as_analyst, live)
    item = approved(as_analyst, case, None, way="hand", to={"url": "https://elsewhere.example/1"})
    with pytest.raises(Refused):
        sent_by_hand(as_analyst, item.pk, "https://elsewhere.example/2")  # nobody looked yet whether it may
    now = timezone.now()
    assert send_one(now) == 1
    assert state(item)[0] == "sending"
    assert send_one(now + timedelta(minutes=10)) == 0
    assert send_one(now + timedelta(minutes=31)) == 1  # asked anew, and still ready
    assert state(item)[0] == "sending"
    sent_by_hand(as_analyst, item.pk, "https://elsewhere.example/2", now)
    assert (state(item)[0], item.remote_url, item.sent_by_id) == (
        "sent",
        "https://elsewhere.example/2",
        as_analyst.user_id,
    )
    withdraw(as_analyst, item.pk, "changed", now)
    assert take_back_one(now) == 0
    withdrawn_by_hand(as_analyst, item.pk, now)
    assert state(item)[0] == "withdrawn"


def test_never_twice_to_a_post_nor_to_an_author_within_the_days(
    server: Mastodon, sender: Sender, as_analyst: Actor, live: Source
) -> None:
    first, second = posted(server, as_analyst, live), posted(server, as_analyst, live, "betsujin")
    author = next(iter(server.accounts))
    again = decided(
        as_analyst,
        live,
        network="fediverse",
        native_id=f"{server.url}/users/aite/statuses/9",
        author_id=f"{server.url}/users/aite",
    )
    told = {"channel": "mastodon", "way": "reply", "sender_id": sender.pk, "body": {"text": WORDS}}
    item = approved(as_analyst, first, sender)
    with pytest.raises(Refused, match="warned"):
        approved(as_analyst, first, sender)
    late = approved(as_analyst, again, sender)  # nothing went yet
    other = approved(as_analyst, second, sender)
    now = timezone.now()
    drain()
    assert [state(one) for one in (item, late, other)] == [("sent", ""), ("stopped", "author"), ("sent", "")]
    with pytest.raises(Refused, match="not long ago"):
        approved(as_analyst, again, sender)
    assert author
    approved(as_analyst, again, sender, now=now + timedelta(days=31))
    assert draft(as_analyst, again.pk, "warning", to=to_of(again), **told).state == "draft"  # type: ignore[arg-type]


def test_new_senders_are_careful_until_told_otherwise(server: Mastodon, as_administrator: Actor) -> None:
    made = sender_on(as_administrator, "mastodon", {"server": server.url, "token": TOKEN}, limits={})
    assert (made.per_hour, made.per_day, made.cooldown_s, made.spread_s) == (20, 100, 30, 30)
    assert NO_PAUSE["cooldown_s"] == 0


def late(server: Mastodon, name: str = "aite", words: str = WORDS) -> None:
    """Our reply stands under the post of `name` after all."""
    above = next(ident for ident, one in server.statuses.items() if one["account"]["username"] == name)
    own = next(ident for ident, one in server.accounts.items() if one["username"] == "keisatsu")
    server.post(own, f"@{name} {words}", reply_to=above)


def test_what_is_tried_again_is_looked_up_first(
    server: Mastodon, sender: Sender, as_analyst: Actor, live: Source
) -> None:
    server.forgetful = True
    item = approved(as_analyst, posted(server, as_analyst, live), sender)
    begun = moves.begin(item.pk, timezone.now())
    assert begun is not None
    moves.failed(begun, "duplicate", timezone.now())
    late(server)
    try_again(as_analyst, item.pk)
    drain()
    assert state(item) == ("sent", "")
    assert len(replies(server)) == 1


def test_what_a_service_calls_a_duplicate_may_be_an_earlier_attempt(
    as_analyst: Actor, as_administrator: Actor, live: Source
) -> None:
    with X() as network:
        network.now = datetime.now(UTC)
        own, author = network.user("keisatsu"), network.user("aite")
        sender = sender_on(as_administrator, "x", {"api": network.url, **network.app_of(own)})
        ours, other = network.post(author, "高額バイト"), network.post(author, "別の投稿")
        case = decided(as_analyst, live, network="x", native_id=ours, url="", author_id=author)
        network.post(own, f"@aite {WORDS}", reply_to=other, written=WORDS)
        item = approved(as_analyst, case, sender)
        for outcome in ("refused", "uncertain"):  # at the first attempt it was something else
            send_one(timezone.now())
            assert state(item) == ("failed", outcome)
            if outcome == "refused":
                try_again(as_analyst, item.pk)


def test_an_answer_of_this_very_account_is_for_a_person_to_know(
    server: Mastodon, sender: Sender, as_analyst: Actor, live: Source
) -> None:
    with rule("warning", Rule(unanswered=lambda item: True)):
        item = approved(as_analyst, posted(server, as_analyst, live), sender)
        moves.begin(item.pk, timezone.now())
        late(server, words="ご相談は#9110へ")  # not found by its words
        send_one(timezone.now() + timedelta(minutes=6))
    assert state(item) == ("failed", "uncertain")
    assert len(replies(server)) == 1


def test_what_was_refused_and_stands_all_the_same_can_be_withdrawn(
    server: Mastodon, sender: Sender, as_analyst: Actor, live: Source
) -> None:
    items = [approved(as_analyst, posted(server, as_analyst, live, name), sender) for name in ("a", "b")]
    now = timezone.now()
    for item in items:
        begun = moves.begin(item.pk, now)
        assert begun is not None
        moves.failed(begun, "refused", now)
        withdraw(as_analyst, item.pk, "appeal", now)
    late(server, "a")
    take_back_one(now + timedelta(minutes=1))
    assert state(items[0])[0] == "failed"  # too early to say that it does not stand there
    for _ in items:
        take_back_one(now + timedelta(minutes=11))
    assert [state(item) for item in items] == [("withdrawn", ""), ("stopped", "taken_back")]
    assert replies(server) == []


def test_a_name_that_a_person_gave_is_not_believed_to_be_the_services(
    server: Mastodon, sender: Sender, as_analyst: Actor, live: Source
) -> None:
    stands, nowhere = (approved(as_analyst, posted(server, as_analyst, live, name), sender) for name in ("a", "b"))
    now = timezone.now()
    for item in (stands, nowhere):
        begun = moves.begin(item.pk, now)
        assert begun is not None
        moves.failed(begun, "lost", now, uncertain=True)
        decide_uncertain(as_analyst, item.pk, went=True, url="https://elsewhere.example/1", now=now)
        withdraw(as_analyst, item.pk, "mistake", now)
    late(server, "a")
    for _ in range(2):
        take_back_one(now + timedelta(minutes=11))
    assert (state(stands)[0], replies(server)) == ("withdrawn", [])
    assert state(nowhere)[0] == "sent"
    assert [one.pk for one in for_people(as_analyst)] == [nowhere.pk]
    withdrawn_by_hand(as_analyst, nowhere.pk)
    assert state(nowhere)[0] == "withdrawn"


def test_the_rooms_reasons_are_asked_again_under_the_locks(
    server: Mastodon, sender: Sender, as_analyst: Actor, live: Source
) -> None:
    told = iter(["", "unsealed"])  # while somebody outside was asked
    with rule("warning", Rule(reason=lambda item, now: next(told))):
        item = approved(as_analyst, posted(server, as_analyst, live), sender)
        send_one(timezone.now())
    assert state(item) == ("stopped", "unsealed")
    assert replies(server) == []


def test_what_another_body_holds_stops_before_anybody_outside_is_asked(
    server: Mastodon, sender: Sender, as_analyst: Actor, as_outsider: Actor, patrolled: Source
) -> None:
    with rule("warning", Rule(still_up=lambda item: True)):
        item = approved(as_analyst, posted(server, as_analyst, patrolled), sender)
        place_hold(as_outsider, "account", f"{server.url}/users/aite", network="fediverse", days=3)
        asked = len(server.asked)
        assert send_one(timezone.now()) == 1
    assert state(item) == ("stopped", "held")
    assert len(server.asked) == asked
    assert not Check.objects.filter(step="before_act").exists()


def test_a_look_that_only_a_person_can_take_is_asked_for_once_and_waited_for(
    server: Mastodon, sender: Sender, as_analyst: Actor, live: Source
) -> None:
    now = timezone.now()
    with rule("warning", Rule(still_up=lambda item: True)):
        case = posted(server, as_analyst, live)
        Case.objects.filter(pk=case.pk).update(source=None)
        Source.objects.update(enabled=False)
        item = approved(as_analyst, Case.objects.get(pk=case.pk), sender)
        for minutes in range(6):
            send_one(now + timedelta(minutes=minutes))
        assert state(item) == ("approved", "")
        assert item.problem == "a person must look whether the post is still there"
        assert Entry.objects.filter(kind="check_asked").count() == 1
        mark_by_hand(as_analyst, Check.objects.get(case=case).pk, "up", now + timedelta(minutes=6))
        send_one(now + timedelta(minutes=8))  # what a person saw counts for longer than a minute
    assert state(item) == ("sent", "")


def test_the_last_look_does_not_wait_for_the_routine_to_leave_something_over(
    server: Mastodon, sender: Sender, as_analyst: Actor, patrolled: Source, settings: Any
) -> None:
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, checks_per_host=0)
    with rule("warning", Rule(still_up=lambda item: True)):
        item = approved(as_analyst, posted(server, as_analyst, patrolled), sender)
        send_one(timezone.now())
    assert state(item) == ("sent", "")


def test_a_server_that_somebody_else_runs_makes_no_account_official(
    server: Mastodon, sender: Sender, as_analyst: Actor, as_administrator: Actor, hotline: Organisation, live: Source
) -> None:
    told = {
        "organisation": hotline, "channel": "mastodon", "state": "active", "tested_at": timezone.now(),
        "added_by_id": as_administrator.user_id, "added_at": timezone.now(),
    }  # fmt: skip
    friend = server.account("nakama", host="away.example")
    with rule("warning", Rule(unanswered=lambda item: True)):
        for n, said in enumerate(
            ({"remote_id": "https://away.example/users/nakama"}, {"handle": "nakama@away.example"})
        ):
            Sender.objects.create(name=str(n), **told, **said)
            item = approved(as_analyst, posted(server, as_analyst, live, f"aite{n}"), sender)
            above = next(i for i, one in server.statuses.items() if one["account"]["username"] == f"aite{n}")
            server.post(friend, "応募しました", reply_to=above)
            send_one(timezone.now())
            # what a server says of its own host can be believed; of another one it cannot
            assert state(item) == (("sent", ""), ("stopped", "answered"))[n]


def test_a_server_that_hangs_holds_up_its_own_sender_alone(
    server: Mastodon, sender: Sender, as_analyst: Actor, as_administrator: Actor, live: Source
) -> None:
    other = sender_on(as_administrator, "mastodon", {"server": server.url, "token": TOKEN}, name="other")
    hangs, behind = (approved(as_analyst, posted(server, as_analyst, live, name), sender) for name in ("a", "b"))
    quick = approved(as_analyst, posted(server, as_analyst, live, "c"), other)
    seen: list[tuple[str, str]] = []

    def slow(item: OutboxItem, now: datetime) -> str:
        if item.pk == hangs.pk:  # meanwhile another thread of the worker looks for something to do
            assert send_one(timezone.now()) == 1
            assert send_one(timezone.now()) == 0
            seen.extend((state(quick), state(behind)))
        return ""

    with rule("warning", Rule(further=slow)):
        send_one(timezone.now())
        assert seen == [("sent", ""), ("approved", "")]
        drain()
    assert [state(one)[0] for one in (hangs, behind, quick)] == ["sent"] * 3
    assert worker._AT_ONCE["send"] > 1
    assert set(worker._AT_ONCE) <= set(shelf.names(duties))


@pytest.mark.server
def test_on_a_real_bluesky_server_a_warning_stands_is_withdrawn_and_goes_to_nobody_who_left(
    pds: Pds, as_administrator: Actor, as_analyst: Actor, police: Organisation
) -> None:
    pds.start()
    desk, author = pds.writer(), pds.writer()
    options = {"endpoints": ["ws://127.0.0.1:9"], "api": pds.url, "plc": pds.plc_url}
    source = Source.objects.create(organisation=police, name="b", connector="bluesky_jetstream", options=options)
    given = {"service": pds.url, "handle": desk.handle, "password": "only-for-tests"}
    sender = sender_on(as_administrator, "bluesky", given)
    assert (sender.remote_id, sender.handle) == (desk.did, desk.handle)

    def warned(text: str) -> tuple[OutboxItem, str]:
        uri = author.post(text).uri
        case = decided(as_analyst, source, network="bluesky", native_id=uri, url="", author_id=f"{author.did} {text}")
        return approved(as_analyst, case, sender), uri

    with rule("warning", Rule(still_up=lambda item: True)):
        first, uri = warned("受け子募集 一")
        second, gone = warned("受け子募集 二")
        author.delete(gone)
        began = time.monotonic()
        drain()
        assert time.monotonic() - began < 10
    assert state(first) == ("sent", "")
    assert state(second) == ("stopped", "gone")
    record = pds.record(first.remote_id)["value"]
    assert (record["text"], record["reply"]["parent"]["uri"]) == (WORDS, uri)
    withdraw(as_analyst, first.pk, "appeal")
    assert take_back_one(timezone.now()) == 1
    assert state(first)[0] == "withdrawn"
    with pytest.raises(PdsError):
        pds.record(first.remote_id)
    third, _uri = warned("受け子募集 三")
    pds.takedown(desk.did)
    with rule("warning", Rule()):
        drain()
    sender.refresh_from_db()
    assert (sender.state, sender.paused_why) == ("paused", "frozen")
    assert state(third)[0] in ("approved", "sending")
