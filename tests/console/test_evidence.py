"""The box on the case page, the file that is taken out, the list of what nobody decided in time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyrage
import pytest
from django.test import Client
from django.utils import timezone

from tests.evidence_world import settle
from yoake.casework.audit.models import Entry
from yoake.casework.cases.models import Case, Decision, SecondReview
from yoake.casework.evidence import bags
from yoake.casework.evidence.models import Evidence
from yoake.casework.people.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def chief(supervisor: User) -> Client:
    client = Client(HTTP_ACCEPT_LANGUAGE="en")
    client.force_login(supervisor)
    return client


def page(client: Client, case_id: int | None) -> str:
    return client.get(f"/case/{case_id}/").content.decode()


def test_the_case_page_says_what_is_kept_since_when(browser: Client, vault: Path, waiting: Case) -> None:
    assert "Preserved evidence" not in page(browser, waiting.pk)
    settle()
    shown = page(browser, waiting.pk)
    assert "Captured provisionally" in shown
    assert "1 version of the post" in shown
    assert "Take it out" not in shown


def test_what_is_sealed_shows_its_digest_and_only_some_take_it_out(
    browser: Client, chief: Client, sealed: Evidence
) -> None:
    for client, may in ((browser, False), (chief, True)):
        shown = page(client, sealed.case_id)
        assert sealed.digest in shown
        assert sealed.number in shown
        assert ("Take it out" in shown) is may
    assert browser.post(f"/case/{sealed.case_id}/evidence/").status_code == 403


def test_the_bag_comes_as_a_file(chief: Client, sealed: Evidence) -> None:
    answer = chief.post(f"/case/{sealed.case_id}/evidence/", {"language": "ja"})
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/zip"
    assert answer["Content-Disposition"] == f'attachment; filename="{sealed.number}.zip"'
    assert "no-store" in answer["Cache-Control"]
    assert bags.check(answer.content).problems == []


def test_the_bag_for_a_recipient(chief: Client, sealed: Evidence) -> None:
    identity = pyrage.x25519.Identity.generate()
    answer = chief.post(f"/case/{sealed.case_id}/evidence/", {"recipient": f" {identity.to_public()}\n"})
    assert answer["Content-Disposition"].endswith('.zip.age"')
    assert bags.check(bags.decrypt_with(answer.content, str(identity))).problems == []


def test_what_is_no_key_is_said_on_the_case_page(chief: Client, sealed: Evidence) -> None:
    answer = chief.post(f"/case/{sealed.case_id}/evidence/", {"recipient": "Jane"}, follow=True)
    assert "a public key: age1" in answer.content.decode()
    assert not Entry.objects.filter(kind="evidence_exported").exists()


def test_another_body_gets_nothing(sealed: Evidence, outsider: User) -> None:
    client = Client()
    client.force_login(outsider)
    assert client.post(f"/case/{sealed.case_id}/evidence/").status_code == 404


def test_whoever_is_to_judge_blindly_sees_no_seal(browser: Client, chief: Client, sealed: Evidence) -> None:
    first = Decision.objects.get()
    SecondReview.objects.create(case_id=first.case_id, first=first, why="lot", drawn=True, asked_at=first.at)
    shown = page(chief, sealed.case_id)
    assert "Preserved evidence" not in shown
    assert sealed.digest not in shown
    assert sealed.digest in page(browser, sealed.case_id)  # whoever judged first


def test_supervisors_are_asked_on_their_desk_and_answer(
    browser: Client, chief: Client, vault: Path, waiting: Case
) -> None:
    settle()
    Evidence.objects.update(
        ask_at=timezone.now() - timedelta(minutes=1), captured_at=timezone.now() - timedelta(days=3)
    )
    assert "1 case, for more than 72 hours" in chief.get("/live/beside/").content.decode()
    assert "for more than 72 hours" not in browser.get("/live/beside/").content.decode()
    assert browser.get("/evidence/").status_code == 403
    shown = chief.get("/evidence/").content.decode()
    assert f"/case/{waiting.pk}/" in shown
    assert "3 days ago" in shown
    assert "Undecided for more than 72 hours." in page(chief, waiting.pk)
    kept = chief.post(f"/evidence/{waiting.pk}/", {"do": "keep"}, follow=True).content.decode()
    assert "is kept for another 72 hours" in kept
    assert "Nothing waits for your word." in kept
    assert "Nobody is asked" in chief.post(f"/evidence/{waiting.pk}/", {"do": "let_go"}, follow=True).content.decode()
    Evidence.objects.update(ask_at=timezone.now())
    assert "is erased" in chief.post(f"/evidence/{waiting.pk}/", {"do": "let_go"}, follow=True).content.decode()
    assert Evidence.objects.get().state == "erased"


def test_the_list_asks_the_database_as_often_for_many(
    chief: Client,
    vault: Path,
    many_waiting: Callable[[int], list[Case]],
    django_assert_max_num_queries: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    many_waiting(12)
    settle()
    Evidence.objects.update(ask_at=timezone.now())
    chief.get("/evidence/")
    with django_assert_max_num_queries(14):
        assert chief.get("/evidence/").content.decode().count("Keep for 72 hours more") == 12
    monkeypatch.setattr("yoake.console.evidence.SHOWN", 5)
    cut = chief.get("/evidence/").content.decode()
    assert cut.count("Keep for 72 hours more") == 5
    assert 'undecided <span class="number">12</span>' in cut
    assert "The 5 that have waited longest are shown" in cut
