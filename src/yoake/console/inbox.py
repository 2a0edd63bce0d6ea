"""The inbox: what waits on a desk, how the sources are, what was decided last."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_http_methods, require_safe

from yoake import shelf
from yoake.casework.cases.actions import remove_practice
from yoake.casework.cases.intake import PRACTICE_KEPT
from yoake.casework.cases.models import Case, Decision, Lease
from yoake.casework.cases.queries import (
    CaseView,
    case_view,
    cases_awaiting_review,
    cases_of,
    recently_decided,
    waiting_by_category,
    waiting_counts,
    with_findings,
)
from yoake.casework.people.queries import Actor
from yoake.casework.sources.actions import lacks_permission
from yoake.casework.sources.models import Source
from yoake.casework.sources.queries import counts_of_all, sources_of
from yoake.collect import connectors
from yoake.console import marks
from yoake.console.checks import to_check_in_short
from yoake.console.page import number, page, staff_page
from yoake.console.quality import alarms_in_short, samples_in_short
from yoake.console.words import category_name, clock, hour_minute, seconds_long, told
from yoake.errors import BadInput

ROWS = 50
DESKS = {"live": False, "practice": True}
QUIET_AFTER = timedelta(minutes=2)  # a running patrol brings a page at least every second


@dataclass(frozen=True)
class Row:
    """One waiting case as the list shows it."""

    case: Case
    excerpt: list[marks.Piece]
    evidence_in: str  # field of the strongest evidence when it is not the text itself
    held: str  # who holds it, "" when free
    author: str
    handle: str


@dataclass(frozen=True)
class SourceNow:
    """How a source is."""

    source: Source
    title: str
    state: str  # running, waiting, paused, stopped, quiet: decides the colour
    says: str  # one sentence, "" while all is well
    lag: str  # how far behind the network, "" when that means nothing
    since: datetime  # the counts are from then on
    counts: Counter[str]
    skipped: int

    @property
    def posts(self) -> str:
        """How many posts were read, as people write it."""
        return f"{self.counts['posts']:,}"

    @property
    def queued(self) -> str:
        """How many of them came to the desk."""
        return f"{self.counts['queued']:,}"

    @property
    def problem(self) -> str:
        """What went wrong, while that keeps the source from being read."""
        return "" if self.state in ("running", "stopped") else self.source.problem

    @property
    def needs_a_look(self) -> bool:
        """Whether somebody should know at once."""
        return self.state in ("waiting", "paused", "quiet")


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The live desk is home."""
    return redirect("desk", desk="live")


@require_safe
@staff_page
def desk(request: HttpRequest, actor: Actor, desk: str) -> HttpResponse:
    """One desk: waiting cases, sources, recent decisions."""
    practice, now = DESKS[desk], timezone.now()
    by_category = waiting_by_category(actor, practice=practice)
    category = request.GET.get("category", "")
    if category not in by_category:
        category = ""
    waiting = with_findings(cases_awaiting_review(actor, practice=practice, category=category))
    shown = Paginator(waiting, ROWS).get_page(request.GET.get("page"))
    sources = sources_now(actor, practice=practice, now=now)
    return page(
        request,
        actor,
        "yoake/desk.html",
        {
            "desk": desk,
            "practice": practice,
            "practice_kept_days": PRACTICE_KEPT.days,
            "category": category,
            "categories": [(slug, category_name(slug), n) for slug, n in by_category.items() if slug],
            "shown": shown,
            "rows": rows(actor, shown, now),
            "newest": newest(actor, practice=practice),
            "sources": sources,
            "troubled": [source for source in sources if source.needs_a_look],
            "alarms": 0 if practice else alarms_in_short(actor),
            "to_check": 0 if practice else to_check_in_short(actor),
            "samples": 0 if practice else samples_in_short(actor),
            "posts_read": sum(source.counts["posts"] for source in sources),
            "posts_queued": sum(source.counts["queued"] for source in sources),
            "since": min((source.since for source in sources), default=now),
            "decided": [
                (decision, may_undo(actor, decision))
                for decision in recently_decided(actor, practice=practice, limit=8)
            ],
            "toast": just_decided(request, actor),
            "may_remove_practice": practice and actor.may("sources"),
        },
    )


@require_safe
@staff_page
def pulse(request: HttpRequest, actor: Actor, desk: str) -> HttpResponse:
    """What changed since the list was shown: new cases (as a button, nothing jumps), leases, decisions, sources."""
    practice, now = DESKS[desk], timezone.now()
    since = number(request.GET.get("newest", ""))
    category = request.GET.get("category", "")
    ids = [number(part) for part in request.GET.get("shown", "").split(",")[:ROWS] if part]
    waiting = cases_awaiting_review(actor, practice=practice, category=category)
    n_new = waiting.filter(pk__gt=since).count()
    known = cases_of(actor, practice=practice).filter(pk__in=ids)
    states = [
        (case, held_by(actor, case, now))
        for case in known.select_related("post", "post__lease", "post__lease__user").order_by()
    ]
    counts = waiting_counts(actor)
    response = render(
        request,
        "yoake/pulse.html",
        {
            "actor": actor,
            "desk": desk,
            "category": category,
            "n_new": n_new,
            "new_text": ngettext("%d new post", "%d new posts", n_new) % n_new,
            "states": states,
            "waiting_live": counts[False],
            "waiting_practice": counts[True],
            "sources": sources_now(actor, practice=practice, now=now),
        },
    )
    if request.GET.get("n_new") == str(n_new):
        response["HX-Reswap"] = "none"  # not announced again to those who listen instead of look
    return response


@require_http_methods(["GET", "POST"])
@staff_page
def practice_removal(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Asks (GET), then removes the practice desk (POST)."""
    actor.must("sources")
    if request.method == "POST":
        n = remove_practice(actor)
        messages.success(
            request,
            ngettext(
                "The practice desk and its %d case are removed.", "The practice desk and its %d cases are removed.", n
            )
            % n,
        )
        return redirect("desk", desk="live")
    return page(request, actor, "yoake/practice_removal.html", {"n": cases_of(actor, practice=True).count()})


def rows(actor: Actor, cases: Page[Case], now: datetime) -> list[Row]:
    """The cases as the list shows them."""
    shown = []
    for case in cases:
        version = case.post.current
        found = [finding for finding in version.findings.all() if not finding.shadow] if version else []
        spans = [(f.category, span) for f in found if f.category == case.category for span in f.body.get("spans", ())]
        text = version.text if version else ""
        fields = {"text": text, "profile": version.profile, "parent_text": version.parent_text} if version else {}
        evidence = marks.reasons(spans, fields)
        in_text = [item for item in evidence if item[0].field == "text"]
        strongest = max(evidence, key=lambda item: item[0].weight, default=None)
        shown.append(
            Row(
                case,
                marks.excerpt(text, in_text),
                "" if strongest is None or strongest[0].field == "text" else strongest[0].field,
                held_by(actor, case, now),
                *author_of(case),
            )
        )
    return shown


def author_of(case: Case) -> tuple[str, str]:
    """The author's name and handle; each may be empty."""
    version, account = case.post.current, case.post.account
    name = (version.author_name if version else "") or (account.name if account else "")
    return name, account.handle if account else ""


def held_by(actor: Actor, case: Case, now: datetime) -> str:
    """Who reads the post now, in words; another body is not named."""
    lease: Lease | None = getattr(case.post, "lease", None)
    if lease is None or lease.expires_at <= now:
        return ""
    if lease.user_id == actor.user_id:
        return gettext("you are reading this")
    if lease.organisation_id != actor.organisation_id:
        return gettext("held by another body")
    return gettext("being read by %(name)s") % {"name": lease.user.get_full_name() or lease.user.username}


def may_undo(actor: Actor, decision: Decision) -> bool:
    """Whether this person may take the decision back."""
    own = decision.by_id == actor.user_id or actor.may("undo_others")
    return actor.may("decide") and own and decision.case.post.erased_at is None


def just_decided(request: HttpRequest, actor: Actor) -> CaseView | None:
    """The case that was decided on the page before, while that can be undone."""
    case_id = number(request.GET.get("decided", ""))
    if not case_id:
        return None
    try:
        view = case_view(actor, case_id)
    except BadInput:
        return None
    return view if "undo" in view.allowed else None


def newest(actor: Actor, *, practice: bool) -> int:
    """The newest case's id: what is above it came after the list was shown."""
    return cases_of(actor, practice=practice).order_by("-pk").values_list("pk", flat=True).first() or 0


def sources_now(actor: Actor, *, practice: bool, now: datetime) -> list[SourceNow]:
    """How the sources of a desk are."""
    sources = list(sources_of(actor).filter(practice=practice))
    since = (now - timedelta(minutes=30)).replace(minute=0, second=0, microsecond=0)
    counts = counts_of_all(sources, since)
    return [source_now(source, counts[source.pk], since, now) for source in sources]


def source_now(source: Source, counts: Counter[str], since: datetime, now: datetime) -> SourceNow:
    """How a source is, in words."""
    title, live = source.connector, False
    try:
        connector = shelf.take(connectors, source.connector)
        live = bool(connector.live) and not source.practice
        title = told(connector.title)
    except BadInput:
        pass  # its file is gone; the row still shows what is known
    state, says = str(source.state), ""
    nobody = source.lease_expires_at is None or source.lease_expires_at <= now
    if lacks_permission(source.organisation_id, source.connector):
        state, says = "stopped", gettext("Off: nobody recorded yet that its service permits this.")
    elif not source.enabled:
        state, says = "stopped", gettext("Switched off.")
    elif state == Source.State.PAUSED:
        says = gettext("A person must act before this source resumes.")
    elif nobody and state in (Source.State.RUNNING, Source.State.WAITING):
        state, says = "quiet", gettext("No patrol is running; start it with “yoake up” or “yoake patrol”.")
    elif state == Source.State.WAITING:
        if source.last_page_at is None:
            says = gettext("No network, or nobody answers there: not reached yet, next try at %(next)s.") % {
                "next": _next(source, now)
            }
        else:
            says = gettext(
                "No network, or nobody answers there: not reachable since %(since)s, next try at %(next)s."
            ) % {
                "since": hour_minute(source.last_page_at, now),
                "next": _next(source, now),
            }
    elif state == Source.State.RUNNING and source.last_page_at and now - source.last_page_at > QUIET_AFTER:
        state = "quiet"
        says = gettext("Nothing has come since %(since)s.") % {"since": hour_minute(source.last_page_at, now)}
    elif state == Source.State.STOPPED and not live and source.cursor is not None and not source.practice:
        says = gettext("Read to its end.")
    lag = ""
    if live and state == Source.State.RUNNING and source.seen_until is not None:
        lag = seconds_long((now - source.seen_until).total_seconds())
    skipped = sum(n for name, n in counts.items() if name.startswith("skipped:"))
    return SourceNow(source, title, state, says, lag, since, counts, skipped)


def _next(source: Source, now: datetime) -> str:
    return clock(source.next_try_at)[11:] if source.next_try_at else "?"
