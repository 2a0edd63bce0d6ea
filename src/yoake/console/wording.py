"""Letters, words for the judge, categories: what an organisation writes and seeks, each change by two people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from yoake.casework.cases.categories import categories
from yoake.casework.people.queries import Actor, names_of
from yoake.casework.quality.queries import terms_in_draft
from yoake.casework.wording import actions, checks, letters
from yoake.casework.wording.models import CueDraft, Letter, Switch
from yoake.casework.wording.trial import told_to
from yoake.console import words
from yoake.console.page import page, staff_page
from yoake.console.quality import TermShown, strengths, term_shown
from yoake.errors import BadInput, Refused, YoakeError

_LETTERS = {
    letters.WARNING: gettext_lazy("Warning by reply"),
    letters.REQUEST: gettext_lazy("Request to the provider"),
    letters.HELP: gettext_lazy("Message that offers help"),
}
_LANGUAGES = {"ja": gettext_lazy("Japanese"), "en": gettext_lazy("English")}
_NETWORKS = {"bluesky": "Bluesky", "x": "X", "mastodon": "Mastodon", "misskey": "Misskey"}
_BROKEN = {
    "empty": gettext_lazy("It says nothing."),
    "long": gettext_lazy("It is longer than %s characters."),
    "unknown_field": gettext_lazy("{%s} is no field of this letter."),
    "missing_field": gettext_lazy("{%s} must stand in it, so that a reader can ask back."),
    "hashtag": gettext_lazy("“%s” is a hashtag: networks count them, and a police account was frozen over one."),
    "mention": gettext_lazy("“%s” calls other people."),
    "link": gettext_lazy("“%s” is a web address: readers cannot tell it from those of swindlers."),
    "trigger": gettext_lazy("“%s” is a word that filters look for, also in letters like this one."),
    "hedge": gettext_lazy("Nothing says that it is only a possibility (おそれ, may)."),
    "accuses": gettext_lazy("“%s” accuses: nobody has been found guilty."),
    "article": gettext_lazy("“%s” is not among the verified articles of this category."),
    "help_lines": gettext_lazy("#9110 or another help line must stand in it."),
}
DONE_SHOWN = 20
_EXAMPLE = {"url": "https://social.example/post/1", "seen_at": "2026-11-20 12:00"}


@dataclass(frozen=True)
class LetterShown:
    """A letter in the list."""

    name: str
    title: str
    language: str
    language_name: str
    number: int  # of the version in force; 0: the shipped one
    draft: Letter | None  # waits for a second person


@dataclass(frozen=True)
class SwitchShown:
    """A category and whether the judge seeks it."""

    slug: str
    title: str
    enabled: bool
    asked: Switch | None  # to be switched, once somebody confirms
    last: Switch | None  # the newest change
    who: str  # asked for either
    second: str  # confirmed the newest change; "" where nobody had to, or nobody did yet
    may_confirm: bool  # the reader may


@dataclass(frozen=True)
class CueShown:
    """A proposed word with what was found when it was tried."""

    draft: CueDraft
    cue: str
    strength: str
    tried: dict[str, Any]  # of the open cases, those of the reader's organisation
    mine: bool  # proposed in the reader's organisation
    own: bool  # by the reader
    who: str  # proposed it
    second: str  # approved it, "" before
    may_approve: bool  # the reader may
    elsewhere: bool  # somebody of another organisation must
    term: TermShown | None  # it was found by the system: with posts that use it


@require_safe
@staff_page
def show(request: HttpRequest, actor: Actor) -> HttpResponse:
    """All letters, by category, and the letterhead."""
    known = categories()
    drafts = {
        (letter.category, letter.name, letter.language): letter
        for letter in Letter.objects.filter(
            organisation_id=actor.organisation_id, approved_at=None, rejected_at=None
        ).select_related("by")
    }
    newest: dict[tuple[str, str, str], int] = {}
    for letter in Letter.objects.filter(organisation_id=actor.organisation_id).exclude(approved_at=None):
        key = (letter.category, letter.name, letter.language)
        newest[key] = max(newest.get(key, 0), letter.number)
    listed = [
        (
            slug,
            words.category_name(slug),
            [
                LetterShown(name, str(_LETTERS[name]), lang, str(_LANGUAGES[lang]), newest.get((slug, name, lang), 0),
                            drafts.get((slug, name, lang)))
                for name in letters.names_of(category)
                for lang in letters.LANGUAGES
            ],
        )
        for slug, category in known.items()
        if letters.names_of(category)
    ]  # fmt: skip
    return page(
        request,
        actor,
        "yoake/wording.html",
        {
            "place": "wording",
            "part": "letters",
            "listed": listed,
            "head": letters.head_of(actor.organisation_id),
            "longest": actions.LETTERHEAD_LONGEST,
            "may_write": actor.may("wording"),
            "drafts": len(drafts),
        },
    )


@require_POST
@staff_page
def head(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Sets the letterhead."""
    name_ja, name_en, telephone = (request.POST.get(field, "") for field in ("name_ja", "name_en", "telephone"))
    return _done(
        request,
        lambda: actions.set_letterhead(actor, name_ja, name_en, telephone),
        gettext("The letterhead is set."),
        reverse("wording"),
    )


@require_http_methods(["GET", "POST"])
@staff_page
def letter(request: HttpRequest, actor: Actor, slug: str, name: str, language: str) -> HttpResponse:
    """One letter: what is in force, its versions, a draft that waits, and a place to write a new one."""
    known = categories().get(slug)
    if known is None or name not in letters.names_of(known) or language not in letters.LANGUAGES:
        raise Http404
    now, text, problem = letters.in_force(actor.organisation_id, slug, name, language), None, ""
    if request.method == "POST":
        text = request.POST.get("text", "").replace("\r\n", "\n")
        try:
            actions.draft_letter(actor, slug, name, language, text)
        except (BadInput, Refused) as error:
            problem = "" if _problems(slug, name, language, text) else _why(error)
        else:
            messages.success(request, gettext("The draft waits for a second person."))
            return redirect("letter", slug=slug, name=name, language=language)
    versions = list(letters.versions(actor.organisation_id, slug, name, language))
    draft = next((one for one in versions if one.approved_at is None and one.rejected_at is None), None)
    return page(
        request,
        actor,
        "yoake/letter.html",
        {
            "place": "wording",
            "slug": slug,
            "name": name,
            "language": language,
            "title": _LETTERS[name],
            "language_name": _LANGUAGES[language],
            "fields": letters.FIELDS[name],
            "now": now,
            "versions": versions,
            "draft": draft,
            "is_own": draft is not None and draft.by_id == actor.user_id,
            "text": now.text if text is None else text,
            "problem": problem,
            "may_write": actor.may("wording"),
            "longest": letters.LONGEST,
            "changes": _changes(now.text, draft.text) if draft else [],
            **_preview(actor, slug, name, language, now.text if text is None else text),
        },
        status=400 if text is not None else 200,
    )


@require_POST
@staff_page
def preview(request: HttpRequest, actor: Actor, slug: str, name: str, language: str) -> HttpResponse:
    """How a text would read, whether it fits the networks, and what speaks against it."""
    actor.must("wording")
    known = categories().get(slug)
    if known is None or name not in letters.names_of(known) or language not in letters.LANGUAGES:
        raise Http404
    text = request.POST.get("text", "").replace("\r\n", "\n")[: 2 * letters.LONGEST]
    context = {"language": language, **_preview(actor, slug, name, language, text)}
    return render(request, "yoake/letter_preview.html", context)


@require_POST
@staff_page
def approve(request: HttpRequest, actor: Actor, letter_id: int) -> HttpResponse:
    """Puts a draft in force."""
    return _letter_done(
        request,
        actor,
        letter_id,
        lambda: actions.approve_letter(actor, letter_id),
        gettext("The letter is in force from now on."),
    )


@require_POST
@staff_page
def send_back(request: HttpRequest, actor: Actor, letter_id: int) -> HttpResponse:
    """Lets a draft go."""
    return _letter_done(
        request,
        actor,
        letter_id,
        lambda: actions.send_back_letter(actor, letter_id),
        gettext("The draft is sent back; what was in force stays."),
    )


@require_http_methods(["GET", "POST"])
@staff_page
def cues(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Words that people propose to the judge: trying, approving, sending back."""
    known = {slug: one for slug, one in categories().items() if not one.record_only}
    given, problem = request.POST if request.method == "POST" else request.GET, ""
    slug = given.get("category", "")
    if request.method == "POST":
        try:
            draft = actions.draft_cue(
                actor,
                slug,
                given.get("cue", ""),
                given.get("phrase", ""),
                given.get("strength", ""),
                note=given.get("note", ""),
            )
        except (BadInput, Refused) as error:
            problem = words.sentence(error)
        else:
            if actions.approved_elsewhere(draft):
                told = gettext("The word was tried; somebody of another organisation approves it.")
            else:
                told = gettext("The word was tried; a second person approves it.")
            messages.success(request, told)
            return redirect("cues")
    drafts = CueDraft.objects.order_by("-pk")
    if not actor.may("wording"):  # what is for all is shown to whoever may approve or decline it
        drafts = drafts.filter(organisation_id=actor.organisation_id)
    waiting = list(drafts.filter(approved_at=None, rejected_at=None))
    done = list(drafts.exclude(approved_at=None, rejected_at=None)[:DONE_SHOWN])
    names = names_of(actor, {key for one in (*waiting, *done) for key in (one.by_id, one.approved_by_id) if key})
    found = terms_in_draft(actor) if actor.may("quality") else {}

    def shown(draft: CueDraft) -> CueShown:
        waits, mine = draft in waiting, draft.organisation_id == actor.organisation_id
        return CueShown(
            draft=draft,
            cue=words.cue_name(draft.category, draft.cue),
            strength=dict(strengths()).get(draft.strength, draft.strength),
            tried=told_to(actor.organisation_id, draft),
            mine=mine,
            own=draft.by_id == actor.user_id,
            who=_named(names, draft.by_id),
            second=_named(names, draft.approved_by_id) if draft.approved_by_id else "",
            may_approve=waits and actions.may_approve(actor, draft),
            elsewhere=waits and mine and actions.approved_elsewhere(draft),
            term=term_shown(found[draft.pk]) if draft.pk in found else None,
        )

    return page(
        request,
        actor,
        "yoake/cues.html",
        {
            "place": "wording",
            "part": "cues",
            "may_write": actor.may("wording"),
            "slug": slug if slug in known else "",
            "categories": [(one, words.category_name(one)) for one in known],
            "cues": [(cue.name, words.cue_name(slug, cue.name)) for cue in known[slug].cues] if slug in known else [],
            "strengths": strengths(),
            "given": given,
            "problem": problem,
            "phrase_longest": actions.PHRASE_LONGEST,
            "note_longest": actions.NOTE_LONGEST,
            "waiting": [shown(draft) for draft in waiting],
            "done": [shown(draft) for draft in done],
        },
        status=400 if problem else 200,
    )  # fmt: skip


@require_POST
@staff_page
def approve_cue(request: HttpRequest, actor: Actor, draft_id: int) -> HttpResponse:
    """Makes a word count."""
    told = gettext("The word is approved; patrols use it within a few seconds.")
    return _done(request, lambda: actions.approve_cue(actor, draft_id), told, reverse("cues"))


@require_POST
@staff_page
def send_back_cue(request: HttpRequest, actor: Actor, draft_id: int) -> HttpResponse:
    """Lets a word go."""
    told = gettext("The word is sent back and counts for nothing.")
    return _done(request, lambda: actions.send_back_cue(actor, draft_id), told, reverse("cues"))


@require_safe
@staff_page
def switches(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Which categories the judge seeks."""
    asked, last = {}, {}
    for one in Switch.objects.order_by("pk"):
        if one.confirmed_at is None:
            asked[one.category] = one
        else:
            last[one.category] = one
    people = {key for one in (*asked.values(), *last.values()) for key in (one.asked_by_id, one.confirmed_by_id) if key}
    names = names_of(actor, people)

    def row(slug: str, enabled: bool) -> SwitchShown:
        waits, done = asked.get(slug), last.get(slug)
        newest = waits or done
        return SwitchShown(
            slug=slug,
            title=words.category_name(slug),
            enabled=enabled,
            asked=waits,
            last=done,
            who=_named(names, newest.asked_by_id) if newest else "",
            second=_named(names, newest.confirmed_by_id) if newest and newest.confirmed_by_id else "",
            may_confirm=waits is not None and actions.may_confirm(actor, waits),
        )

    shown = [row(slug, known.enabled) for slug, known in categories().items() if not known.record_only]
    return page(
        request,
        actor,
        "yoake/switches.html",
        {
            "place": "wording",
            "part": "switches",
            "shown": sorted(shown, key=lambda one: (one.enabled, one.slug)),
            "may_switch": actor.may("switch_categories"),
        },
    )


@require_POST
@staff_page
def switch(request: HttpRequest, actor: Actor, slug: str) -> HttpResponse:
    """Switches a category off, asks to switch it on, confirms that, or takes it back."""
    known: dict[str, Callable[[Actor, str], Switch | None]] = {
        "off": actions.switch_off,
        "ask": actions.ask_switch_on,
        "confirm": actions.confirm_switch,
        "take_back": actions.take_back_switch,
    }
    if (act := known.get(request.POST.get("act", ""))) is None:
        raise Http404
    try:
        done = act(actor, slug)
    except (BadInput, Refused) as error:
        messages.error(request, _why(error))
        return redirect("switches")
    if done is None:
        told = gettext("It stays as it is.")
    elif done.confirmed_at is None:
        told = gettext("Asked; until it is confirmed nothing changes.")
    elif done.on:
        told = gettext("The judge seeks this category from now on.")
    else:
        told = gettext("The judge no longer seeks this category.")
    messages.success(request, told)
    return redirect("switches")


def _named(names: Mapping[int, str], user_id: int) -> str:
    return names.get(user_id) or gettext("somebody of another organisation")


def _preview(actor: Actor, slug: str, name: str, language: str, text: str) -> dict[str, Any]:
    head = letters.head_of(actor.organisation_id)
    known = categories()[slug]
    example = {**_EXAMPLE, "category": known.name.en if language == "en" else known.name.ja, "reason": "…"}
    broken = _problems(slug, name, language, text)
    try:
        filled = letters.filled(text, head, language, **example)
    except BadInput:
        filled = text
    counts = [
        (_NETWORKS[network], checks.length_on(network, filled), limit) for network, limit in checks.LIMITS.items()
    ]
    return {
        "filled": filled,
        "broken": broken,
        "counts": [] if name == letters.REQUEST else counts,
        "no_head": head is None,
    }


def _problems(slug: str, name: str, language: str, text: str) -> list[str]:
    try:
        found = checks.problems(categories()[slug], name, language, text)
    except BadInput:
        return [gettext("Braces stand only around the name of a field, such as {organisation}.")]
    return [str(_BROKEN[one.rule]) % one.about if one.about else str(_BROKEN[one.rule]) for one in found]


def _changes(before: str, after: str) -> list[tuple[str, str]]:
    """Lines of the draft beside those in force: same, gone, new."""
    import difflib

    kinds = {"  ": "same", "- ": "gone", "+ ": "new"}
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [(kinds[line[:2]], line[2:]) for line in lines if line[:2] in kinds]


def _letter_done(
    request: HttpRequest, actor: Actor, letter_id: int, act: Callable[[], object], told: str
) -> HttpResponse:
    one = Letter.objects.filter(organisation_id=actor.organisation_id, pk=letter_id).first()
    if one is None:
        raise Http404
    return _done(request, act, told, reverse("letter", args=[one.category, one.name, one.language]))


def _done(request: HttpRequest, act: Callable[[], object], told: str, back: str) -> HttpResponse:
    try:
        act()
    except (BadInput, Refused) as error:
        messages.error(request, _why(error))
    else:
        messages.success(request, told)
    return redirect(back)


def _why(error: YoakeError) -> str:
    return words.sentence(error)
