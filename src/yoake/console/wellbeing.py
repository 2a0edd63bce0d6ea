"""My day: what a person takes upon themselves, what they read today, and breaks. Nobody else sees this page's numbers."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST

from yoake.casework.cases.offering import burden_of, sensitive_categories
from yoake.casework.people.queries import Actor
from yoake.casework.people.wellbeing import choose, day_of, had_break, own_limits
from yoake.console.page import number, page, staff_page
from yoake.console.words import category_name, sentence
from yoake.errors import BadInput


@require_http_methods(["GET", "POST"])
@staff_page
def my_day(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Shows a person's own day and sets their own limits."""
    problem = ""
    if request.method == "POST":
        try:
            choose(
                actor,
                takes=frozenset(request.POST.getlist("takes")) & sensitive_categories(),
                most_cases=_limit(request, "most_cases"),
                most_minutes=_limit(request, "most_minutes"),
                break_minutes=_limit(request, "break_minutes"),
            )
        except BadInput as error:
            problem = sentence(error)
        else:
            messages.success(request, gettext("Your choice holds from now on."))
            return redirect("wellbeing")
    now, environment = timezone.now(), settings.ENVIRONMENT
    today = day_of(actor, now)
    taken = frozenset(request.POST.getlist("takes")) if problem else today.takes
    return page(
        request,
        actor,
        "yoake/wellbeing.html",
        {
            "place": "wellbeing",
            "today": today,
            "own": own_limits(actor),
            "problem": problem,
            "categories": [(slug, category_name(slug), slug in taken) for slug in sorted(sensitive_categories())],
            "most_cases": environment.sensitive_per_day,
            "most_minutes": environment.sensitive_minutes,
            "break_minutes": environment.break_minutes,
            "in_a_row": environment.sensitive_in_a_row,
            "staff_help": environment.staff_help,
            "staff_help_link": environment.staff_help.startswith("https://"),
            "burden": burden_of(actor) if actor.may("oversee") else [],
        },
        status=400 if problem else 200,
    )


@require_POST
@staff_page
def answer_break(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The proposal of a break was answered; back to where it stood."""
    had_break(actor, timezone.now())
    back = urlsplit(request.META.get("HTTP_REFERER", ""))
    address = f"{back.path}?{back.query}" if back.query else back.path
    return redirect(address if address and url_has_allowed_host_and_scheme(address, None) else "home")


def _limit(request: HttpRequest, name: str) -> int | None:
    """A number of the form; None for an empty field. Raises BadInput for what is no number."""
    given = request.POST.get(name, "").strip()
    if not given:
        return None
    if not (given.isascii() and given.isdigit()):
        raise BadInput(name, given[:20], gettext("a whole number, or nothing for the usual measure"))
    return number(given)
