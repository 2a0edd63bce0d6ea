"""The partner's page: what was decided in scope, without its author."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from yoake.casework.cases.in_scope import decided_in_scope, told
from yoake.casework.cases.seen import note_all_seen
from yoake.casework.people.queries import Actor
from yoake.console.page import page, page_for

ROWS = 50


@require_safe
@page_for("read_decided")
def show(request: HttpRequest, actor: Actor) -> HttpResponse:
    """A list, the newest decision first; whoever looks is noted, with each case that is shown."""
    shown = Paginator(decided_in_scope(actor), ROWS).get_page(request.GET.get("page"))
    note_all_seen(actor, [decision.case for decision in shown], "in_scope_viewed")
    rows = [told(decision) for decision in shown]
    return page(request, actor, "yoake/in_scope.html", {"place": "in_scope", "shown": shown, "rows": rows})
