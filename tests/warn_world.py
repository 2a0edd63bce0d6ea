"""A case that may be warned, and a warning on its way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from tests.outbox_world import decided
from tests.world import arrive, finding, post
from yoake.casework.cases import actions as judging
from yoake.casework.cases.elements import Tied
from yoake.casework.cases.models import Case
from yoake.casework.outbox.actions import approve, approve_second
from yoake.casework.outbox.models import OutboxItem, Sender
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import Source
from yoake.casework.warn.actions import draft_warning
from yoake.casework.warn.models import WarningMessage
from yoake.casework.wording.actions import approve_letter, draft_letter, set_letterhead
from yoake.casework.wording.models import Letter
from yoake.pipeline.sending import send_one

LETTER = (
    "この投稿は、違法な取引の勧誘にあたるおそれがあります。投稿した方は削除をお願いします。\n"
    "見ている方へ：ご相談は #9110 へ。\n{organisation} {telephone}"
)
OTHER = (
    "違法な取引のおそれがある投稿です。削除してください。\n"
    "困っている方、返信した方も相談できます。#9110\n{organisation} {telephone}"
)


def with_head(supervisor: Actor) -> None:
    """The letterhead under which an organisation writes."""
    set_letterhead(supervisor, "架空県警察", "Kaku Prefectural Police", "000-000-0000")


def warnable(actor: Actor, source: Source, category: str = "drug_ad", **of_post: Any) -> Case:
    """A case in scope of a category that provides for a warning."""
    return decided(actor, source, category, **{"network": "fediverse", **of_post})


def job_ad(actor: Actor, source: Source, *ticked: str, found: tuple[str, ...] = (), **of_post: Any) -> Case:
    """A case in scope as recruitment, with these elements ticked and those seen by the detector."""
    now = timezone.now() - timedelta(minutes=5)
    text = "スタッフ募集 詳しくはDMで"
    seen = [{"name": name, "span": {"field": "text", "start": 0, "end": 4, "text": text[:4]}} for name in found]
    row = post(**{"network": "fediverse", "native_id": "1", "author_id": "a1", "text": text, **of_post, "seen_at": now})
    taken = arrive(source, [row], [finding(elements=seen)], now)
    case = Case.objects.get(pk=taken.opened[0])
    ticks = [Tied(name, "text", 0, 4) for name in ticked]
    judging.decide(
        actor, case.pk, "in_scope", version_id=case.post.current_id or 0, category_slug="criminal_recruitment", elements=ticks
    )  # fmt: skip
    return Case.objects.select_related("post").get(pk=case.pk)


def letter_in_force(writer: Actor, second: Actor, text: str, category: str = "drug_ad", language: str = "ja") -> Letter:
    """A letter of the organisation's own, approved by a second person."""
    made = draft_letter(writer, category, "warning", language, text)
    return approve_letter(second, made.pk)


def warned(actor: Actor, case: Case, sender: Sender | None, *others: Actor, **more: Any) -> WarningMessage:
    """A warning that was drafted and approved (by `others` too, where a second person is needed)."""
    made = draft_warning(
        actor, case.pk, sender.channel if sender else "by_hand", sender_id=sender.pk if sender else None, **more
    )
    item = OutboxItem.objects.get(pk=made.item_id)
    approve(actor, item.pk, item.bound)
    for one in others:
        approve_second(one, item.pk, item.bound)
    return made


def handed(made: WarningMessage) -> OutboxItem:
    """An approved warning by hand, as the worker laid it before a person: it saw first that no program can look at the post."""
    for seconds in (0, 11, 22):
        send_one(timezone.now() + timedelta(seconds=seconds))
    return OutboxItem.objects.get(pk=made.item_id)
