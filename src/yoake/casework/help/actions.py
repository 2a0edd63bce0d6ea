"""Helping somebody who may be in danger: telling those who help, and writing down who has it. Nothing of it is a warning.

What the outbox keeps for every kind holds here too: the case stands in scope of a category that provides for help, nothing
leaves the practice desk, nothing towards what another body holds. Letters here have one version: no trial is made on people.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from yoake.casework.cases.acting import locked, note, organisation, person
from yoake.casework.cases.categories import categories
from yoake.casework.cases.elements import tied_of
from yoake.casework.cases.holds import must_be_free
from yoake.casework.cases.models import Case, Decision
from yoake.casework.cases.prefectures import signs_of
from yoake.casework.cases.queries import standing_decision
from yoake.casework.cases.trials import must_be_real
from yoake.casework.help import said
from yoake.casework.help.models import HandOver, Settled
from yoake.casework.help.queries import LIVE, contact_of
from yoake.casework.outbox import actions as outbox
from yoake.casework.outbox.channel import Reports
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.outbox.queries import channel_called, ways_to
from yoake.casework.outbox.reasons import REFUSED
from yoake.casework.people.models import User
from yoake.casework.people.queries import Actor, shown_as
from yoake.casework.registers.models import Kind
from yoake.casework.registers.queries import TELEPHONE, body_of, must_be_verified
from yoake.casework.wording.letters import HELP, LANGUAGES, filled, head_of, in_force, names_of
from yoake.errors import BadInput, Refused

BY_HAND: Final = "by_hand"
WHO_LONGEST: Final = 60
HOURS: Final = (1, 6, 24, 72)  # after which a public reply goes by itself

State, Way, How = OutboxItem.State, OutboxItem.Way, HandOver.How
_REFUSED: Final = Q(item__state=State.FAILED, item__stopped_why=REFUSED)  # what may have gone is none


def hand_to_desk(actor: Actor, case_id: int, body: str, now: datetime | None = None) -> HandOver:
    """Hands a case over to a desk: what is read out is written down and approved in one, so that a person can call at once.

    Args:
        actor: somebody who may act.
        case_id: a case that stands in scope of a category that provides for help.
        body: slug of a consultation desk of the registers; how it is reached must be confirmed there.
        now: the time; the clock's when left out.

    Raises:
        BadInput: no such case or desk.
        Refused: nobody confirmed how the desk is reached; it has this case already; and whatever the outbox refuses. Where the
            category demands a second person, it waits for them.
    """
    actor.must("act")
    now = now or timezone.now()
    with transaction.atomic():
        case = locked(actor, case_id)
        slug, decision = _held(case)
        listed = body_of(actor.organisation_id, body)
        if listed.kind != Kind.CONSULTATION:
            raise BadInput("body", body, "a consultation desk of the registers")
        way, value = contact_of(listed)
        if not way:
            must_be_verified(listed, TELEPHONE)
        mine = HandOver.objects.filter(case=case, organisation_id=actor.organisation_id)
        if mine.filter(how=How.DESK, body=listed.slug, item__state__in=LIVE).exclude(_REFUSED).exists():
            raise Refused("this desk has this case already, or is about to be told")
        text = said.facts(
            case, [one.name for one in tied_of(decision)], [one.prefecture for one in signs_of(case.post.current)],
            slug=slug, number=f"{case.pk}-{mine.count() + 1}", by=shown_as(User.objects.get(pk=person(actor))),
            language=listed.language,
        )  # fmt: skip
        name = listed.name_en if listed.language == "en" else listed.name_ja
        made = _drafted(
            actor, case, How.DESK, Way.HAND, BY_HAND, {way: value, "name": name}, {"text": text, "language": listed.language},
            body=listed.slug, now=now,
        )  # fmt: skip
        item = outbox.approve(actor, made.item_id, made.item.bound, now=now)
    made.item = item
    return made


def told(actor: Actor, hand_over_id: int, who: str = "", now: datetime | None = None) -> HandOver:
    """A person called the desk. `who` has it there, where somebody said so: then it is acknowledged too.

    Raises Refused before it was approved and looked at once more, BadInput for too long a name.
    """
    actor.must("act")
    now, who = now or timezone.now(), _line(who)
    with transaction.atomic():
        made = _locked(actor, hand_over_id)
        if made.how != How.DESK:
            raise Refused("the worker sends this by itself")
        made.item = outbox.sent_by_hand(actor, made.item_id, now=now)
        note("help_told", actor, made.case, now, hand_over=made.pk, desk=made.body)
        if who:
            _acknowledged(actor, made, who, now)
    return made


def acknowledge(actor: Actor, hand_over_id: int, who: str, now: datetime | None = None) -> HandOver:
    """The desk said that it has it: `who` said so, a name or a number, at most 60 characters.

    Raises Refused before the desk was told, or a second time; BadInput for nobody.
    """
    actor.must("act")
    now, who = now or timezone.now(), _line(who)
    if not who:
        raise BadInput("who", who, "who said so, a name or a number")
    with transaction.atomic():
        made = _locked(actor, hand_over_id)
        if made.how != How.DESK or made.item.state != State.SENT:
            raise Refused("this desk was not told yet")
        if made.acknowledged_at is not None:
            raise Refused("this was acknowledged already")
        _acknowledged(actor, made, who, now)
    return made


def settle(actor: Actor, case_id: int, why: str, now: datetime | None = None) -> Settled:
    """A supervisor says why nobody needs to be told any more; the clock ends. Raises BadInput for another reason."""
    actor.must("oversee")
    now = now or timezone.now()
    if why not in Settled.Why.values:
        raise BadInput("why", why, f"one of {', '.join(Settled.Why.values)}")
    with transaction.atomic():
        case = locked(actor, case_id)
        must_be_real(case)
        must_be_free(actor, post=case.post, now=now)
        _held(case)
        done = Settled.objects.create(
            organisation_id=organisation(actor), case=case, why=why, by_id=person(actor), at=now
        )
        note("help_settled", actor, case, now, why=why)
    return done


def tell_network(
    actor: Actor, case_id: int, channel: str, reason: str, sender_id: int | None = None, now: datetime | None = None
) -> HandOver:
    """Drafts the network's own safety report; it says nothing about the person but that they may be in danger.

    Args:
        actor: somebody who may act.
        case_id: a case that stands in scope of a category that provides for help.
        channel: one whose network has the post, and that can report.
        reason: the network's own code, one of the channel's.
        sender_id: who speaks.
        now: the time; the clock's when left out.

    Raises:
        BadInput: something of this is none.
        Refused: it was reported already; and whatever the outbox refuses.
    """
    actor.must("act")
    now = now or timezone.now()
    with transaction.atomic():
        case = locked(actor, case_id)
        _held(case)
        _must_reach(case, channel, Way.REPORT)
        carrier = channel_called(channel)
        if not isinstance(carrier, Reports) or reason not in carrier.reasons:
            accepted = (
                ", ".join(carrier.reasons) if isinstance(carrier, Reports) else "none: this channel cannot report"
            )
            raise BadInput("reason", reason, accepted)
        _must_be_first(actor, case, How.NETWORK)
        return _drafted(
            actor, case, How.NETWORK, Way.REPORT, channel, _author_of(case), {"text": said.NETWORK, "reason": reason},
            sender_id=sender_id, now=now,
        )  # fmt: skip


def write_privately(
    actor: Actor, case_id: int, channel: str, language: str, sender_id: int | None = None, now: datetime | None = None
) -> HandOver:
    """Drafts a private message: the category's letter `help` in force, as two persons approved it, and nothing else.

    Raises BadInput where there is no such letter or channel; Refused when they were written to already, and whatever the outbox
    refuses.
    """
    actor.must("act")
    now = now or timezone.now()
    if language not in LANGUAGES:
        raise BadInput("language", language, f"one of {', '.join(LANGUAGES)}")
    with transaction.atomic():
        case = locked(actor, case_id)
        slug, _decision = _held(case)
        _must_reach(case, channel, Way.MESSAGE)
        if HELP not in names_of(categories()[slug]):
            raise Refused("the category of this case has no letter of help")
        head = head_of(organisation(actor))
        if head is None:
            raise Refused(
                "nobody said under which name and telephone your organisation writes; a supervisor does in the letterhead"
            )
        text = filled(in_force(organisation(actor), slug, HELP, language).text, head, language)
        _must_be_first(actor, case, How.MESSAGE)
        return _drafted(
            actor, case, How.MESSAGE, Way.MESSAGE, channel, _author_of(case), {"text": text, "language": language},
            sender_id=sender_id, now=now,
        )  # fmt: skip


def reply_publicly(
    actor: Actor,
    case_id: int,
    channel: str,
    text: str,
    hours: int,
    language: str,
    sender_id: int | None = None,
    now: datetime | None = None,
) -> HandOver:
    """Drafts a public reply, a supervisor's: two persons approve it, one of them a supervisor, and it goes by itself.

    Args:
        actor: a supervisor.
        case_id: a case that stands in scope of a category that provides for help.
        channel: one whose network has the post.
        text: says nothing about person, place or age, repeats nothing of the post, and is no warning: all of that is checked.
        hours: after which it is removed, one of HOURS.
        language: ja or en, of the text.
        sender_id: who speaks.
        now: the time; the clock's when left out.

    Raises:
        BadInput: the text says what it must not, or something of this is none.
        Refused: somebody replied already; and whatever the outbox refuses.
    """
    actor.must("oversee")
    now, text = now or timezone.now(), text.replace("\r\n", "\n").strip()
    if hours not in HOURS:
        raise BadInput("hours", hours, f"one of {', '.join(map(str, HOURS))}")
    if language not in LANGUAGES:
        raise BadInput("language", language, f"one of {', '.join(LANGUAGES)}")
    with transaction.atomic():
        case = locked(actor, case_id)
        slug, _decision = _held(case)
        _must_reach(case, channel, Way.REPLY)
        said.must_say_nothing_of_the_person(text, case, slug, language)
        _must_be_first(actor, case, How.REPLY)
        return _drafted(
            actor, case, How.REPLY, Way.REPLY, channel, _author_of(case), {"text": text, "language": language},
            sender_id=sender_id, second_needed=True, remove_after_s=hours * 3600, now=now,
        )  # fmt: skip


def _drafted(
    actor: Actor,
    case: Case,
    how: str,
    way: str,
    channel: str,
    to: Mapping[str, Any],
    words: Mapping[str, Any],
    *,
    now: datetime,
    body: str = "",
    **more: Any,
) -> HandOver:
    item = outbox.draft(
        actor, case.pk, OutboxItem.Kind.HELP, channel=channel, way=way, to=to, body=words, now=now, **more
    )
    made = HandOver.objects.create(item=item, organisation_id=item.organisation_id, case=case, how=how, body=body)
    note("help_drafted", actor, case, now, hand_over=made.pk, how=how, desk=body)
    return made


def _acknowledged(actor: Actor, made: HandOver, who: str, now: datetime) -> None:
    made.acknowledged_at, made.acknowledged_who, made.acknowledged_by_id = now, who, person(actor)
    made.save(update_fields=["acknowledged_at", "acknowledged_who", "acknowledged_by"])
    note("help_acknowledged", actor, made.case, now, hand_over=made.pk)


def _held(case: Case) -> tuple[str, Decision]:
    """Which of the categories that hold provides for help, those about somebody at risk first, and the decision."""
    decision = standing_decision(list(case.decisions.order_by("at", "pk")))
    known = categories()
    if decision is not None and decision.verdict == Decision.Verdict.IN_SCOPE and case.state != Case.State.WAITING:
        slugs = [one for one in (decision.category, *decision.also) if one in known and "help" in known[one].actions]
        if slugs:
            return min(slugs, key=lambda slug: not known[slug].at_risk), decision
    raise Refused("this case does not stand in scope of a category that provides for help; a person decides it first")


def _must_reach(case: Case, channel: str, way: str) -> None:
    if (channel, way) not in ways_to(case.post.network) or channel == BY_HAND:
        raise BadInput("channel", channel, "a channel of the network on which the post stands, that can do this")


def _must_be_first(actor: Actor, case: Case, how: str) -> None:
    mine = HandOver.objects.filter(case=case, organisation_id=actor.organisation_id, how=how)
    if mine.filter(item__state__in=(*LIVE, State.WITHDRAWN)).exclude(_REFUSED).exists():
        raise Refused("this was done for this case already")


def _author_of(case: Case) -> dict[str, str]:
    account = case.post.account
    author = {"author": account.native_id, "handle": account.handle} if account is not None else {}
    return {"post": case.post.native_id, "url": case.post.url, **author}


def _locked(actor: Actor, hand_over_id: int) -> HandOver:
    """The hand-over with its case, locked in the order everybody locks."""
    mine = HandOver.objects.filter(organisation_id=actor.organisation_id)
    case_id = mine.filter(pk=hand_over_id).values_list("case_id", flat=True).first()
    if case_id is None:
        raise BadInput("hand_over", hand_over_id, "there is no such hand-over in your organisation")
    case = locked(actor, case_id)
    made = mine.select_for_update(of=("self",)).select_related("item").get(pk=hand_over_id)
    made.case = case
    return made


def _line(value: str) -> str:
    value = " ".join(value.split())
    if len(value) > WHO_LONGEST:
        raise BadInput("who", value, f"at most {WHO_LONGEST} characters")
    return value
