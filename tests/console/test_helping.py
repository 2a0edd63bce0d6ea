"""The pages of help: the case offers it, a supervisor sees what is overdue on top of the inbox."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tests.console.test_pages import as_user
from tests.outbox_world import decided
from tests.report_world import confirmed
from yoake.casework.cases.models import Case, Decision
from yoake.casework.help import said
from yoake.casework.help.models import HandOver, Settled
from yoake.casework.outbox.models import Sender
from yoake.casework.people.models import User
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import Source
from yoake.pipeline.duties.send import send

pytestmark = pytest.mark.django_db


@pytest.fixture
def case(as_analyst: Actor, live: Source) -> Case:
    return decided(
        as_analyst, live, "coerced_applicant", network="fediverse", text="身分証を送った <b>助けて</b>",
        url="https://social.example/1", author_handle="hanako",
    )  # fmt: skip


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return answer.content.decode()


def test_from_the_case_to_who_has_it(browser: Client, case: Case, as_administrator: Actor) -> None:
    assert f"/case/{case.pk}/help/" in page(browser, f"/case/{case.pk}/")
    told = page(browser, f"/case/{case.pk}/help/")
    assert "警告" not in told[told.index("<main") : told.index("</main>")]
    refused = browser.post(f"/case/{case.pk}/help/", {"how": "desk", "body": "police_consultation"})
    assert refused.status_code == 409
    confirmed(as_administrator, "police_consultation", telephone="#9110")
    assert "#9110" in page(browser, f"/case/{case.pk}/help/")
    browser.post(f"/case/{case.pk}/help/", {"how": "desk", "body": "police_consultation"})
    made = HandOver.objects.get()
    send(timezone.now())
    told = page(browser, f"/help/{made.pk}/")
    assert "&lt;b&gt;" in told
    assert "<b>助けて" not in told
    browser.post(f"/help/{made.pk}/act/", {"act": "told"})
    assert browser.post(f"/help/{made.pk}/act/", {"act": "acknowledge", "who": " "}).status_code == 409
    browser.post(f"/help/{made.pk}/act/", {"act": "acknowledge", "who": "<i>係7</i>"})
    assert "&lt;i&gt;係7" in page(browser, f"/case/{case.pk}/")
    assert "&lt;i&gt;係7" in page(browser, "/help/")
    assert browser.post(f"/help/{made.pk}/act/", {"act": "nonsense"}).status_code == 404


def test_overdue_is_on_top_for_supervisors(browser: Client, case: Case, supervisor: User) -> None:
    boss = as_user(supervisor)
    assert 'id="help-lane-title"' not in page(boss, "/live/")
    Decision.objects.update(at=timezone.now() - timedelta(minutes=40))
    top = page(boss, "/live/")
    assert 'id="help-lane-title"' in top
    assert top.index("help-lane-title") < top.index('class="columns"')
    assert "40" in top
    assert boss.get(f"/help/overdue/?shown={case.pk}%3B1").status_code == 204
    assert boss.get("/help/overdue/").status_code == 200
    assert "help-lane-title" not in page(browser, "/live/")
    assert browser.get("/help/overdue/").status_code == 204
    assert f"/case/{case.pk}/" in page(browser, "/help/"), "everybody sees whose clock runs"
    boss.post(f"/case/{case.pk}/help/", {"how": "settle", "why": "helped"})
    assert Settled.objects.get().why == "helped"
    assert "help-lane-title" not in page(boss, "/live/")


def test_only_a_supervisor_replies_in_public(
    browser: Client, case: Case, supervisor: User, as_administrator: Actor
) -> None:
    sender = Sender.objects.create(
        organisation_id=as_administrator.organisation_id, channel="mastodon", name="m",
        added_by_id=as_administrator.user_id, added_at=timezone.now(),
    )  # fmt: skip
    given = {"how": "reply", "channel": "mastodon", "sender": sender.pk, "language": "ja", "hours": 6}
    assert 'value="reply"' not in page(browser, f"/case/{case.pk}/help/")
    answer = browser.post(f"/case/{case.pk}/help/", {**given, "text": said.REPLY["ja"]})
    assert answer.status_code == 409
    assert not HandOver.objects.exists()
    boss = as_user(supervisor)
    assert 'value="reply"' in page(boss, f"/case/{case.pk}/help/")
    refused = boss.post(f"/case/{case.pk}/help/", {**given, "text": "17歳の<b>あなた</b>へ #9110"})
    assert refused.status_code == 409
    assert "17歳の&lt;b&gt;" in refused.content.decode()
    boss.post(f"/case/{case.pk}/help/", {**given, "text": said.REPLY["ja"]})
    made = HandOver.objects.get()
    shown = page(boss, f"/help/{made.pk}/")
    boss.post(f"/help/{made.pk}/act/", {"act": "approve", "bound": made.item.bound})
    assert "approve_second" in page(browser, f"/help/{made.pk}/")
    assert made.item.bound in shown


def test_another_organisation_sees_nothing(case: Case, outsider: User, as_administrator: Actor, as_analyst: Actor) -> None:  # fmt: skip
    from yoake.casework.help.actions import hand_to_desk

    confirmed(as_administrator, "police_consultation", telephone="#9110")
    made = hand_to_desk(as_analyst, case.pk, "police_consultation")
    other = as_user(outsider)
    for address in (f"/help/{made.pk}/", f"/case/{case.pk}/help/"):
        assert other.get(address).status_code == 404, address
    assert "police" not in page(other, "/help/").replace("/register", "")
