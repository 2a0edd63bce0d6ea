"""Second factors and sessions: set up, asked for, demanded; an invitation to its end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.conf import settings
from django.core.cache import cache
from django.test import Client, override_settings
from django.utils import timezone

from tests.world import PASSWORD
from yoake.casework.audit.models import Entry
from yoake.casework.people.invitations import invite
from yoake.casework.people.models import Membership, User
from yoake.casework.people.queries import Actor

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    cache.clear()  # rate limits, codes that were used
    yield
    cache.clear()


def browser() -> Client:
    return Client(HTTP_ACCEPT_LANGUAGE="en")


def sign_in(client: Client, name: str = "analyst") -> str:
    answer = client.post("/sign-in/", {"login": name, "password": PASSWORD})
    assert answer.status_code == 302
    return str(answer["Location"])


def code_of(secret: str) -> str:
    """What an app shows now."""
    return str(format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time()))))


def set_up_app(client: Client) -> str:
    page = client.get("/security/app/").content.decode()
    found = re.search(r'class="secret">([A-Z2-7]+)<', page)
    assert found, page
    answer = client.post("/security/app/", {"code": code_of(found[1])})
    assert answer.status_code == 302, answer.content.decode()
    cache.clear()  # else the same half minute's code would be refused when it is used again
    return found[1]


def test_the_first_sign_in_recommends_the_second_demands(analyst: User) -> None:
    first = browser()
    assert sign_in(first) == "/"
    page = first.get("/security/")
    assert "From your next sign-in on a second factor is needed" in page.content.decode()
    assert "before anything else can be opened" not in page.content.decode()
    second = browser()
    sign_in(second)
    for address in ("/live/", "/people/", "/audit/", "/case/1/", "/add/"):
        assert second.get(address)["Location"] == "/security/", address
    assert "Set up your second factor first" in second.get("/live/pulse/", HTTP_HX_REQUEST="true").content.decode()
    assert "before anything else can be opened" in second.get("/security/").content.decode()
    set_up_app(second)
    assert second.get("/people/").status_code == 403, "open again, as far as the role goes"


def test_beyond_this_machine_the_first_sign_in_demands(analyst: User) -> None:
    beyond = type(settings.ENVIRONMENT)(**{**vars(settings.ENVIRONMENT), "bind": "192.0.2.1"})
    with override_settings(ENVIRONMENT=beyond):
        client = browser()
        sign_in(client)
        assert client.get("/live/")["Location"] == "/security/"


def test_the_code_is_asked_for_and_works_once(analyst: User) -> None:
    first = browser()
    sign_in(first)
    secret = set_up_app(first)
    stored = str(Authenticator.objects.filter(user=analyst).values_list("data", flat=True))
    assert secret not in stored, "encrypted where it is stored"
    second = browser()
    assert sign_in(second) == "/sign-in/code/"
    assert second.get("/security/").status_code == 302, "not in yet"
    assert "does not fit" in second.post("/sign-in/code/", {"code": "000000"}).content.decode()
    code = code_of(secret)
    assert second.post("/sign-in/code/", {"code": code})["Location"] == "/"
    assert second.get("/security/").status_code == 200
    third = browser()
    sign_in(third)
    assert "does not fit" in third.post("/sign-in/code/", {"code": code}).content.decode(), "used up"


def test_guessing_codes_is_stopped(analyst: User) -> None:
    first = browser()
    sign_in(first)
    secret = set_up_app(first)
    second = browser()
    sign_in(second)
    for n in range(12):
        second.post("/sign-in/code/", {"code": f"{n:06d}"})
    answer = second.post("/sign-in/code/", {"code": code_of(secret)})
    assert answer.status_code == 200
    assert "Too many tries" in answer.content.decode()


def test_recovery_codes_work_once_each(analyst: User) -> None:
    first = browser()
    sign_in(first)
    set_up_app(first)
    page = first.get("/security/codes/").content.decode()
    codes = re.findall(r"<li><code>(\d+)</code>", page)
    assert len(codes) == 10
    assert first.get("/security/codes/file/").content.decode().split() == codes
    second = browser()
    sign_in(second)
    assert second.post("/sign-in/code/", {"code": codes[0]})["Location"] == "/"
    third = browser()
    sign_in(third)
    assert third.post("/sign-in/code/", {"code": codes[0]}).status_code == 200
    first.post("/security/codes/new/")
    assert Authenticator.objects.filter(user=analyst, type="recovery_codes").count() == 1
    assert third.post("/sign-in/code/", {"code": codes[1]}).status_code == 200, "new ones replace the old ones"


def age_sign_in(client: Client, by_s: int = 700) -> None:
    session = client.session
    records = session["account_authentication_methods"]
    session["account_authentication_methods"] = [{**record, "at": record["at"] - by_s} for record in records]
    session.save()


def test_what_is_sensitive_asks_again(analyst: User, administrator: User) -> None:
    client = browser()
    sign_in(client, "administrator")
    assert client.get(f"/people/{analyst.pk}/").status_code == 200, "who just signed in is not asked"
    age_sign_in(client)
    for address in (f"/people/{analyst.pk}/", "/security/app/", "/security/key/", "/security/sessions/"):
        assert client.get(address)["Location"].startswith("/security/confirm/?"), address
    act = client.post(f"/people/{analyst.pk}/", {"do": "role", "role": "auditor"})
    assert act["Location"].startswith("/security/confirm/?")
    assert Membership.objects.get(user=analyst).role == "analyst", "not done yet"
    wrong = client.post(act["Location"], {"password": "no"})
    assert wrong.status_code == 200
    assert "not your current password" in wrong.content.decode()
    done = client.post(act["Location"], {"password": PASSWORD, "next": f"/people/{analyst.pk}/"})
    assert done["Location"] == f"/people/{analyst.pk}/"
    assert Membership.objects.get(user=analyst).role == "auditor", "what was asked for is done after confirming"


@pytest.mark.django_db(transaction=True)
def test_the_audit_knows_what_changed(analyst: User) -> None:
    client = browser()
    sign_in(client)
    set_up_app(client)
    client.post("/security/codes/new/")
    client.post("/security/app/remove/")
    told = Entry.objects.filter(actor=f"user:{analyst.pk}").order_by("id").values_list("kind", flat=True)
    assert list(told) == ["signed_in", "second_factor_added", "recovery_codes_made", "second_factor_removed"]


def test_removing_the_last_factor_sets_up_another_at_once(analyst: User) -> None:
    client = browser()
    sign_in(client)
    set_up_app(client)
    assert client.post("/security/app/remove/").status_code == 302
    assert client.get("/live/")["Location"] == "/security/"
    assert not Authenticator.objects.exists(), "recovery codes go with the last factor"


def test_other_sessions_are_listed_and_ended(analyst: User) -> None:
    here, there = browser(), Client(HTTP_USER_AGENT="Another browser")
    sign_in(here)
    User.objects.update(second_factor_from=timezone.now() + timedelta(days=1))
    sign_in(there)
    page = here.get("/security/sessions/").content.decode()
    assert "Another browser" in page
    here.post("/security/sessions/")
    assert there.get("/security/")["Location"].startswith("/sign-in/")
    assert here.get("/security/").status_code == 200


def test_an_invitation_to_its_end(as_administrator: Actor) -> None:
    _invitation, token = invite(as_administrator, name="新田", role="auditor", staff_number="N-1")
    client = browser()
    link = f"/invitation/{token}/"
    page = client.get(link).content.decode()
    assert "架空県警察" in page
    assert "新田" in page
    differs = client.post(link, {"username": "nitta", "password": PASSWORD, "again": "other"})
    assert "two passwords differ" in differs.content.decode()
    weak = client.post(link, {"username": "nitta", "password": "short", "again": "short"})
    assert weak.status_code == 400
    taken = client.post(link, {"username": "administrator", "password": PASSWORD, "again": PASSWORD})
    assert "nobody has yet" in taken.content.decode()
    done = client.post(link, {"username": "nitta", "password": PASSWORD, "again": PASSWORD})
    assert done["Location"] == "/sign-in/"
    assert client.get(link).status_code == 404
    sign_in(client, "nitta")
    assert client.get("/audit/").status_code == 200


def test_a_member_of_two_organisations_switches(as_administrator: Actor, outsider: User) -> None:
    client = browser()
    sign_in(client, "outsider")
    _invitation, token = invite(as_administrator, name="兼任", role="auditor", staff_number="N-1")
    assert "You keep your name" in client.get(f"/invitation/{token}/").content.decode()
    assert client.post(f"/invitation/{token}/")["Location"] == "/"
    page = client.get("/audit/").content.decode()
    assert "架空ホットライン" in page
    assert client.get("/people/").status_code == 403
    first = Membership.objects.get(user=outsider, role="supervisor")
    client.post("/organisation/", {"organisation": first.organisation_id})
    assert client.get("/audit/").status_code == 403, "a supervisor there"
    client.post("/organisation/", {"organisation": 999})
    assert client.get("/audit/").status_code == 403


def test_security_keys_need_the_name_localhost(analyst: User) -> None:
    client = Client(HTTP_ACCEPT_LANGUAGE="en", HTTP_HOST="127.0.0.1:8000")
    sign_in(client)
    answer = client.get("/security/key/")
    assert answer["Location"] == "http://localhost:8000/security/key/"
    there = Client(HTTP_ACCEPT_LANGUAGE="en", HTTP_HOST="localhost:8000")
    User.objects.update(second_factor_from=None)
    sign_in(there)
    page = there.get("/security/key/").content.decode()
    assert '"rp": {"name": "Yoake", "id": "localhost"}' in page
    assert not re.search(r"<script(?![^>]*(src=|application/json))", page), "no script stands in the page"
