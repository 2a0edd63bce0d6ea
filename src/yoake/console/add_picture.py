"""Adding a post of which there is a picture: the picture is read for its words and forgotten, a person gives the address."""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST

from yoake.casework.cases.actions import TEXT_LONGEST
from yoake.casework.cases.models import Received
from yoake.casework.cases.received import add_one
from yoake.casework.people.queries import Actor
from yoake.collect.addresses import URL_LONGEST
from yoake.console.page import page, staff_page
from yoake.console.uploads import uploaded
from yoake.console.words import problem_text, sentence
from yoake.detect.picture import open_picture
from yoake.detect.protected import why_not
from yoake.detect.reading import Reader
from yoake.errors import BadInput, Refused


@require_http_methods(["GET", "POST"])
@staff_page
def start(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Where a picture is pasted (GET); the words that stand in it, to be mended and added (POST). Nothing is stored."""
    actor.must("add")
    lacking = _lacking()
    if request.method != "POST" or lacking:
        return _page(request, actor, "choose", lacking=lacking)
    try:
        text = _words_in(request)
    except BadInput as error:
        return _page(request, actor, "choose", problem=sentence(error))
    joined = "".join(text.split())  # of a column of letters the words stand in no line, and perhaps from below
    if why_not((), [text, joined, joined[::-1]]):
        problem = gettext(
            "The words in this picture may be about a child and sex. All that was read is forgotten. Do not keep such a "
            "picture; add the post by its address alone."
        )
        return _page(request, actor, "choose", problem=problem)
    return _page(request, actor, "add", entered={"text": text}, nothing_read=not text)


@require_POST
@staff_page
def add(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Adds the post of a picture, by its address, by the words that stand in it, or both."""
    actor.must("add")
    try:
        url = request.POST.get("url", "").strip()
        if bool(url) == bool(request.POST.get("no_url")):
            raise BadInput("url", "", gettext("give the post's own address, or say that there is none"))
        added = add_one(actor, url=url, text=request.POST.get("text", ""), how=Received.How.PICTURE)
    except (BadInput, Refused) as error:
        field = getattr(error, "field", "")
        return _page(request, actor, "add", problem=sentence(error), wrong_field=field, entered=request.POST.dict())
    if added.was_there:
        messages.info(request, gettext("This post was already there; this is its case."))
    else:
        messages.success(request, gettext("The post is added; this is its case."))
    return redirect("case", case_id=added.case.pk)


def _lacking() -> str:
    """Why no picture can be read here, in a sentence; "" when one can."""
    if not settings.ENVIRONMENT.pictures:
        return gettext(
            "Reading pictures is switched off. An administrator of this computer switches it on with YOAKE_PICTURES=yes."
        )
    try:
        Reader().version()
    except Refused as error:
        return problem_text(str(error))
    return ""


def _words_in(request: HttpRequest) -> str:
    file = uploaded(request, "picture")
    if file is None:
        raise BadInput("picture", "", gettext("paste or choose a picture first"))
    return Reader().text(open_picture(file.read()))[:TEXT_LONGEST]


def _page(
    request: HttpRequest,
    actor: Actor,
    step: str,
    *,
    lacking: str = "",
    problem: str = "",
    wrong_field: str = "",
    entered: Mapping[str, object] | None = None,
    nothing_read: bool = False,
) -> HttpResponse:
    context = {
        "place": "add",
        "tab": "picture",
        "step": step,
        "lacking": lacking,
        "problem": problem,
        "wrong_field": wrong_field,
        "entered": entered or {},
        "nothing_read": nothing_read,
        "text_longest": TEXT_LONGEST,
        "url_longest": URL_LONGEST,
    }
    return page(request, actor, "yoake/add_picture.html", context, status=400 if problem else 200)
