"""The registers' pages: finding a body, filling in, confirming, withdrawing; official accounts."""

from __future__ import annotations

import pyrage
import pytest
from django.test import Client

from tests.console.test_pages import as_user
from tests.report_world import confirmed
from yoake.casework.people.models import User
from yoake.casework.people.queries import Actor
from yoake.casework.registers.models import Contact
from yoake.casework.registers.queries import body_of, official_accounts
from yoake.casework.registers.shipped import shipped_bodies

pytestmark = pytest.mark.django_db

OSAKA = "/register/police_osaka/"


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return answer.content.decode()


def fill_in(client: Client, value: str, **more: str) -> int:
    given = {"act": "fill_in", "way": "email", "value": value, **more}
    return client.post(f"{OSAKA}change/", given).status_code


def test_the_list_begins_with_what_holds_and_finds_the_rest(
    browser: Client, as_administrator: Actor, analyst: User
) -> None:
    told = page(browser, "/registers/")
    assert "Nobody has confirmed anything yet." in told
    assert "Add a body" not in told, "an analyst fills nothing in"
    assert page(browser, "/registers/?kind=prefectural_police").count("/register/police_") == 47
    assert "Osaka Labour Bureau" in page(browser, "/registers/?q=Osaka")
    assert "大阪労働局" in page(as_user(analyst, "ja"), "/registers/?q=大阪")
    assert "Nothing found." in page(browser, "/registers/?q=nowhere")
    confirmed(as_administrator, "police_osaka")
    told = page(browser, "/registers/")
    assert "Confirmed: mail address, web form, postal address" in " ".join(told.split())
    assert told.count("/register/") == 1 + 0 * len(shipped_bodies())


def test_supervisors_fill_in_and_an_administrator_confirms(
    analyst: User, supervisor: User, administrator: User, as_administrator: Actor
) -> None:
    reads, fills, confirms = as_user(analyst), as_user(supervisor), as_user(administrator)
    assert "Supervisors fill this in" in page(reads, OSAKA)
    assert fill_in(reads, "report@osaka.example") == 400
    assert fill_in(fills, "report@osaka.example") == 302
    told = page(fills, OSAKA)
    assert "Waits for an administrator; filled in by supervisor" in told
    assert "Where is it from?" not in told
    assert "1 body has something that waits" in page(confirms, "/registers/")
    assert "Osaka Prefectural Police" in page(confirms, "/registers/?waiting=1")
    contact = Contact.objects.get()
    act = {"act": "confirm", "way": "email", "contact": str(contact.pk), "checked_on": "2026-11-19"}
    refused = confirms.post(f"{OSAKA}change/", {**act, "where_from": ""})
    assert refused.status_code == 400
    assert "Where it is from: where it is from, at most 300 characters" in refused.content.decode()
    assert fills.post(f"{OSAKA}change/", {**act, "where_from": "案内"}).status_code == 400
    assert confirms.post(f"{OSAKA}change/", {**act, "where_from": "架空の案内ページ"}).status_code == 302
    told = page(reads, OSAKA)
    assert "report@osaka.example" in told
    assert 'From: 架空の案内ページ · checked on <span class="unbroken">2026-11-19</span>' in told
    assert confirms.post(f"{OSAKA}change/", {"act": "withdraw", "way": "email"}).status_code == 302
    assert not body_of(as_administrator.organisation_id, "police_osaka").verified("email")
    assert "withdrawn by administrator" in page(reads, OSAKA)


def test_an_administrator_who_checked_it_does_both_in_one_form(administrator: User, as_administrator: Actor) -> None:
    client = as_user(administrator)
    assert fill_in(client, "report@osaka.example", where_from="架空の案内", checked_on="2026-11-19") == 302
    assert body_of(as_administrator.organisation_id, "police_osaka").verified("email") == "report@osaka.example"


def test_what_was_typed_stays_in_the_form(administrator: User) -> None:
    answer = as_user(administrator).post(
        f"{OSAKA}change/", {"act": "fill_in", "way": "form", "value": "http://plain.example/"}
    )
    assert answer.status_code == 400
    told = answer.content.decode()
    assert "a web address that begins with https://" in told
    assert 'value="http://plain.example/"' in told


def test_a_key_shows_what_is_compared_by_telephone(administrator: User, supervisor: User) -> None:
    pair = pyrage.x25519.Identity.generate()
    as_user(supervisor).post(f"{OSAKA}change/", {"act": "fill_in", "way": "public_key", "value": str(pair.to_public())})
    told = page(as_user(administrator), OSAKA)
    assert "Compare by telephone before you confirm" in told
    assert str(pair.to_public())[:4] + " " in told


def test_bodies_of_ones_own(supervisor: User, administrator: User, as_administrator: Actor) -> None:
    client = as_user(supervisor)
    form = {"kind": "network", "name_ja": "架空求人", "name_en": "Example Jobs", "slug": "example_jobs"}
    assert client.post("/registers/add/", {**form, "hosts": "not a host"}).status_code == 400
    answer = client.post("/registers/add/", {**form, "hosts": "jobs.example"})
    assert answer["Location"] == "/register/example_jobs/"
    assert "Example Jobs" in page(client, "/registers/")
    assert client.post("/register/example_jobs/remove/").status_code == 403
    assert as_user(administrator).post("/register/example_jobs/remove/").status_code == 302
    assert client.get("/register/example_jobs/").status_code == 404


def test_official_accounts(administrator: User, supervisor: User, as_administrator: Actor) -> None:
    client = as_user(administrator)
    form = {"network": "x", "handle": "@Kakuu", "name": "架空県警", "where_from": "案内", "checked_on": "2026-11-19"}
    assert as_user(supervisor).post("/registers/official/", form).status_code == 400
    assert client.post("/registers/official/", {**form, "handle": ""}).status_code == 400
    assert client.post("/registers/official/", form).status_code == 302
    assert official_accounts(as_administrator.organisation_id, "x") == {"kakuu"}
    told = page(as_user(supervisor), "/registers/official/")
    assert "@kakuu" in told
    assert "Add an account" not in told
    from yoake.casework.registers.models import OfficialAccount

    account = OfficialAccount.objects.get()
    assert client.post("/registers/official/", {"act": "withdraw", "account": account.pk}).status_code == 302
    assert official_accounts(as_administrator.organisation_id, "x") == frozenset()


def test_another_organisation_sees_the_names_alone(outsider: User, as_administrator: Actor) -> None:
    confirmed(as_administrator, "police_osaka")
    told = page(as_user(outsider), OSAKA)
    assert "Osaka Prefectural Police" in told
    assert "recipient.example" not in told
    assert "Nobody has confirmed anything yet." in page(as_user(outsider), "/registers/")


def test_what_is_not_there(browser: Client) -> None:
    assert browser.get("/register/nobody/").status_code == 404
    assert browser.post(f"{OSAKA}change/", {"act": "shout"}).status_code == 404
