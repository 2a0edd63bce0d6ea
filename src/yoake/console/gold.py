"""Cases with a known answer: what supervisors marked, what else they could take, and how people answered."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from yoake.casework.cases.holds import who_holds
from yoake.casework.cases.seen import note_all_seen
from yoake.casework.people.queries import Actor
from yoake.casework.quality import gold
from yoake.casework.quality.models import GoldTurn
from yoake.console import words
from yoake.console.page import page, staff_page
from yoake.errors import BadInput, Refused


@require_safe
@staff_page
def show(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The page."""
    marked = gold.gold_in_force(actor)
    holdings = who_holds(actor, [one.post_id for one in marked], timezone.now())
    hidden = {post_id for post_id, holding in holdings.items() if holding.elsewhere}
    note_all_seen(actor, [one.case for one in marked if one.case is not None and one.post_id not in hidden])
    asked = GoldTurn.objects.filter(gold__in=[one.pk for one in marked]).order_by().values("gold")
    counts = {
        row["gold"]: row
        for row in asked.annotate(
            given=Count("pk"),
            answered=Count("pk", filter=Q(right__isnull=False)),
            right=Count("pk", filter=Q(right=True)),
        )
    }
    return page(
        request,
        actor,
        "yoake/gold.html",
        {
            "place": "quality",
            "marked": [(one, counts.get(one.pk), one.post_id in hidden) for one in marked],
            "offered": gold.practice_to_offer(actor),
            "share": f"{100 * settings.ENVIRONMENT.gold_share:g}",
        },
    )


@require_POST
@staff_page
def mark(request: HttpRequest, actor: Actor, case_id: int) -> HttpResponse:
    """The answer to a decided case is sure."""
    _act(
        request,
        lambda: gold.mark_gold(actor, case_id, request.POST.get("why", "")),
        gettext("Copies of this case are now mixed into colleagues’ queues."),
    )
    return redirect("case", case_id=case_id)


@require_POST
@staff_page
def take(request: HttpRequest, actor: Actor) -> HttpResponse:
    """A post of the practice stream serves too."""
    _act(
        request,
        lambda: gold.gold_from_practice(actor, request.POST.get("practice", "")),
        gettext("Copies of this post are now mixed into colleagues’ queues."),
    )
    return redirect("gold")


@require_POST
@staff_page
def withdraw(request: HttpRequest, actor: Actor, gold_id: int) -> HttpResponse:
    """No more copies."""
    _act(
        request,
        lambda: gold.withdraw_gold(actor, gold_id),
        gettext("No more copies are made; those nobody answered are gone."),
    )
    return redirect("gold")


def _act(request: HttpRequest, act: Callable[[], object], told: str) -> None:
    try:
        act()
    except (BadInput, Refused) as error:
        messages.error(request, words.sentence(error))
    else:
        messages.success(request, told)
