"""What is around every staff page: who is reading, the desks with what waits on them, and how an error is told."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_cache_control
from django.utils.http import urlencode

from yoake.casework.cases.queries import waiting_counts
from yoake.casework.people.models import User
from yoake.casework.people.queries import Actor, actor_of
from yoake.console.words import ages, role_name, sentence
from yoake.errors import BadInput, Refused

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, Actor, P], HttpResponse]


def staff_page(view: View[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """A view that gets the actor. Others sign in first, or learn why there is nothing for them here."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not isinstance(request.user, User):
            return _sign_in_first(request)
        try:
            actor = actor_of(request.user)
        except Refused:
            return render(request, "yoake/no_organisation.html", status=403)
        if not actor.may("read"):
            return render(request, "yoake/no_organisation.html", {"role": role_name(actor.role)}, status=403)
        try:
            response = view(request, actor, *args, **kwargs)
        except BadInput as error:
            if error.field in ("case", "source"):  # as if it did not exist: whoever may not see it learns nothing
                raise Http404 from None
            return refused(request, sentence(error), status=400)
        except Refused as error:
            return refused(request, sentence(error), status=403)
        patch_cache_control(response, private=True, no_store=True)
        return response

    return guarded


def page(request: HttpRequest, actor: Actor, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """A whole page, with the desks and what waits on them at its head."""
    counts = waiting_counts(actor)
    around = {
        "actor": actor,
        "role_name": role_name(actor.role),
        "ages": "|".join(ages()),
        "waiting_live": counts[False],
        "waiting_practice": counts[True],
    }
    return render(request, template, {**around, **context}, status=status)


def number(text: str) -> int:
    """A whole number from an address or a form; 0 for anything that is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def refused(request: HttpRequest, why: str, status: int) -> HttpResponse:
    """A page (or for htmx one line) that says in a sentence why something was not done."""
    if getattr(request, "htmx", False):
        return render(request, "yoake/line.html", {"why": why}, status=200)
    return render(request, "yoake/refused.html", {"why": why}, status=status)


def _sign_in_first(request: HttpRequest) -> HttpResponse:
    if getattr(request, "htmx", False):  # in a part of a page: say so there; what was typed stays
        return render(request, "yoake/signed_out.html")
    back = request.get_full_path() if request.method == "GET" else "/"
    return redirect(f"{settings.LOGIN_URL}?{urlencode({'next': back})}")
