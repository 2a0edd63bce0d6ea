"""What a read-only partner sees: what was decided in scope, in words without the author."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from yoake.casework.cases.categories import categories
from yoake.casework.cases.holds import readable
from yoake.casework.cases.models import Case, Decision
from yoake.casework.people.queries import Actor

_HANDLE = re.compile(r"[@＠][\w.\-]{2,}(?:@[\w.\-]+)?")
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+|\b[a-z0-9-]+(?:\.[a-z0-9-]+)+/\S*", re.IGNORECASE)
MASK = "＊＊＊"


@dataclass(frozen=True)
class Told:
    """A case as a partner may know it: no author, no address, nobody of the organisation."""

    case_id: int
    category: str
    hotline_class: str
    network: str
    decided_at: datetime
    text: str


def decided_in_scope(actor: Actor) -> QuerySet[Decision]:
    """Standing decisions in scope of the organisation, the newest first.

    Left out: practice, what another body holds, people at risk, signs of a child, record-only categories, and posts whose words are gone: what
    helps a partner to recognise an offer is shown, whom it is about is not.
    """
    actor.must("read_decided")
    helped = [slug for slug, known in categories().items() if known.at_risk or known.record_only]
    newest = Decision.objects.filter(case=OuterRef("case"), undoes=None, undone_by=None).order_by("-at", "-id")
    decided = (
        Decision.objects.filter(
            pk=Subquery(newest.values("pk")[:1]),
            verdict=Decision.Verdict.IN_SCOPE,
            case__organisation_id=actor.organisation_id,
            case__state__in=(Case.State.DECIDED, Case.State.CLOSED),
            case__practice=False,
            case__at_risk=False,
            case__minor=False,
            case__post__erased_at=None,
            case__post__stopped_at=None,
        )
        .exclude(Q(category__in=helped) | _also(helped))
        .select_related("case__post__account", "version")
        .order_by("-at", "-id")
    )
    return readable(decided, actor, timezone.now(), "case__")


def _also(slugs: list[str]) -> Q:
    """Decisions under which one of these categories holds too."""
    found = Q(pk=None)
    for slug in slugs:
        found |= Q(also__icontains=f'"{slug}"')
    return found


def told(decision: Decision) -> Told:
    """The decision without its author: name and handle, other handles and addresses in the words are masked."""
    post, version = decision.case.post, decision.version
    text = _HANDLE.sub(MASK, _ADDRESS.sub(MASK, version.text))
    names = [version.author_name]
    if post.account is not None:
        names += [post.account.name, post.account.handle]
    for name in sorted(filter(None, names), key=len, reverse=True):
        if len(name) > 1:
            text = re.sub(re.escape(name), MASK, text, flags=re.IGNORECASE)
    return Told(decision.case_id, decision.category, decision.hotline_class, post.network, decision.at, text)
