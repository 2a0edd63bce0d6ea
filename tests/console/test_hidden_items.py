"""What leaves is on no page for whoever must not see it: a second judge, and while another body holds the post."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tests.console.test_pages import as_user
from tests.outbox_world import decided
from yoake.casework.cases.holds import place_hold
from yoake.casework.cases.models import Case
from yoake.casework.help.models import HandOver
from yoake.casework.help.queries import clocks_of
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.people.models import User
from yoake.casework.people.queries import Actor, actor_of
from yoake.casework.report.models import Report
from yoake.casework.report.queries import waiting_reports
from yoake.casework.request.models import Answer, Request
from yoake.casework.request.queries import waiting_requests
from yoake.casework.sources.models import Source

pytestmark = pytest.mark.django_db
WORDS = "見せてはならない言葉"


def failed(case: Case, kind: str, by: User, *also: Case) -> OutboxItem:
    """Something that did not go, and waits for a person on every list."""
    now = timezone.now()
    item = OutboxItem.objects.create(
        organisation_id=case.organisation_id, case=case, post=case.post, kind=kind, channel="email", way="mail",
        state="failed", stopped_why="uncertain", key=uuid.uuid4().hex, bound="0" * 64, drafted_by=by, drafted_at=now,
        body={"text": WORDS},
    )  # fmt: skip
    item.also.set(also)
    return item


def everything(case: Case, by: User, *also: Case) -> dict[str, str]:
    """One of each that belongs to a case: the page of each, and what its list shows of it."""
    of = {"organisation_id": case.organisation_id, "case": case}
    request = Request.objects.create(item=failed(case, "request", by, *also), kind="removal", body="x", **of)
    report = Report.objects.create(item=failed(case, "report", by, *also), recipient="hotline", body="x", **of)
    told = failed(case, "help", by, *also)
    OutboxItem.objects.filter(pk=told.pk).update(state="sent", sent_at=timezone.now() - timedelta(days=1))
    help_ = HandOver.objects.create(item=told, how="desk", body="x", **of)
    Answer.objects.create(
        organisation_id=case.organisation_id, item=request.item, mail_key="k", at=timezone.now(), text=WORDS
    )
    return {
        f"/request/{request.pk}/": "/requests/",
        f"/report/{report.pk}/": "/reports/",
        f"/help/{help_.pk}/": "/help/",
        f"/outgoing/{request.item_id}/": "/outgoing/?where=all",
    }


def addresses(client: Client, pages: dict[str, str]) -> dict[str, tuple[int, bool]]:
    """Of each page its status, and whether its list leads to it."""
    return {one: (client.get(one).status_code, one in client.get(at).content.decode()) for one, at in pages.items()}


@pytest.fixture
def case(as_analyst: Actor, live: Source) -> Case:
    return decided(as_analyst, live, "runaway_at_risk", text="家出中 泊めて")


def hidden(client: Client, actor: Actor, pages: dict[str, str], item_id: int, overdue: int = 0) -> None:
    assert set(addresses(client, pages).values()) == {(404, False)}
    assert WORDS not in client.get("/sending/").content.decode()
    assert WORDS not in client.get("/requests/").content.decode()
    assert client.post(f"/sending/item/{item_id}/", {"what": "went"}).status_code == 404
    assert OutboxItem.objects.get(pk=item_id).state == "failed"
    assert (waiting_requests(actor), waiting_reports(actor), len(clocks_of(actor))) == (0, 0, overdue)


def test_a_second_judge_sees_nothing_of_what_the_first_let_leave(
    live: Source, as_analyst: Actor, analyst: User, supervisor: User
) -> None:
    case = decided(as_analyst, live, "runaway_at_risk", text="家出中 16歳 泊めて")
    assert case.state == "second_review"
    pages = everything(case, analyst)
    item = Request.objects.get().item_id
    mine = addresses(as_user(analyst), pages)
    assert set(mine.values()) == {(200, True)}, mine
    assert WORDS in as_user(analyst).get("/sending/").content.decode()
    assert waiting_requests(actor_of(analyst)) == 2  # it, and the mail
    # but for one thing: that nobody has somebody who needs help, and the time for that is over
    hidden(as_user(supervisor), actor_of(supervisor), pages, item, overdue=1)


def test_what_another_body_holds_is_on_no_page_also_as_a_further_case_of_one_mail(
    live: Source, as_analyst: Actor, analyst: User, as_outsider: Actor, case: Case
) -> None:
    other = decided(as_analyst, live, native_id="2", author_id="author-2")
    pages = everything(other, analyst, case)
    client = as_user(analyst)
    assert set(addresses(client, pages).values()) == {(200, True)}
    place_hold(as_outsider, "account", "author-1", network="test", days=30)
    hidden(client, as_analyst, pages, Request.objects.get().item_id)
