"""Requests as people see them: where each stands, whose clock runs out, what was answered and nobody read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Final

from django.db.models import Case as CaseOf
from django.db.models import Count, Exists, F, IntegerField, OuterRef, Q, QuerySet, Value, When

from yoake import shelf
from yoake.casework.cases.models import Case, Post
from yoake.casework.cases.trials import cases_before
from yoake.casework.evidence.queries import sealed_of
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.outbox.queries import can_carry, channel_called, visible, ways_to
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import Actor
from yoake.casework.registers.models import Kind as BodyKind
from yoake.casework.registers.queries import Listed, bodies_of, body_of, providers_of
from yoake.casework.request import kinds
from yoake.casework.request.kind import NEEDS, NETWORK, Kind
from yoake.casework.request.models import Answer, Mailbox, Meaning, NoRequest, Request
from yoake.errors import BadInput, Refused

State, Way, Purpose = OutboxItem.State, OutboxItem.Way, Request.Purpose

ANSWER_DAYS: Final = 5  # business days, the practice of the Internet Hotline Center (domain notes, section 3)
CLAIM_DAYS: Final = 7  # days that a designated operator has for a rights claim of the person harmed, no others
PROVIDERS: Final = (BodyKind.OPERATOR, BodyKind.NETWORK)
LIVE: Final = (State.DRAFT, State.APPROVED, State.SENDING, State.SENT, State.FAILED)
# Why an item is stopped in the last second, beside those of the outbox.
UNCONFIRMED, UNSEALED, NOT_POLICE, NO_REQUEST, FORM_CHANGED = (
    "unconfirmed", "unsealed", "not_police", "no_request", "form_changed",
)  # fmt: skip

# Where a request stands, in the order of the list: what a person must do comes first.
ESCALATED, OVERDUE, ENDING, ASKED, DRAFT, FAILED, READY, WAITS, ANSWERED, OVER = (
    "escalated", "overdue", "ending", "asked", "draft", "failed", "ready", "waits", "answered", "over",
)  # fmt: skip
STANDS: Final = (ESCALATED, OVERDUE, ENDING, ASKED, DRAFT, FAILED, READY, WAITS, ANSWERED, OVER)
TO_DO: Final = (OVERDUE, ENDING, ASKED, DRAFT, FAILED)  # for whoever may act; escalated ones wait for a supervisor
_SUSPENDED: Final = ("account_suspended", "suspended")  # as checks and as networks by themselves say it


@dataclass(frozen=True)
class Shown:
    """A request with the name of its provider and where it stands."""

    request: Request
    body: Listed | None  # None: it stands in no register any more
    stands: str
    unread: int  # mails that came back and nobody read


def kind_called(name: str) -> Kind:
    """The kind of that name on the shelf. Raises BadInput naming those there are."""
    kind: Kind = shelf.take(kinds, name)()
    return kind


def kinds_for(actor: Actor) -> list[tuple[str, Kind]]:
    """The kinds that the actor's organisation may make, removal first."""
    actor.must("read")
    police = is_police(actor.organisation_id)
    names = sorted(shelf.names(kinds), key=lambda name: (name != "removal", name != "suspension", name))
    found = [(name, kind_called(name)) for name in names]
    return [(name, kind) for name, kind in found if police or not kind.police_only]


def is_police(organisation_id: int) -> bool:
    """Whether an organisation is of kind police."""
    return Organisation.objects.filter(pk=organisation_id, kind=Organisation.Kind.POLICE).exists()


def provider_of(organisation_id: int, slug: str) -> Listed:
    """A provider of the registers. Raises BadInput for what is none."""
    body = body_of(organisation_id, slug)
    if body.kind not in PROVIDERS:
        raise BadInput("body", slug, "an operator or provider of the registers")
    return body


def providers_for(case: Case) -> list[Listed]:
    """Whose post it is, as far as network and address say."""
    return providers_of(case.organisation_id, network=case.post.network, url=case.post.url)


def all_providers(organisation_id: int) -> list[Listed]:
    """Every provider of the registers."""
    return [body for body in bodies_of(organisation_id) if body.kind in PROVIDERS]


def open_channels(kind: Kind, body: Listed, network: str) -> list[str]:
    """The channels of a kind by which this provider can be reached now."""
    return [
        name
        for name in kind.channels
        if (bool(network_channel(network)) if name == NETWORK else bool(body.verified(NEEDS[name])))
    ]


def network_channel(network: str) -> str:
    """The outbox channel that can use a network's own report; "" where there is none."""
    return next((name for name, way in ways_to(network) if way == Way.REPORT), "")


def network_reasons(channel: str) -> tuple[str, ...]:
    """The network's own codes for a report."""
    carrier = channel_called(channel) if channel else None
    if carrier is None or not can_carry(carrier, Way.REPORT):
        return ()
    return tuple(getattr(carrier, "reasons", ()))


def no_request_of(case: Case) -> NoRequest | None:
    """Why nothing is requested about a case; None while nobody said so."""
    return NoRequest.objects.filter(case=case, withdrawn_at=None).select_related("by").first()


def preservation_of(case: Case, body: str) -> Request | None:
    """The preservation that was asked of a provider about a case and not withdrawn, whether or not it went yet."""
    rows = Request.objects.filter(case=case, body=body, kind="preservation", ended_at=None)
    rows = rows.exclude(purpose=Purpose.WITHDRAWAL).filter(item__state__in=LIVE)
    return rows.select_related("item").order_by("pk").first()


def asked_before(case: Case, kind: str, body: str) -> Request | None:
    """A request of this kind to this provider about this case that lives: one that did not arrive, or was given up, does not."""
    rows = Request.objects.filter(case=case, kind=kind, body=body, item__state__in=LIVE)
    rows = rows.filter(purpose__in=(Purpose.FIRST, Purpose.SECOND))
    dead = Q(ended_at__isnull=False, meaning__in=("", Meaning.RECEIVED, Meaning.BOUNCED))
    return rows.exclude(dead).order_by("-pk").first()


def together_with(actor: Actor, case_id: int, body: str, limit: int = 20) -> list[Case]:
    """Further cases of the same provider and category of which one mail could speak, too: in scope, sealed, not yet asked about."""
    actor.must("act")
    seen = cases_before(actor).filter(organisation_id=actor.organisation_id, practice=False)
    case, provider = seen.filter(pk=case_id).first(), provider_of(actor.organisation_id, body)
    if case is None:
        raise BadInput("case", case_id, "there is no such case in your organisation")
    mine = seen.filter(category=case.category)
    judged = mine.filter(state__in=(Case.State.DECIDED, Case.State.CLOSED)).exclude(pk=case.pk).exclude(post__url="")
    judged = judged.filter(
        changed_at=None,
        post__gone_state="",
        post__erased_at=None,
        post__stopped_at=None,
        evidence__state="sealed",
        evidence__decision__verdict="in_scope",
        evidence__decision__undone_by=None,
    )
    judged = judged.exclude(requests__item__state__in=LIVE)
    judged = judged.exclude(pk__in=NoRequest.objects.filter(withdrawn_at=None).values("case_id"))
    found = judged.select_related("post", "post__account").order_by("-pk")[: 5 * limit]
    return [one for one in found if provider.runs(one.post.network, one.post.url)][:limit]


def is_open(request: Request) -> bool:
    """Whether somebody waits for an answer: none came, or only that it arrived, or they asked back and our answer went."""
    asked_back = request.meaning == Meaning.ASKS_BACK and request.written_back_at is not None
    return request.ended_at is None and (request.meaning in ("", Meaning.RECEIVED) or asked_back)


def is_gone(request: Request) -> bool:
    """Whether what was to be taken down is gone, as a check or the network said; see `_gone`."""
    return Request.objects.filter(_gone(), pk=request.pk).exists()


def stands(request: Request) -> str:
    """Where a request stands, one of STANDS."""
    return STANDS[Request.objects.filter(pk=request.pk).values_list(_place(), flat=True).get()]


def count_requests(actor: Actor) -> dict[str, int]:
    """How many requests stand where; all of them, and what is none is left out."""
    actor.must("read")
    told = _mine(actor).annotate(place=_place()).values("place").annotate(n=Count("pk")).order_by("place")
    return {STANDS[row["place"]]: row["n"] for row in told}


def requests_of(actor: Actor, *, where: str = "", start: int = 0, limit: int = 50) -> list[Shown]:
    """The organisation's requests, those that wait for a person first, then the nearest clock: a page of all of them.

    Args:
        actor: who asks.
        where: only those that stand there (one of STANDS); "" for all.
        start: how many are left out in front.
        limit: at most so many.
    """
    actor.must("read")
    rows = _mine(actor).annotate(place=_place())
    rows = rows.filter(place=STANDS.index(where)) if where else rows
    order = ("place", F("answer_by").asc(nulls_last=True), "-pk")
    return _shown(actor, list(rows.order_by(*order)[start : start + limit].values_list("pk", flat=True)))


def requests_about(actor: Actor, case: Case) -> list[Shown]:
    """The requests of one case, the newest first."""
    actor.must("read")
    return _shown(actor, list(_mine(actor).filter(case=case).order_by("-pk").values_list("pk", flat=True)))


def request_of(actor: Actor, request_id: int) -> Shown:
    """One request. Raises BadInput when the actor's organisation has no such request."""
    actor.must("read")
    found = _shown(actor, [request_id])
    if not found:
        raise BadInput("request", request_id, "there is no such request in your organisation")
    return found[0]


def in_one_mail(actor: Actor, request_id: int) -> list[Request]:
    """The requests that went with the same mail, this one first."""
    actor.must("read")
    same = _mine(actor).filter(item__in=_mine(actor).filter(pk=request_id).values("item_id"))
    return sorted(same.select_related("case"), key=lambda one: (one.pk != request_id, one.pk))


def answers_to(actor: Actor, request_id: int) -> list[Answer]:
    """What came back to a request and to its reminder, the oldest first."""
    actor.must("read")
    pairs = _mine(actor).filter(pk=request_id)
    items = {pk for pair in pairs.values_list("item_id", "reminder_id") for pk in pair if pk is not None}
    return list(_answers(actor).filter(item__in=items).order_by("pk"))


def written_back(actor: Actor, request_id: int) -> list[OutboxItem]:
    """What people here wrote back to mails that answered a request, the oldest first."""
    actor.must("read")
    asked = _mine(actor).filter(pk=request_id).values_list("item_id", "item__case_id").first() or (0, 0)
    rows = visible(actor).filter(kind=OutboxItem.Kind.ANSWER, case=asked[1], body__about=asked[0])
    return list(rows.order_by("pk"))


def unread_answers(actor: Actor, limit: int = 100) -> list[Answer]:
    """Mails that nobody read yet, the oldest first: also those of which no request is known; `count_unread` tells how many."""
    actor.must("read")
    rows = _answers(actor).filter(read_at=None).prefetch_related("item__requests")
    return list(rows.order_by("pk")[:limit])


def count_unread(actor: Actor) -> int:
    """How many mails nobody read yet."""
    actor.must("read")
    return _answers(actor).filter(read_at=None).count()


def may_belong_to(actor: Actor) -> list[Shown]:
    """Requests to the providers of mails that nobody read and whose thread is lost, the newest first: they answer one of these."""
    actor.must("read")
    lost = list(_answers(actor).filter(read_at=None, item=None).exclude(body="").values_list("body", flat=True))
    if not lost:
        return []
    rows = _mine(actor).filter(body__in=lost, item__state=State.SENT)
    return _shown(actor, list(rows.order_by("-pk").values_list("pk", flat=True)))


def answer_of(actor: Actor, answer_id: int) -> Answer:
    """One mail. Raises BadInput when the actor's organisation has no such mail."""
    actor.must("read")
    found = _answers(actor).filter(pk=answer_id).first()
    if found is None:
        raise BadInput("answer", answer_id, "there is no such mail in your organisation")
    return found


def waiting_requests(actor: Actor) -> int:
    """How many things wait for a person: drafts, what is to be carried out, reminders that are due, what failed, unread answers."""
    actor.must("read")
    to_do = Q(place__in=[STANDS.index(one) for one in TO_DO]) | Q(item__state=State.SENDING, item__way=Way.HAND)
    return _mine(actor).annotate(place=_place()).filter(to_do).count() + count_unread(actor)


def escalated_requests(actor: Actor) -> int:
    """How many wait for a supervisor's word."""
    actor.must("oversee")
    return _mine(actor).annotate(place=_place()).filter(place=STANDS.index(ESCALATED)).count()


def mailboxes_of(actor: Actor) -> list[Mailbox]:
    """The mailboxes in which answers are looked for, and when that last worked."""
    actor.must("read")
    rows = Mailbox.objects.filter(sender__organisation_id=actor.organisation_id)
    return list(rows.select_related("sender").order_by("sender__name"))


def reason_to_stop(item: OutboxItem, now: datetime) -> str:
    """Why a request must not leave after all, a code; "" for none. Reminders (of no Request as their item) are asked the same."""
    rows = list(Request.objects.filter(Q(item=item) | Q(reminder=item)).select_related("case", "case__post"))
    if not rows:
        return UNCONFIRMED
    for row in rows:
        asks = row.item_id == item.pk and row.purpose in (Purpose.FIRST, Purpose.SECOND)
        if asks and no_request_of(row.case) is not None:
            return NO_REQUEST
        if sealed_of(row.case) is None:
            return UNSEALED
        if kind_called(row.kind).police_only and not is_police(item.organisation_id):
            return NOT_POLICE
        if item.way != Way.HAND and is_gone(row):
            return "gone"
    return "" if item.way == Way.REPORT else _contact(item, rows[0].body)


def _contact(item: OutboxItem, slug: str) -> str:
    """The contact that was read must still be the confirmed one."""
    name = "mail" if item.way == Way.MAIL else NEEDS[item.channel]
    try:
        confirmed = body_of(item.organisation_id, slug).verified(NEEDS[item.channel])
    except BadInput:  # the body was taken out
        return UNCONFIRMED
    return "" if confirmed and confirmed == item.to.get(name) else UNCONFIRMED


def must_be_sealed(case: Case) -> None:
    """Raises Refused while evidence of a case is not sealed."""
    if sealed_of(case) is None:
        raise Refused("evidence of this case is not sealed yet; a removal would destroy it. Wait until it is, then ask")


def _gone() -> Q:
    """True of a request to take something down that is gone: the post, or, where the account is asked about, the account.

    An author's own deletion of a post ends no request about their account.
    """
    posts, accounts = _taken_down()
    suspended = Post.objects.filter(account=OuterRef("case__post__account"), gone_state__in=_SUSPENDED)
    return Q(kind__in=posts) & ~Q(case__post__gone_state="") | Q(kind__in=accounts) & Q(Exists(suspended))


@cache
def _taken_down() -> tuple[list[str], list[str]]:
    """Kinds that take a post down, and those that take an account down."""
    down = [
        (name, kind) for name, kind in ((name, kind_called(name)) for name in shelf.names(kinds)) if kind.takes_down
    ]
    return [name for name, kind in down if kind.still_up], [name for name, kind in down if not kind.still_up]


def _place() -> CaseOf:
    """Where a request stands, as its place in STANDS: asked in the database, so that lists are sorted before they are cut."""
    asked_back = Q(meaning=Meaning.ASKS_BACK)
    answered = ~Q(meaning__in=("", Meaning.RECEIVED)) & ~(asked_back & Q(written_back_at__isnull=False))
    going = Q(reminder__isnull=False) & ~Q(reminder__state=State.STOPPED)
    rules = (
        (READY, Q(item__state__in=(State.APPROVED, State.SENDING))),
        (DRAFT, Q(item__state=State.DRAFT)),
        (FAILED, Q(item__state=State.FAILED)),
        (OVER, ~Q(item__state=State.SENT)),
        (ENDING, Q(ended_at=None, ending_at__isnull=False)),
        (OVER, ~answered & (Q(ended_at__isnull=False) | _gone())),
        (ASKED, asked_back & answered & Q(ended_at=None) & ~_gone()),
        (ANSWERED, answered),
        (ESCALATED, Q(escalated_at__isnull=False, taken_up_at=None)),
        (WAITS, Q(overdue_at=None) | Q(answer_by=None)),
        (OVERDUE, ~going),
        (DRAFT, Q(reminder__state=State.DRAFT)),
        (FAILED, Q(reminder__state=State.FAILED)),
        (WAITS, Q(reminder__state=State.SENT)),
    )
    whens = [When(rule, then=Value(STANDS.index(place))) for place, rule in rules]
    return CaseOf(*whens, default=Value(STANDS.index(READY)), output_field=IntegerField())


def _mine(actor: Actor) -> QuerySet[Request]:
    seen = Exists(visible(actor).filter(pk=OuterRef("item_id")))
    return Request.objects.filter(seen, organisation_id=actor.organisation_id)


def _answers(actor: Actor) -> QuerySet[Answer]:
    seen = Exists(visible(actor).filter(pk=OuterRef("item_id")))
    rows = Answer.objects.filter(Q(item=None) | Q(seen), organisation_id=actor.organisation_id)
    return rows.select_related("item", "item__case", "sender", "read_by")


def _shown(actor: Actor, ids: Sequence[int]) -> list[Shown]:
    """The requests of these ids that the actor may see, in that order."""
    people = ("item__drafted_by", "item__approved_by", "item__second_by", "item__sent_by", "meant_by", "taken_up_by")
    related = ("case", "case__post", "item", "item__sender", "reminder", "follows", *people)
    rows = {row.pk: row for row in _mine(actor).filter(pk__in=ids).annotate(place=_place()).select_related(*related)}
    bodies = {body.slug: body for body in bodies_of(actor.organisation_id)} if rows else {}
    items = {pk for row in rows.values() for pk in (row.item_id, row.reminder_id) if pk is not None}
    unread: dict[int, int] = {}
    for item_id in Answer.objects.filter(item__in=items, read_at=None).values_list("item_id", flat=True):
        unread[item_id or 0] = unread.get(item_id or 0, 0) + 1
    found = []
    for row in (rows[pk] for pk in ids if pk in rows):
        mails = unread.get(row.item_id, 0) + unread.get(row.reminder_id or 0, 0)
        found.append(Shown(row, bodies.get(row.body), STANDS[row.place], mails))
    return found
