"""Drafting a warning, and correcting one that stands. Approving, withdrawing and discarding are the outbox's."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from yoake.casework.cases.acting import locked, note
from yoake.casework.cases.categories import category
from yoake.casework.cases.models import Case, Post
from yoake.casework.outbox import actions as outbox
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.outbox.queries import channel_called, ways_to
from yoake.casework.outbox.reasons import UNCERTAIN, said
from yoake.casework.outbox.reasons import reason_to_stop as outbox_reason
from yoake.casework.people.queries import Actor
from yoake.casework.warn.choosing import chosen
from yoake.casework.warn.grounds import broken, must_be_warnable, second_needed
from yoake.casework.warn.models import WarningMessage
from yoake.casework.warn.queries import LIVE, language_of, warning_of
from yoake.errors import BadInput, Refused

Kind, State, Way = OutboxItem.Kind, OutboxItem.State, OutboxItem.Way
CORRECTION_LONGEST: Final = 1000  # characters; the network's own limit is asked beside it


def draft_warning(
    actor: Actor,
    case_id: int,
    channel: str,
    *,
    sender_id: int | None = None,
    language: str = "",
    now: datetime | None = None,
) -> WarningMessage:
    """Writes a warning down, from the letter in force or the one a trial draws; nothing leaves before a person approved it.

    Args:
        actor: somebody who may act.
        case_id: a case that stands in scope of categories that all provide for a warning.
        channel: name of a file in outbox/channels/ that can answer posts of this network.
        sender_id: who speaks; None by hand.
        language: ja or en; that of the post when left out.
        now: the time; the clock's when left out.

    Raises:
        BadInput: no such case, a channel that cannot answer it, no such sender, words too long for the network.
        Refused: somebody may be at risk; a category that holds provides for no warning; nothing is shown but missing items of a job
            ad; the post or its author was warned; no letterhead, or a letter that breaks a rule; what the outbox refuses.
    """
    actor.must("act")
    now = now or timezone.now()
    way = Way.HAND if channel_called(channel).by_hand else Way.REPLY
    with transaction.atomic():
        case = locked(actor, case_id)
        if case.practice:
            raise Refused(said("practice"))
        if (channel, way) not in ways_to(case.post.network) or (way == Way.HAND and channel != "by_hand"):
            raise BadInput("channel", channel, "a channel over which posts of this network are answered")
        if WarningMessage.objects.filter(case=case, item__state__in=LIVE).exists():
            raise Refused("a warning about this case waits or stands already")
        decision = must_be_warnable(case)
        language = language or language_of(case)
        letter = chosen(case, decision.category, language)
        item = outbox.draft(
            actor, case.pk, Kind.WARNING, channel=channel, way=way, to=_to(case.post),
            body={"text": letter.text, "language": language}, sender_id=sender_id,
            second_needed=second_needed(case, decision), now=now,
        )  # fmt: skip
        _must_not_be_warned(item, case, now)
        warning = WarningMessage.objects.create(
            item=item, organisation_id=actor.organisation_id, case=case, category=decision.category, language=language,
            letter=letter.letter, letter_digest=letter.digest, trial=letter.trial, arm=letter.arm,
        )  # fmt: skip
        note(
            "warning_drafted", actor, case, now, item=item.pk, category=decision.category, language=language,
            letter=letter.letter.pk if letter.letter else 0, trial=letter.trial.pk if letter.trial else 0,
        )  # fmt: skip
    return warning


def draft_correction(actor: Actor, item_id: int, text: str, now: datetime | None = None) -> OutboxItem:
    """A second reply, to one's own warning, that says what was wrong with it; approved in the outbox like any other.

    Args:
        actor: somebody who may act.
        item_id: the outbox item of a warning that stands.
        text: what it says, at most CORRECTION_LONGEST characters.
        now: the time; the clock's when left out.

    Raises:
        BadInput: no such warning; words that break a rule of letters, or are too long.
        Refused: the warning does not stand, or a correction of it waits or stands.
    """
    actor.must("act")
    now, text = now or timezone.now(), text.replace("\r\n", "\n").strip()
    if not text or len(text) > CORRECTION_LONGEST:
        raise BadInput("text", text, f"one to {CORRECTION_LONGEST} characters")
    with transaction.atomic():
        case = locked(actor, warning_of(actor, item_id).case_id)
        warning = warning_of(actor, item_id)
        item = warning.item
        if item.state != State.SENT or item.withdraw_asked_at is not None or not item.to:
            raise Refused("only a warning that stands can be corrected")
        if item.corrections.filter(Q(state__in=LIVE) | Q(state=State.FAILED, stopped_why=UNCERTAIN)).exists():
            raise Refused("a correction of this warning waits or stands already")
        if wrong := broken(category(warning.category), warning.language, text, correction=True):
            raise BadInput("text", "...", "; ".join(map(str, wrong)))
        own = item.remote_url if str(item.to.get("post", "")).startswith("http") else item.remote_id
        correction = outbox.draft(
            actor, case.pk, Kind.CORRECTION, channel=item.channel, way=item.way,
            to={**item.to, "post": own, "url": item.remote_url}, body={"text": text, "language": warning.language},
            sender_id=item.sender_id, second_needed=item.second_needed, corrects=item.pk, now=now,
        )  # fmt: skip
        note("correction_drafted", actor, case, now, item=correction.pk, corrects=item.pk)
    return correction


def _to(post: Post) -> dict[str, Any]:
    account = post.account
    author = {"author": account.native_id, "handle": account.handle} if account is not None else {}
    return {"post": post.native_id, "url": post.url, **author}


def _must_not_be_warned(item: OutboxItem, case: Case, now: datetime) -> None:
    """What would stop it at once is said before anybody reads it: warned by whomever, or the author not long ago."""
    with_all = Case.objects.select_related("post", "post__account", "post__current").get(pk=case.pk)
    if why := outbox_reason(item, [with_all], now):
        raise Refused(said(why))
