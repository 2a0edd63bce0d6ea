"""To which body a case could be reported: what the shelf proposes, each with its reasons, and how it can be reached."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.utils import timezone

from yoake import shelf
from yoake.casework.cases.categories import categories, class_on
from yoake.casework.cases.models import Case, Decision
from yoake.casework.cases.prefectures import signs_of
from yoake.casework.cases.queries import case_view
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import Actor
from yoake.casework.registers.queries import Listed, bodies_of
from yoake.casework.report import recipients
from yoake.casework.report.recipient import CHOSEN, NEEDS, Candidate, Reason, Recipient, Seen
from yoake.errors import BadInput, Refused

_SHOWN = 12  # candidates; a post that names every prefecture is meant for none of them


def candidates(actor: Actor, case_id: int, now: datetime | None = None) -> list[Candidate]:
    """What is proposed for a case, the police of the places that the post itself names first; a person chooses.

    Raises BadInput when the actor's organisation has no such case, Refused when another body holds its post or when its
    category does not provide for a report.
    """
    actor.must("read")
    view = case_view(actor, case_id, now)
    standing = view.standing
    judged = standing is not None and view.case.state != Case.State.WAITING
    slug = must_provide(standing) if judged and standing is not None else _must_report([view.case.category])
    return candidates_for(actor.organisation_id, view.case, slug)


def provides(decision: Decision) -> bool:
    """Whether one of the categories that hold provides for reports."""
    return bool(_reported((decision.category, *decision.also)))


def must_provide(decision: Decision) -> str:
    """The first category that holds and provides for reports. Raises Refused where none does: people at risk are helped."""
    return _must_report((decision.category, *decision.also))


def _must_report(slugs: Sequence[str]) -> str:
    found = _reported(slugs)
    if not found:
        raise Refused("the category of this case does not provide for a report to an authority")
    return found[0]


def _reported(slugs: Sequence[str]) -> list[str]:
    known = categories()
    return [slug for slug in slugs if slug in known and "report" in known[slug].actions]


def candidates_for(organisation_id: int, case: Case, slug: str, now: datetime | None = None) -> list[Candidate]:
    """As `candidates`, of a case that somebody may see, under a category that provides for reports."""
    seen = _seen(organisation_id, case, slug, now or timezone.now())
    found = []
    for name in _in_order():
        taker = recipient_called(name)
        found += [_candidate(name, taker, body, reasons) for body, reasons in taker.candidates(seen)]
    return found[:_SHOWN]


def chosen(organisation_id: int, case: Case, slug: str, recipient: str, body: Listed) -> Candidate:
    """The candidate that somebody chose, with the reasons that speak for it; also one that was not proposed.

    Raises BadInput for a body that is not of this recipient.
    """
    taker = recipient_called(recipient)
    if body.kind != taker.kind:
        raise BadInput("body", body.slug, "a body of this sort")
    seen = _seen(organisation_id, case, slug, timezone.now())
    reasons = next((why for one, why in taker.candidates(seen) if one.slug == body.slug), [Reason(CHOSEN)])
    return _candidate(recipient, taker, body, reasons)


def others(organisation_id: int) -> list[tuple[str, str, list[Candidate]]]:
    """Every body that takes reports, by recipient (name, label): where nothing is proposed, a person knows better."""
    found, bodies = [], bodies_of(organisation_id)
    for name in _in_order():
        taker = recipient_called(name)
        of_kind = [_candidate(name, taker, body, [Reason(CHOSEN)]) for body in bodies if body.kind == taker.kind]
        if of_kind:
            found.append((name, taker.label, of_kind))
    return found


def recipient_called(name: str) -> Recipient:
    """The recipient of that name on the shelf. Raises BadInput naming those there are."""
    taker: Recipient = shelf.take(recipients, name)()
    return taker


def _in_order() -> list[str]:
    """The police first, then by name."""
    return sorted(shelf.names(recipients), key=lambda name: (name != "prefectural_police", name))


def _candidate(name: str, taker: Recipient, body: Listed, reasons: list[Reason]) -> Candidate:
    open_ways = tuple(channel for channel in taker.channels if body.verified(NEEDS[channel]))
    closed = tuple(channel for channel in taker.channels if channel not in open_ways)
    return Candidate(name, body, tuple(reasons), open_ways, closed)


def _seen(organisation_id: int, case: Case, slug: str, now: datetime) -> Seen:
    bodies: dict[str, list[Listed]] = {recipient_called(name).kind: [] for name in _in_order()}
    providers = []
    for body in bodies_of(organisation_id):
        bodies.setdefault(body.kind, []).append(body)
        if body.kind in ("operator", "network") and body.runs(case.post.network, case.post.url):
            providers.append(body)
    return Seen(
        categories()[slug],
        class_on(slug, now),
        signs_of(case.post.current),
        Organisation.objects.values_list("kind", flat=True).get(pk=organisation_id),
        bodies,
        frozenset(body.country for body in providers if body.country != "JP"),
    )
