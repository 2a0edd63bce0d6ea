"""Registers: to whom something can be sent, how each is reached, who confirmed it and from where; official accounts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext, gettext_noop
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from yoake.casework.people.queries import Actor
from yoake.casework.registers import actions, checks, queries
from yoake.casework.registers.keys import fingerprint
from yoake.casework.registers.models import Contact, Kind
from yoake.casework.registers.queries import Listed, Way
from yoake.casework.request.queries import PROVIDERS
from yoake.console import words
from yoake.console.holds import NETWORKS
from yoake.console.page import number, page, staff_page
from yoake.console.provider_figures import figures_context
from yoake.detect.text.extraction import prefectures
from yoake.errors import BadInput, Refused

# What the actions say, so that the catalogue has it.
_SENTENCES = (
    gettext_noop("this stands there already and is confirmed"),
    gettext_noop("there is nothing to take back"),
    gettext_noop("there is a body of this short name already"),
    gettext_noop("this account stands there already"),
    gettext_noop("something must be filled in"),
    gettext_noop("one mail address"),
    gettext_noop("a web address that begins with https://"),
    gettext_noop("the day on which somebody looked there"),
    gettext_noop("a day that is not in the future, and not before 2020"),
    gettext_noop("where it is from, at most 300 characters"),
    gettext_noop("at most 300 characters"),
    gettext_noop("at most 500 characters"),
    gettext_noop("a short name of small letters, digits and _, such as example_board"),
    gettext_noop("names of hosts such as jobs.example, with spaces between them"),
    gettext_noop("the handle of an account, without spaces"),
    gettext_noop("a prefecture, or nothing"),
    gettext_noop("two letters, such as JP"),
    gettext_noop("a public key on one line: age1…, ssh-ed25519 … or ssh-rsa …"),
    gettext_noop("the public key only; a private key never leaves whom it belongs to"),
    gettext_noop("something that waits to be confirmed in your organisation"),
)


@dataclass(frozen=True)
class WayShown:
    """One way to reach a body, as its page shows it."""

    way: Way
    label: str
    lines: bool  # typed into several lines
    fingerprint: str  # of a key that holds
    draft_fingerprint: str
    longest: int
    old: bool  # checked so long ago that somebody should look again


@dataclass(frozen=True)
class BodyShown:
    """One body, as the list shows it."""

    body: Listed
    name: str
    kind: str
    confirmed: list[str]  # labels of the ways that somebody confirmed
    drafts: int


@require_safe
@staff_page
def show(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The list: by kind, or by words."""
    kind, asked = request.GET.get("kind", ""), request.GET.get("q", "")[:100]
    kind = kind if kind in Kind.values else ""
    bodies = queries.bodies_of(actor.organisation_id)
    drafts = [one for one in bodies if any(way.draft is not None for way in one.ways.values())]
    if request.GET.get("waiting"):
        found = drafts
    elif kind or asked:
        found = queries.bodies_of(actor.organisation_id, kind=kind, words=asked)
    else:
        found = [one for one in bodies if one.own is not None or any(way.verified for way in one.ways.values())]
    return page(
        request,
        actor,
        "yoake/registers.html",
        {
            "place": "registers",
            "part": "bodies",
            "kinds": [(value, label, sum(one.kind == value for one in bodies)) for value, label in Kind.choices],
            "kind": kind,
            "q": asked,
            "waiting": bool(request.GET.get("waiting")),
            "n_drafts": len(drafts),
            "overview": not (kind or asked or request.GET.get("waiting")),
            "bodies": [_listed(one) for one in found],
            "may_fill": actor.may("fill_registers"),
        },
    )


@require_safe
@staff_page
def body(request: HttpRequest, actor: Actor, slug: str) -> HttpResponse:
    """One body: how it is reached, since when that is known, from where."""
    return _body_page(request, actor, slug)


@require_http_methods(["GET", "POST"])
@staff_page
def change(request: HttpRequest, actor: Actor, slug: str) -> HttpResponse:
    """Fills in, confirms or withdraws a way to reach a body (POST)."""
    if request.method == "GET":
        return redirect("register_body", slug=slug)
    given, way = request.POST, request.POST.get("way", "")
    act: dict[str, tuple[Callable[[], Any], str]] = {
        "fill_in": (
            lambda: _fill_in(actor, slug, way, given),
            gettext("Written down."),
        ),
        "confirm": (
            lambda: actions.confirm(
                actor, number(given.get("contact", "")), given.get("where_from", ""), given.get("checked_on", "")
            ),
            gettext("Confirmed; from now on it can be sent to."),
        ),
        "withdraw": (lambda: actions.withdraw(actor, slug, way), gettext("Withdrawn; nothing is sent there any more.")),
    }
    if given.get("act") not in act:
        raise Http404
    do, told = act[given["act"]]
    try:
        do()
    except (BadInput, Refused) as error:
        return _body_page(request, actor, slug, problem=words.sentence(error), wrong=way, status=400)
    messages.success(request, told)
    return redirect(reverse("register_body", args=[slug]) + (f"#way-{way}" if way in queries.WAYS else ""))


@require_http_methods(["GET", "POST"])
@staff_page
def add(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Adds a body of one's own."""
    actor.must("fill_registers")
    problem, wrong, given = "", "", request.POST
    if request.method == "POST":
        networks = given.get("networks", "").replace(",", " ").split()
        try:
            made = actions.add_body(
                actor,
                given.get("slug", ""),
                given.get("kind", ""),
                given.get("name_ja", ""),
                given.get("name_en", ""),
                prefecture=given.get("prefecture", ""),
                country=given.get("country", "") or "JP",
                language=given.get("language", "ja"),
                networks=networks,
                hosts=given.get("hosts", ""),
            )
        except (BadInput, Refused) as error:
            problem, wrong = words.sentence(error), error.field if isinstance(error, BadInput) else ""
        else:
            messages.success(request, gettext("Added. Now fill in how it is reached."))
            return redirect("register_body", slug=made.slug)
    context = {
        "place": "registers",
        "part": "bodies",
        "kinds": Kind.choices,
        "prefectures": prefectures(),
        "given": given,
        "problem": problem,
        "wrong": wrong,
    }
    return page(request, actor, "yoake/register_add.html", context, status=400 if problem else 200)


@require_POST
@staff_page
def remove(request: HttpRequest, actor: Actor, slug: str) -> HttpResponse:
    """Takes out a body that the organisation added."""
    try:
        actions.remove_body(actor, slug)
    except BadInput as error:
        messages.error(request, words.sentence(error))
        return redirect("register_body", slug=slug)
    messages.success(request, gettext("Taken out."))
    return redirect("registers")


@require_http_methods(["GET", "POST"])
@staff_page
def official(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Accounts of public bodies: where one of them answered a post already, nobody answers again."""
    problem, wrong, given = "", "", request.POST
    if request.method == "POST":
        try:
            if given.get("act") == "withdraw":
                actions.withdraw_official_account(actor, number(given.get("account", "")))
                told = gettext("Withdrawn; it counts as an official account no more.")
            else:
                actions.add_official_account(
                    actor,
                    given.get("network", ""),
                    given.get("handle", ""),
                    given.get("name", ""),
                    given.get("where_from", ""),
                    given.get("checked_on", ""),
                    native_id=given.get("native_id", ""),
                )
                told = gettext("Added. Where this account answered a post, nobody answers again.")
        except (BadInput, Refused) as error:
            problem, wrong = words.sentence(error), error.field if isinstance(error, BadInput) else ""
        else:
            messages.success(request, told)
            return redirect("official_accounts")
    context = {
        "place": "registers",
        "part": "official",
        "accounts": queries.official_accounts_of(actor.organisation_id),
        "networks": [(name, words.network_name(name)) for name in NETWORKS],
        "may_confirm": actor.may("registers"),
        "today": timezone.localdate().isoformat(),
        "given": given,
        "problem": problem,
        "wrong": wrong,
    }
    return page(request, actor, "yoake/official_accounts.html", context, status=400 if problem else 200)


def body_name(body: Listed) -> str:
    """What a body is called, in the reader's language."""
    return body.name_en if (get_language() or "ja").startswith("en") else body.name_ja


def way_name(way: str) -> str:
    """What a way to reach a body is called."""
    return str(Contact.Way(way).label)


def _body_page(
    request: HttpRequest, actor: Actor, slug: str, *, problem: str = "", wrong: str = "", status: int = 200
) -> HttpResponse:
    try:
        found = queries.body_of(actor.organisation_id, slug)
    except BadInput:
        raise Http404 from None
    return page(
        request,
        actor,
        "yoake/register_body.html",
        {
            "place": "registers",
            "part": "bodies",
            "body": found,
            "name": body_name(found),
            "kind": str(Kind(found.kind).label),
            "ways": [_way(one) for one in found.ways.values()],
            "history": queries.history_of(actor.organisation_id, slug),
            **(figures_context(actor, slug) if found.kind in PROVIDERS else {}),
            "may_fill": actor.may("fill_registers"),
            "may_confirm": actor.may("registers"),
            "today": timezone.localdate().isoformat(),
            "source_longest": checks.SOURCE_LONGEST,
            "given": request.POST,
            "problem": problem,
            "wrong": wrong,
        },
        status=status,
    )


def _way(way: Way) -> WayShown:
    key = way.name == queries.PUBLIC_KEY
    lines = way.name in (queries.ADDRESS, queries.TERMS)
    today = timezone.localdate()
    return WayShown(
        way,
        way_name(way.name),
        lines,
        fingerprint(way.value) if key and way.value else "",
        fingerprint(way.draft.value) if key and way.draft is not None else "",
        {queries.TERMS: checks.TERMS_LONGEST, queries.ADDRESS: checks.ADDRESS_LONGEST}.get(way.name, 2000),
        way.verified and way.checked_on is not None and (today - way.checked_on).days > checks.LOOK_AGAIN_DAYS,
    )


def _listed(body: Listed) -> BodyShown:
    confirmed = [way_name(way.name) for way in body.ways.values() if way.verified]
    drafts = sum(way.draft is not None for way in body.ways.values())
    return BodyShown(body, body_name(body), str(Kind(body.kind).label), confirmed, drafts)


def _fill_in(actor: Actor, slug: str, way: str, given: Any) -> None:
    """An administrator who says where it is from in the same form confirms it at once."""
    contact = actions.fill_in(actor, slug, way, given.get("value", ""))
    if actor.may("registers") and given.get("where_from", "").strip():
        actions.confirm(actor, contact.pk, given.get("where_from", ""), given.get("checked_on", ""))
