"""The page of what leaves: senders for administrators, the stop switch for all, what only a person can decide."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.outbox_world import WORDS, approved, decided
from tests.servers.mastodon.server import TOKEN, Mastodon
from yoake.casework.outbox import moves
from yoake.casework.outbox.models import OutboxItem, Sender, Standstill
from yoake.casework.people.models import User
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import Source

pytestmark = pytest.mark.django_db


def told(response: Any) -> str:
    return str(response.content.decode())


def client(user: User, language: str = "en") -> Client:
    made = Client(HTTP_ACCEPT_LANGUAGE=language)
    made.force_login(user)
    return made


@pytest.fixture
def server() -> Iterator[Mastodon]:
    with Mastodon() as running:
        running.now = datetime.now(UTC)
        running.account_of[TOKEN] = running.account("keisatsu")
        yield running


def test_an_administrator_adds_tests_limits_pauses_resumes_and_ends_a_sender(
    server: Mastodon, administrator: User
) -> None:
    admin = client(administrator)
    page = told(admin.get("/sending/add/", {"channel": "mastodon"}))
    assert "Server of the account" in page
    assert 'type="password"' in page
    form = {"channel": "mastodon", "name": "広報", "server": server.url, "token": ""}
    page = told(admin.post("/sending/add/", form))
    assert "Access token: something: this channel needs it." in page
    assert f'value="{server.url}"' in page
    page = told(admin.post("/sending/add/", {**form, "token": TOKEN}, follow=True))
    assert "Test now who it is" in page
    assert "not tested yet" in page
    assert TOKEN not in page
    sender = Sender.objects.get()
    page = told(admin.post(f"/sending/sender/{sender.pk}/test/", follow=True))
    assert "The service says that this is keisatsu@" in page
    limits = {"per_hour": "3", "per_day": "9", "cooldown_s": "60", "spread_s": "0"}
    assert "0 of 3 in the last 60 minutes" in told(admin.post(f"/sending/sender/{sender.pk}/", limits, follow=True))
    assert "paused by a colleague" in told(admin.post(f"/sending/sender/{sender.pk}/pause/", follow=True))
    assert "It sends again." in told(admin.post(f"/sending/sender/{sender.pk}/resume/", follow=True))
    page = told(admin.post(f"/sending/sender/{sender.pk}/", {"server": server.url, "token": "another"}, follow=True))
    assert "until then it is paused" in page
    page = told(admin.post(f"/sending/sender/{sender.pk}/test/", follow=True))
    assert "does not let this sender speak" in page
    assert "erased" in told(admin.post(f"/sending/sender/{sender.pk}/end/", follow=True))
    sender.refresh_from_db()
    assert (sender.state, bytes(sender.sealed)) == ("ended", b"")
    assert admin.post(f"/sending/sender/{sender.pk}/dance/").status_code == 404
    assert admin.get("/sending/add/", {"channel": "by_hand"}).status_code == 404


def test_analysts_read_and_stop_and_change_no_sender(
    server: Mastodon, analyst: User, supervisor: User, as_administrator: Actor
) -> None:
    from tests.outbox_world import sender_on

    sender = sender_on(as_administrator, "mastodon", {"server": server.url, "token": TOKEN})
    reader = client(analyst)
    page = told(reader.get("/sending/"))
    assert sender.name in page
    assert "Add a sender" not in page
    assert "Test who it is" not in page
    for path in (f"sender/{sender.pk}/test/", f"sender/{sender.pk}/", f"sender/{sender.pk}/end/", "add/"):
        assert reader.post(f"/sending/{path}").status_code == 403
    assert "All sending is stopped since" in told(reader.post("/sending/stop/", follow=True))
    assert "Let sending go on" not in told(reader.get("/sending/"))
    reader.post("/sending/stop/", {"go_on": "1"})
    assert Standstill.objects.get().ended_at is None
    assert "Sending goes on." in told(client(supervisor).post("/sending/stop/", {"go_on": "1"}, follow=True))
    assert "停止" in told(client(analyst, "ja").get("/sending/"))


def test_what_only_a_person_can_decide(analyst: User, as_analyst: Actor, live: Source) -> None:
    case = decided(as_analyst, live, url="https://social.example/1")
    item = approved(as_analyst, case, None, way="hand", to={"url": "https://social.example/1"})
    moves.begin(item.pk, timezone.now())
    reader = client(analyst)
    page = told(reader.get("/sending/"))
    assert WORDS not in page  # its own page says first whether it still may be said
    assert f'href="/outgoing/{item.pk}/"' in page
    assert reader.post(f"/sending/item/{item.pk}/", {"what": "sent", "url": "javascript:x"}).status_code == 404
    moves.stop(item, "gone", timezone.now())
    assert "Nothing waits for a person." in told(reader.get("/sending/"))
    failed = approved(as_analyst, decided(as_analyst, live, native_id="2", author_id="b"), None, way="hand")
    moves.begin(failed.pk, timezone.now())
    OutboxItem.objects.filter(pk=failed.pk).update(state="failed", stopped_why="uncertain", problem="<b>lost</b>")
    page = told(reader.get("/sending/"))
    assert "Nobody knows whether it went." in page
    assert "<b>lost" not in page
    reader.post(f"/sending/item/{failed.pk}/", {"what": "went", "url": "https://social.example/3"})
    failed.refresh_from_db()
    assert (failed.state, failed.remote_url, failed.sent_by_id) == (
        "sent",
        "https://social.example/3",
        as_analyst.user_id,
    )
    assert reader.post(f"/sending/item/{failed.pk}/", {"what": "burn"}).status_code == 404


def test_a_link_of_an_item_is_an_address_or_none(analyst: User, as_analyst: Actor, live: Source) -> None:
    item = approved(as_analyst, decided(as_analyst, live), None, way="hand", to={"url": "javascript:alert(1)"})
    moves.begin(item.pk, timezone.now())
    assert "javascript:" not in told(client(analyst).get("/sending/"))


def test_questions_to_the_database_do_not_grow(
    server: Mastodon, administrator: User, as_administrator: Actor, as_analyst: Actor, live: Source
) -> None:
    from tests.outbox_world import sender_on

    reader = client(administrator)

    def count(n: int) -> int:
        for k in range(n):
            sender_on(as_administrator, "mastodon", {"server": server.url, "token": TOKEN}, name=f"{n}-{k}")
            case = decided(as_analyst, live, native_id=f"{n}-{k}", author_id=f"{n}-{k}")
            item = approved(as_analyst, case, None, way="hand")
            moves.begin(item.pk, timezone.now() + timedelta(seconds=k))
        reader.get("/sending/")
        with CaptureQueriesContext(connection) as queries:
            reader.get("/sending/")
        return len(queries)

    assert count(1) == count(4)


def test_a_silenced_sender_and_a_standstill_are_told_on_every_page_to_those_who_act(
    server: Mastodon, analyst: User, as_administrator: Actor, as_analyst: Actor
) -> None:
    from tests.outbox_world import sender_on
    from yoake.casework.outbox.actions import stop_all

    sender = sender_on(as_administrator, "mastodon", {"server": server.url, "token": TOKEN}, name="広報")
    reader = client(analyst)
    assert "広報" not in told(reader.get("/holds/")) + told(reader.get("/inbox/live/", follow=True))
    moves.pause(sender, "frozen", "Your login is currently disabled", timezone.now())
    stop_all(as_analyst)
    page = told(reader.get("/reports/"))
    assert "does not let the sender 広報 speak any more" in page
    assert "All sending of your organisation is stopped." in page
    page = told(reader.get("/sending/"))
    assert "the service froze the account" in page
    assert "Your login is currently disabled" in page


def test_what_is_on_its_way_says_what_it_waits_for(
    server: Mastodon, analyst: User, as_administrator: Actor, as_analyst: Actor, live: Source
) -> None:
    from tests.outbox_world import sender_on

    sender = sender_on(as_administrator, "mastodon", {"server": server.url, "token": TOKEN}, name="広報")
    item = approved(as_analyst, decided(as_analyst, live), sender)
    moves.wait(item, timezone.now() + timedelta(hours=1), "the sender's quota or pause")
    reader = client(analyst)
    page = told(reader.get("/sending/"))
    assert "Approved, on its way" in page
    assert "The sender&#x27;s quota or pause." in page
    OutboxItem.objects.filter(pk=item.pk).update(state="sent", due_at=None)
    assert "Approved, on its way" not in told(reader.get("/sending/"))
