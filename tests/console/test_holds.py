from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.world import arrive, finding, post
from yoake.casework.cases import holds
from yoake.casework.cases.models import Case, Hold
from yoake.casework.people.models import User
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import Source

pytestmark = pytest.mark.django_db


def told(response: Any) -> str:
    return str(response.content.decode())


@pytest.fixture
def boss(supervisor: User) -> Client:
    client = Client(HTTP_ACCEPT_LANGUAGE="en")
    client.force_login(supervisor)
    return client


def test_placing_renewing_lifting(boss: Client) -> None:
    form = {"kind": "contact", "held": "abc_123", "app": "telegram", "network": "x", "days": "30"}
    page = told(boss.post("/holds/", form, follow=True))
    assert "Held. Other bodies see only that it is held" in page
    hold = Hold.objects.get()
    assert "abc_123" in page
    assert "Telegram" in page
    soon = timezone.now() + timedelta(days=90)
    assert "Renewed." in told(boss.post(f"/holds/{hold.pk}/renew/", {"days": "100"}, follow=True))
    hold.refresh_from_db()
    assert hold.expires_at > soon
    page = told(boss.post(f"/holds/{hold.pk}/lift/", follow=True))
    assert "what was held is forgotten" in page
    assert "abc_123" not in page
    assert "lifted" in page


def test_what_was_typed_stays_when_something_is_wrong(boss: Client) -> None:
    answer = boss.post("/holds/", {"kind": "phone", "held": "123", "days": "7"})
    page = told(answer)
    assert "Telephone number: a telephone number that exists" in page
    assert 'value="123"' in page
    assert 'value="phone" required checked' in page
    assert "Days: a number of days from 1 to 180." in told(
        boss.post("/holds/", {"kind": "phone", "held": "090-1234-5678", "days": "181"})
    )
    boss.post("/holds/", {"kind": "phone", "held": "090-1234-5678", "days": "7"})
    assert "Your organisation holds this already" in told(
        boss.post("/holds/", {"kind": "phone", "held": "+81 90 1234 5678", "days": "7"})
    )
    assert Hold.objects.count() == 1


def test_only_who_may_hold_sees_that_there_is_such_a_page(
    browser: Client, boss: Client, outsider: User, as_supervisor: Actor
) -> None:
    hold = holds.place_hold(as_supervisor, "contact", "abc_123", days=3)
    assert 'href="/holds/"' in told(boss.get("/live/"))
    assert 'href="/holds/"' not in told(browser.get("/live/"))
    for answer in (
        browser.get("/holds/"),
        browser.post("/holds/", {"kind": "phone", "held": "090-1234-5678", "days": "7"}),
        browser.post(f"/holds/{hold.pk}/renew/", {"days": "5"}),
        browser.post(f"/holds/{hold.pk}/lift/"),
    ):
        assert answer.status_code == 403
        assert "abc_123" not in told(answer)
    browser.force_login(outsider)
    assert "abc_123" not in told(browser.get("/holds/"))
    browser.post(f"/holds/{hold.pk}/lift/")
    hold.refresh_from_db()
    assert hold.lifted_at is None
    assert Hold.objects.count() == 1


def test_a_case_proposes_what_can_be_held_of_it(boss: Client, live: Source) -> None:
    row = post(
        "1",
        "高額バイト Telegram: @abc_123 か 090-1234-5678、https://lure.example/job まで ID: other_7",
        profile="LINE ID:line_77",
        author_id="a1",
        author_handle="some.body",
        url="https://social.example/p/7",
    )
    arrive(live, [row], [finding()])
    case = Case.objects.get()
    assert f'href="/holds/?case={case.pk}"' in told(boss.get(f"/case/{case.pk}/"))
    page = told(boss.get(f"/holds/?case={case.pk}"))
    for value in ("some.body", "https://social.example/p/7", "abc_123", "+819012345678", "https://lure.example/job"):
        assert f'name="held" value="{value}"' in page
    for value, app in (("abc_123", "telegram"), ("line_77", "line"), ("other_7", "any")):
        assert (
            f'name="held" value="{value}"><input type="hidden" name="network" value=""><input type="hidden" name="app" value="{app}"'
            in page
        )


def test_of_a_case_that_another_body_holds_nothing_is_proposed(
    boss: Client, waiting: Case, as_outsider: Actor, live: Source
) -> None:
    arrive(live, [post("1", "高額バイト ID: abc_123")], [finding()])
    holds.place_hold(as_outsider, "contact", "abc_123", days=3)
    answer = boss.get(f"/holds/?case={waiting.pk}")
    assert answer.status_code == 403
    assert "abc_123" not in told(answer)
    assert "held by another body" in told(answer)


def test_the_same_questions_for_one_hold_and_for_many(boss: Client, as_supervisor: Actor) -> None:
    def questions() -> int:
        with CaptureQueriesContext(connection) as asked:
            boss.get("/holds/")
        return len(asked)

    def place(n: int) -> None:
        holds.place_hold(as_supervisor, "contact", f"name_{n}", days=3)

    place(0)
    few = questions()
    for n in range(1, 8):
        place(n)
    assert questions() == few
