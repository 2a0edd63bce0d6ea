"""The pages of objections."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tests.console.test_pages import as_user
from tests.outbox_world import WORDS, decided
from yoake.casework.appeal.lodging import lodge, proved
from yoake.casework.appeal.models import Appeal
from yoake.casework.outbox.actions import draft
from yoake.casework.outbox.codes import code_of
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.people.models import User
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import Source

pytestmark = pytest.mark.django_db


@pytest.fixture
def made(as_analyst: Actor, live: Source) -> Appeal:
    case = decided(as_analyst, live, network="fediverse", url="https://social.example/1")
    item = draft(as_analyst, case.pk, "warning", channel="by_hand", way="hand", to={"url": "x"}, body={"text": WORDS})
    OutboxItem.objects.filter(pk=item.pk).update(state="sent", sent_at=timezone.now())
    return lodge(code_of(item.pk), "author", "<script>冗談</script>", "x@y.example")


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return answer.content.decode()


def test_a_supervisor_answers(browser: Client, supervisor: User, made: Appeal) -> None:
    boss = as_user(supervisor)
    for address in (f"/objections/{made.pk}/", "/objections/", f"/case/{made.case_id}/"):
        told = page(boss, address)
        assert made.reference in told
        assert "<script>冗談" not in told
    assert "/objections/" in page(boss, "/live/beside/")
    Appeal.objects.update(decide_by=timezone.now() - timedelta(days=1))
    assert "1 overdue" in page(boss, "/live/beside/")
    assert browser.post(f"/objections/{made.pk}/answer/", {"act": "dismiss", "reason": "x"}).status_code == 409
    assert boss.post(f"/objections/{made.pk}/answer/", {"act": "uphold", "reason": "x"}).status_code == 409
    proved(made.pk, timezone.now())
    refused = boss.post(f"/objections/{made.pk}/answer/", {"act": "uphold", "reason": " "})
    assert refused.status_code == 409
    assert boss.post(f"/objections/{made.pk}/answer/", {"act": "x"}).status_code == 404
    boss.post(f"/objections/{made.pk}/answer/", {"act": "uphold", "reason": "<b>冗談</b>"})
    made.refresh_from_db()
    assert made.outcome == "upheld"
    told = page(boss, f"/objections/{made.pk}/")
    assert "&lt;b&gt;冗談" in told
    assert "upheld" in told


def test_another_organisation_sees_nothing(outsider: User, made: Appeal) -> None:
    other = as_user(outsider)
    assert other.get(f"/objections/{made.pk}/").status_code == 404
    assert other.post(f"/objections/{made.pk}/answer/", {"act": "dismiss", "reason": "x"}).status_code in (404, 409)
    assert made.reference not in page(other, "/objections/")
    made.refresh_from_db()
    assert made.outcome == ""
