"""Signing in at an identity provider, against a real one on loopback: it vouches for people we know, and makes nobody known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.cache import cache
from django.test import Client, override_settings

from tests.servers.oidc import CLIENT_ID, CLIENT_SECRET, Oidc
from yoake.casework.audit.models import Entry
from yoake.casework.people.invitations import invite
from yoake.casework.people.models import Membership, Organisation, User
from yoake.casework.people.queries import Actor

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider() -> Iterator[Oidc]:
    cache.clear()
    with Oidc() as server:
        told = {
            "oidc_issuer": server.issuer,
            "oidc_client_id": CLIENT_ID,
            "oidc_client_secret": CLIENT_SECRET,
            "oidc_name": "県庁サインイン",
        }
        environment = type(settings.ENVIRONMENT)(**{**vars(settings.ENVIRONMENT), **told})
        app = {
            "provider_id": "oidc",
            "name": environment.oidc_name,
            "client_id": CLIENT_ID,
            "secret": CLIENT_SECRET,
            "settings": {"server_url": server.issuer, "oauth_pkce_enabled": True},
        }
        with override_settings(ENVIRONMENT=environment, SOCIALACCOUNT_PROVIDERS={"openid_connect": {"APPS": [app]}}):
            yield server
    cache.clear()


def through(client: Client, at: str = "/sign-in/oidc/") -> Any:
    """Goes to the provider and comes back as a browser would; what Yoake answers at the end."""
    there = client.get(at)
    assert there.status_code == 302
    if not there["Location"].startswith("http"):
        return there
    back = requests.get(there["Location"], allow_redirects=False, timeout=10)
    url = urlsplit(back.headers["Location"])
    return client.get(f"{url.path}?{url.query}")


def told(client: Client) -> str:
    return client.get("/sign-in/").content.decode()


def is_in(client: Client) -> bool:
    return bool(client.get("/security/").status_code == 200)


def browser() -> Client:
    return Client(HTTP_ACCEPT_LANGUAGE="en")


def test_a_known_person_comes_in_by_name(provider: Oidc, analyst: User) -> None:
    provider.claims = {"sub": "s-1", "preferred_username": "analyst"}
    client = browser()
    assert "Sign in with 県庁サインイン" in told(client)
    assert through(client, "/sign-in/oidc/?next=/practice/")["Location"] == "/practice/"
    assert is_in(client)
    assert Entry.objects.filter(kind="signed_in", actor=f"user:{analyst.pk}").exists()
    provider.claims = {"sub": "s-1", "preferred_username": "renamed"}
    again = browser()
    through(again)
    assert is_in(again), "known by the subject from then on"
    assert Entry.objects.filter(kind="identity_linked", actor=f"user:{analyst.pk}").count() == 1
    provider.claims = {"sub": "s-2", "preferred_username": "analyst"}
    other = browser()
    through(other)
    assert "belongs to somebody else" in told(other), "somebody who took the name there does not become this person"
    assert not is_in(other)


def test_a_verified_address_is_enough_an_unverified_is_not(provider: Oidc, analyst: User) -> None:
    User.objects.filter(pk=analyst.pk).update(email="a@police.example")
    for verified, comes_in in ((False, False), ("true", False), (True, True)):
        provider.claims = {"sub": "s-1", "email": "A@police.example", "email_verified": verified}
        client = browser()
        through(client)
        assert is_in(client) is comes_in, verified


def test_nobody_signs_up(provider: Oidc, analyst: User) -> None:
    provider.claims = {"sub": "s-9", "preferred_username": "stranger", "email": "x@y.example", "email_verified": True}
    client = browser()
    assert through(client)["Location"] == "/sign-in/"
    assert "does not know you yet" in told(client)
    assert User.objects.count() == 1


def test_the_invited_come_in_without_a_password(provider: Oidc, as_administrator: Actor) -> None:
    invite(as_administrator, name="新田", role="auditor", staff_number="N-1", email="nitta@police.example")
    provider.claims = {
        "sub": "s-3",
        "preferred_username": "nitta",
        "email": "nitta@police.example",
        "email_verified": True,
    }
    client = browser()
    through(client)
    assert is_in(client)
    user = User.objects.get(username="nitta")
    assert Membership.objects.get(user=user).role == "auditor"
    assert not user.has_usable_password()


def test_somebody_who_left_stays_out(provider: Oidc, analyst: User) -> None:
    User.objects.filter(pk=analyst.pk).update(is_active=False)
    provider.claims = {"sub": "s-1", "preferred_username": "analyst"}
    client = browser()
    through(client)
    assert not is_in(client)


@pytest.mark.parametrize(
    "fault",
    ["wrong_key", "wrong_audience", "wrong_issuer", "no_id_token", "other_subject", "refuse", "broken_token"],
)
def test_what_is_forged_or_broken_is_refused(provider: Oidc, analyst: User, fault: str) -> None:
    provider.claims = {"sub": "s-1", "preferred_username": "analyst"}
    provider.faults = {fault}
    client = browser()
    assert through(client)["Location"] == "/sign-in/"
    assert "did not work" in told(client)
    assert not is_in(client)
    provider.faults = set()
    through(client)
    assert is_in(client), "and it is the fault alone that kept them out"


def test_an_answer_nobody_asked_for_is_refused(provider: Oidc, analyst: User) -> None:
    client = browser()
    for query in ("?code=x&state=y", "", "?error=access_denied"):
        client.get(f"/sign-in/oidc/back/{query}")
        assert not is_in(client)


def test_a_provider_that_is_away_is_a_sentence(provider: Oidc) -> None:
    provider.__exit__()
    client = browser()
    assert client.get("/sign-in/oidc/")["Location"] == "/sign-in/"
    assert "did not work" in told(client)


def test_the_second_factor_is_asked_here_unless_it_was_there(provider: Oidc, analyst: User) -> None:
    provider.claims = {"sub": "s-1", "preferred_username": "analyst"}
    through(browser())
    client = browser()
    through(client)
    assert client.get("/live/")["Location"] == "/security/", "from the second time on"
    provider.claims = {"sub": "s-1", "amr": ["pwd", "mfa"]}
    vouched = browser()
    through(vouched)
    assert vouched.get("/people/").status_code == 403, (
        "open as far as the role goes: the provider asked for a second factor"
    )
    Authenticator.objects.create(user=analyst, type="totp", data={"secret": "x"})
    both = browser()
    assert through(both)["Location"] == "/sign-in/code/"


def test_a_provider_that_is_bound_signs_in_people_of_its_organisation_alone(
    provider: Oidc, analyst: User, outsider: User, police: Organisation, hotline: Organisation, as_administrator: Actor
) -> None:
    claims = {"sub": "s-1", "preferred_username": outsider.username}
    elsewhere = invitation_for(hotline, "n@hotline.example")
    bound = replace(settings.ENVIRONMENT, oidc_organisation=police.name)

    def comes_in(**of: Any) -> Client | None:
        provider.claims = of
        client = browser()
        through(client)
        return client if is_in(client) else None

    assert comes_in(**claims), "by a provider of everybody's"
    with override_settings(ENVIRONMENT=bound):
        assert not comes_in(**claims), "also whoever was linked before"
        assert not comes_in(sub="s-2", email="n@hotline.example", email_verified=True), "no invitation of another one"
        here = comes_in(sub="s-3", preferred_username=analyst.username)
        assert here
        refused = here.post(f"/invitation/{elsewhere}/")
        assert "alone" in refused.content.decode()
        assert Membership.objects.filter(user=analyst).count() == 1
        Membership.objects.create(user=analyst, organisation=hotline, role="analyst")
        client = browser()
        through(client)
        assert "work for" in told(client)
        assert not is_in(client), "who works for another one too: the provider would be in there as well"


def invitation_for(organisation: Organisation, email: str) -> str:
    """Its token."""
    somebody = Actor("command", 0, organisation.pk, "administrator")
    return invite(somebody, name="新田", role="analyst", staff_number="N-2", email=email)[1]


def test_without_the_setting_there_is_no_such_way(analyst: User) -> None:
    client = browser()
    assert "Sign in with" not in told(client)
    assert client.get("/sign-in/oidc/").status_code == 404
    assert client.get("/sign-in/oidc/back/?code=x&state=y").status_code == 404
