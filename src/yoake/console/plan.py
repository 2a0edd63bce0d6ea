"""The watch plan of a source: which words are searched for, what each brought, and how the quota is divided."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from yoake.casework.cases.categories import categories
from yoake.casework.people.queries import Actor
from yoake.casework.sources import plans
from yoake.casework.sources.models import Query
from yoake.casework.sources.queries import source_of
from yoake.console.page import number, page, staff_page
from yoake.console.words import category_name, sentence
from yoake.detect.category import sought
from yoake.errors import BadInput, Refused

_ROWS: int = 25
_NEW: int = 5  # requests, before which nothing can be said about a query
_NOISE_DECIDED: int = 5  # decisions without one in scope
_NOISE_POSTS: int = 50  # posts without one that was queued


@dataclass(frozen=True)
class QueryShown:
    """A query with what it brought in the last 30 days."""

    query: Query
    found: plans.Standing
    share: str  # per cent of the questions it gets now
    kind: str  # pays, noise, silent, new, open


@require_safe
@staff_page
def show(request: HttpRequest, actor: Actor, source_id: int) -> HttpResponse:
    """The plan."""
    source, now = source_of(actor, source_id), timezone.now()
    plan = plans.plan_of(source)
    if plan is None:
        raise BadInput("source", source_id, "nothing is searched for here")
    asked = plans.searches(source.connector)
    assert asked is not None
    standings = {one.pk: one for one in plans.standings_of(source, now, states=Query.State.values)}
    queries = list(Query.objects.filter(source=source).select_related("added_by"))
    on = [standings[query.pk] for query in queries if query.state == Query.State.ON]
    shares = plans.weights_of(on, plan.explore / 100) if on else {}
    shown = [
        QueryShown(query, one, f"{100 * shares.get(query.pk, 0.0):.1f}", kind_of(one))
        for query in queries
        for one in (standings[query.pk],)
    ]
    # what somebody just added can be seen to be there; then what pays
    shown.sort(
        key=lambda one: (
            one.query.origin == Query.Origin.LEXICON or one.found.asked > 0,
            -one.found.in_scope,
            -one.found.queued,
            -one.found.asked,
            one.query.words,
        )
    )
    n_of = Counter(query.category for query in queries if query.state == Query.State.ON)
    chosen = request.GET.get("category", "")
    chosen = chosen if chosen in n_of else ""
    asked_now = [one for one in shown if one.query.state == Query.State.ON and chosen in ("", one.query.category)]
    known = sought(categories())
    return page(
        request,
        actor,
        "yoake/plan.html",
        {
            "place": "sources",
            "source": source,
            "plan": plan,
            "quota": asked.search_quota,
            "shown": Paginator(asked_now, _ROWS).get_page(request.GET.get("page")),
            "resting": [one for one in shown if one.query.state != Query.State.ON],
            "n_on": len(on),
            "category": chosen,
            "chips": [(slug, category_name(slug), n) for slug, n in n_of.most_common() if slug],
            "days": plans.YIELD_DAYS,
            "words_longest": plans.WORDS_LONGEST,
            "categories": [(slug, category_name(slug), slug in plan.categories) for slug in known],
            "may_add": actor.may("terms"),
            "may_change": actor.may("sources"),
        },
    )


@require_POST
@staff_page
def add(request: HttpRequest, actor: Actor, source_id: int) -> HttpResponse:
    """Adds words."""
    source = source_of(actor, source_id)
    try:
        slug = request.POST.get("category", "")
        query = plans.add_query(
            actor, source, request.POST.get("words", ""), slug if slug in sought(categories()) else ""
        )
    except (BadInput, Refused) as error:
        messages.error(request, sentence(error))
    else:
        messages.success(request, gettext("“%(words)s” is searched for from now on.") % {"words": query.words})
    return redirect("plan", source_id=source_id)


@require_POST
@staff_page
def switch(request: HttpRequest, actor: Actor, source_id: int, query_id: int) -> HttpResponse:
    """Pauses words, or lets them be asked again."""
    source, on = source_of(actor, source_id), request.POST.get("on") == "1"
    query = plans.switch_query(actor, source, query_id, on=on)
    if on:
        said = gettext("“%(words)s” is searched for from now on.")
    else:
        said = gettext("“%(words)s” is paused: nobody searches for it until it is resumed.")
    messages.success(request, said % {"words": query.words})
    return redirect("plan", source_id=source_id)


@require_POST
@staff_page
def change(request: HttpRequest, actor: Actor, source_id: int) -> HttpResponse:
    """Sets quota, share and categories."""
    source = source_of(actor, source_id)
    try:
        plans.change_plan(
            actor,
            source,
            per_quarter=number(request.POST.get("per_quarter", "")),
            per_day=number(request.POST.get("per_day", "")),
            explore=number(request.POST.get("explore", "")),
            categories=request.POST.getlist("categories"),
            known=categories(),
        )
    except (BadInput, Refused) as error:
        messages.error(request, sentence(error))
    else:
        messages.success(request, gettext("The plan is changed."))
    return redirect("plan", source_id=source_id)


def kind_of(one: plans.Standing) -> str:
    """What a query is worth, as far as that can be said."""
    if one.in_scope:
        return "pays"
    if one.asked < _NEW:
        return "new"
    if not one.posts:
        return "silent"
    noise = one.not_in_scope >= _NOISE_DECIDED or (one.posts >= _NOISE_POSTS and not one.queued)
    return "noise" if noise else "open"
