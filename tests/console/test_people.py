"""The people screen and the audit screen, the adviser's queue, the partner's page: who gets in, and what they show."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.world import NOON, PASSWORD, arrive, finding, post
from yoake.casework.audit.models import Entry
from yoake.casework.cases.actions import decide
from yoake.casework.cases.holds import place_hold
from yoake.casework.cases.models import Case
from yoake.casework.people.actions import add_user
from yoake.casework.people.models import Membership, Organisation, User
from yoake.casework.people.queries import Actor, system
from yoake.casework.sources.models import Source

pytestmark = pytest.mark.django_db


def browser(user: User) -> Client:
    """Signed in a moment ago, so that nothing asks again who it is."""
    client = Client(HTTP_ACCEPT_LANGUAGE="en")
    client.post("/sign-in/", {"login": user.username, "password": PASSWORD})
    return client


def member(organisation: Organisation, role: str, name: str = "") -> User:
    user, _ = add_user(system("command"), name or role, organisation, role, password=PASSWORD)
    return user


PAGES = {
    "/people/": {"administrator"},
    "/people/1/": {"administrator"},
    "/audit/": {"administrator", "auditor"},
    "/advice/": {"adviser"},
    "/in-scope/": {"partner"},
    "/live/": {"analyst", "supervisor", "administrator", "auditor"},
}


@pytest.mark.parametrize("role", Membership.Role.values)
def test_each_page_as_each_role(police: Organisation, role: str) -> None:
    client = browser(member(police, role))
    for page, roles in PAGES.items():
        assert (client.get(page).status_code in (200, 302)) is (role in roles), page
    home = client.get("/")["Location"]
    assert home == {"adviser": "/advice/", "partner": "/in-scope/"}.get(role, "/live/")
    assert client.get(home).status_code == 200


def test_inviting_shows_the_link_once(administrator: User) -> None:
    client = browser(administrator)
    page = client.post(
        "/people/invite/", {"name": "新田", "role": "analyst", "staff_number": "N-1", "email": ""}
    ).content.decode()
    (link,) = re.findall(r'value="(http://testserver/invitation/[\w-]{43}/)"', page)
    assert Client().get(link).status_code == 200
    assert 'data-copy="#made-link"' in page, "a button copies it; without script it is selected by hand"
    assert re.search(r'<script src="[^"]*copy[^"]*\.js" defer>', page)
    later = client.get("/people/").content.decode()
    assert "新田" in later
    assert link not in later
    (withdraw,) = re.findall(r'action="(/people/invitation/\d+/withdraw/)"', later)
    client.post(withdraw)
    assert Client().get(link).status_code == 404


def test_what_is_wrong_is_said_and_nothing_typed_is_lost(administrator: User) -> None:
    client = browser(administrator)
    answer = client.post("/people/invite/", {"name": "新田", "role": "auditor", "staff_number": "S-adm"})
    assert answer.status_code == 400
    page = answer.content.decode()
    assert "Staff number: a number that nobody else of the organisation has." in page
    assert 'value="新田"' in page
    assert re.search(r'value="auditor" required\s+checked', page)


def test_changing_a_person(administrator: User, analyst: User, outsider: User) -> None:
    client = browser(administrator)
    address = f"/people/{analyst.pk}/"
    client.post(address, {"do": "role", "role": "auditor"})
    client.post(address, {"do": "staff_number", "staff_number": "Z-9"})
    page = client.get("/people/").content.decode()
    assert "Z-9" in page
    client.post(address, {"do": "reset"})
    client.post(address, {"do": "deactivate"})
    assert "they can do nothing here" in client.get(address).content.decode()
    client.post(address, {"do": "reactivate"})
    assert Membership.objects.get(user=analyst).ended_at is None
    own = client.post(f"/people/{administrator.pk}/", {"do": "deactivate"})
    assert own.status_code == 409
    assert "Nobody does this to themselves" in own.content.decode()
    stranger = client.post(f"/people/{outsider.pk}/", {"do": "role", "role": "analyst"})
    assert stranger.status_code in (302, 409)
    assert Membership.objects.get(user=outsider).role == "supervisor"
    assert "outsider" not in page


def test_the_number_of_queries_does_not_grow_with_people(administrator: User, police: Organisation) -> None:
    client = browser(administrator)
    client.get("/people/")
    counts = []
    for more in (0, 12):
        for n in range(more):
            member(police, "analyst", f"a{n}")
        with CaptureQueriesContext(
            connection,
        ) as asked:
            client.get("/people/")
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_the_kinds_to_choose_from_tell_nothing_of_other_bodies(
    police: Organisation, as_outsider: Actor, as_analyst: Actor, waiting: Case
) -> None:
    client = browser(member(police, "auditor"))
    before = re.findall(r'<option value="(\w+)"', client.get("/audit/").content.decode())
    place_hold(as_outsider, "url", "https://social.example/x", days=30)
    after = re.findall(r'<option value="(\w+)"', client.get("/audit/").content.decode())
    assert "hold_placed" in before
    assert before == after


def test_the_audit_shows_names_and_hands_out_numbers(
    administrator: User, analyst: User, waiting: Case, hotline: Organisation
) -> None:
    User.objects.filter(pk=analyst.pk).update(last_name="田中")
    decide(
        Actor(f"user:{analyst.pk}", analyst.pk, waiting.organisation_id, "analyst"),
        waiting.pk,
        "cannot_tell",
        version_id=waiting.post.current_id or 0,
    )
    client = browser(administrator)
    page = client.get("/audit/").content.decode()
    assert "田中" in page
    assert "made a decision (cannot tell)" in page
    told = client.post("/audit/file/", {"kind": "decided"})
    text = told.content.decode("utf-8-sig")
    assert told["Content-Disposition"].endswith('"yoake-audit.csv"')
    header, row = text.splitlines()
    assert header == "id,time,staff,kind,subject,facts,hash"
    assert "S-ana,decided" in row
    assert "田中" not in text
    assert "analyst" not in text
    exported = Entry.objects.get(kind="audit_exported")
    assert exported.facts["entries"] == 1
    assert len(str(exported.facts["digest"])) == 64


def test_the_audit_is_filtered(administrator: User, analyst: User, waiting: Case) -> None:
    client = browser(administrator)
    for query, n in (
        (f"person={analyst.pk}", 0),
        (f"person={administrator.pk}&kind=signed_in", 1),
        (f"subject=case:{waiting.pk}", 1),
        ("since=2026-11-20&until=2026-11-20", 1),
        ("until=2026-11-19", 0),
        ("since=nonsense", 3),
        ("person=x&before=y", 3),
    ):
        page = client.get(f"/audit/?{query}").content.decode()
        assert page.count("<tr><td><time") == n, query


def test_another_organisations_entries_are_not_shown(administrator: User, outsider: User) -> None:
    Client().post("/sign-in/", {"login": "outsider", "password": PASSWORD})
    theirs = Entry.objects.get(kind="signed_in")
    page = browser(administrator).get("/audit/").content.decode()
    assert f"user:{outsider.pk}<" not in page
    assert theirs.actor == f"user:{outsider.pk}"


def test_the_button_proves_the_chain(administrator: User) -> None:
    client = browser(administrator)
    client.get("/audit/")
    page = client.post("/audit/prove/").content.decode()
    assert "The newest 2 entries are whole, since" in page
    Entry.objects.filter(kind="signed_in").update(actor="user:999")
    assert "The chain is broken" in client.post("/audit/prove/").content.decode()


def test_looking_at_a_case_is_noted_once(analyst: User, waiting: Case, practice: Source) -> None:
    client = browser(analyst)
    for _ in range(3):
        assert client.get(f"/case/{waiting.pk}/").status_code == 200
    viewed = Entry.objects.filter(kind="case_viewed")
    assert [(entry.actor, entry.subject) for entry in viewed] == [(f"user:{analyst.pk}", f"case:{waiting.pk}")]
    taken = arrive(practice, [post("p")], [finding()])
    client.get(f"/case/{taken.opened[0]}/")
    assert viewed.count() == 1, "practice is invented"


def test_searching_is_noted_without_the_words(analyst: User, waiting: Case) -> None:
    client = browser(analyst)
    assert client.get("/search/?q=高額バイト").status_code == 200
    (entry,) = Entry.objects.filter(kind="searched")
    assert entry.facts["found"] == 1
    assert "高額" not in str(entry.facts)


def test_the_adviser_works_through_the_queue(analyst: User, waiting: Case, police: Organisation) -> None:
    asking = browser(analyst)
    asking.post(f"/case/{waiting.pk}/ask-advice/", {"question": "募集に当たりますか"})
    assert "Waits for the adviser" in asking.get(f"/case/{waiting.pk}/").content.decode()
    adviser = browser(member(police, "adviser"))
    assert adviser.get(f"/case/{waiting.pk}/").status_code == 403
    queue = adviser.get("/advice/").content.decode()
    (address,) = set(re.findall(r'href="(/advice/\d+/)"', queue))
    page = adviser.get(address).content.decode()
    assert "募集に当たりますか" in page
    assert "高額バイト" in page
    empty = adviser.post(address, {"answer": " "})
    assert empty.status_code == 409
    assert adviser.post(address, {"answer": "当たります。"})["Location"] == "/advice/"
    assert "当たります。" in asking.get(f"/case/{waiting.pk}/").content.decode()
    assert Entry.objects.filter(kind="case_viewed", subject=f"case:{waiting.pk}").count() == 2


def test_a_partner_sees_what_was_decided_and_not_by_whom_it_was_written(
    police: Organisation, live: Source, as_analyst: Actor
) -> None:
    rows = [
        post(
            "1",
            "受け子募集 @uketori_x まで。詳細 https://t.example/abc",
            author_id="a",
            author_handle="uketori_x",
            author_name="うけとり",
            url="https://social.example/uketori_x/1",
        ),
        post("2", "うけとり です。運び屋募集", author_id="a", author_handle="uketori_x", author_name="うけとり"),
        post("3", "助けて", author_id="b"),
        post("4", "まだ判断していない", author_id="c"),
    ]
    found = [finding(0), finding(1), finding(2, category="coerced_applicant"), finding(3)]
    cases = list(Case.objects.filter(pk__in=arrive(live, rows, found).opened).order_by("pk"))
    for case, slug in zip(
        cases[:3], ("criminal_recruitment", "criminal_recruitment", "coerced_applicant"), strict=True
    ):
        decide(as_analyst, case.pk, "in_scope", version_id=case.post.current_id or 0, category_slug=slug, now=NOON)
    client = browser(member(police, "partner"))
    page = client.get("/in-scope/").content.decode()
    assert "受け子募集 ＊＊＊ まで。詳細 ＊＊＊" in page
    assert "＊＊＊ です。運び屋募集" in page
    for hidden in ("uketori_x", "うけとり", "t.example", "social.example", "助けて", "まだ判断", "analyst"):
        assert hidden not in page, hidden
    seen = Entry.objects.filter(kind="in_scope_viewed").values_list("subject", flat=True)
    assert sorted(seen) == [f"case:{case.pk}" for case in cases[:2]], "whoever sees words leaves a line at each case"
    Case.objects.filter(pk=cases[0].pk).update(minor=True)
    assert "受け子募集" not in client.get("/in-scope/").content.decode()
