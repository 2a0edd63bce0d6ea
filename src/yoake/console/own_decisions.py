"""My decisions: how far somebody agrees with those who judged the same; theirs first, a week later a supervisor's to read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, pgettext
from django.views.decorators.http import require_safe

from yoake.casework.cases.models import Decision
from yoake.casework.cases.seen import note_all_seen
from yoake.casework.people.queries import Actor
from yoake.casework.quality.agreement import (
    LEAST,
    PERSON_FIRST,
    Figures,
    figures_of,
    judged_otherwise,
    own_figures,
    people_to_ask_about,
)
from yoake.casework.quality.measuring import Share
from yoake.casework.quality.reviews import Answer, final_answer, first_answer, second_answer
from yoake.console import words
from yoake.console.leases import called
from yoake.console.page import page, staff_page
from yoake.learn.agreement import Agreement


@dataclass(frozen=True)
class Line:
    """One line of a table of agreement."""

    name: str
    n: int
    raw: str  # judged alike, as a share
    beyond: str  # beyond chance, "" below the least number
    range: str


@dataclass(frozen=True)
class Otherwise:
    """A case that somebody judged otherwise, for the person who looks."""

    case_id: int
    text: str
    own: Answer
    other: Answer
    final: Answer
    settled_at: Any


@require_safe
@staff_page
def show(request: HttpRequest, actor: Actor) -> HttpResponse:
    """One's own figures, and the cases that others judged otherwise."""
    otherwise, apart = [], judged_otherwise(actor)
    note_all_seen(actor, [review.case for review in apart])
    for review in apart:
        own, other = first_answer(review), second_answer(review)
        if review.first.by_id != actor.user_id:
            own, other = other, own
        current = review.case.post.current
        text = current.text if current else ""
        otherwise.append(Otherwise(review.case_id, text, own, other, final_answer(review), review.closed_at))
    more = {"own": True, "otherwise": otherwise, "days": PERSON_FIRST.days}
    return page(
        request, actor, "yoake/own_decisions.html", {"place": "own_decisions", **_shown(own_figures(actor)), **more}
    )


@require_safe
@staff_page
def of_colleague(request: HttpRequest, actor: Actor, user_id: int) -> HttpResponse:
    """A colleague's figures as they were a week ago; for supervisors, one person at a time."""
    figures = figures_of(actor, user_id)
    who = people_to_ask_about(actor).filter(pk=user_id).first()
    more = {"own": who is None, "who": called(who) if who is not None else "", "days": PERSON_FIRST.days}
    return page(request, actor, "yoake/own_decisions.html", {"place": "quality", **_shown(figures), **more})


def line(name: str, found: Agreement) -> Line:
    """A line of a table; a coefficient of fewer than LEAST judgements is not told."""
    told = found.n >= LEAST and found.beyond is not None and found.low is not None and found.high is not None
    return Line(
        name,
        found.n,
        words.per_cent(found.raw) if found.n else "",
        f"{found.beyond:.2f}" if told else "",
        f"{found.low:.2f} – {found.high:.2f}" if told else "",
    )


def share(found: Share) -> dict[str, Any] | None:
    """A share with its interval; None of nothing."""
    if not found.n:
        return None
    low, high = found.interval
    return {
        "n": found.n,
        "right": found.right,
        "share": words.per_cent(found.share),
        "range": words.per_cent(low, high),
    }


def _shown(figures: Figures) -> dict[str, Any]:
    order = [str(verdict) for verdict in Decision.Verdict.values]
    return {
        "until": figures.until,
        "verdicts": [
            (words.verdict_name(verdict), figures.verdicts[verdict]) for verdict in order if verdict in figures.verdicts
        ],
        "decided": sum(figures.verdicts.values()),
        "overall": line(pgettext("all categories together", "Together"), figures.overall),
        "lines": [
            line(words.category_name(slug) if slug else gettext("no category"), found)
            for slug, found in figures.by_category
        ],
        "gold": share(figures.gold),
        "upheld": share(figures.upheld),
        "least": LEAST,
    }
