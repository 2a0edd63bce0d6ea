"""What the public page asks and leaves: whether this office sent a letter, and an objection to it. No account, no role."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from yoake.casework.appeal.models import Appeal
from yoake.casework.audit.actions import record
from yoake.casework.cases.models import Case, Post
from yoake.casework.cases.queries import at_address
from yoake.casework.cases.schedule import asked_source
from yoake.casework.due import business_days_after
from yoake.casework.outbox.codes import item_id_of
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.wording.letters import head_of
from yoake.collect.items import item_of
from yoake.errors import BadInput, Refused
from yoake.tables.posts import uid_of

WORDS_LONGEST: Final = 2000
REPLY_LONGEST: Final = 200
ADDRESS_LONGEST: Final = 2000
PROVE_WITHIN: Final = timedelta(hours=72)
DECIDE_DAYS: Final = 5  # business days; nothing says so but the clock of the hotlines themselves
MOST_WAITING: Final = 20  # notes to one letter: whoever floods it fills that alone
LOOK_PAUSE: Final = timedelta(minutes=10)  # between two looks at a profile, and at most
LOOK_PAUSE_MOST: Final = timedelta(hours=3)
_SIGNS: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_KINDS: Final = (OutboxItem.Kind.WARNING, OutboxItem.Kind.REQUEST)
_LEFT: Final = (OutboxItem.State.SENT, OutboxItem.State.WITHDRAWN)


@dataclass(frozen=True)
class SentLetter:
    """All that the page says of a letter: that this office sent it, when, and of which kind. Nothing of post or person."""

    name_ja: str
    name_en: str
    telephone: str
    kind: str  # warning, request
    sent_at: datetime
    withdrawn: bool
    several: bool  # it speaks of several posts: whoever objects says of which


def letter_of(code: str) -> SentLetter | None:
    """The letter a code stands for; None for every other one, whatever is wrong with it."""
    item = _item(code)
    if item is None or item.sent_at is None:
        return None
    head = head_of(item.organisation_id)
    name = item.organisation.name
    return SentLetter(
        head.name_ja if head is not None else name,
        head.name_en if head is not None else name,
        head.telephone if head is not None else "",
        item.kind,
        item.sent_at,
        item.state == OutboxItem.State.WITHDRAWN or item.withdraw_asked_at is not None,
        item.also.exists(),
    )


def lodge(code: str, who: str, words: str, reply_to: str = "", about: str = "", now: datetime | None = None) -> Appeal:
    """Takes an objection in.

    Args:
        code: of the letter.
        who: author or third, as they say; the author gets a code for the profile.
        words: what they say, 1 to WORDS_LONGEST characters.
        reply_to: how they can be reached, at most REPLY_LONGEST characters on one line; "" for not.
        about: address of the post, where the letter speaks of several.
        now: the time; the clock's when left out.

    What others write never closes the letter for the author: their notes are counted, what says that it is the author's is not.

    Raises:
        BadInput: no letter of that code, or something of this is none.
        Refused: too many notes wait for this letter, or the post it is about is gone from here.
    """
    now = now or timezone.now()
    words, reply_to = _plain(words.replace("\r\n", "\n")).strip(), " ".join(_plain(reply_to).split())
    if who not in Appeal.Who.values:
        raise BadInput("who", who, f"one of {', '.join(Appeal.Who.values)}")
    if not words or len(words) > WORDS_LONGEST:
        raise BadInput("words", "...", f"one to {WORDS_LONGEST} characters")
    if len(reply_to) > REPLY_LONGEST:
        raise BadInput("reply_to", "...", f"at most {REPLY_LONGEST} characters")
    found = _item(code)
    if found is None or found.case_id is None:
        raise BadInput("code", "...", "the code of a letter of this office")
    case_id = _meant(found, about)
    with transaction.atomic():
        post = Post.objects.select_for_update(of=("self",)).filter(cases=case_id).first()
        case = Case.objects.select_for_update(of=("self",)).select_related("post").filter(pk=case_id).first()
        if post is None or case is None or post.erased_at is not None or post.stopped_at is not None:
            raise Refused("nothing of the post is kept here any more; write or call instead")
        notes = Appeal.objects.filter(item=found, outcome="", who=Appeal.Who.THIRD)
        if who == Appeal.Who.THIRD and notes.count() >= MOST_WAITING:
            raise Refused("many notes about this letter wait already; write or call instead")
        prove = who == Appeal.Who.AUTHOR and post.account_id is not None
        appeal = Appeal.objects.create(
            organisation_id=found.organisation_id, item=found, case=case, reference=_random(10), who=who, words=words,
            reply_to=reply_to, at=now, proof=_random(10) if prove else "", prove_by=now + PROVE_WITHIN if prove else None,
            due_at=_first_look(case, now) if prove and asked_source(case) is not None else None,
            decide_by=business_days_after(now, DECIDE_DAYS),
        )  # fmt: skip
        record(
            "appeal_lodged", actor="public", organisation=found.organisation_id, subject=f"case:{case.pk}", at=now,
            appeal=appeal.pk, who=who,
        )  # fmt: skip
    return appeal


def claims_on(case: Case) -> QuerySet[Appeal]:
    """The objections of one organisation whose code is looked for in the profile of a case's author."""
    waits = Appeal.objects.filter(organisation_id=case.organisation_id, proved_at=None, outcome="").exclude(due_at=None)
    if case.post.account_id is None:
        return waits.none()
    return waits.filter(case__post__account=case.post.account_id).exclude(proof="")


def proved(appeal_id: int, now: datetime) -> bool:
    """The code stands in the profile: it is the author's. Done a second time, or after the answer, it changes nothing."""
    with transaction.atomic():
        still = Appeal.objects.filter(pk=appeal_id, proved_at=None, outcome="").exclude(proof="")
        row = still.first()
        if row is None or not still.update(proved_at=now, due_at=None, claimed_until=None, problem=""):
            return False
        record(
            "appeal_proved", actor="worker", organisation=row.organisation_id, subject=f"case:{row.case_id}", at=now,
            appeal=row.pk,
        )  # fmt: skip
    return True


def next_look(lodged_at: datetime, now: datetime) -> datetime:
    """When a profile is looked at again: after a quarter of the time that went by, ten minutes at least, three hours at most.

    Args:
        lodged_at: when the newest of the objections was lodged whose code is looked for there.
        now: when it was looked at.
    """
    return now + min(max(LOOK_PAUSE, (now - lodged_at) / 4), LOOK_PAUSE_MOST)


def look_again(appeals: Iterable[Appeal], until: datetime, problem: str) -> None:
    """It did not stand there, or nobody answered: looked for again at `until`, or no more once its time is over."""
    for appeal in appeals:
        over = appeal.prove_by is None or until > appeal.prove_by
        still = Appeal.objects.filter(pk=appeal.pk, proved_at=None).exclude(due_at=None)
        still.update(due_at=None if over else until, claimed_until=None, problem=problem[:300])


def _first_look(case: Case, now: datetime) -> datetime:
    """At once; where the same profile is looked at already, with that look, so that nobody makes us ask more by lodging more."""
    next_one = claims_on(case).order_by("due_at").values_list("due_at", flat=True).first()
    return now if next_one is None else max(now, min(next_one, now + LOOK_PAUSE))


def _meant(item: OutboxItem, about: str) -> int:
    """Which case of a letter somebody means. Raises BadInput where it speaks of several, and of none at that address."""
    assert item.case_id is not None
    also = list(item.also.values_list("pk", flat=True))
    if not also:
        return item.case_id
    about = about.strip()
    try:
        meant = item_of(about[:ADDRESS_LONGEST])
    except BadInput:
        raise BadInput("about", "...", "the address of a post that the letter speaks of") from None
    at = at_address(meant.url, "post__") | at_address(about, "post__")
    if meant.network and meant.native_id:
        at |= Q(post__uid=uid_of(meant.network, meant.native_id))
    if meant.author and meant.key:  # an address with a handle, of a post that is kept under a lasting one
        at |= Q(post__account__handle__iexact=meant.author, post__url__endswith=f"/{meant.key}")
    found = Case.objects.filter(at, pk__in=[item.case_id, *also]).order_by("pk").values_list("pk", flat=True).first()
    if found is None:
        raise BadInput("about", "...", "the address of a post that the letter speaks of")
    return found


def _item(code: str) -> OutboxItem | None:
    """Looked up once for every code, so that wrong ones take as long."""
    rows = OutboxItem.objects.filter(pk=item_id_of(code) or 0, kind__in=_KINDS, state__in=_LEFT)
    return rows.select_related("organisation").first()


def _plain(text: str) -> str:
    return "".join(char for char in text if char.isprintable() or char == "\n")


def _random(n: int) -> str:
    signs = "".join(secrets.choice(_SIGNS) for _ in range(n))
    return f"{signs[: n // 2]}-{signs[n // 2 :]}"
