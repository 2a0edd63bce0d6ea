"""The inbox: what waits on a desk, how the sources are, what was decided last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_http_methods, require_safe

from yoake import shelf
from yoake.casework.cases.actions import remove_practice
from yoake.casework.cases.filters import Filter
from yoake.casework.cases.holds import Holding, who_holds
from yoake.casework.cases.keeping import PRACTICE_KEPT
from yoake.casework.cases.models import Case, Decision
from yoake.casework.cases.offering import veiled_for
from yoake.casework.cases.queries import (
    CaseView,
    case_view,
    cases_of,
    recently_decided,
)
from yoake.casework.cases.saved_views import NAME_LONGEST
from yoake.casework.cases.trials import cases_before
from yoake.casework.cases.waiting import (
    ROWS,
    bounded_count,
    cases_awaiting_review,
    show,
    waiting_by_category,
    waiting_counts,
)
from yoake.casework.link.queries import under_counts
from yoake.casework.people.queries import Actor
from yoake.casework.sources.actions import lacks_permission
from yoake.casework.sources.models import Source
from yoake.casework.sources.queries import counts_of_all, sources_of_desk
from yoake.collect import connectors
from yoake.console import appeals, evidence, helping, marks, report, urgent, views
from yoake.console.checks import to_check_in_short
from yoake.console.page import home_of, number, page, staff_page
from yoake.console.quality import alarms_in_short, reviews_in_short, samples_in_short
from yoake.console.request import in_short as requests_in_short
from yoake.console.words import bounded, category_name, hour_minute, seconds_long, told
from yoake.errors import BadInput
from yoake.pipeline.mishaps import standing_still

DESKS = {"live": False, "practice": True}
OVERDUE = Filter(overdue="1").values
QUIET_AFTER = timedelta(minutes=2)  # a running patrol brings a page at least every second


@dataclass(frozen=True)
class Chip:
    """A way to look at the inbox that is one press away."""

    slug: str
    name: str
    n: int
    query: str
    current: bool


@dataclass(frozen=True)
class Row:
    """One waiting case as the list shows it."""

    case: Case
    excerpt: list[marks.Piece]
    evidence_in: str  # field of the strongest evidence when it is not the text itself
    held: str  # who holds it, "" when free
    elsewhere: bool  # another body does: then nothing of the post is shown
    author: str
    handle: str
    due: Due | None  # by when it should be decided, while it waits
    under: int = 0  # how many cases that are alike lie under it
    veiled: bool = False  # a burdensome category that the reader did not choose: its words are shown when asked for


@dataclass(frozen=True)
class Due:
    """The service clock of a case."""

    at: datetime
    overdue: bool
    soon: bool  # a quarter of its time is left, or less
    long: str  # how long it is until then, or since


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
    """The live desk is home; the adviser's is what was put to them, the partner's what was decided."""
    return redirect(home_of(request))


@require_safe
@staff_page
def desk(request: HttpRequest, actor: Actor, desk: str) -> HttpResponse:
    """One desk: the waiting cases and what is urgent; what stands beside them comes a moment later, unless asked for at once."""
    practice, now = DESKS[desk], timezone.now()
    chosen = Filter.of(request.GET.dict())
    waiting = waiting_by_category(actor, practice=practice, now=now)
    shown = show(actor, practice=practice, chosen=chosen, number=number(request.GET.get("page", "")), now=now)
    selects = views.choices(actor, chosen, practice=practice, now=now)
    sources = sources_now(actor, practice=practice, now=now)
    return page(
        request,
        actor,
        "yoake/desk.html",
        {
            "desk": desk,
            "practice": practice,
            "practice_kept_days": PRACTICE_KEPT.days,
            "chosen": chosen,
            "view_query": chosen.query,
            "chips": category_chips(chosen, waiting.by_category),
            "overdue": Chip("overdue", gettext("Overdue"), waiting.overdue, "overdue=1", chosen.values == OVERDUE),
            "saved_views": views.chips(actor, chosen),
            "name_longest": NAME_LONGEST,
            "may_share": actor.may("decide"),
            "selects": selects,
            "flags": [(name, said, getattr(chosen, name)) for name, said in views.FLAGS.items()],
            "asked": views.in_words(chosen, selects),
            "shown": shown,
            "rows": rows(actor, shown.cases, now),
            "newest": newest(actor),
            "sources": sources,
            "posts_read": sum(source.counts["posts"] for source in sources),
            "posts_queued": sum(source.counts["queued"] for source in sources),
            "since": min((source.since for source in sources), default=now),
            "beside_now": "beside" in request.GET,
            **(beside_of(actor, practice=practice, now=now) if "beside" in request.GET else {}),
            "troubled": [source for source in sources if source.needs_a_look],
            "standing_still": None if practice else min((one.since for one in standing_still(now)), default=None),
            "lane": None if practice else urgent.lane(actor),
            "help_lane": None if practice else helping.lane(actor),
            "alarms": 0 if practice else alarms_in_short(actor),
            "toast": just_decided(request, actor),
            "may_remove_practice": practice and actor.may("sources"),
        },
    )


@require_safe
@staff_page
def beside(request: HttpRequest, actor: Actor, desk: str) -> HttpResponse:
    """What stands beside the list, for a page that shows it already: it must wait for none of this."""
    practice, now = DESKS[desk], timezone.now()
    context = {
        "actor": actor,
        "desk": desk,
        "practice": practice,
        "view_query": Filter.of(request.GET.dict()).query,
        "sources": sources_now(actor, practice=practice, now=now),
        **beside_of(actor, practice=practice, now=now),
    }
    return render(request, "yoake/desk_beside.html", context)


def beside_of(actor: Actor, *, practice: bool, now: datetime) -> dict[str, Any]:
    """Recent decisions, and what waits elsewhere."""
    return {
        "decided": decided(actor, practice=practice, now=now),
        "kept_undecided": 0 if practice else evidence.in_short(actor),
        "appeals_waiting": (0, 0) if practice else appeals.in_short(actor),
        "help_running": 0 if practice else helping.in_short(actor),
        "reports_waiting": 0 if practice else report.in_short(actor),
        "requests_waiting": (0, 0) if practice else requests_in_short(actor),
        "to_check": 0 if practice else to_check_in_short(actor),
        "samples": 0 if practice else samples_in_short(actor),
        "to_review": (0, 0) if practice else reviews_in_short(actor),
    }


@require_safe
@staff_page
def pulse(request: HttpRequest, actor: Actor, desk: str) -> HttpResponse:
    """What changed since the list was shown: new cases (as a button, nothing jumps), leases, decisions, sources."""
    practice, now = DESKS[desk], timezone.now()
    since = number(request.GET.get("newest", ""))
    chosen = Filter.of_query(request.GET.get("view", ""))
    ids = [number(part) for part in request.GET.get("shown", "").split(",")[:ROWS] if part]
    waiting = cases_awaiting_review(actor, practice=practice, chosen=chosen, now=now)
    n_new = bounded_count(waiting.filter(pk__gt=since))
    known = cases_of(actor, practice=practice).filter(pk__in=ids)
    cases = list(known.select_related("post").order_by())
    holdings = who_holds(actor, [case.post_id for case in cases], now)
    states = [(case, held_by(actor, holdings.get(case.post_id))) for case in cases]
    counts = waiting_counts(actor)
    response = render(
        request,
        "yoake/pulse.html",
        {
            "actor": actor,
            "desk": desk,
            "view_query": chosen.query,
            "n_new": n_new,
            "new_text": ngettext("%(n)s new post", "%(n)s new posts", n_new) % {"n": bounded(n_new)},
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


def category_chips(chosen: Filter, waiting: dict[str, int]) -> list[Chip]:
    """A chip for each category of which something waits."""
    return [
        Chip(slug, category_name(slug), n, Filter(category=slug).query, chosen == Filter(category=slug))
        for slug, n in waiting.items()
        if slug
    ]


def due_of(case: Case, now: datetime) -> Due | None:
    """The service clock of a case that waits; None when none runs."""
    if case.decide_by is None or case.state != Case.State.WAITING:
        return None
    left = (case.decide_by - now).total_seconds()
    whole = max(1.0, (case.decide_by - case.opened_at).total_seconds())
    return Due(case.decide_by, left < 0, left < whole / 4, seconds_long(abs(left)))


def rows(actor: Actor, cases: Iterable[Case], now: datetime) -> list[Row]:
    """The cases as the list shows them."""
    cases = list(cases)
    holdings = who_holds(actor, [case.post_id for case in cases], now)
    under, veiled = under_counts(case.pk for case in cases), veiled_for(actor, now)
    shown = []
    for case in cases:
        holding = holdings.get(case.post_id)
        held = held_by(actor, holding)
        if holding is not None and holding.elsewhere:
            shown.append(Row(case, [], "", held, True, "", "", due_of(case, now)))
            continue
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
                held,
                False,
                *author_of(case),
                due_of(case, now),
                under.get(case.pk, 0),
                case.category in veiled,
            )
        )
    return shown


def author_of(case: Case) -> tuple[str, str]:
    """The author's name and handle; each may be empty."""
    version, account = case.post.current, case.post.account
    name = (version.author_name if version else "") or (account.name if account else "")
    return name, account.handle if account else ""


def held_by(actor: Actor, holding: Holding | None) -> str:
    """Who reads the post now, in words; another body is not named."""
    if holding is None:
        return ""
    if holding.lease is None:
        return gettext("held by another body")
    if holding.is_of(actor):
        return gettext("you are reading this")
    user = holding.lease.user
    return gettext("being read by %(name)s") % {"name": user.get_full_name() or user.username}


def decided(actor: Actor, *, practice: bool, now: datetime) -> list[tuple[Decision, bool, bool]]:
    """The newest decisions, whether this person may undo each, and whether another body holds its post now."""
    newest_ones = recently_decided(actor, practice=practice, limit=8)
    holdings = who_holds(actor, [decision.case.post_id for decision in newest_ones], now)
    shown = []
    for decision in newest_ones:
        holding = holdings.get(decision.case.post_id)
        free = holding is None or holding.is_of(actor)
        elsewhere = holding is not None and holding.elsewhere
        shown.append((decision, free and may_undo(actor, decision), elsewhere))
    return shown


def may_undo(actor: Actor, decision: Decision) -> bool:
    """Whether this person may take the decision back."""
    own = decision.by_id == actor.user_id or actor.may("undo_others")
    return actor.may("decide") and own and decision.case.post.erased_at is None


def just_decided(request: HttpRequest, actor: Actor) -> CaseView | None:
    """The case that this person decided on the page before, or another one may take back; its draft goes from their browser."""
    case_id = number(request.GET.get("decided", ""))
    if not case_id:
        return None
    try:
        view = case_view(actor, case_id, even_held_elsewhere=True)
    except BadInput:
        return None
    own = view.standing is not None and view.standing.by_id == actor.user_id
    return view if own or "undo" in view.allowed else None


def newest(actor: Actor) -> int:
    """The newest case's id: what is above it came after the list was shown."""
    mine = cases_before(actor).order_by("-pk")  # as the pulse counts
    return mine.values_list("pk", flat=True).first() or 0


def sources_now(actor: Actor, *, practice: bool, now: datetime) -> list[SourceNow]:
    """How the sources of a desk are."""
    sources = sources_of_desk(actor, practice=practice)
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
    elif nobody and (state in (Source.State.RUNNING, Source.State.WAITING) or (live and _waits_in_vain(source, now))):
        state, says = "quiet", gettext("No patrol is running; start it with “yoake up” or “yoake patrol”.")
    elif state == Source.State.WAITING:
        if source.last_page_at is None:
            says = gettext("Nothing could be read yet; next try at %(next)s.") % {"next": _next(source, now)}
        else:
            says = gettext("Nothing could be read since %(since)s; next try at %(next)s.") % {
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
    return hour_minute(source.next_try_at, now) if source.next_try_at else "?"


def _waits_in_vain(source: Source, now: datetime) -> bool:
    """Whether a source that is on, and stopped, should long have been taken up by a patrol."""
    since = [at for at in (source.added_at, source.last_page_at, source.next_try_at) if at is not None]
    return source.state == Source.State.STOPPED and now - max(since) > QUIET_AFTER
