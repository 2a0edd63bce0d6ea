"""What may be warned, by which way, and what is known of a warning; also what must be asked in the last second."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from yoake.casework.cases.categories import categories
from yoake.casework.cases.models import Case
from yoake.casework.outbox.codes import line_of
from yoake.casework.outbox.models import OutboxItem, Sender
from yoake.casework.outbox.queries import channel_called, senders_for, ways_to
from yoake.casework.people.queries import Actor
from yoake.casework.warn.choosing import Chosen, chosen
from yoake.casework.warn.grounds import broken, must_be_warnable, second_needed, standing, why_not
from yoake.casework.warn.models import WarningMessage
from yoake.errors import BadInput

State, Way = OutboxItem.State, OutboxItem.Way
LIVE = (State.DRAFT, State.APPROVED, State.SENDING, State.SENT)


@dataclass(frozen=True)
class Road:
    """A way by which a post can be answered: a channel, and who speaks; by hand nobody of ours does."""

    channel: str
    sender: Sender | None
    longest: int  # of a reply, as the network counts; 0 by hand
    length: int  # of these words

    @property
    def fits(self) -> bool:
        """Whether the words are short enough."""
        return not self.longest or self.length <= self.longest


@dataclass(frozen=True)
class Preview:
    """A warning before anybody drafted it."""

    chosen: Chosen
    category: str
    language: str
    second_needed: bool


def roads_of(actor: Actor, case: Case, text: str) -> list[Road]:
    """By which ways a text can be said under a post: the senders that send first, by hand last."""
    actor.must("read")
    found = []
    for name, way in ways_to(case.post.network):
        carrier = channel_called(name)
        if way == Way.REPLY:
            longest, length_of = getattr(carrier, "longest", 0), getattr(carrier, "length_of", len)
            found += [Road(name, one, longest, length_of(text)) for one in senders_for(actor, name)]
        elif way == Way.HAND and not carrier.fields and name == "by_hand":
            found.append(Road(name, None, 0, len(text)))
    return sorted(
        found, key=lambda road: (road.sender is None, getattr(road.sender, "state", "") != Sender.State.ACTIVE)
    )


def preview(actor: Actor, case: Case, language: str) -> Preview:
    """How a warning to this case would read. Raises Refused where it gets none, and why; what `chosen` raises."""
    actor.must("read")
    decision = must_be_warnable(case)
    return Preview(
        chosen(case, decision.category, language), decision.category, language, second_needed(case, decision)
    )


def language_of(case: Case) -> str:
    """The language to write in: that of the post where a letter exists in it, else Japanese."""
    version = case.post.current
    return "en" if version is not None and version.lang.casefold().startswith("en") else "ja"


def warnings_about(actor: Actor, case: Case) -> list[WarningMessage]:
    """The warnings of the organisation about a case, the newest first."""
    actor.must("read")
    rows = WarningMessage.objects.filter(organisation_id=actor.organisation_id, case=case)
    return list(rows.select_related("item", "item__sender", "letter", "trial").order_by("-pk"))


def warning_of(actor: Actor, item_id: int) -> WarningMessage:
    """The warning that an outbox item carries. Raises BadInput when it is none of the organisation's."""
    actor.must("read")
    rows = WarningMessage.objects.filter(organisation_id=actor.organisation_id, item_id=item_id)
    found = rows.select_related("item", "item__sender", "case", "letter", "trial").first()
    if found is None:
        raise BadInput("item", item_id, "there is no such warning in your organisation")
    return found


def reason_to_stop(item: OutboxItem, now: datetime) -> str:
    """What this room has against a warning in the last second: a code of grounds.SAID, "" for nothing.

    That the post is up and unchanged, leases, holds, that nobody is warned twice, and that no official account answered is
    asked beside this (`outbox/reasons.py`, `pipeline/sending.py`).
    """
    warning = WarningMessage.objects.filter(item=item).select_related("case").first()
    if warning is None:
        return "no_letter"
    decision = standing(warning.case)
    if why := why_not(warning.case, decision):
        return "forbidden" if why == "undecided" else why
    if decision is not None and second_needed(warning.case, decision) and item.second_by_id is None:
        return "second"
    known = categories().get(warning.category)
    words = str(item.body.get("text", "")).removesuffix(line_of(item)).rstrip()  # what the outbox added is no letter
    if known is None or broken(known, warning.language, words):
        return "letter"
    return ""
