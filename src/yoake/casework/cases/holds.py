"""Whose hands are on a post or an account: leases and holds, asked in one place, and the placing of holds.

A hold is "hands off": an authorised person holds an account, a contact id, a telephone number or a web address, until a
day, and nobody asks why. To other bodies it looks in every way like a lease of another body: the same words, the same
page, and as many queries. Two bodies that hold the same are each other's other body: then neither acts.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final, TypeVar

import orjson
from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.db import transaction
from django.db.models import BooleanField, Exists, ExpressionWrapper, Model, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import In
from django.utils import timezone

from yoake.casework.asked import asking, once
from yoake.casework.audit.actions import record
from yoake.casework.cases.acting import organisation, person
from yoake.casework.cases.categories import categories
from yoake.casework.cases.hold_keys import (
    ANY_APP,
    account_form,
    address_form,
    contact_form,
    key_of,
    phone_form,
    phone_number,
)
from yoake.casework.cases.models import Account, AccountLease, Case, Decision, Hold, HoldKey, Lease, Post
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import Actor
from yoake.errors import BadInput, Refused

LONGEST_DAYS: Final = 180
REMEMBERED: Final = timedelta(
    days=30
)  # after its end a hold can be renewed for so long; then what was held is forgotten
NAME_LONGEST: Final = 300
APPS: Final = (  # as yoake.detect.text.extraction names them
    "line",
    "telegram",
    "signal",
    "wickr",
    "session",
    "kakaotalk",
    "wechat",
    "zalo",
    "facebook",
    "instagram",
    "whatsapp",
    "discord",
    "mail",
)
ELSEWHERE: Final = "this post is held by another body; take another case, or wait until it is released"
COLLEAGUE: Final = "this post is held by a colleague; take another case, or wait until it is released"

Kind = Hold.Kind
Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True)
class Holding:
    """Whose hands are on a post: somebody's of one's own organisation, or another body's, of whom nothing is told."""

    lease: Lease | None  # of one's own organisation; None: another body

    @property
    def elsewhere(self) -> bool:
        """Whether it is another body."""
        return self.lease is None

    def is_of(self, actor: Actor) -> bool:
        """Whether it is the actor's own lease."""
        return self.lease is not None and self.lease.user_id == actor.user_id


def who_holds(actor: Actor, posts: Iterable[int], now: datetime) -> dict[int, Holding]:
    """Who holds these posts (ids), as the actor may know it; free ones are left out. One query, however many posts."""
    away = Value(False) if _alone(actor) else ExpressionWrapper(_elsewhere(actor, now), BooleanField())
    asked = Post.objects.filter(pk__in=list(posts)).annotate(away=away).select_related("lease__user")
    found = {}
    for post in asked.defer("url", "url_start", "native_id"):
        lease = getattr(post, "lease", None)
        own = lease is not None and lease.expires_at > now and lease.organisation_id == actor.organisation_id
        if post.away or own:
            found[post.pk] = Holding(None if post.away else lease)
    return found


def free_of_others(cases: QuerySet[Case], actor: Actor, now: datetime) -> QuerySet[Case]:
    """The cases whose posts nobody but the actor holds."""
    colleagues = Lease.objects.filter(expires_at__gt=now).exclude(user_id=actor.user_id)
    free = cases.exclude(post_id__in=colleagues.values("post_id"))
    return free.exclude(_elsewhere(actor, now, "post_id", "post__account_id"))


def readable(rows: QuerySet[Row], actor: Actor, now: datetime, of: str = "") -> QuerySet[Row]:
    """What the actor may read the words of now, for every list that prints some: cases, or rows that lead to one by `of`.

    Left out are posts that another body holds, and those of which the organisation keeps only the record while another
    body pursues them.
    """
    free = rows.exclude(_elsewhere(actor, now, f"{of}post_id", f"{of}post__account_id"))
    slugs = [slug for slug, known in categories().items() if known.record_only]
    taken = Decision.objects.filter(case=OuterRef(f"{of}pk"), undoes=None, undone_by=None).order_by("-at", "-id")
    standing = Coalesce(Subquery(taken.values("category")[:1]), Value(""))
    decided = Q(**{f"{of}practice": False}) & ~Q(**{f"{of}state": Case.State.WAITING})
    return free.exclude(decided & Q(In(standing, slugs)))


def held_elsewhere(
    cases: QuerySet[Case], organisation_id: int, now: datetime, *, outward: bool = False
) -> QuerySet[Case]:
    """The cases (of this organisation) whose posts another body holds; `outward`: also what counts for acts to the outside alone."""
    worker = Actor("worker", 0, organisation_id, "")
    return cases.filter(_elsewhere(worker, now, "post_id", "post__account_id", outward=outward))


def must_be_free(
    actor: Actor,
    *,
    post: Post | None = None,
    account: Account | None = None,
    inside: bool = False,
    but_colleagues: bool = False,
    now: datetime | None = None,
) -> None:
    """Raises Refused while somebody else holds the post or the account; ask it in the transaction of the act.

    Every decision and every act on a post asks this, with the post's row locked, or the account's where there is no post.

    Args:
        actor: who acts.
        post: what is acted on.
        account: towards whom.
        inside: nothing of the act leaves the house (a judgement, a lease). Then a hold does not count on what only the
            actor's own organisation typed in: it would tell whoever types things what is held.
        but_colleagues: the act judges nothing, so a colleague who reads the post is in nobody's way.
        now: the time; the clock's when left out.
    """
    now = now or timezone.now()
    if post is not None:
        holding = who_holds(actor, [post.pk], now).get(post.pk)
        if holding is not None and holding.elsewhere:
            raise Refused(ELSEWHERE)
        if not inside and Post.objects.filter(pk=post.pk).filter(_elsewhere(actor, now, outward=True)).exists():
            raise Refused(ELSEWHERE)
        if holding is not None and not holding.is_of(actor) and not but_colleagues:
            raise Refused(COLLEAGUE)
    if account is not None:
        lease = AccountLease.objects.filter(account=account, expires_at__gt=now).first()
        held = HoldKey.objects.filter(account=account, key__in=_held_keys(actor, now)).exists()
        if held or (lease is not None and lease.organisation_id != actor.organisation_id):
            raise Refused(ELSEWHERE)
        if lease is not None and lease.user_id != actor.user_id:
            raise Refused(COLLEAGUE)


def _elsewhere(
    actor: Actor, now: datetime, post: str = "pk", account: str = "account_id", *, outward: bool = False
) -> Q:
    """What is true of a row whose post another body holds, by lease or by hold; `post`, `account`: how the row names them.

    A hold counts where another body has a case of the post or a source brought it; `outward`: everywhere.
    """
    if _alone(actor):
        return Q(pk__in=[])
    leases = Lease.objects.filter(expires_at__gt=now).exclude(organisation_id=actor.organisation_id)
    accounts = AccountLease.objects.filter(expires_at__gt=now).exclude(organisation_id=actor.organisation_id)
    keys = HoldKey.objects.filter(key__in=_held_keys(actor, now))
    held = Q(**{f"{post}__in": keys.exclude(post=None).values("post_id")}) | Q(
        **{f"{account}__in": keys.exclude(account=None).values("account_id")}
    )
    if not outward:
        of_post = Case.objects.filter(post_id=OuterRef(post))
        held &= Q(Exists(of_post.exclude(organisation_id=actor.organisation_id, source=None)))
    return (
        Q(**{f"{post}__in": leases.values("post_id")}) | Q(**{f"{account}__in": accounts.values("account_id")}) | held
    )


def _alone(actor: Actor) -> bool:
    """Whether no other body uses this installation, as is usual: then none holds anything, and a page need not ask on and on."""
    others = Organisation.objects.exclude(pk=actor.organisation_id)
    return asking() and once(("alone", actor.organisation_id), lambda: not others.exists())


def _held_keys(actor: Actor, now: datetime) -> QuerySet[Hold, str]:
    """What other bodies hold now."""
    in_force = Hold.objects.filter(lifted_at=None, expires_at__gt=now).exclude(organisation_id=actor.organisation_id)
    return in_force.values_list("key", flat=True)


# --- placing --------------------------------------------------------------------------------------------------------


def place_hold(
    actor: Actor,
    kind: str,
    value: str,
    *,
    network: str = "",
    app: str = ANY_APP,
    days: int,
    now: datetime | None = None,
) -> Hold:
    """Hands off, for people of other bodies, until `days` from now; no reason is asked or kept.

    Args:
        actor: somebody who may hold.
        kind: account, contact, phone or url.
        value: lasting id or handle of the account, the contact id, the number, the address.
        network: of the account, as connectors call it.
        app: of the contact; "any": whichever, also where a post names none.
        days: 1 to 180; a hold can be renewed.
        now: the time; the clock's when left out.

    Raises:
        BadInput: something of this is missing or is none.
        Refused: the organisation holds this already; renew that hold instead.
    """
    now = now or timezone.now()
    actor.must("hold")
    expires_at = _end(days, now)
    told, form = _read(kind, value.strip(), network.strip(), app)
    key = key_of(form)
    with transaction.atomic():
        # one at a time in an organisation; whoever only points at its row goes on
        Organisation.objects.select_for_update(no_key=True).filter(pk=organisation(actor)).first()
        own = Hold.objects.filter(organisation_id=actor.organisation_id, key=key, lifted_at=None, expires_at__gt=now)
        if own.exists():
            raise Refused("your organisation holds this already; renew that hold if it should last longer")
        hold = Hold.objects.create(
            organisation_id=organisation(actor),
            kind=kind,
            key=key,
            sealed=_cipher().encrypt(orjson.dumps(told)),
            placed_by_id=person(actor),
            placed_at=now,
            expires_at=expires_at,
        )
        _note("hold_placed", actor, hold, now, what=kind, days=days)
    return hold


def renew_hold(actor: Actor, hold_id: int, days: int, now: datetime | None = None) -> Hold:
    """The hold now ends `days` (1 to 180) from now, earlier or later than it did.

    Raises Refused when it was lifted, or ended so long ago that nobody knows any more what was held.
    """
    now = now or timezone.now()
    actor.must("hold")
    expires_at = _end(days, now)
    with transaction.atomic():
        hold = _own(actor, hold_id)
        if hold.lifted_at is not None or not hold.key:
            raise Refused("this hold is over and what it held is forgotten; place a new one")
        hold.expires_at = expires_at
        hold.save(update_fields=["expires_at"])
        _note("hold_renewed", actor, hold, now, days=days)
    return hold


def lift_hold(actor: Actor, hold_id: int, now: datetime | None = None) -> None:
    """Ends the hold at once; what was held is forgotten. Harmless when it was lifted already."""
    now = now or timezone.now()
    actor.must("hold")
    with transaction.atomic():
        hold = _own(actor, hold_id)
        if hold.lifted_at is None:
            hold.lifted_at, hold.lifted_by_id = now, person(actor)
            hold.key, hold.sealed = "", b""
            hold.save(update_fields=["lifted_at", "lifted_by", "key", "sealed"])
            _note("hold_lifted", actor, hold, now)


def forget_ended(now: datetime) -> int:
    """Forgets what holds held that ended 30 days ago and were not renewed; returns how many."""
    ended = Hold.objects.filter(expires_at__lte=now - REMEMBERED, lifted_at=None).exclude(key="")
    return ended.update(key="", sealed=b"")


@dataclass(frozen=True)
class Held:
    """A hold of one's own organisation, readable."""

    hold: Hold
    name: str  # what is held; "" once that is forgotten, or when the key file is another one
    where: str  # the network of an account, the app of a contact
    in_force: bool


def holds_of(actor: Actor, now: datetime | None = None) -> list[Held]:
    """The organisation's holds, for those who may hold: in force, the next to end first; then those that ended last."""
    now = now or timezone.now()
    actor.must("hold")
    rows = Hold.objects.filter(organisation_id=actor.organisation_id).select_related("placed_by", "lifted_by")
    in_force = [
        _readable(hold, True) for hold in rows.filter(lifted_at=None, expires_at__gt=now).order_by("expires_at")
    ]
    over = rows.exclude(lifted_at=None, expires_at__gt=now).order_by("-expires_at", "-pk")[:50]
    return in_force + [_readable(hold, False) for hold in over]


def _readable(hold: Hold, in_force: bool) -> Held:
    try:
        told = orjson.loads(_cipher().decrypt(bytes(hold.sealed))) if hold.sealed else {}
    except InvalidToken:  # sealed with another key file: nobody can read it here
        told = {}
    return Held(hold, told.get("name", ""), told.get("where", ""), in_force)


def _read(kind: str, value: str, network: str, app: str) -> tuple[dict[str, str], str]:
    """What is held as the list shows it, and its form."""
    if kind not in Kind.values:
        raise BadInput("kind", kind, f"one of {', '.join(Kind.values)}")
    if not value or (kind != Kind.URL and len(value) > NAME_LONGEST):
        raise BadInput("held", value, f"what is to be held, at most {NAME_LONGEST} characters")
    if kind == Kind.ACCOUNT:
        if not network or len(network) > 60:
            raise BadInput("network", network, "the network of the account")
        return {"name": value, "where": network}, account_form(network, value)
    if kind == Kind.CONTACT:
        if app not in (ANY_APP, *APPS):
            raise BadInput("app", app, f"one of {', '.join((ANY_APP, *APPS))}")
        return {"name": value, "where": app}, contact_form(app, value)
    if kind == Kind.PHONE:
        number = phone_number(value)
        return {"name": number, "where": ""}, phone_form(number)
    return {"name": value, "where": ""}, address_form(value)


def _end(days: int, now: datetime) -> datetime:
    if not 1 <= days <= LONGEST_DAYS:
        raise BadInput("days", days, f"a number of days from 1 to {LONGEST_DAYS}")
    return now + timedelta(days=days)


def _own(actor: Actor, hold_id: int) -> Hold:
    hold = Hold.objects.select_for_update().filter(organisation_id=actor.organisation_id, pk=hold_id).first()
    if hold is None:
        raise BadInput("hold", hold_id, "there is no such hold of your organisation")
    return hold


def _note(kind: str, actor: Actor, hold: Hold, now: datetime, **facts: str | int) -> None:
    record(kind, actor=actor.name, organisation=hold.organisation_id, subject=f"hold:{hold.pk}", at=now, **facts)


def _cipher() -> Fernet:
    return Fernet(base64.urlsafe_b64encode(sha256(f"hold seal\0{settings.SECRET_KEY}".encode()).digest()))
