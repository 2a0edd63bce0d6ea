"""What pages call things and what they put first: people at risk, what is chosen, what is read, who is meant."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils.translation import override

from tests.world import arrive, finding, post
from yoake.casework.cases.actions import decide
from yoake.casework.cases.models import Case
from yoake.casework.people.models import User
from yoake.casework.people.queries import actor_of
from yoake.casework.sources.models import Source
from yoake.console import beside, happened, palette
from yoake.console.devices import browser_name

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]


def test_the_mark_of_somebody_who_needs_help_is_not_that_of_an_offence(
    browser: Client, analyst: User, live: Source
) -> None:
    taken = arrive(live, [post("a"), post("b")], [finding(0, "coerced_applicant"), finding(1)])
    for case in Case.objects.filter(pk__in=taken.opened).select_related("post"):
        assert case.post.current_id is not None
        decide(actor_of(analyst), case.pk, "in_scope", version_id=case.post.current_id, category_slug=case.category)
    page = browser.get("/live/?beside=1").content.decode()
    assert page.count('class="verdict-tag in_scope at-risk"') == 1
    assert page.count('class="verdict-tag in_scope"') == 1


def test_amounts_are_told_as_people_write_them() -> None:
    with override("en"):
        assert beside._meaning("money", "300000 JPY/day", "日当30万円") == "¥300,000 a day"
    with override("ja"):
        assert beside._meaning("money", "300000 JPY/day", "日当30万円") == "1日30万円"
        assert beside._meaning("money", "50000-105000 JPY", "5〜10.5万") == "5万円–10万5000円"
        assert beside._meaning("money", "8000 JPY/hour", "時給８千円") == "1時間8000円"
    assert beside._meaning("app", "telegram", "テレグラム") == ""
    assert beside._meaning("phone", "+819012345678", "+819012345678") == "", "says what stands there"


def test_the_audit_names_what_an_entry_is_about_and_understands_the_name() -> None:
    with override("ja"):
        assert happened.subject_name("case:139") == "事案139"
        for asked in ("事案139", "事案 139", "Case 139", "case:139", "事案１３９"):
            assert happened.subject_asked(asked) == "case:139", asked
        assert happened.subject_asked("letter:warning") == "letter:warning"
        assert happened.subject_name("letter:warning") == "letter:warning"


def test_the_search_says_what_narrows_it(browser: Client) -> None:
    page = browser.get("/search/", {"q": "日当", "grade": "high", "state": "done"}).content.decode()
    assert '<details class="filter-box"><summary' in page, "closed, also while a filter is on"
    assert 'href="?q=%E6%97%A5%E5%BD%93&amp;state=done"' in page, "without the grade"
    assert 'href="?q=%E6%97%A5%E5%BD%93&amp;grade=high"' in page, "without the state"


def test_the_palette_begins_with_what_stays_on_the_page() -> None:
    keys = [command["key"] for command in palette.page_commands()]
    assert keys.index("a") > keys.index("s")


@pytest.mark.parametrize(
    ("told", "name"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Safari/537.36",
            "Chrome (Linux)",
        ),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/131.0 Safari/537.36 Edg/131.0", "Edge (Windows)"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1 Version/18.1 Safari/604.1",
            "Safari (iPhone)",
        ),
        ("curl/8.5.0", "curl/8.5.0"),
    ],
)
def test_a_browser_is_called_by_its_name(told: str, name: str) -> None:
    assert browser_name(told) == name
