"""Where an invitation's link leads: a new person chooses a name and a password, somebody of another organisation joins."""

from __future__ import annotations

from allauth.core import ratelimit
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from yoake.casework.people.invitations import accept_as, accept_as_new
from yoake.casework.people.models import User
from yoake.casework.people.queries import invitation_of
from yoake.console.elsewhere import came_this_way, only_there, spoken_for
from yoake.console.page import ORGANISATION
from yoake.console.words import role_name, sentence
from yoake.errors import Refused, YoakeError


@sensitive_post_parameters("password", "again")
@never_cache
@require_http_methods(["GET", "POST"])
def accept(request: HttpRequest, token: str) -> HttpResponse:
    """Says who invites (GET); takes the invitation (POST). Guessing is slowed as at the door."""
    if limited := ratelimit.consume_or_429(request, action="login"):
        return limited  # type: ignore[no-any-return]
    invitation = invitation_of(token)
    if invitation is None:
        return render(request, "yoake/invitation_over.html", status=404)
    problem = ""
    if request.method == "POST":
        password = request.POST.get("password", "")
        try:
            if isinstance(request.user, User):
                if spoken_for() not in ("", invitation.organisation.name) and came_this_way(request):
                    raise Refused(only_there())
                accept_as(request.user, token)
                request.session[ORGANISATION] = invitation.organisation_id
                return redirect("home")
            if password == request.POST.get("again", ""):
                accept_as_new(token, request.POST.get("username", ""), password)
                messages.success(
                    request, gettext("You belong to it now; sign in with the name and password you chose.")
                )
                return redirect("account_login")
            problem = gettext("The two passwords differ; please type both again.")
        except YoakeError as error:
            problem = sentence(error)
    context = {
        "invitation": invitation,
        "role_name": role_name(invitation.role),
        "username": request.POST.get("username", ""),
        "problem": problem,
    }
    return render(request, "yoake/invitation.html", context, status=400 if problem else 200)
