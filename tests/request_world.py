"""A provider whose contacts are confirmed, a case with sealed evidence, a mailbox, and a request on its way."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from tests.evidence_world import settle
from tests.outbox_world import decided, sender_on
from yoake.casework.cases.models import Case, Check
from yoake.casework.evidence.queries import sealed_of
from yoake.casework.outbox.actions import approve
from yoake.casework.outbox.models import OutboxItem, Sender
from yoake.casework.people.queries import Actor
from yoake.casework.registers.actions import add_body, confirm, fill_in
from yoake.casework.request.actions import draft_request
from yoake.casework.request.models import Request
from yoake.casework.sources.models import Source
from yoake.casework.wording.actions import set_letterhead
from yoake.pipeline.duties.follow_requests import follow_requests
from yoake.pipeline.duties.send import send

BOARD = "example_board"
CONTACTS = {
    "address": "〒000-0000\n架空県架空市二丁目2番",
    "email": "abuse@board.example",
    "form": "https://board.example/abuse",
    "terms": "規約第9条の2 犯罪の実行者の募集を禁ずる。",
}
URL = "https://jobs.board.example/ad/"


def provider(
    administrator: Actor, language: str = "ja", *, confirmed: bool = True, slug: str = BOARD, **ways: str
) -> None:
    """A board, its contacts filled in and confirmed; and under which name the office writes."""
    set_letterhead(administrator, "架空県警察", "Example Police", "000-000-0110")
    add_body(
        administrator, slug, "network", "架空ボード", "Example Board", language=language,
        hosts="board.example" if slug == BOARD else f"{slug.replace('_', '-')}.example",
    )  # fmt: skip
    for way, value in (ways or CONTACTS).items():
        contact = fill_in(administrator, slug, way, value)
        if confirmed:
            confirm(administrator, contact.pk, "架空の案内ページ", "2026-11-19")


def sealed_case(
    actor: Actor, source: Source, number: int = 1, category: str = "criminal_recruitment", **of_post: Any
) -> Case:
    """A case in scope whose evidence is sealed, on the board."""
    given = {"native_id": str(number), "url": f"{URL}{number}", "author_id": f"a{number}", **of_post}
    case = decided(actor, source, category, **given)
    settle(timezone.now() + timedelta(minutes=11))
    assert sealed_of(case) is not None
    return up(Case.objects.select_related("post", "post__current", "post__account").get(pk=case.pk))


def up(case: Case, outcome: str = "up", at: datetime | None = None) -> Case:
    """Somebody looked just now."""
    now = at or timezone.now()
    Check.objects.create(
        case=case,
        step=f"t{Check.objects.count()}",
        since=now,
        outcome=outcome,
        how="by_hand",
        checked_at=now,
        elapsed_s=0,
    )
    return case


def mailbox(administrator: Actor, port: int, imap_port: int) -> Sender:
    """A mailbox on loopback, whose answers are read."""
    given = {
        "address": "desk@office.example", "host": "127.0.0.1", "port": str(port), "security": "none", "user": "desk",
        "password": "secret", "imap_host": "127.0.0.1", "imap_port": str(imap_port), "imap_security": "none",
    }  # fmt: skip
    return sender_on(administrator, "email", given)


def asked(actor: Actor, *cases: Case, kind: str = "removal", channel: str = "web_form", **more: Any) -> list[Request]:
    """A draft; police do not want a preservation unless they say so."""
    why = "「高額」と記載し、仕事の内容を示していない。"
    given = {"preservation": "not_wanted", "reasons": {case.pk: why for case in cases}, **more}
    return draft_request(actor, [case.pk for case in cases], kind, given.pop("body", BOARD), channel, **given)


def let_go(request: Request, actor: Actor) -> Request:
    """The draft approved, and looked at by the worker: a mail goes, what is by hand can be carried out."""
    item = OutboxItem.objects.get(pk=request.item_id)
    approve(actor, item.pk, item.bound)
    due = OutboxItem.objects.get(pk=item.pk).due_at
    assert due is not None
    send(due)
    return again(request)


def went(request: Request, now: datetime | None = None) -> Request:
    """Its clock has begun."""
    follow_requests(now or timezone.now())
    return again(request)


def again(request: Request) -> Request:
    """As it stands now."""
    return Request.objects.select_related("item", "case", "case__post", "reminder").get(pk=request.pk)


def rows_of(actor: Actor, case: Case, n: int, *, sent_at: datetime, **of: Any) -> list[Request]:
    """So many requests about one case that went by a form, without their papers: for what is long, or old."""
    state = of.pop("state", "sent")
    made = [
        OutboxItem(
            organisation_id=case.organisation_id, case=case, post=case.post, kind="request", channel="web_form", way="hand",
            state=state, key=f"{uuid.uuid4().hex}", bound="0" * 64, drafted_by_id=actor.user_id, drafted_at=sent_at,
            sent_at=sent_at if state == "sent" else None,
        )
        for _ in range(n)
    ]  # fmt: skip
    items = OutboxItem.objects.bulk_create(made)
    given = {"kind": "removal", "body": BOARD, "started_at": sent_at if state == "sent" else None, **of}
    return Request.objects.bulk_create(
        Request(item=item, organisation_id=case.organisation_id, case=case, **given) for item in items
    )
