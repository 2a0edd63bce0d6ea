"""Signing in and out, one's password, language and organisation. People come by invitation or `yoake user add`."""

from __future__ import annotations

import time
from typing import Any

from allauth.account import app_settings as account_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
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

from yoake.casework.people.actions import change_password, choose_language, note_second_factor, note_sign_in
from yoake.casework.people.models import User
from yoake.casework.people.queries import Actor, has_second_factor, organisations_of
from yoake.console.page import ORGANISATION, SECOND_FACTOR_DUE, number

_NOTED = {  # what allauth would send a mail about
    "mfa/email/totp_activated": "second_factor_added",
    "mfa/email/totp_deactivated": "second_factor_removed",
    "mfa/email/webauthn_added": "second_factor_added",
    "mfa/email/webauthn_removed": "second_factor_removed",
    "mfa/email/recovery_codes_generated": "recovery_codes_made",
}


class ClosedAccounts(DefaultAccountAdapter):  # type: ignore[misc]
    """Nobody signs up by themselves, and nothing is said that helps somebody to guess."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": gettext_lazy("The user name or the password is wrong; please type both again."),
        "too_many_login_attempts": gettext_lazy("Too many tries; please wait five minutes, then sign in again."),
        "incorrect_password": gettext_lazy("That is not your current password; please type it again."),
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

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        """Signed in, by whatever way: the audit knows, a second factor may be due, the pages speak the person's language."""
        response: HttpResponse = super().post_login(request, user, **kwargs)
        due = note_sign_in(user) or not settings.ENVIRONMENT.loopback_only
        if not _vouched_for(kwargs.get("signal_kwargs")) and not has_second_factor(user):
            request.session[SECOND_FACTOR_DUE] = due
            if not due:
                told = gettext(
                    "From your next sign-in on a second factor is needed; set it up under your name, Security."
                )
                messages.info(request, told)
        if user.language:
            response.set_cookie(settings.LANGUAGE_COOKIE_NAME, user.language, samesite="Lax", httponly=True)
        return response

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Who just signed in or confirmed who they are is not asked again."""
        since = time.time() - account_settings.REAUTHENTICATION_TIMEOUT
        request = self.request
        return not any(record["at"] > since for record in get_authentication_records(request, request.user))

    def send_notification_mail(self, template_prefix: str, user: User, *args: Any, **kwargs: Any) -> None:
        """No mail is sent; the audit knows what a person changed about how they sign in."""
        if template_prefix in _NOTED:
            note_second_factor(user, _NOTED[template_prefix])

    def set_password(self, user: User, password: str) -> None:
        """As an action, so that the audit knows."""
        change_password(Actor(f"user:{user.pk}", user.pk, 0, ""), user, password)


def _vouched_for(signal_kwargs: dict[str, Any] | None) -> bool:
    """Whether the organisation's own sign-in says that it asked for a second factor (`amr` of RFC 8176)."""
    login = (signal_kwargs or {}).get("sociallogin")
    claims = (login.account.extra_data.get("id_token") or {}) if login is not None else {}
    methods = claims.get("amr")
    return isinstance(methods, list) and bool({"mfa", "hwk", "otp", "sc"}.intersection(map(str, methods)))


class SignIn(LoginView):  # type: ignore[misc]
    """The door."""

    template_name = "yoake/sign_in.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """With the organisation's own sign-in, where one is set."""
        return {**super().get_context_data(**kwargs), "elsewhere": settings.ENVIRONMENT.oidc_name}


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


@require_POST
def organisation(request: HttpRequest) -> HttpResponse:
    """Switches to another organisation of the person."""
    chosen = number(request.POST.get("organisation", ""))
    if isinstance(request.user, User) and chosen in [one.pk for one in organisations_of(request.user)]:
        request.session[ORGANISATION] = chosen
    return redirect("home")
