"""What is around every staff page: who is reading, the desks with what waits on them, and how an error is told."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlsplit

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext

from yoake.casework.asked import asking_once
from yoake.casework.cases.waiting import Waiting, waiting_counts
from yoake.casework.outbox.queries import paused_senders, standstill_of
from yoake.casework.people.models import User
from yoake.casework.people.queries import Actor, actor_of, has_second_factor, organisations_of
from yoake.casework.people.wellbeing import day_of
from yoake.console.words import ages, role_name, sentence
from yoake.errors import BadInput, Refused

P = ParamSpec("P")
ORGANISATION = "yoake_organisation"  # in the session: which organisation a person of several chose
SECOND_FACTOR_DUE = "yoake_second_factor_due"  # in the session: nothing else is opened until one is set up
View = Callable[Concatenate[HttpRequest, Actor, P], HttpResponse]


def staff_page(view: View[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """A view for those who may read the organisation's cases."""
    return page_for("read")(view)


def page_for(permission: str) -> Callable[[View[P]], Callable[Concatenate[HttpRequest, P], HttpResponse]]:
    """A view that gets the actor. Others sign in first, set up their second factor, or learn why there is nothing for them."""

    def decorate(view: View[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            with asking_once() if request.method in ("GET", "HEAD") else nullcontext():
                return asked_for(request, *args, **kwargs)

        def asked_for(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if not isinstance(request.user, User):
                return _sign_in_first(request)
            if second_factor_due(request, request.user):
                return _set_up_first(request)
            try:
                actor = actor_of(request.user, request.session.get(ORGANISATION, 0))
            except Refused:
                return render(request, "yoake/no_organisation.html", status=403)
            if not actor.may(permission):
                return render(request, "yoake/no_organisation.html", {"role": role_name(actor.role)}, status=403)
            try:
                response = view(request, actor, *args, **kwargs)
            except BadInput as error:
                if error.field in (
                    "case",
                    "source",
                    "received",
                    "report",
                    "request",
                    "answer",
                    "item",
                    "hand_over",
                    "appeal",
                ):  # as if it did not exist: whoever may not see it learns nothing
                    raise Http404 from None
                return refused(request, sentence(error), status=400)
            except Refused as error:
                return refused(request, sentence(error), status=403)
            patch_cache_control(response, private=True, no_store=True)
            return response

        return guarded

    return decorate


def second_factor_due(request: HttpRequest, user: User) -> bool:
    """Whether this person must set up a second factor before anything else is opened."""
    if not request.session.get(SECOND_FACTOR_DUE):
        return False
    if has_second_factor(user):
        del request.session[SECOND_FACTOR_DUE]
        return False
    return True


def page(request: HttpRequest, actor: Actor, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """A whole page, with the desks and what waits on them at its head."""
    reads, today = actor.may("read"), day_of(actor, timezone.now())
    counts = waiting_counts(actor) if reads else {False: Waiting(0, 0), True: Waiting(0, 0)}
    organisations = organisations_of(request.user) if isinstance(request.user, User) else []
    around = {
        "actor": actor,
        "may_read": reads,
        "may_advise": actor.may("advise"),
        "may_judge": actor.may("decide"),
        "may_hold": actor.may("hold"),
        "may_people": actor.may("people"),
        "may_audit": actor.may("audit"),
        "may_retain": actor.may("retain"),
        "may_stop": actor.may("stop"),
        "silenced": paused_senders(actor) if actor.may("act") else [],
        "standstill": standstill_of(actor) if actor.may("act") else None,
        "break_after": today.minutes_without_break if today.break_due else 0,
        "role_name": role_name(actor.role),
        "organisations": organisations if len(organisations) > 1 else [],
        "ages": "|".join(ages()),
        "waiting_live": counts[False],
        "waiting_practice": counts[True],
    }
    return render(request, template, {**around, **context}, status=status)


def home_of(request: HttpRequest) -> str:
    """The address where a person's work is."""
    try:
        actor = actor_of(request.user, request.session.get(ORGANISATION, 0)) if isinstance(request.user, User) else None
    except Refused:
        actor = None
    if actor is not None and actor.may("advise"):
        return reverse("advice")
    if actor is not None and actor.may("read_decided"):
        return reverse("in_scope")
    return reverse("desk", kwargs={"desk": "live"})


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
    back = request.get_full_path() if request.method == "GET" else _page_before(request)
    return redirect(f"{settings.LOGIN_URL}?{urlencode({'next': back})}")


def _page_before(request: HttpRequest) -> str:
    """The page of ours whose form was sent; what was typed there is still in the tab and is filled in again."""
    before = request.headers.get("Referer", "")
    own = url_has_allowed_host_and_scheme(before, {request.get_host()}, require_https=request.is_secure())
    path, query = urlsplit(before)[2:4] if own else ("/", "")
    return f"{path}?{query}" if query else path or "/"


def _set_up_first(request: HttpRequest) -> HttpResponse:
    if getattr(request, "htmx", False):
        return render(
            request, "yoake/line.html", {"why": gettext("Set up your second factor first; open this page anew.")}
        )
    return redirect("mfa_index")
