"""Signing in at the organisation's own identity provider (OpenID Connect). It vouches for people we know; it makes nobody known."""

from __future__ import annotations

import logging
from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.internal import jwtkit
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialLogin
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from jwt import PyJWTError
from requests import RequestException

from yoake.casework.people.actions import note_identity
from yoake.casework.people.invitations import accept_by_address
from yoake.casework.people.models import Membership, User
from yoake.errors import BadInput

PROVIDER = "oidc"
log = logging.getLogger("yoake.people")


class KnownPeople(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Whoever was added or invited may come in this way; nobody else."""

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Finds the person: by an earlier sign-in, else by user name, verified address or an open invitation.

        A provider that speaks for one organisation signs in its people alone, and nobody who works for another one too: whoever
        runs it would be in there as well.
        """
        user = sociallogin.user if sociallogin.is_existing else _known(_claims(sociallogin))
        places = _places(user) if user is not None else set()
        if user is None or (spoken_for() and spoken_for() not in places):
            raise ImmediateHttpResponse(
                _back(request, gettext("Yoake does not know you yet; ask an administrator for an invitation."))
            )
        if spoken_for() and len(places) > 1:
            raise ImmediateHttpResponse(_back(request, only_there()))
        if sociallogin.is_existing:
            return
        if SocialAccount.objects.filter(user=user, provider=sociallogin.account.provider).exists():
            raise ImmediateHttpResponse(
                _back(request, gettext("This name belongs to somebody else there; ask an administrator."))
            )
        with transaction.atomic():
            sociallogin.connect(request, user)
            note_identity(user)

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Never."""
        return False

    def on_authentication_error(self, request: HttpRequest, provider: Any, **kwargs: Any) -> None:
        """Back to the door with a sentence; the log says what happened, without what travelled."""
        log.warning("signing in elsewhere failed: %s", type(kwargs.get("exception")).__name__)
        raise ImmediateHttpResponse(_back(request, _failed()))


class _Provider(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    """Every id_token is checked against the provider's keys, however it came."""

    def _decode_id_token(self, app: SocialApp, id_token: str) -> dict[str, Any]:
        claims: dict[str, Any] = jwtkit.verify_and_decode(
            credential=id_token,
            keys_url=self.openid_config["jwks_uri"],
            issuer=self.openid_config["issuer"],
            audience=app.client_id,
            lookup_kid=jwtkit.lookup_kid_jwk,
            verify_signature=True,
        )
        return claims

    def complete_login(self, request: HttpRequest, app: SocialApp, token: Any, **kwargs: Any) -> SocialLogin:
        if not kwargs["response"].get("id_token"):
            raise OAuth2Error("no id_token")
        login = super().complete_login(request, app, token, **kwargs)
        data = login.account.extra_data
        if "userinfo" in data and data["userinfo"].get("sub") != data["id_token"].get("sub"):
            raise OAuth2Error("userinfo is about somebody else")
        return login


def spoken_for() -> str:
    """The organisation for whose people alone the provider speaks; "" for everybody's."""
    return str(settings.ENVIRONMENT.oidc_organisation)


def only_there() -> str:
    """Why somebody cannot be in another organisation by this way."""
    told = gettext("This way of signing in is for people who work for %(place)s alone; sign in with a password here.")
    return told % {"place": spoken_for()}


def came_this_way(request: HttpRequest) -> bool:
    """Whether it was the provider that said who this is."""
    return any(one.get("method") == "socialaccount" for one in get_authentication_records(request, request.user))


@require_safe
@never_cache
def sign_in(request: HttpRequest, provider_id: str) -> HttpResponse:
    """To the identity provider."""
    return _through(OAuth2LoginView, request, provider_id)


@require_safe
@never_cache
def callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Back from there."""
    return _through(OAuth2CallbackView, request, provider_id)


def _through(view: Any, request: HttpRequest, provider_id: str) -> HttpResponse:
    if not settings.ENVIRONMENT.oidc_issuer or provider_id != PROVIDER:
        raise Http404
    try:
        response: HttpResponse = view.adapter_view(_Provider(request, provider_id))(request)
    except ImmediateHttpResponse as answer:
        return answer.response  # type: ignore[no-any-return]
    except (RequestException, OAuth2Error, PyJWTError, KeyError, ValueError) as error:
        log.warning("signing in elsewhere failed: %s", type(error).__name__)
        return _back(request, _failed())
    return response


def _failed() -> str:
    return gettext("Signing in elsewhere did not work; please try again, or sign in here with your password.")


def _claims(sociallogin: SocialLogin) -> dict[str, Any]:
    data = sociallogin.account.extra_data
    return {**(data.get("id_token") or {}), **(data.get("userinfo") or {})}


def _known(claims: dict[str, Any]) -> User | None:
    """The person these claims are about: an exact user name, else a verified mail address that is one person's only."""
    people = User.objects.all()
    if spoken_for():
        people = people.filter(memberships__organisation__name=spoken_for(), memberships__ended_at=None)
    name = str(claims.get("preferred_username") or "").strip()
    email = str(claims.get("email") or "").strip() if claims.get("email_verified") is True else ""
    with transaction.atomic():
        if name and (user := people.filter(username=name).first()):
            return user
        if not email:
            return None
        of_address = list(people.filter(email__iexact=email)[:2])
        if of_address:
            return of_address[0] if len(of_address) == 1 else None
        try:
            return accept_by_address(email, name, organisation=spoken_for())
        except BadInput:
            return None


def _places(user: User) -> set[str]:
    """Names of the organisations a person works for."""
    mine = Membership.objects.filter(user=user, ended_at=None)
    return set(mine.values_list("organisation__name", flat=True))


def _back(request: HttpRequest, why: str) -> HttpResponse:
    messages.error(request, why)
    return redirect(settings.LOGIN_URL)
