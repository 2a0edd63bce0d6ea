"""Signing in and out, one's password, one's language. Accounts are made by administrators (`yoake user add`)."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.views import LoginView, LogoutView, PasswordChangeView
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.utils.translation import check_for_language, gettext, gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from django.views.i18n import set_language

from yoake.casework.people.actions import change_password, choose_language, note_sign_in
from yoake.casework.people.models import User
from yoake.casework.people.queries import Actor


class ClosedAccounts(DefaultAccountAdapter):  # type: ignore[misc]
    """Nobody signs up by themselves, and nothing is said that helps somebody to guess."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": gettext_lazy("The user name or the password is wrong; please type both again."),
        "too_many_login_attempts": gettext_lazy("Too many tries; please wait five minutes, then sign in again."),
        "enter_current_password": gettext_lazy("That is not your current password; please type it again."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def get_logout_redirect_url(self, request: HttpRequest) -> str:
        """Back to the door."""
        return settings.LOGIN_URL

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Back to work."""
        return settings.LOGIN_REDIRECT_URL

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        """The same sentence as for a wrong password."""
        messages.error(request, str(self.error_messages["username_password_mismatch"]))
        return redirect(settings.LOGIN_URL)

    def add_message(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Pages say what matters; "you have signed in" does not."""

    def set_password(self, user: User, password: str) -> None:
        """As an action, so that the audit knows."""
        change_password(Actor(f"user:{user.pk}", user.pk, 0, ""), user, password)


class SignIn(LoginView):  # type: ignore[misc]
    """The door."""

    template_name = "yoake/sign_in.html"

    def form_valid(self, form: Any) -> HttpResponse:
        """Signed in: the audit knows, and the pages speak the person's language."""
        response: HttpResponse = super().form_valid(form)
        user = self.request.user
        if isinstance(user, User):
            note_sign_in(user)
            if user.language:
                response.set_cookie(settings.LANGUAGE_COOKIE_NAME, user.language, samesite="Lax", httponly=True)
        return response


class SignOut(LogoutView):  # type: ignore[misc]
    """Asks once (GET), then signs out (POST)."""

    template_name = "yoake/sign_out.html"


@method_decorator([never_cache, login_required], name="dispatch")
class Password(PasswordChangeView):  # type: ignore[misc]
    """One's own password."""

    template_name = "yoake/password.html"

    def form_valid(self, form: Any) -> HttpResponse:
        """Changed: other sessions of this person end, this one goes on."""
        response: HttpResponse = super().form_valid(form)
        messages.success(self.request, gettext("Your password has been changed; you are signed out everywhere else."))
        return response


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Switches the language of the pages, and remembers it with the person."""
    chosen = request.POST.get("language", "")
    response = set_language(request)
    known = chosen in dict(settings.LANGUAGES) and check_for_language(chosen)
    if isinstance(request.user, User) and known:
        choose_language(request.user, chosen)
    return response
