"""When something goes wrong: one sentence in the same look, whatever happened."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400."""
    return _told(
        request, 400, gettext("The browser sent something this page does not understand; please go back and try again.")
    )


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403."""
    return _told(request, 403, gettext("You may not open this page; ask an administrator if you need it."))


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404."""
    return _told(request, 404, gettext("There is nothing at this address; it may have been erased after its time."))


def too_many(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """429."""
    return _told(request, 429, gettext("Too many tries in a short time; please wait five minutes, then try again."))


def broken(request: HttpRequest) -> HttpResponse:
    """500: touches neither database nor session, because one of them may be what broke."""
    why = gettext(
        "Something broke inside Yoake and nothing was half saved; please try again, and tell your administrator if it happens again."
    )
    return HttpResponse(render_to_string("yoake/error.html", {"why": why, "code": 500}), status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form that did not come from a page of this session."""
    return _told(
        request,
        403,
        gettext(
            "This form has expired or came from elsewhere, so nothing was done; please open the page again and repeat it."
        ),
    )


def _told(request: HttpRequest, code: int, why: str) -> HttpResponse:
    return render(request, "yoake/error.html", {"why": why, "code": code}, status=code)
