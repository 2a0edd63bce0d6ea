"""A warning from a decided case to the reply on a real Bluesky server, and back again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from django.conf import settings as configured
from django.utils import timezone

from tests.outbox_world import sender_on
from tests.servers.pds import POST, Pds, PdsError, Posted, Writer
from tests.servers.threads_of_pds import threads_of
from tests.warn_world import warnable, warned, with_head
from tests.world import arrive, post
from yoake.casework.audit.queries import first_break
from yoake.casework.cases.models import Case, Check
from yoake.casework.outbox.actions import approve, withdraw
from yoake.casework.outbox.models import OutboxItem, Sender
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import Actor
from yoake.casework.registers.actions import add_official_account
from yoake.casework.sources.models import Source
from yoake.casework.warn.actions import draft_correction
from yoake.pipeline.duties.outcomes import outcomes
from yoake.pipeline.outside import _hosts
from yoake.pipeline.sending import send_one, take_back_one

pytestmark = [pytest.mark.django_db, pytest.mark.server]
WORDS = "野菜あります 手押し 詳しくはDMで"


@dataclass
class Street:
    """Accounts on a PDS: who posts, who answers, the office; and a source that can look whether a post is up."""

    pds: Pds
    author: Writer
    official: Writer
    office: Writer
    source: Source
    sender: Sender

    def replies(self) -> list[dict[str, Any]]:
        """What the office wrote; what was drafted within one second stands in no order."""
        told = {"repo": self.office.did, "collection": POST, "reverse": True}
        return list(self.pds.call("com.atproto.repo.listRecords", params=told)["records"])

    def case(self, actor: Actor, posted: Posted) -> Case:
        """The post as a case in scope."""
        return warnable(
            actor, self.source, network="bluesky", native_id=posted.uri, text=WORDS, author_id=self.author.did,
            author_handle=self.author.handle, lang="ja",
        )  # fmt: skip


@pytest.fixture
def street(
    pds: Pds, settings: Any, police: Organisation, as_administrator: Actor, as_supervisor: Actor
) -> Iterator[Street]:
    settings.ENVIRONMENT = replace(configured.ENVIRONMENT, host_limits={"127.0.0.1": 0.0})
    _hosts.cache_clear()
    pds.start()
    author, official, office = (pds.writer() for _ in range(3))
    with_head(as_supervisor)
    source = Source.objects.create(
        organisation=police, name="bluesky", connector="bluesky_firehose",
        options={"endpoint": pds.firehose_url, "api": pds.url, "plc": pds.plc_url},
    )  # fmt: skip
    with threads_of(pds, author, official, office) as view:
        given = {"service": pds.url, "handle": office.handle, "password": "only-for-tests", "view": view}
        yield Street(pds, author, official, office, source, sender_on(as_administrator, "bluesky", given))
    _hosts.cache_clear()


def state(item_id: int) -> tuple[str, str]:
    item = OutboxItem.objects.get(pk=item_id)
    return item.state, item.stopped_why


def test_a_warning_stands_under_the_post_is_corrected_and_withdrawn(street: Street, as_analyst: Actor) -> None:
    posted = street.author.post(WORDS)
    case = street.case(as_analyst, posted)
    made = warned(as_analyst, case, street.sender)
    assert send_one(timezone.now()) == 1
    item = OutboxItem.objects.get(pk=made.item_id)
    assert (item.state, item.problem) == ("sent", "")
    (reply,) = street.replies()
    assert reply["uri"] == item.remote_id
    assert reply["value"]["text"] == item.body["text"]
    assert "架空県警察" in reply["value"]["text"]
    assert reply["value"]["reply"]["parent"]["uri"] == posted.uri
    before = Check.objects.get(case=case, step="before_act")
    assert (before.outcome, before.how) == ("up", "automatic")
    outcomes(timezone.now())
    assert Check.objects.filter(case=case, since_what="warning", outcome="").count() >= 5

    correction = draft_correction(as_analyst, item.pk, "先ほどのお知らせには誤りがありました。おわびします。")
    approve(as_analyst, correction.pk, correction.bound)
    send_one(timezone.now())
    assert state(correction.pk) == ("sent", "")
    told = OutboxItem.objects.get(pk=correction.pk).remote_id
    second = next(one for one in street.replies() if one["uri"] == told)
    assert second["value"]["reply"]["parent"]["uri"] == reply["uri"]
    assert second["value"]["reply"]["root"]["uri"] == posted.uri

    withdraw(as_analyst, item.pk, "mistake")
    assert take_back_one(timezone.now()) == 1
    assert state(item.pk) == ("withdrawn", "")
    assert OutboxItem.objects.get(pk=item.pk).withdraw_why == "mistake"
    with pytest.raises(PdsError):
        street.pds.record(item.remote_id)
    assert first_break() is None


def test_nobody_answers_what_is_gone_changed_or_answered(
    street: Street, as_analyst: Actor, as_administrator: Actor
) -> None:
    other = street.pds.writer()
    posts = [street.author.post(WORDS), other.post(WORDS), street.pds.writer().post(WORDS)]
    cases = [
        warnable(as_analyst, street.source, network="bluesky", native_id=one.uri, text=WORDS, author_id=f"a{n}")
        for n, one in enumerate(posts)
    ]
    made = [warned(as_analyst, case, street.sender) for case in cases]
    street.author.delete(posts[0].uri)
    other.edit(posts[1].uri, "お茶の話")
    now = timezone.now()
    row = post(network="bluesky", native_id=posts[1].uri, text="お茶の話", author_id="a1", seen_at=now)
    arrive(street.source, [row], [], now)  # as the stream tells it
    street.official.post("この投稿は…", reply_to=posts[2])
    add_official_account(
        as_administrator, "bluesky", street.official.handle, "架空道警察", "invented for a test", "2026-11-01"
    )
    while send_one(timezone.now()):
        pass
    assert [state(one.item_id) for one in made] == [
        ("stopped", "gone"),
        ("stopped", "changed"),
        ("stopped", "answered"),
    ]
    assert street.replies() == []


def test_an_account_that_is_frozen_pauses_its_sender(street: Street, as_analyst: Actor) -> None:
    made = warned(as_analyst, street.case(as_analyst, street.author.post(WORDS)), street.sender)
    street.pds.takedown(street.office.did)
    send_one(timezone.now())
    sender = Sender.objects.get(pk=street.sender.pk)
    assert (sender.state, sender.paused_why) == ("paused", "frozen")
    assert state(made.item_id)[0] in ("approved", "sending")  # nothing is lost, nothing went
