"""Is it still there: the box on the case page, the list "To check by hand", and the page before an original opens."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.world import arrive, finding, post
from yoake.casework.cases import actions
from yoake.casework.cases.checks import finish_check, hand_over
from yoake.casework.cases.models import Case, Check
from yoake.casework.cases.schedule import OUTCOMES
from yoake.casework.people.models import User
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import Source
from yoake.console import words

pytestmark = pytest.mark.django_db

URL = "https://sns.example/u/1"


def told(answer: Any) -> str:
    return str(answer.content.decode())


@pytest.fixture
def decided(live: Source, as_analyst: Actor) -> Case:
    """A case that was decided in scope an hour and a half ago."""
    at = timezone.now() - timedelta(minutes=95)
    taken = arrive(live, [post(url=URL)], [finding()], at)
    case = Case.objects.select_related("post").get(pk=taken.opened[0])
    version = case.post.current_id or 0
    actions.decide(as_analyst, case.pk, "in_scope", version_id=version, category_slug="drug_ad", now=at)
    return case


@pytest.fixture
def in_hands(decided: Case) -> Check:
    """Its first check, which waits for a person."""
    row = Check.objects.get(case=decided, step="1h")
    hand_over(row, "unchecked")
    return row


def test_the_case_page_says_what_was_found_and_what_comes(browser: Client, decided: Case) -> None:
    row = Check.objects.get(case=decided, step="1h")
    finish_check(row, "up", row.since + timedelta(hours=1))
    page = told(browser.get(f"/case/{decided.pk}/"))
    box = page.partition('id="check-box"')[2].partition("</section>")[0]
    assert "still there" in box
    assert "1 hour after the decision" in box
    assert "(after 6 hours)" in box
    assert "then 5 more times" in box
    assert "looked whether the post is still there (still there)" in page
    assert "hx-get" not in box


def test_somebody_checks_now_and_sees_the_answer_come(browser: Client, waiting: Case) -> None:
    page = told(browser.get(f"/case/{waiting.pk}/"))
    assert f'action="/case/{waiting.pk}/check/"' in page
    asked = told(browser.post(f"/case/{waiting.pk}/check/", follow=True))
    assert f'hx-get="/case/{waiting.pk}/check/state/"' in asked
    row = Check.objects.get()
    finish_check(row, "deleted_by_author", timezone.now())
    state = told(browser.get(f"/case/{waiting.pk}/check/state/"))
    assert "deleted by its author" in state
    assert "hx-get" not in state  # nothing is asked for any more


def test_the_list_is_marked_with_one_press(browser: Client, in_hands: Check, analyst: User) -> None:
    analyst.last_name = "田中"
    analyst.save()
    assert "1 post: is it still there?" in told(browser.get("/live/beside/"))
    page = told(browser.get("/checks/"))
    assert "The network cannot be asked automatically." in page
    assert f'href="/case/{in_hands.case_id}/open/" target="_blank" rel="noopener"' in page
    assert URL not in page  # only the page between leads outside
    answer = browser.post(f"/checks/{in_hands.pk}/", {"seen": "gone"}, follow=True)
    assert answer.redirect_chain == [("/checks/", 302)]
    assert "seen by you" in told(answer)
    assert "Nothing waits here." in told(answer)
    case_page = told(browser.get(f"/case/{in_hands.case_id}/"))
    assert "gone (nobody says by whom)" in case_page
    assert "by hand: 田中" in case_page
    again = browser.post(f"/checks/{in_hands.pk}/", {"seen": "up"}, follow=True)
    assert "is answered already" in told(again)
    assert Check.objects.get(pk=in_hands.pk).outcome == "removed"


def test_the_case_page_has_the_same_buttons(browser: Client, in_hands: Check) -> None:
    page = told(browser.get(f"/case/{in_hands.case_id}/"))
    assert page.count('name="seen"') == 4
    answer = browser.post(f"/checks/{in_hands.pk}/", {"seen": "up", "case": in_hands.case_id})
    assert answer["Location"] == f"/case/{in_hands.case_id}/"


@pytest.mark.parametrize("sent", [{}, {"seen": "deleted_by_author"}, {"seen": ""}])
def test_only_the_four_words_are_kept(browser: Client, in_hands: Check, sent: dict[str, str]) -> None:
    assert browser.post(f"/checks/{in_hands.pk}/", sent).status_code == 400
    assert Check.objects.get(pk=in_hands.pk).outcome == ""


def test_another_organisation_sees_nothing(in_hands: Check, outsider: User) -> None:
    client = Client()
    client.force_login(outsider)
    case = in_hands.case_id
    assert "sns.example" not in told(client.get("/checks/"))
    assert client.post(f"/checks/{in_hands.pk}/", {"seen": "up"}).status_code == 404
    for address in (f"/case/{case}/open/", f"/case/{case}/check/state/"):
        assert client.get(address).status_code == 404
    assert client.post(f"/case/{case}/check/").status_code == 404


@pytest.mark.parametrize("language", ["ja", "en"])
def test_before_an_original_opens(analyst: User, decided: Case, language: str) -> None:
    client = Client(HTTP_ACCEPT_LANGUAGE=language)
    client.force_login(analyst)
    case_page = told(client.get(f"/case/{decided.pk}/"))
    assert f'href="{URL}"' not in case_page
    assert f'href="/case/{decided.pk}/open/" target="_blank" rel="noopener"' in case_page
    answer = client.get(f"/case/{decided.pk}/open/")
    page = told(answer)
    (link,) = re.findall(rf'<a [^>]*href="{re.escape(URL)}"[^>]*>', page)
    assert {"noreferrer", "noopener"} <= set(re.findall(r'rel="([^"]*)"', link)[0].split())
    assert 'referrerpolicy="no-referrer"' in link
    assert answer["Referrer-Policy"] == "no-referrer"
    assert ("internet address of your office" in page) is (language == "en")


@pytest.mark.parametrize("url", ["javascript:alert(1)", "", "at://did:plc:x/app.bsky.feed.post/1"])
def test_what_is_no_web_address_is_not_opened(browser: Client, live: Source, url: str) -> None:
    taken = arrive(live, [post("1", url=url)], [finding()])
    assert browser.get(f"/case/{taken.opened[0]}/open/").status_code == 404


def test_what_is_only_recorded_is_not_opened(browser: Client, live: Source, as_analyst: Actor) -> None:
    taken = arrive(live, [post(url=URL)], [finding()])
    case = Case.objects.select_related("post").get(pk=taken.opened[0])
    version = case.post.current_id or 0
    actions.decide(as_analyst, case.pk, "in_scope", version_id=version, category_slug="child_abuse_material")
    assert browser.get(f"/case/{case.pk}/open/").status_code == 404
    assert 'id="check-box"' not in told(browser.get(f"/case/{case.pk}/"))


def test_practice_has_nothing_to_check(browser: Client, practice: Source) -> None:
    taken = arrive(practice, [post("2026-11-20/p001", network="practice")], [finding()])
    assert "check-box" not in told(browser.get(f"/case/{taken.opened[0]}/"))


def test_who_only_reads_presses_nothing(in_hands: Check, make_reader: Callable[[], Client]) -> None:
    client = make_reader()
    assert 'name="seen"' not in told(client.get("/checks/"))
    assert client.post(f"/checks/{in_hands.pk}/", {"seen": "up"}, follow=True).status_code == 200
    assert Check.objects.get(pk=in_hands.pk).outcome == ""


@pytest.fixture
def make_reader(decided: Case) -> Callable[[], Client]:
    def make() -> Client:
        user = User.objects.create_user("auditor")
        user.memberships.create(organisation=decided.organisation, role="auditor")
        client = Client(HTTP_ACCEPT_LANGUAGE="en")
        client.force_login(user)
        return client

    return make


def test_every_outcome_has_a_name() -> None:
    assert [name for name in OUTCOMES if words.outcome_name(name) == name] == []
