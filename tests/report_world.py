"""A recipient whose contacts are confirmed, and a report on its way."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pyrage

from yoake.casework.outbox.actions import approve, approve_second
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.people.queries import Actor
from yoake.casework.registers.actions import add_body, confirm, fill_in
from yoake.casework.report.actions import draft_report
from yoake.casework.report.models import Report
from yoake.pipeline.duties.send import send

CONTACTS = {
    "address": "〒000-0000\n架空県架空市一丁目1番",
    "email": "report@recipient.example",
    "form": "https://recipient.example/form",
}


def confirmed(administrator: Actor, slug: str, now: datetime | None = None, **ways: str) -> None:
    """Contacts of a body, filled in and confirmed; with nothing named, all three of CONTACTS."""
    for way, value in (ways or CONTACTS).items():
        contact = fill_in(administrator, slug, way, value, now)
        confirm(administrator, contact.pk, "架空の案内ページ", "2026-11-19", now)


def with_key(administrator: Actor, slug: str, now: datetime | None = None) -> pyrage.x25519.Identity:
    """A confirmed public key; returns the private one, which only the recipient has."""
    pair = pyrage.x25519.Identity.generate()
    confirmed(administrator, slug, now, public_key=str(pair.to_public()))
    return pair


def partner(administrator: Actor, country: str = "US", slug: str = "example_hotline") -> None:
    """A partner hotline abroad."""
    add_body(
        administrator, slug, "partner_hotline", "架空国ホットライン", "Example Hotline", country=country, language="en"
    )


def drafted(actor: Actor, case_id: int, body: str = "police_osaka", channel: str = "by_hand", **more: Any) -> Report:
    """A draft to one body."""
    kinds = {"police": "prefectural_police", "labour": "labour_bureau", "internet": "hotline"}
    recipient = more.pop("recipient", "") or kinds.get(body.partition("_")[0], "partner_hotline")
    return draft_report(actor, case_id, recipient, body, channel, **more)


def ready(report: Report, *people: Actor) -> Report:
    """The draft approved by these people, and looked at by the worker: for a report by hand, it can be carried out."""
    item = OutboxItem.objects.get(pk=report.item_id)
    approve(people[0], item.pk, item.bound)
    for second in people[1:]:
        approve_second(second, item.pk, item.bound)
    due = OutboxItem.objects.get(pk=item.pk).due_at
    assert due is not None
    send(due)
    return Report.objects.select_related("item", "case").get(pk=report.pk)
