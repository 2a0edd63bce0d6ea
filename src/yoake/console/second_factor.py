"""Second factors, recovery codes, sessions: allauth's views with our pages, and what it asks us about them."""

from __future__ import annotations

import base64
from typing import Any

from allauth.account.decorators import reauthentication_required
from allauth.account.views import ReauthenticateView
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base.views import AuthenticateView, IndexView
from allauth.mfa.base.views import ReauthenticateView as ReauthenticateByCode
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.views import (
    DownloadRecoveryCodesView,
    GenerateRecoveryCodesView,
    ViewRecoveryCodesView,
)
from allauth.mfa.totp.views import ActivateTOTPView, DeactivateTOTPView
from allauth.mfa.webauthn.views import AddWebAuthnView, ReauthenticateWebAuthnView, RemoveWebAuthnView
from allauth.usersessions.views import ListUserSessionsView
from cryptography.fernet import Fernet
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse, reverse_lazy
from django.utils.crypto import salted_hmac
from django.utils.decorators import method_decorator
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.cache import never_cache

from yoake.casework.people.models import User
from yoake.casework.people.queries import has_second_factor
from yoake.console.page import SECOND_FACTOR_DUE

_BY_ADDRESS = ("127.0.0.1", "[::1]")  # browsers tie security keys to names, never to addresses


class SecondFactors(DefaultMFAAdapter):  # type: ignore[misc]
    """Secrets are encrypted where they are stored; sentences say what to do."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": gettext_lazy("This code or key does not fit; please try again with a new code."),
    }

    def encrypt(self, text: str) -> str:
        """As it stands in the database."""
        return _cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """As it was."""
        return _cipher().decrypt(encrypted_text.encode()).decode()

    def get_totp_label(self, user: User) -> str:
        """What the app shows: the name one signs in with."""
        return user.username

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:  # noqa: A002 - its name there
        """What a new key is called when nobody says."""
        n = Authenticator.objects.filter(user_id=user.pk, type=type).count() + 1
        return gettext("Key %(n)d") % {"n": n}

    def _get_site_name(self) -> str:
        return "Yoake"


def _cipher() -> Fernet:
    key = salted_hmac("yoake.second_factor", "key", algorithm="sha256").digest()
    return Fernet(base64.urlsafe_b64encode(key))


def by_name(request: HttpRequest, path: str = "") -> str:
    """The same page under the name localhost, where it was opened by a loopback address; "" where that is not needed."""
    host, port = request.get_host(), ""
    for address in _BY_ADDRESS:
        if host == address or host.startswith(f"{address}:"):
            port = host.removeprefix(address)
            break
    else:
        return ""
    if "localhost" not in settings.ALLOWED_HOSTS:
        return ""
    return f"{request.scheme}://localhost{port}{path or request.get_full_path()}"


@method_decorator(never_cache, name="dispatch")
class Security(IndexView):  # type: ignore[misc]
    """How one signs in: app, keys, recovery codes, sessions; and what is due."""

    template_name = "yoake/security.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """With what is due and where keys can be added."""
        user = self.request.user
        return {
            **super().get_context_data(**kwargs),
            "due": bool(self.request.session.get(SECOND_FACTOR_DUE)) and not has_second_factor(user),
            "has_password": user.has_usable_password(),
        }


class App(ActivateTOTPView):  # type: ignore[misc]
    """Setting up an authenticator app."""

    template_name = "yoake/security_app.html"


class NoApp(DeactivateTOTPView):  # type: ignore[misc]
    """Taking the app away, to set up another one."""

    template_name = "yoake/security_no_app.html"

    def form_valid(self, form: Any) -> HttpResponse:
        """Gone; where none is left, one is set up before anything else."""
        response: HttpResponse = super().form_valid(form)
        return _due_again(self.request, response)


class Key(AddWebAuthnView):  # type: ignore[misc]
    """Adding a security key; under the name localhost where the page was opened by a loopback address."""

    template_name = "yoake/security_key.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """To the name a key can be tied to."""
        if request.method == "GET" and (there := by_name(request)):
            return HttpResponseRedirect(there)
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return response


class NoKey(RemoveWebAuthnView):  # type: ignore[misc]
    """Taking a key away."""

    template_name = "yoake/security_no_key.html"
    success_url = reverse_lazy("mfa_index")

    def form_valid(self, form: Any) -> HttpResponse:
        """Gone; where none is left, a second factor is set up before anything else."""
        return _due_again(self.request, super().form_valid(form))


@method_decorator(never_cache, name="dispatch")
class Codes(ViewRecoveryCodesView):  # type: ignore[misc]
    """The recovery codes nobody used yet."""

    template_name = "yoake/security_codes.html"


class CodesFile(DownloadRecoveryCodesView):  # type: ignore[misc]
    """The same as a text file."""

    template_name = "yoake/security_codes.txt"


class NewCodes(GenerateRecoveryCodesView):  # type: ignore[misc]
    """New recovery codes; the old ones work no more."""

    template_name = "yoake/security_new_codes.html"


@method_decorator([never_cache, reauthentication_required(app="yoake.sessions")], name="dispatch")
class Sessions(ListUserSessionsView):  # type: ignore[misc]
    """Where one is signed in; all others can be ended."""

    template_name = "yoake/sessions.html"


class SecondStep(AuthenticateView):  # type: ignore[misc]
    """After the password: a code or a key."""

    template_name = "yoake/sign_in_code.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """With what this person has, and where a key can be used."""
        factors = set(Authenticator.objects.filter(user=self.stage.login.user).values_list("type", flat=True))
        return {
            **super().get_context_data(**kwargs),
            "has_code": bool(factors & {Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES}),
            "has_key": Authenticator.Type.WEBAUTHN in factors,
            "by_name": by_name(self.request, reverse("account_login")),
        }


@method_decorator(never_cache, name="dispatch")
class Confirm(ReauthenticateView):  # type: ignore[misc]
    """Asks for the password again before a sensitive act."""

    template_name = "yoake/confirm_password.html"


@method_decorator(never_cache, name="dispatch")
class ConfirmByCode(ReauthenticateByCode):  # type: ignore[misc]
    """The same by a code."""

    template_name = "yoake/confirm_code.html"


@method_decorator(never_cache, name="dispatch")
class ConfirmByKey(ReauthenticateWebAuthnView):  # type: ignore[misc]
    """The same by a security key."""

    template_name = "yoake/confirm_key.html"


def _due_again(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    if isinstance(request.user, User) and not has_second_factor(request.user):
        request.session[SECOND_FACTOR_DUE] = True
    return response
