"""The pages of requests: from the case to the answer, in both languages."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tests.console.test_pages import as_user
from tests.outbox_world import decided
from tests.request_world import BOARD, asked, let_go, provider, rows_of, sealed_case, went
from yoake.casework.cases.models import Case, Post
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.people.models import User
from yoake.casework.people.queries import Actor
from yoake.casework.request.models import Answer, NoRequest, Request
from yoake.casework.sources.models import Source
from yoake.pipeline.duties.send import send

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("vault")]


@pytest.fixture
def case(as_analyst: Actor, as_administrator: Actor, live: Source) -> Case:
    provider(as_administrator)
    return sealed_case(as_analyst, live, text="高額バイト <b>詳しくは</b>DMで")


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return answer.content.decode()


def test_from_the_case_to_the_answer(browser: Client, supervisor: User, case: Case, analyst: User) -> None:
    assert f"/case/{case.pk}/request/" in page(browser, f"/case/{case.pk}/")
    told = page(browser, f"/case/{case.pk}/request/")
    assert "Example Board" in told
    assert "Is a preservation of records wanted?" in told
    assert "on paper, by hand" not in told
    given = {
        "kind": "removal",
        "body": BOARD,
        "channel": "web_form",
        "preservation": "not_wanted",
        "reason": "<i>高額</i>とだけある。",
    }
    refused = browser.post(f"/case/{case.pk}/request/", {**given, "preservation": ""})
    assert refused.status_code == 400
    assert "Say first whether a preservation" in refused.content.decode()
    answer = browser.post(f"/case/{case.pk}/request/", given)
    request = Request.objects.get()
    assert answer["Location"] == f"/request/{request.pk}/"
    told = page(browser, f"/request/{request.pk}/")
    assert "&lt;i&gt;高額&lt;/i&gt;とだけある。" in told
    item = OutboxItem.objects.get()
    second = as_user(supervisor)
    assert second.post(f"/request/{request.pk}/act/", {"act": "approve", "bound": "0" * 64}).status_code == 409
    assert second.post(f"/request/{request.pk}/act/", {"act": "approve", "bound": item.bound}).status_code == 302
    due = OutboxItem.objects.get().due_at
    assert due is not None
    send(due)
    told = page(browser, f"/request/{request.pk}/")
    assert "https://board.example/abuse" in told
    assert "Fill in their form, step by step" in told
    assert browser.post(f"/request/{request.pk}/act/", {"act": "sent", "receipt": "B-17"}).status_code == 302
    request = went(request)
    assert request.receipt == "B-17"
    told = page(browser, f"/request/{request.pk}/")
    assert "answer expected by" in told
    assert browser.post(f"/request/{request.pk}/act/", {"act": "meaning", "meaning": "refused"}).status_code == 302
    told = page(browser, f"/request/{request.pk}/")
    assert "Ask a second time" in told
    assert "規約第9条の2" in told
    assert browser.post(f"/request/{request.pk}/act/", {"act": "second", "codes": ["term"]}).status_code == 302
    assert Request.objects.filter(purpose="second").exists()
    listed = page(browser, "/requests/")
    assert "waits for approval" in listed
    assert "refused" in listed
    assert "second request, after a refusal" in page(browser, f"/case/{case.pk}/")
    assert browser.post(f"/request/{request.pk}/act/", {"act": "nonsense"}).status_code == 404
    assert browser.post(f"/request/{request.pk}/act/", {"act": "approve", "item": "999999"}).status_code == 404


def test_mail_that_came_back_is_shown_escaped_and_read_by_a_person(
    browser: Client, case: Case, as_analyst: Actor, as_supervisor: Actor
) -> None:
    (request,) = asked(as_analyst, case)
    let_go(request, as_supervisor)
    browser.post(f"/request/{request.pk}/act/", {"act": "sent"})
    request = went(request)
    given = {"organisation": request.organisation, "from_address": "abuse@board.example", "at": timezone.now()}
    known = Answer.objects.create(
        item=request.item, mail_key="1", subject="Re", text="<script>1</script>対応済", **given
    )
    lost = Answer.objects.create(body=BOARD, mail_key="2", subject="別件", text="ご連絡", **given)
    told = page(browser, "/requests/")
    assert "&lt;script&gt;1&lt;/script&gt;対応済" in told
    assert "names no request" in told
    assert browser.post(f"/requests/mail/{lost.pk}/", {"act": "attach", "request": request.pk}).status_code == 302
    assert browser.post(f"/requests/mail/{lost.pk}/", {"act": "aside"}).status_code == 302
    act = f"/request/{request.pk}/act/"
    assert browser.post(act, {"act": "meaning", "meaning": "removed", "answer": known.pk}).status_code == 302
    assert not Answer.objects.filter(read_at=None).exists()
    assert "Mail that nobody read" not in page(browser, "/requests/")


def test_why_nothing_is_requested(browser: Client, case: Case) -> None:
    assert browser.post(f"/case/{case.pk}/no-request/", {"why": "police_wait"}).status_code == 302
    assert NoRequest.objects.filter(withdrawn_at=None).count() == 1
    assert "the police asked to wait" in page(browser, f"/case/{case.pk}/")
    assert "This does not hold any more" in page(browser, f"/case/{case.pk}/request/")
    assert browser.post(f"/case/{case.pk}/no-request/", {"act": "back"}).status_code == 302
    assert not NoRequest.objects.filter(withdrawn_at=None).exists()


def test_a_paper_can_be_opened(browser: Client, case: Case) -> None:
    told = page(browser, f"/case/{case.pk}/request/?kind=preservation&body={BOARD}")
    assert "For how many days (at most 30)" in told
    given = {"kind": "preservation", "body": BOARD, "channel": "by_hand", "term_days": "30", "reason": "高額"}
    assert browser.post(f"/case/{case.pk}/request/", given).status_code == 302
    answer = browser.get(f"/request/{Request.objects.get().pk}/paper/")
    assert answer["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")


def test_strangers_see_nothing(outsider: User, case: Case, as_analyst: Actor) -> None:
    (request,) = asked(as_analyst, case)
    stranger = as_user(outsider)
    for address in (f"/request/{request.pk}/", f"/request/{request.pk}/paper/", f"/case/{case.pk}/request/"):
        assert stranger.get(address).status_code in (400, 403, 404)
    assert "Example Board" not in stranger.get("/requests/").content.decode()


def test_how_a_provider_answered_stands_on_its_page_and_where_it_is_written_to(
    browser: Client, as_analyst: Actor, as_administrator: Actor, live: Source
) -> None:
    provider(as_administrator)
    case = decided(as_analyst, live, url="https://jobs.board.example/ad/1")
    pages = (f"/register/{BOARD}/", f"/case/{case.pk}/request/")
    for address in pages:
        assert "How they answered us so far" not in page(browser, address)
    sent_at = timezone.now() - timedelta(days=3)
    rows_of(as_analyst, case, 4, sent_at=sent_at, meaning="refused", answered_at=sent_at + timedelta(hours=30))
    for address in pages:
        told = page(browser, address)
        assert re.search(r"Refused</th><td>4</td>", told), "of a handful, no share"
        assert "Shares are told from 5 requests on" in told
        assert "30 hours" in told
    rows_of(as_analyst, case, 4, sent_at=sent_at, answer_by=timezone.now())
    for address in pages:
        told = page(browser, address)
        assert re.search(r"Refused</th><td>4 \(50%\)</td>", told)
        assert "Shares are told" not in told
    assert "How they answered us so far" not in page(browser, "/register/police_osaka/")


def test_every_request_is_on_a_page_of_the_list(browser: Client, as_analyst: Actor, live: Source) -> None:
    case = decided(as_analyst, live, url="https://jobs.board.example/ad/1")
    made = rows_of(as_analyst, case, 55, sent_at=timezone.now(), answer_by=timezone.now())
    told = [page(browser, f"/requests/?where=waits&page={n}") for n in (1, 2)]
    assert "?page=2&amp;where=waits" in told[0]
    found = {number for one in told for number in re.findall(r'href="/request/(\d+)/"', one)}
    assert found == {str(one.pk) for one in made}


def test_where_what_was_asked_for_is_gone_the_page_says_so(browser: Client, as_analyst: Actor, live: Source) -> None:
    case = decided(as_analyst, live, url="https://jobs.board.example/ad/1")
    (request,) = rows_of(as_analyst, case, 1, sent_at=timezone.now(), answer_by=timezone.now())
    words = "What this asks to take down is gone"
    assert words not in page(browser, f"/request/{request.pk}/")
    Post.objects.filter(pk=case.post_id).update(gone_state="removed")
    assert words in page(browser, f"/request/{request.pk}/")
