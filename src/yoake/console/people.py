"""People: who works here, with which role; inviting, changing, leaving, a lost second factor. For administrators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ParamSpec

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy, gettext_noop
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from yoake.casework.people import actions, invitations
from yoake.casework.people.models import Membership
from yoake.casework.people.queries import INVITATION_KEPT, Actor, Member, members_of, open_invitations
from yoake.console.page import View, page, page_for
from yoake.console.words import role_name, sentence
from yoake.errors import YoakeError

# What each role is for, in one line; an administrator chooses by it.
ROLES = {
    Membership.Role.ANALYST: gettext_lazy("reads and decides"),
    Membership.Role.SUPERVISOR: gettext_lazy("also second reviews, others' decisions, quality"),
    Membership.Role.ADMINISTRATOR: gettext_lazy("everything, with people, sources and audit"),
    Membership.Role.AUDITOR: gettext_lazy("reads cases, quality and audit; decides nothing"),
    Membership.Role.ADVISER: gettext_lazy("answers questions on cases put to them; sees no others"),
    Membership.Role.PARTNER: gettext_lazy("reads what was decided in scope, without the author"),
}
P = ParamSpec("P")


def _sensitive(view: View[P]) -> View[P]:
    """Who has not shown lately who they are does it again first."""
    again: View[P] = reauthentication_required(app="yoake.people")(view)
    return again


# What the actions say, so that the catalogue has it.
_SENTENCES = (
    gettext_noop("nobody does this to themselves; ask another administrator"),
    gettext_noop("this is the last administrator; make somebody else one first"),
    gettext_noop("this person works for another organisation too; only the command line can do this for both"),
    gettext_noop("somebody else has this person's staff number now; give that one another number first"),
    gettext_noop("this invitation was used, withdrawn, or its time is over; ask for a new one"),
    gettext_noop("you belong to this organisation already"),
    gettext_noop("a number that nobody else of the organisation has"),
    gettext_noop("a name of letters, digits and @ . + - _ that nobody has yet"),
    gettext_noop("a mail address, or nothing"),
    gettext_noop("an invitation of your organisation that nobody used yet"),
)


@dataclass(frozen=True)
class Row:
    """One person as the list shows them."""

    member: Member
    role: str
    me: bool
    last_sign_in: datetime | None
    factors: list[str]


@require_safe
@page_for("people")
def show(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Everybody, and the invitations nobody used yet."""
    return _page(request, actor)


@require_http_methods(["GET", "POST"])
@page_for("people")
@_sensitive
def invite(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Makes an invitation and shows its link, once."""
    if request.method == "GET":
        return redirect("people")
    entered = {name: request.POST.get(name, "") for name in ("name", "role", "staff_number", "email")}
    try:
        invitation, token = invitations.invite(actor, now=None, **entered)
    except YoakeError as error:
        return _page(request, actor, problem=sentence(error), entered=entered, status=400)
    link = request.build_absolute_uri(reverse("invitation", args=[token]))
    return _page(request, actor, made=invitation, link=link)


@require_POST
@page_for("people")
def withdraw(request: HttpRequest, actor: Actor, invitation_id: int) -> HttpResponse:
    """The link works no more."""
    invitations.withdraw_invitation(actor, invitation_id)
    messages.success(request, gettext("The invitation is withdrawn; its link works no more."))
    return redirect("people")


@require_http_methods(["GET", "POST"])
@page_for("people")
@_sensitive
def change(request: HttpRequest, actor: Actor, user_id: int) -> HttpResponse:
    """One person: what is asked for in `do` is done (POST)."""
    if request.method == "POST":
        acts: dict[str, tuple[Callable[[], Any], str]] = {
            "role": (
                lambda: actions.change_role(actor, user_id, request.POST.get("role", "")),
                gettext("The role is changed."),
            ),
            "staff_number": (
                lambda: actions.change_staff_number(actor, user_id, request.POST.get("staff_number", "")),
                gettext("The staff number is changed."),
            ),
            "deactivate": (
                lambda: actions.deactivate(actor, user_id),
                gettext("This person can do nothing here any more; their sessions ended."),
            ),
            "reactivate": (lambda: actions.reactivate(actor, user_id), gettext("This person works here again.")),
            "reset": (
                lambda: actions.reset_second_factor(actor, user_id),
                gettext("The second factor is reset; at the next sign-in a new one is set up."),
            ),
        }
        act = acts.get(request.POST.get("do", ""))
        if act is None:
            return redirect("change_person", user_id=user_id)
        try:
            act[0]()
        except YoakeError as error:
            return _person(request, actor, user_id, problem=sentence(error), status=409)
        messages.success(request, act[1])
        return redirect("change_person", user_id=user_id)
    return _person(request, actor, user_id)


def _person(request: HttpRequest, actor: Actor, user_id: int, *, problem: str = "", status: int = 200) -> HttpResponse:
    rows = [_row(actor, member) for member in members_of(actor) if member.user.pk == user_id]
    if not rows:
        return redirect("people")
    context = {"place": "people", "row": rows[0], "roles": _roles(), "problem": problem}
    return page(request, actor, "yoake/person.html", context, status=status)


def _page(request: HttpRequest, actor: Actor, *, status: int = 200, **more: Any) -> HttpResponse:
    context = {
        "place": "people",
        "rows": [_row(actor, member) for member in members_of(actor)],
        "invitations": [(one, role_name(one.role)) for one in open_invitations(actor)],
        "roles": _roles(),
        "hours": INVITATION_KEPT.total_seconds() // 3600,
        **more,
    }
    return page(request, actor, "yoake/people.html", context, status=status)


def _row(actor: Actor, member: Member) -> Row:
    known = {"totp": gettext("app"), "webauthn": gettext("security key")}
    factors = [known[kind] for kind in sorted(member.second_factors) if kind in known]
    role = role_name(member.membership.role)
    return Row(member, role, member.user.pk == actor.user_id, member.user.last_login, factors)


def _roles() -> list[tuple[str, str, str]]:
    return [(role.value, role_name(role.value), str(what)) for role, what in ROLES.items()]
