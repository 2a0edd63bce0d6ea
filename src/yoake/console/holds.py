"""Hands off: what the organisation holds, for those who may hold. Nobody asks why, and other bodies see only "held"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from yoake.casework.cases import holds
from yoake.casework.cases.hold_keys import ANY_APP
from yoake.casework.cases.models import Hold, Post
from yoake.casework.cases.queries import case_view
from yoake.casework.people.queries import Actor
from yoake.console import words
from yoake.console.page import number, page, page_for
from yoake.detect.text.extraction import extract
from yoake.errors import BadInput, Refused

DAYS = 30  # proposed
MOST_PROPOSED = 12
NETWORKS = ("x", "bluesky", "threads", "fediverse", "nostr")
_APPS = {
    "line": "LINE",
    "telegram": "Telegram",
    "signal": "Signal",
    "wickr": "Wickr",
    "session": "Session",
    "kakaotalk": "KakaoTalk",
    "wechat": "WeChat",
    "zalo": "Zalo",
    "facebook": "Facebook",
    "instagram": "Instagram",
    "whatsapp": "WhatsApp",
    "discord": "Discord",
}


@dataclass(frozen=True)
class Proposed:
    """Something of a post that can be held with one press."""

    kind: str
    value: str
    network: str = ""
    app: str = ANY_APP


@require_http_methods(["GET", "POST"])
@page_for("hold")
def show(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The organisation's holds, and the placing of a new one."""
    if request.method == "POST":
        given = request.POST
        try:
            holds.place_hold(
                actor,
                given.get("kind", ""),
                given.get("held", ""),
                network=given.get("network", ""),
                app=given.get("app", ANY_APP),
                days=number(given.get("days", "")),
            )
        except (BadInput, Refused) as error:
            field = error.field if isinstance(error, BadInput) else ""
            return _page(request, actor, problem=words.sentence(error), wrong_field=field)
        messages.success(request, gettext("Held. Other bodies see only that it is held, not by whom or until when."))
        return redirect("holds")
    return _page(request, actor)


@require_http_methods(["GET", "POST"])
@page_for("hold")
def renew(request: HttpRequest, actor: Actor, hold_id: int) -> HttpResponse:
    """Lets a hold last so many days from now."""
    if request.method == "POST":
        return _done(
            request, lambda: holds.renew_hold(actor, hold_id, number(request.POST.get("days", ""))), gettext("Renewed.")
        )
    return redirect("holds")


@require_http_methods(["GET", "POST"])
@page_for("hold")
def lift(request: HttpRequest, actor: Actor, hold_id: int) -> HttpResponse:
    """Ends a hold at once."""
    if request.method == "POST":
        return _done(
            request, lambda: holds.lift_hold(actor, hold_id), gettext("Lifted; what was held is forgotten here.")
        )
    return redirect("holds")


def proposals(actor: Actor, case_id: int) -> list[Proposed]:
    """What can be held of a post: its author, its address, and the contacts, numbers and addresses in what the author wrote."""
    view = case_view(actor, case_id)
    post, account = view.case.post, view.case.post.account
    if view.version is None or view.record_only or post.erased_at is not None:
        return []
    found: list[Proposed] = []
    if account is not None:
        found.append(Proposed("account", account.handle or account.native_id, network=account.network))
    if post.url:
        found.append(Proposed("url", post.url))
    for one in (*extract(view.version.profile), *extract(view.version.text)):
        if one.kind in ("phone", "url"):
            found.append(Proposed(one.kind, one.value))
        elif one.kind == "contact":
            app, colon, name = one.value.partition(":")
            known = bool(colon) and app in holds.APPS
            found.append(Proposed("contact", name if colon else one.value, app=app if known else ANY_APP))
    return list(dict.fromkeys(found))[:MOST_PROPOSED]


def hold_kind_name(kind: str) -> str:
    """What is held: an account, a contact id, a number, an address."""
    return str(Hold.Kind(kind).label)


def app_name(app: str) -> str:
    """What an app is called."""
    return gettext("any app, or none named") if app == ANY_APP else gettext("mail") if app == "mail" else _APPS[app]


def _page(request: HttpRequest, actor: Actor, *, problem: str = "", wrong_field: str = "") -> HttpResponse:
    now = timezone.now()
    case_id = number(request.GET.get("case", "") or request.POST.get("case", ""))
    rows = holds.holds_of(actor, now)
    entered: dict[str, Any] = request.POST.dict() if request.method == "POST" else {"days": str(DAYS)}
    own = Post.objects.filter(cases__organisation_id=actor.organisation_id, cases__practice=False)
    seen = own.exclude(network__in=("web", "hand", *NETWORKS)).order_by().values_list("network", flat=True).distinct()
    return page(
        request,
        actor,
        "yoake/holds.html",
        {
            "place": "holds",
            "in_force": [row for row in rows if row.in_force],
            "over": [row for row in rows if not row.in_force],
            "case_id": case_id,
            "proposals": proposals(actor, case_id) if case_id else [],
            "kinds": Hold.Kind.choices,
            "networks": [(name, words.network_name(name)) for name in (*NETWORKS, *sorted(seen))],
            "apps": [(name, app_name(name)) for name in (ANY_APP, *holds.APPS)],
            "entered": entered,
            "longest_days": holds.LONGEST_DAYS,
            "remembered_days": holds.REMEMBERED.days,
            "problem": problem,
            "wrong_field": wrong_field,
        },
    )


def _done(request: HttpRequest, act: Any, said: str) -> HttpResponse:
    try:
        act()
    except (BadInput, Refused) as error:
        messages.error(request, words.sentence(error))
    else:
        messages.success(request, said)
    return redirect("holds")
