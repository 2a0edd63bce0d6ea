"""Warning from the case page to the list of what leaves: what is shown, to whom, and that approving holds for what was read."""

from __future__ import annotations

import html
import re

import pytest
from django.test import Client
from django.utils import timezone

from tests.warn_world import LETTER, handed, job_ad, letter_in_force, warnable, warned, with_head
from tests.world import arrive, finding, post
from yoake.casework.cases.models import Case, PostVersion
from yoake.casework.outbox.actions import stop_all
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.people.models import Organisation, User
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import Source
from yoake.casework.warn.actions import draft_warning
from yoake.casework.warn.models import Trial

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def head(as_supervisor: Actor) -> None:
    with_head(as_supervisor)


@pytest.fixture
def signed_in(analyst: User) -> Client:
    browser = Client(headers={"accept-language": "en"})
    browser.force_login(analyst)
    return browser


def page(browser: Client, url: str, status: int = 200) -> str:
    answer = browser.get(url)
    assert answer.status_code == status, answer.content.decode()[:2000]
    return answer.content.decode()


def bound(shown: str) -> str:
    found = re.search(r'name="bound" value="(\w+)"', shown)
    assert found is not None
    return found[1]


def test_what_waits_for_a_hand_is_offered_only_while_it_may_be_said(
    signed_in: Client, as_analyst: Actor, live: Source
) -> None:
    case = warnable(as_analyst, live, url="https://social.example/1")
    item = handed(warned(as_analyst, case, None))
    assert 'data-copy="#copy-text"' in page(signed_in, f"/outgoing/{item.pk}/")
    Case.objects.filter(pk=case.pk).update(at_risk=True)  # their author needs help, as somebody saw just now
    shown = page(signed_in, f"/outgoing/{item.pk}/")
    assert 'data-copy="#copy-text"' not in shown
    assert "they are never warned" in shown
    stop_all(as_analyst)
    assert "It stands there" not in page(signed_in, f"/outgoing/{item.pk}/")


def test_from_the_case_to_the_address_of_the_reply(signed_in: Client, as_analyst: Actor, live: Source) -> None:
    case = warnable(as_analyst, live, url="https://social.example/1", author_handle="aite", text="野菜 <b>手押し</b>")
    assert f'href="/case/{case.pk}/warn/"' in page(signed_in, f"/case/{case.pk}/")
    preview = page(signed_in, f"/case/{case.pk}/warn/")
    assert "架空県警察" in preview
    assert "野菜 &lt;b&gt;手押し" in preview
    assert "Nothing leaves now" in preview
    assert not OutboxItem.objects.exists()  # looking drafts nothing
    answer = signed_in.post(f"/case/{case.pk}/warn/", {"road": "by_hand:", "language": "ja"})
    item = OutboxItem.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/outgoing/{item.pk}/")
    assert item.state == "draft"
    shown = page(signed_in, f"/outgoing/{item.pk}/")
    assert "野菜 &lt;b&gt;手押し" in shown
    signed_in.post(f"/outgoing/{item.pk}/act/", {"act": "approve", "bound": bound(shown)})
    item.refresh_from_db()
    assert item.state == "approved"
    from yoake.casework.warn.models import WarningMessage

    handed(WarningMessage.objects.get())
    carry = page(signed_in, f"/outgoing/{item.pk}/")
    assert 'data-copy="#copy-text"' in carry
    assert f"/case/{case.pk}/open/" in carry
    refused = signed_in.post(f"/outgoing/{item.pk}/act/", {"act": "sent", "url": "somewhere"})
    assert refused.status_code == 409
    signed_in.post(f"/outgoing/{item.pk}/act/", {"act": "sent", "url": "https://social.example/2"})
    item.refresh_from_db()
    assert (item.state, item.remote_url) == ("sent", "https://social.example/2")
    signed_in.post(f"/outgoing/{item.pk}/act/", {"act": "withdraw", "why": "mistake"})
    assert "Delete it there by hand" in page(signed_in, f"/outgoing/{item.pk}/")
    signed_in.post(f"/outgoing/{item.pk}/act/", {"act": "withdrawn"})
    item.refresh_from_db()
    assert item.state == "withdrawn"
    assert "it was a mistake" in page(signed_in, f"/outgoing/{item.pk}/")
    assert "drafted a warning" in page(signed_in, f"/case/{case.pk}/")


def test_an_approval_of_another_reading_is_refused_and_said(signed_in: Client, as_analyst: Actor, live: Source) -> None:
    case = warnable(as_analyst, live)
    item = draft_warning(as_analyst, case.pk, "by_hand").item
    read = bound(page(signed_in, f"/outgoing/{item.pk}/"))
    PostVersion.objects.filter(post=case.post).update(author_name="べつの名前")
    answer = signed_in.post(f"/outgoing/{item.pk}/act/", {"act": "approve", "bound": read})
    assert answer.status_code == 409
    item.refresh_from_db()
    assert item.state == "draft"
    shown = page(signed_in, f"/outgoing/{item.pk}/")
    assert "changed since" in shown
    assert 'name="bound"' not in shown


def test_two_persons_where_that_is_demanded(
    signed_in: Client, supervisor: User, as_analyst: Actor, live: Source
) -> None:
    case = warnable(as_analyst, live)
    Case.objects.filter(pk=case.pk).update(minor=True)
    assert "Two persons approve it" in page(signed_in, f"/case/{case.pk}/warn/")
    item = draft_warning(as_analyst, case.pk, "by_hand").item
    first = page(signed_in, f"/outgoing/{item.pk}/")
    signed_in.post(f"/outgoing/{item.pk}/act/", {"act": "approve", "bound": bound(first)})
    assert "A second person approves it too" in page(signed_in, f"/outgoing/{item.pk}/")
    assert "waits for a second person" in page(signed_in, "/outgoing/")
    other = Client(headers={"accept-language": "en"})
    other.force_login(supervisor)
    shown = page(other, f"/outgoing/{item.pk}/")
    assert "approve_second" in shown
    other.post(f"/outgoing/{item.pk}/act/", {"act": "approve_second", "bound": bound(shown)})
    item.refresh_from_db()
    assert item.state == "approved"


def test_after_an_approval_the_next_draft_is_shown(signed_in: Client, as_analyst: Actor, live: Source) -> None:
    items = [
        draft_warning(as_analyst, warnable(as_analyst, live, native_id=str(n), author_id=f"a{n}").pk, "by_hand").item
        for n in range(3)
    ]
    listed = page(signed_in, "/outgoing/")
    assert [int(found) for found in re.findall(r'href="/outgoing/(\d+)/" data-row', listed)] == [
        one.pk for one in items
    ]
    given = {"act": "approve", "bound": items[0].bound}
    answer = signed_in.post(f"/outgoing/{items[0].pk}/act/", given)
    assert answer["Location"] == f"/outgoing/{items[1].pk}/"
    signed_in.post(f"/outgoing/{items[1].pk}/act/", {"act": "discard"})
    answer = signed_in.post(f"/outgoing/{items[2].pk}/act/", {"act": "approve", "bound": items[2].bound})
    assert answer["Location"] == f"/outgoing/{items[2].pk}/"  # nothing waits any more


def test_the_page_says_why_there_is_no_warning(signed_in: Client, as_analyst: Actor, live: Source) -> None:
    alone = job_ad(as_analyst, live, "offer", "unclear_work")
    assert "labour bureau" in page(signed_in, f"/case/{alone.pk}/warn/")
    now = timezone.now()
    taken = arrive(live, [post("9", network="fediverse", seen_at=now)], [finding(category="coerced_applicant")], now)
    refused = signed_in.post(f"/case/{taken.opened[0]}/warn/", {"road": "by_hand:"})
    assert refused.status_code == 400
    assert "Warn <kbd>w</kbd>" not in page(signed_in, f"/case/{taken.opened[0]}/")
    assert not OutboxItem.objects.exists()


def test_a_stopped_warning_says_why_in_plain_words(signed_in: Client, as_analyst: Actor, live: Source) -> None:
    case = warnable(as_analyst, live)
    made = warned(as_analyst, case, None)
    Case.objects.filter(pk=case.pk).update(at_risk=True)
    handed(made)
    shown = page(signed_in, f"/outgoing/{made.item_id}/")
    assert "This person may need help: they are never warned" in shown
    assert "This person may need help" in page(signed_in, "/outgoing/?where=stopped")


def test_a_correction_is_drafted_from_what_stands(signed_in: Client, as_analyst: Actor, live: Source) -> None:
    made = warned(as_analyst, warnable(as_analyst, live, url="https://social.example/1"), None)
    OutboxItem.objects.filter(pk=made.item_id).update(
        state="sent", sent_at=timezone.now(), remote_url="https://social.example/9", due_at=None
    )
    assert f"/outgoing/{made.item_id}/correct/" in page(signed_in, f"/outgoing/{made.item_id}/")
    page(signed_in, f"/outgoing/{made.item_id}/correct/")
    refused = signed_in.post(f"/outgoing/{made.item_id}/correct/", {"text": "#闇バイト"})
    assert refused.status_code == 400
    signed_in.post(f"/outgoing/{made.item_id}/correct/", {"text": "誤りでした。おわびします。"})
    assert OutboxItem.objects.get(kind="correction").corrects_id == made.item_id


def test_others_see_nothing_of_it(
    signed_in: Client, outsider: User, as_analyst: Actor, live: Source, hotline: Organisation
) -> None:
    made = draft_warning(as_analyst, warnable(as_analyst, live).pk, "by_hand")
    stranger = Client()
    stranger.force_login(outsider)
    page(stranger, f"/outgoing/{made.item_id}/", 404)
    page(stranger, f"/case/{made.case_id}/warn/", 404)
    assert (
        stranger.post(f"/outgoing/{made.item_id}/act/", {"act": "approve", "bound": made.item.bound}).status_code == 404
    )
    assert f"/outgoing/{made.item_id}/" not in page(stranger, "/outgoing/?where=all")
    assert signed_in.post(f"/outgoing/{made.item_id}/act/", {"act": "nothing"}).status_code == 404


def test_who_judges_it_a_second_time_learns_nothing_from_the_list(
    signed_in: Client, supervisor: User, as_analyst: Actor, live: Source
) -> None:
    from yoake.casework.cases.models import SecondReview

    case = warnable(as_analyst, live)
    made = draft_warning(as_analyst, case.pk, "by_hand")
    SecondReview.objects.create(case=case, first=case.decisions.get(), why="lot", drawn=True, asked_at=timezone.now())
    assert f"/outgoing/{made.item_id}/" in page(signed_in, "/outgoing/")  # who judged first
    other = Client()
    other.force_login(supervisor)
    assert f"/outgoing/{made.item_id}/" not in page(other, "/outgoing/?where=all")
    page(other, f"/outgoing/{made.item_id}/", 404)


def test_the_list_asks_as_much_for_many_as_for_few(
    signed_in: Client, as_analyst: Actor, live: Source, django_assert_max_num_queries: object
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    counts = []
    for start in (0, 2, 8):
        for n in range(start, start + 4):
            draft_warning(
                as_analyst, warnable(as_analyst, live, native_id=f"q{n}", author_id=f"q{n}").pk, "by_hand"
            ) if (not Case.objects.filter(post__native_id=f"q{n}").exists()) else None
        page(signed_in, "/outgoing/")
        with CaptureQueriesContext(connection) as asked:
            page(signed_in, "/outgoing/")
        counts.append(len(asked))
    assert counts[0] == counts[-1], counts


def test_every_row_of_the_list_is_on_one_of_its_pages(
    signed_in: Client, as_analyst: Actor, live: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("yoake.console.outgoing.ROWS", 2)
    ids = [
        draft_warning(as_analyst, warnable(as_analyst, live, native_id=str(n), author_id=f"a{n}").pk, "by_hand").item.pk
        for n in range(5)
    ]

    def rows(url: str) -> list[int]:
        found: list[int] = []
        while url:
            shown = page(signed_in, url)
            found += map(int, re.findall(r'href="/outgoing/(\d+)/" data-row', shown))
            following = re.search(r'rel="next" href="([^"]+)"', shown)
            url = f"/outgoing/{html.unescape(following[1])}" if following else ""
        return found

    assert rows("/outgoing/") == rows("/outgoing/?where=draft") == ids, "who has waited longest is read first"
    assert rows("/outgoing/?where=all") == ids[::-1]
    second = page(signed_in, f"/outgoing/?where=draft&after={ids[1]}")
    assert "3–4 / 5" in second
    assert 'rel="first" href="?where=draft"' in second
    OutboxItem.objects.filter(pk=ids[0]).update(state="failed", due_at=None)
    OutboxItem.objects.filter(pk__in=ids[1:3]).update(state="sending", due_at=None)  # to be carried out by hand
    OutboxItem.objects.filter(pk__in=ids[3:]).update(state="stopped", due_at=None)
    assert rows("/outgoing/") == rows("/outgoing/?where=people") == ids[:3], (
        "what is left to a person comes before all else"
    )
    OutboxItem.objects.filter(pk__in=ids).update(state="approved", way="reply")
    monkeypatch.setattr("yoake.console.sending.WAITING_SHOWN", 2)
    shown = page(signed_in, "/sending/")
    assert 'on its way <span class="number">5</span>' in shown
    assert "The first 2 are shown." in shown


def test_trials_are_started_and_ended_on_their_page(
    supervisor: User, as_supervisor: Actor, as_administrator: Actor
) -> None:
    own = letter_in_force(as_supervisor, as_administrator, LETTER)
    browser = Client(headers={"accept-language": "en"})
    browser.force_login(supervisor)
    assert "No trial yet" in page(browser, "/wording/trials/")
    browser.post("/wording/trials/start/", {"of": "drug_ad:ja", "first": "0", "second": str(own.pk)})
    trial = Trial.objects.get()
    assert "End this trial" in page(browser, "/wording/trials/")
    again = browser.post("/wording/trials/start/", {"of": "drug_ad:ja", "first": "0", "second": str(own.pk)})
    assert again.status_code == 400
    browser.post(f"/wording/trials/{trial.pk}/end/")
    trial.refresh_from_db()
    assert trial.ended_at is not None
