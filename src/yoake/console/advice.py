"""The adviser's queue, and putting a question to them; `advice_box.py` is what the case page shows of it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext, gettext_noop
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from yoake.casework.audit.actions import note_view
from yoake.casework.cases.advice import (
    ANSWER_LONGEST,
    advice_of,
    advices_given,
    advices_waiting,
    ask_advice,
    give_advice,
)
from yoake.casework.people.queries import Actor
from yoake.console.case import fields_shown, in_words, post_lang
from yoake.console.page import page, page_for, staff_page
from yoake.console.words import sentence
from yoake.errors import YoakeError

# What the actions say, so that the catalogue has it.
_SENTENCES = (
    gettext_noop("this case waits for the adviser already"),
    gettext_noop("this question is answered already"),
    gettext_noop("nothing on the practice desk is put to the adviser"),
    gettext_noop("the post's words are gone; nobody can advise on them any more"),
)


@require_safe
@page_for("advise")
def queue(request: HttpRequest, actor: Actor) -> HttpResponse:
    """What was put to the adviser."""
    context = {"place": "advice", "waiting": advices_waiting(actor), "given": advices_given(actor)}
    return page(request, actor, "yoake/advice_queue.html", context)


@require_http_methods(["GET", "POST"])
@page_for("advise")
def show(request: HttpRequest, actor: Actor, advice_id: int) -> HttpResponse:
    """One case with its question (GET); the answer (POST)."""
    problem = ""
    if request.method == "POST":
        try:
            give_advice(actor, advice_id, request.POST.get("answer", ""))
        except YoakeError as error:
            problem = sentence(error)
        else:
            messages.success(request, gettext("Your answer stands beside the case."))
            return redirect("advice")
    advice = advice_of(actor, advice_id)
    note_view("case_viewed", actor=actor.name, subject=f"case:{advice.case_id}", organisation=actor.organisation_id)
    version = advice.case.post.current
    findings = [finding for finding in version.findings.all() if not finding.shadow] if version else []
    context = {
        "place": "advice",
        "advice": advice,
        "case": advice.case,
        "fields": fields_shown(version, []),
        "post_lang": post_lang(version),
        "findings": [in_words(finding) for finding in findings],
        "answer_longest": ANSWER_LONGEST,
        "entered": request.POST.get("answer", ""),
        "problem": problem,
    }
    return page(request, actor, "yoake/advice_case.html", context, status=409 if problem else 200)


@require_POST
@staff_page
def ask(request: HttpRequest, actor: Actor, case_id: int) -> HttpResponse:
    """Puts the case to the adviser."""
    try:
        ask_advice(actor, case_id, request.POST.get("question", ""))
    except YoakeError as error:
        messages.error(request, sentence(error))
    else:
        messages.success(request, gettext("The case is put to the adviser."))
    return redirect("case", case_id=case_id)
