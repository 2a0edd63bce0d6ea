"""Blind review: one post that was not queued, without any score; what a person says of it tells what is missed."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_safe

from yoake.casework.cases.categories import categories
from yoake.casework.cases.models import Decision
from yoake.casework.people.queries import Actor
from yoake.casework.quality.actions import judge_sample
from yoake.casework.quality.queries import sample_of, samples_to_review
from yoake.console import marks, words
from yoake.console.page import page, staff_page
from yoake.console.quality import why
from yoake.errors import BadInput, Refused

FIELDS = ("parent_text", "text", "profile")


@require_safe
@staff_page
def following(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The next sample, or that none waits."""
    sample = samples_to_review(actor).first()
    if sample is None:
        return page(request, actor, "yoake/sample_none.html", {"place": "quality"})
    return redirect("sample", sample_id=sample.pk)


@require_http_methods(["GET", "POST"])
@staff_page
def show(request: HttpRequest, actor: Actor, sample_id: int) -> HttpResponse:
    """One sample (GET); the judgement (POST), then the next one."""
    problem = ""
    try:
        sample = sample_of(actor, sample_id)
        if request.method == "POST":
            verdict, category = request.POST.get("verdict", ""), request.POST.get("category", "")
            if verdict == Decision.Verdict.IN_SCOPE and not category:
                raise BadInput("category", "", gettext("choose the category that holds"))
            case = judge_sample(actor, sample_id, verdict, category_slug=category)
            if case is not None:
                messages.success(request, gettext("The post is now a case, decided in scope."))
                return redirect("case", case_id=case.pk)
            return redirect("next_sample")
    except (BadInput, Refused) as error:
        if isinstance(error, BadInput) and error.field == "sample":
            messages.info(request, why(error))
            return redirect("next_sample")
        problem = why(error)
    content = sample.content
    known = categories()
    kept = [slug for slug in known if not known[slug].record_only]
    return page(
        request,
        actor,
        "yoake/sample.html",
        {
            "place": "quality",
            "sample": sample,
            "waiting": samples_to_review(actor).count(),
            "fields": {name: marks.pieces(content[name], []) for name in FIELDS if content.get(name)},
            "problem": problem,
            "entered": request.POST,
            "in_scope": [(slug, words.category_name(slug)) for slug in kept],
            "record_only": [(slug, words.category_name(slug)) for slug in known if slug not in kept],
        },
        status=409 if problem else 200,
    )
