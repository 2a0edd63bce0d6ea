"""Putting a request together inside an action: what forbids it, its addressee, grounds and words, the outbox item and the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from yoake.casework.cases.acting import locked, note, organisation, person
from yoake.casework.cases.categories import categories, category
from yoake.casework.cases.models import Case, Decision, Post
from yoake.casework.cases.trials import cases_before, must_be_real
from yoake.casework.evidence.queries import sealed_of
from yoake.casework.outbox import actions as outbox
from yoake.casework.outbox.models import OutboxItem, Sender
from yoake.casework.outbox.reasons import said
from yoake.casework.people.models import User
from yoake.casework.people.queries import Actor
from yoake.casework.registers.queries import Listed, must_be_verified
from yoake.casework.request import facts as telling
from yoake.casework.request.grounds import more_of, proposed, sound, standing
from yoake.casework.request.kind import EMAIL, NEEDS, NETWORK, Kind
from yoake.casework.request.models import Meaning, Request
from yoake.casework.request.queries import (
    asked_before,
    is_police,
    kind_called,
    must_be_sealed,
    network_channel,
    network_reasons,
    no_request_of,
    preservation_of,
    provider_of,
)
from yoake.casework.wording.checks import unverified_articles
from yoake.errors import BadInput, Refused

WANTED, NOT_WANTED = "wanted", "not_wanted"
MOST_TOGETHER: Final = 20
State, Way, Purpose = OutboxItem.State, OutboxItem.Way, Request.Purpose


def drafted(
    actor: Actor,
    case_ids: Sequence[int],
    name: str,
    slug: str,
    channel: str,
    *,
    reasons: Mapping[int, str],
    preservation: str,
    term_days: int | None,
    sender_id: int | None,
    network_reason: str,
    now: datetime,
    purpose: str = Purpose.FIRST,
    follows: Request | None = None,
    codes: Sequence[str] = (),
) -> list[Request]:
    """One outbox item and a request for each case; the arguments are those of `actions.draft_request` and `draft_second`."""
    kind = kind_called(name)
    if kind.police_only and not is_police(organisation(actor)):
        raise Refused("only the police ask for this")
    if channel not in kind.channels:
        raise BadInput("channel", channel, f"one of {', '.join(kind.channels)}")
    if not 1 <= len(set(case_ids)) <= (MOST_TOGETHER if kind.together and channel == EMAIL else 1):
        raise BadInput("case_ids", len(case_ids), f"one case; by mail up to {MOST_TOGETHER} of one provider")
    needs_term = kind.term_days is not None and purpose == Purpose.FIRST
    if needs_term and not 1 <= (term_days or 0) <= (kind.term_days or 0):
        raise BadInput("term_days", term_days or 0, f"a number of days from 1 to {kind.term_days}")
    with transaction.atomic():
        cases = lock_cases(actor, case_ids)
        reasons = reasons or _said_before(follows)
        decisions = [_may_be_asked(case, purpose) for case in cases]
        if len({decision.category for decision in decisions}) > 1:
            raise BadInput("case_ids", len(cases), "cases of one category in one mail")
        body = provider_of(organisation(actor), slug)
        for case in cases:
            must_be_sealed(case)
            _must_not_be_asked(case, name, slug, purpose)
            _ask_police(actor, case, kind, slug, preservation)
        sender = Sender.objects.filter(organisation_id=actor.organisation_id, pk=sender_id or 0).first()
        if channel == EMAIL and (sender is None or sender.channel != EMAIL):
            raise BadInput("sender", sender_id or 0, "a mailbox of your organisation")
        carrier, way, to = _addressed(cases[0], channel, body, network_reason)
        number = _number(cases[0])
        more, kept = _more(cases[0], decisions[0], body, purpose, codes)
        told = telling.facts_of(
            name, purpose, body, _items(cases, decisions, body.language, reasons), organisation_id=organisation(actor),
            slug=decisions[0].category, number=number, more=more, term_days=term_days,
            by=User.objects.get(pk=person(actor)), now=now,
        )  # fmt: skip
        words = telling.body_for(
            organisation(actor), kind, channel, told, sender=sender, cases=cases, key=number,
            network_reason=network_reason, now=now,
        )  # fmt: skip
        if follows is not None and follows.item.way == Way.MAIL and way == Way.MAIL and follows.item.remote_id:
            words |= {"in_reply_to": follows.item.remote_id, "references": follows.item.remote_id}
        item = outbox.draft(
            actor, cases[0].pk, OutboxItem.Kind.REQUEST, channel=carrier, way=way, to=to, body=words,
            sender_id=sender_id if way != Way.HAND else None, also=[case.pk for case in cases[1:]], now=now,
        )  # fmt: skip
        made = [
            Request.objects.create(
                item=item, organisation_id=organisation(actor), case=case, kind=name, body=body.slug, purpose=purpose,
                follows=follows, preservation=preservation if kind.takes_down else "", more=kept, term_days=term_days,
            )
            for case in cases
        ]  # fmt: skip
        for case, row in zip(cases, made, strict=True):
            note("request_drafted", actor, case, now, request=row.pk, what=name, purpose=purpose, body=body.slug, channel=channel)  # fmt: skip
    return made


def _said_before(follows: Request | None) -> dict[int, str]:
    """The grounds of the request that this one follows."""
    facts = follows.item.body.get("facts") if follows is not None else None
    return {int(one["case"]): str(one["reason"]) for one in facts["items"]} if facts else {}


def _may_be_asked(case: Case, purpose: str) -> Decision:
    """The decision in scope. Raises Refused on the practice desk, under a category that forbids it, or where a reason stands."""
    must_be_real(case)
    if case.practice:
        raise Refused(said("practice"))
    decision = standing(case)
    known = categories()
    if not any(slug in known and "request" in known[slug].actions for slug in (decision.category, *decision.also)):
        raise Refused("the category of this case does not provide for a request to a provider")
    if not case.post.url:
        raise Refused("the address of the post is not known; a provider cannot find it without")
    if purpose in (Purpose.FIRST, Purpose.SECOND) and no_request_of(case) is not None:
        raise Refused("somebody wrote down why nothing is requested here; take that back first")
    return decision


def _must_not_be_asked(case: Case, kind: str, body: str, purpose: str) -> None:
    earlier = asked_before(case, kind, body) if purpose == Purpose.FIRST else None
    if earlier is not None and earlier.meaning == Meaning.REFUSED:
        raise Refused("this was refused; a second request says more than the first")
    if earlier is not None:
        raise Refused("this was requested from this provider already")


def _ask_police(actor: Actor, case: Case, kind: Kind, body: str, preservation: str) -> None:
    """Preserve before you remove: police say first whether they want a preservation, and one that is wanted goes first."""
    if not kind.takes_down or not is_police(organisation(actor)):
        return
    if preservation not in (WANTED, NOT_WANTED):
        raise Refused("say first whether a preservation of records is wanted: what is removed is gone")
    if preservation == NOT_WANTED:
        return
    asked = preservation_of(case, body)
    if asked is None:
        raise Refused("ask for the preservation first; the removal follows once that went")
    if asked.item.state != State.SENT:
        raise Refused("the preservation was not handed over yet; the removal follows once it was")


def _addressed(case: Case, channel: str, body: Listed, network_reason: str) -> tuple[str, str, dict[str, Any]]:
    """Outbox channel, way and addressee. Raises Refused while nobody confirmed the contact."""
    if channel == NETWORK:
        carrier = network_channel(case.post.network)
        if not carrier:
            raise Refused("this network has no report of its own that a program could use")
        if network_reason not in network_reasons(carrier):
            raise BadInput("network_reason", network_reason, f"one of {', '.join(network_reasons(carrier))}")
        account = case.post.account
        author = {"author": account.native_id, "handle": account.handle} if account is not None else {}
        return carrier, Way.REPORT, {"post": case.post.native_id, "url": case.post.url, **author}
    contact = must_be_verified(body, NEEDS[channel])
    if channel == EMAIL:
        return EMAIL, Way.MAIL, {"mail": contact}
    name = body.name_en if body.language == "en" else body.name_ja
    return channel, Way.HAND, {NEEDS[channel]: contact, "name": name, "url": case.post.url}


def _items(
    cases: Sequence[Case], decisions: Sequence[Decision], language: str, reasons: Mapping[int, str]
) -> list[dict[str, Any]]:
    found = []
    for case, decision in zip(cases, decisions, strict=True):
        sealed = sealed_of(case)
        assert sealed is not None
        reason = sound(reasons.get(case.pk) or proposed(case, decision, language), decision.category)
        english = reason if language == "en" else proposed(case, decision, "en")
        if unverified_articles(
            category(decision.category), english
        ):  # nobody reads this one before it goes: it says less
            english = ""
        found.append(telling.item_facts(case, decision, sealed, reason, english))
    return found


def _more(
    case: Case, decision: Decision, body: Listed, purpose: str, codes: Sequence[str]
) -> tuple[str, dict[str, Any]]:
    if purpose != Purpose.SECOND:
        return "", {}
    more = more_of(case, decision, body)
    chosen = [code for code in more.known() if code in codes]
    if not chosen or len(chosen) != len(set(codes)):
        raise BadInput("codes", ", ".join(codes), f"grounds that hold: {', '.join(more.known())}")
    return more.text(chosen, body.language), more.row(chosen)


def _number(case: Case) -> str:
    """What people call a request: the case and which of its requests it is; stands in subjects, so that answers are found."""
    return f"YR-{case.pk}-{Request.objects.filter(case=case).count() + 1}"


def lock_cases(actor: Actor, case_ids: Sequence[int]) -> list[Case]:
    """The cases in the order asked for; posts and cases are locked in the order everybody locks."""
    ids = list(dict.fromkeys(case_ids))
    mine = cases_before(actor).filter(pk__in=ids)
    posts = sorted(mine.values_list("post_id", flat=True))
    list(Post.objects.select_for_update(of=("self",)).filter(pk__in=posts).order_by("pk"))
    rows = mine.select_for_update(of=("self",)).select_related("post", "post__account", "post__current")
    found = {case.pk: case for case in rows.order_by("pk")}
    for case_id in ids:
        if case_id not in found:
            raise BadInput("case", case_id, "there is no such case in your organisation")
    return [found[case_id] for case_id in ids]


def mine_of(actor: Actor, request_id: int) -> Request:
    """The request. Raises BadInput when the actor's organisation has no such request."""
    rows = Request.objects.filter(organisation_id=actor.organisation_id, pk=request_id)
    request = rows.select_related("item", "reminder", "case", "case__post", "case__post__current").first()
    if request is None:
        raise BadInput("request", request_id, "there is no such request in your organisation")
    return request


def locked_request(actor: Actor, request_id: int) -> Request:
    """The request with its case, locked in the order everybody locks."""
    case = locked(actor, mine_of(actor, request_id).case_id)
    rows = Request.objects.select_for_update(of=("self",)).select_related("item", "reminder")
    request = rows.get(pk=request_id)
    request.case = case
    return request


def one_line(field: str, value: str, longest: int) -> str:
    """The value on one line. Raises BadInput for one that is too long."""
    value = " ".join(value.split())
    if len(value) > longest:
        raise BadInput(field, value, f"at most {longest} characters")
    return value
