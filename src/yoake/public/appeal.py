"""Did this office send the letter? And: I object. A code that is none gets the same answer whatever is wrong with it."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.cache import patch_cache_control
from django.utils.html import format_html
from django.utils.timezone import localdate
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from yoake.casework.appeal.lodging import (
    ADDRESS_LONGEST,
    PROVE_WITHIN,
    REPLY_LONGEST,
    WORDS_LONGEST,
    SentLetter,
    letter_of,
    lodge,
)
from yoake.errors import BadInput, Refused
from yoake.public.limits import within, within_all

LOOKS: Final = {"each": 20, "around": 100, "window_s": 600}
OBJECTIONS: Final = {"each": 5, "around": 25, "window_s": 3600}
UNKNOWN: Final = {
    "most": 600,
    "window_s": 600,
}  # codes that are none, by everybody; a right one is never refused for it


@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest) -> HttpResponse:
    """The form for a code; then what is known of the letter, with the form for an objection; then its number."""
    if not settings.ENVIRONMENT.public_url:
        raise Http404
    language = request.GET.get("lang", "")
    with translation.override(language if language in ("ja", "en") else translation.get_language()):
        response = _answer(request)
        response["Content-Language"] = translation.get_language() or "ja"
    patch_cache_control(response, private=True, no_store=True)
    return response


def _answer(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _page(request, {})
    if not within(request, "look", **LOOKS):
        return _page(request, {"problem": _slower()}, status=429)
    code = request.POST.get("code", "")
    letter = letter_of(code)
    if letter is None:
        if not within_all("unknown", **UNKNOWN):
            return _page(request, {"problem": _slower()}, status=429)
        return _page(request, {"unknown": True})
    if "words" not in request.POST:
        return _page(request, {"letter": letter, "code": code})
    return _lodged(request, letter, code)


def _lodged(request: HttpRequest, letter: SentLetter, code: str) -> HttpResponse:
    given = request.POST
    shown: dict[str, Any] = {
        "letter": letter, "code": code, "words": given["words"], "reply_to": given.get("reply_to", ""), "who": given.get("who", ""),
        "about": given.get("about", ""),
    }  # fmt: skip
    if not within(request, "object", **OBJECTIONS):
        return _page(request, {**shown, "problem": gettext("Too many attempts. Please wait, or call.")}, status=429)
    try:
        made = lodge(code, given.get("who", ""), given["words"], given.get("reply_to", ""), given.get("about", ""))
    except BadInput as error:
        said = {
            "words": gettext("Write what you object to, in at most %(n)s characters.") % {"n": WORDS_LONGEST},
            "reply_to": gettext("How we reach you: at most %(n)s characters.") % {"n": REPLY_LONGEST},
            "who": gettext("Say whether you wrote the post."),
            "about": gettext(
                "The letter speaks of several posts, and of none at this address. Copy the address of the post."
            ),
        }.get(error.field, gettext("Something is missing."))
        return _page(request, {**shown, "problem": said}, status=400)
    except Refused:
        told = gettext("This cannot be taken here any more. Please write or call the office named in the letter.")
        return _page(request, {**shown, "problem": told}, status=409)
    return _page(request, {"letter": letter, "made": made, "hours": int(PROVE_WITHIN.total_seconds() // 3600)})


def _slower() -> str:
    return gettext("Too many attempts. Please wait ten minutes, or call.")


def _page(request: HttpRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
    letter = context.get("letter")
    if letter is not None:
        day = localdate(letter.sent_at).isoformat()
        context["day"] = format_html(
            '<time datetime="{}">{}</time>', day, day
        )  # in a sentence that is translated whole
        context["name"] = letter.name_en if (translation.get_language() or "ja").startswith("en") else letter.name_ja
    context |= {"words_longest": WORDS_LONGEST, "reply_longest": REPLY_LONGEST, "address_longest": ADDRESS_LONGEST}
    return render(request, "public/appeal.html", context, status=status)
