"""Filters, saved views, the clocks and the search page as people use them."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.world import arrive, finding, post
from yoake.casework.audit.models import Entry
from yoake.casework.cases.actions import decide
from yoake.casework.cases.models import Case, SavedView
from yoake.casework.cases.saved_views import MOST, save_view
from yoake.casework.people.models import Membership, Organisation, User
from yoake.casework.people.queries import Actor, actor_of
from yoake.casework.sources.models import Source
from yoake.errors import Refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def three(live: Source) -> list[Case]:
    """A drug advertisement in Tokyo, one in Osaka, somebody at risk."""
    rows = [
        post("1", "渋谷で手渡し", author_id="a"),
        post("2", "梅田で手渡し", author_id="b"),
        post("3", "応募したら脅されています", author_id="c"),
    ]
    found = [finding(0, "drug_ad"), finding(1, "drug_ad", 0.5, "mid"), finding(2, "coerced_applicant", 0.5, "mid")]
    arrive(live, rows, found, timezone.now() - timedelta(hours=1))
    return list(Case.objects.order_by("pk"))


def told(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, answer
    return str(answer.content.decode())


def signed_in(user: User) -> Client:
    client = Client(HTTP_ACCEPT_LANGUAGE="en")
    client.force_login(user)
    return client


def test_a_filter_is_an_address_and_stays_on_every_way_from_it(browser: Client, three: list[Case]) -> None:
    asked = "category=drug_ad&prefecture=" + quote("大阪府")
    page = told(browser, f"/live/?{asked}&no_such=1&page=x")
    assert page.count("data-row") == 1
    assert "梅田で手渡し" in page
    links = asked.replace("&", "&amp;")
    assert f'href="/case/{three[1].pk}/?{links}"' in page
    assert 'href="?category=drug_ad"' in page, "the prefecture can be taken away"
    case = told(browser, f"/case/{three[1].pk}/?{asked}")
    assert f'href="/live/?{links}"' in case
    assert 'rel="next"' not in case, "there is no other in this view"
    assert 'name="desk_view" value="' + links in case
    news = told(browser, f"/live/pulse/?newest=0&view={quote(asked)}&shown={three[1].pk}")
    assert "1 new post" in news
    assert f'href="/live/?{links}"' in news


def test_what_is_due_is_said(browser: Client, three: list[Case]) -> None:
    page = told(browser, "/live/")
    assert re.search(r'class="due overdue"[^>]*>overdue by 4\d minutes', page)
    assert re.search(r'href="\?overdue=1"[^>]*>Overdue <span class="number">1<', page)
    assert told(browser, "/live/?overdue=1").count("data-row") == 1
    assert "overdue by" in told(browser, f"/case/{three[2].pk}/")
    assert "due in" in told(browser, f"/case/{three[0].pk}/")


def test_views_are_saved_shared_renamed_and_deleted(
    three: list[Case], analyst: User, supervisor: User, outsider: User
) -> None:
    mine, theirs, others = signed_in(analyst), signed_in(supervisor), signed_in(outsider)
    mine.post("/live/views/", {"view": "category=drug_ad", "name": " 薬物 "})
    mine.post(
        "/live/views/", {"view": "prefecture=東京都&category=drug_ad&evil=1", "name": "東京の薬物", "shared": "1"}
    )
    assert [(view.name, view.shared, view.filters) for view in SavedView.objects.order_by("pk")] == [
        ("薬物", False, {"category": "drug_ad"}),
        ("東京の薬物", True, {"category": "drug_ad", "prefecture": "東京都"}),
    ]
    assert told(mine, "/live/").count('class="chip saved"') == 2
    assert told(theirs, "/live/").count('class="chip saved"') == 1
    assert told(others, "/live/").count('class="chip saved"') == 0
    own, shared = SavedView.objects.order_by("pk")
    for client, view, status in ((theirs, own, 409), (others, own, 409), (others, shared, 409)):
        assert client.post(f"/live/views/{view.pk}/", {"do": "delete"}).status_code == status
    assert mine.post("/live/views/", {"view": "grade=high", "name": "薬物"}).status_code == 409
    assert mine.post("/live/views/", {"view": "grade=high", "name": " "}).status_code == 409
    mine.post(f"/live/views/{own.pk}/", {"do": "rename", "name": "薬物広告"})
    theirs.post(f"/live/views/{shared.pk}/", {"do": "delete"})
    assert [view.name for view in SavedView.objects.all()] == ["薬物広告"]
    told_of = Entry.objects.filter(kind__startswith="view_").order_by("pk")
    assert [entry.kind for entry in told_of] == ["view_saved", "view_saved", "view_renamed", "view_deleted"]
    assert not [entry for entry in told_of if "薬物" in str(entry.facts)]


def test_whose_role_only_reads_shares_nothing(police: Organisation, as_analyst: Actor) -> None:
    auditor = User.objects.create_user("auditor", password="a long pass phrase 17", staff_number="S-aud")
    Membership.objects.create(user=auditor, organisation=police, role=Membership.Role.AUDITOR)
    with pytest.raises(Refused, match="role"):
        save_view(actor_of(auditor), "mine", {"grade": "high"}, shared=True)
    for n in range(MOST):
        save_view(as_analyst, str(n), {"grade": "high"})
    with pytest.raises(Refused, match="delete one first"):
        save_view(as_analyst, "one more", {"grade": "high"})


def test_the_search_page(browser: Client, three: list[Case], as_supervisor: Actor) -> None:
    assert "data-row" not in told(browser, "/search/")
    page = told(browser, "/search/?q=" + quote("手渡し"))
    assert page.count("data-row") == 2
    assert page.count('<mark class="hit">手渡し</mark>') == 2
    version = three[0].post.current_id or 0
    decide(as_supervisor, three[0].pk, "in_scope", version_id=version, category_slug="drug_ad")
    done = told(browser, "/search/?state=done&q=" + quote("手渡し"))
    assert done.count("data-row") == 1
    assert "verdict-tag in_scope" in done
    assert told(browser, "/search/?grade=mid&q=" + quote("手渡し")).count("data-row") == 1
    assert "Nothing was found" in told(browser, "/search/?q=" + quote("どこにもない"))
    assert "<script>" not in told(browser, "/search/?q=<script>alert(1)</script>").replace("<script src", "")
    assert browser.get("/search/?q=" + "x" * 201).status_code == 400
    assert Client().get("/search/?q=x").status_code == 302


def test_pages_of_many_and_of_few_take_as_many_queries(browser: Client, live: Source) -> None:
    def asked(address: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            told(browser, address)
        return len(captured)

    addresses = ("/live/?grade=high", "/search/?q=" + quote("高額"), "/live/pulse/?view=grade%3Dhigh&newest=0")
    arrive(live, [post(str(n), author_id=str(n)) for n in range(2)], [finding(0), finding(1)])
    for address in addresses:
        asked(address)
    few = [asked(address) for address in addresses]
    arrive(live, [post(str(n), author_id=str(n)) for n in range(2, 22)], [finding(n) for n in range(20)])
    assert [asked(address) for address in addresses] == few
