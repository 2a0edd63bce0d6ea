"""The statistics: who may see them, whose they are, what an address may ask, what is kept, and what is taken out."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from html import unescape

import openpyxl
import pytest
from django.core.cache import caches
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from tests.console.test_pages import as_user
from tests.world import PASSWORD, arrive, finding, post
from yoake.casework.audit.models import Entry
from yoake.casework.cases.actions import decide
from yoake.casework.cases.models import Case, Decision
from yoake.casework.count.durations import duration
from yoake.casework.count.periods import Period
from yoake.casework.due import TOKYO
from yoake.casework.people.models import Membership, Organisation, User
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import Source
from yoake.console import statistics_shown

pytestmark = pytest.mark.django_db

FIGURE = "/statistics/figure/decided/"


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    caches["figures"].clear()
    yield
    caches["figures"].clear()


def yesterday() -> datetime:
    """Noon of yesterday in Japan."""
    return datetime.now(TOKYO).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)


def month() -> str:
    """The month that yesterday is in."""
    return f"{yesterday():%Y-%m}"


def fill(source: Source, actor: Actor, n: int, at: datetime | None = None, first: int = 0) -> list[Case]:
    """So many cases that came and were decided in scope at noon of yesterday."""
    at = at or yesterday()
    rows = [
        post(str(first + i), f"高額バイト その{first + i}", author_id=f"a{first + i}", seen_at=at, posted_at=at)
        for i in range(n)
    ]
    opened = arrive(source, rows, [finding(i) for i in range(n)], at).opened
    cases = list(Case.objects.filter(pk__in=opened).select_related("post"))
    for case in cases:
        assert case.post.current_id
        decide(
            actor, case.pk, "in_scope", version_id=case.post.current_id, category_slug="criminal_recruitment", now=at
        )
    return cases


def text(client: Client, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status, (address, answer.status_code)
    return answer.content.decode()


def rows_of(page: str, table: str) -> dict[str, list[str]]:
    """The rows of a table on a page: what stands in its cells, by what stands before them."""
    found = re.search(rf'<figure[^>]* id="{table}".*?</figure>', page, re.DOTALL)
    assert found, table
    rows = re.findall(r"<tr[^>]*><th scope=\"row\".*?row-label\">(.*?)</span></th>(.*?)</tr>", found[0], re.DOTALL)
    return {label: [re.sub(r"<.*?>", " ", cell).split()[0] for cell in re.findall(r"<td.*?</td>", cells)] for label, cells in rows}  # fmt: skip


def tile(page: str, label: str) -> str:
    found = re.search(rf'tile-value">([^<]*)</span> <span class="tile-label">{label}</span>', page)
    assert found, label
    return found[1]


# --- who, and whose --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", Membership.Role.values)
def test_who_may_read_cases_may_read_figures(police: Organisation, role: str) -> None:
    user = User.objects.create_user("somebody", password=PASSWORD)
    Membership.objects.create(user=user, organisation=police, role=role)
    client = as_user(user)
    allowed = role not in ("adviser", "partner")
    for address in (
        "/statistics/",
        "/statistics/figures/",
        FIGURE,
        f"/statistics/chart/decided/decided/?period={month()}",
        f"/statistics/file/{month()}/csv/?figure=decided",
    ):
        assert client.get(address).status_code == (200 if allowed else 403), (role, address)
    assert Entry.objects.filter(kind="figures_exported").exists() is allowed


def test_nobody_sees_another_organisations_numbers(
    live: Source, as_analyst: Actor, analyst: User, outsider: User
) -> None:
    fill(live, as_analyst, 3)
    address = f"{FIGURE}?period={month()}"
    mine, theirs = as_user(analyst), as_user(outsider)
    assert rows_of(text(mine, address), "decided-decided")["all together"][0] == "3"
    assert rows_of(text(theirs, address), "decided-decided")["all together"][0] == "0", "also while ours is kept"
    assert rows_of(text(mine, address), "decided-decided")["all together"][0] == "3"
    chart = f"/statistics/chart/decided/decided/?period={month()}"
    assert mine.get(chart).content != theirs.get(chart).content


def test_whoever_is_nobody_signs_in_first(client: Client) -> None:
    for address in ("/statistics/", f"/statistics/file/{month()}/xlsx/", "/statistics/chart/decided/decided/"):
        assert client.get(address)["Location"].startswith("/sign-in/?next=")


# --- the pages --------------------------------------------------------------------------------------------------------


def test_the_morning_says_what_waits_and_what_yesterday_brought(
    browser: Client, live: Source, as_analyst: Actor
) -> None:
    fill(live, as_analyst, 3)
    fill(live, as_analyst, 1, yesterday() - timedelta(days=1), first=10)
    at_risk = arrive(live, [post("r", "消えたい")], [finding(0, "suicide_inducing")], yesterday() - timedelta(days=9))
    Case.objects.filter(pk__in=at_risk.opened).update(at_risk=True, decide_by=yesterday())
    page = text(browser, "/statistics/")
    assert (tile(page, "arrived"), tile(page, "decided"), tile(page, "in scope")) == ("3", "3", "3")
    assert (tile(page, "people at risk wait"), tile(page, "overdue"), tile(page, "wait in all")) == ("1", "1", "1")
    usual = re.findall(r"against the day before: </span>(\S+) <.*?⌀ (\S+?)<", page)
    assert usual[:2] == [("+2", "0.2"), ("+2", "0.1")], (
        "arrived 2, decided 1, in the nine days since the first case, not in 28"
    )
    assert page.index("people at risk wait") < page.index("overdue") < page.index("wait in all")
    assert 'href="/statistics/figure/pace/?period=' in page
    assert 'href="/live/?overdue=1"' in page
    day = (yesterday() - timedelta(days=1)).date().isoformat()
    before = text(browser, f"/statistics/day/{day}/")
    assert tile(before, "decided") == "1"
    assert "people at risk wait" not in before, "what waits is told as it is now"
    first = (yesterday() - timedelta(days=9)).date().isoformat()
    assert "⌀ –<" in text(browser, f"/statistics/day/{first}/"), "nothing stands before the first day"


def test_a_month_stands_as_chart_and_table(browser: Client, live: Source, as_analyst: Actor) -> None:
    fill(live, as_analyst, 6)
    page = text(browser, f"/statistics/month/{month()}/")
    rows = rows_of(page, "decided-decided")
    assert rows[str(yesterday().day)][0] == "6"
    assert rows["all together"][0] == "6"
    assert re.search(r'<img class="told-chart" src="(/statistics/chart/decided/decided/[^"]*)" alt="([^"]{20,})"', page)
    assert '<th scope="col">' in page
    assert "<caption" in page
    assert not re.search(r"<script>|<style|style=", page), "the policy of the desk allows neither"
    assert f'href="/statistics/file/{month()}/xlsx/"' in page
    year = text(browser, f"/statistics/year/{yesterday():%Y}/")
    assert rows_of(year, "f9-analysed")["of these, others"]
    shown = re.findall(r'<img class="told-chart" src="([^"]*)"', year)
    assert len(shown) > 3
    for chart in shown:
        assert browser.get(unescape(chart)).status_code == 200, chart
    following = Period.read(month())
    assert f'rel="prev" href="/statistics/month/{following.before.key}/"' in page


def test_a_figure_shows_its_definition_and_the_very_query(browser: Client, live: Source, as_analyst: Actor) -> None:
    fill(live, as_analyst, 2)
    page = text(browser, f"{FIGURE}?period={month()}")
    for said in ("Definition", "Denominator", "Cut-off", "Counting unit", "Decisions by what they say"):
        assert said in page, said
    queries = re.findall(r"<pre tabindex=\"0\"[^>]*><code>(.*?)</code>", page, re.DOTALL)
    assert len(queries) == 3, "what was decided; what was opened and is decided; what was opened and waits"
    assert all("SELECT" in sql and "GROUP BY" in sql for sql in queries)
    assert f"{Organisation.objects.get(name='架空県警察').pk}" in queries[0], "with its values"


def test_before_anything_was_counted_a_page_is_friendly(browser: Client, police: Organisation) -> None:
    assert "There is nothing to tell yet." in text(browser, "/statistics/")
    page = text(browser, f"/statistics/month/{month()}/")
    assert "Nothing was counted in this period." in page
    assert "<table" not in page
    assert "What was decided, and what arrived" in text(browser, "/statistics/figures/")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/statistics/month/nonsense/", "Period: a day (2024-05-01), a month (2024-05)"),
        ("/statistics/month/2024-13/", "Period: a day (2024-05-01), a month (2024-05)"),
        ("/statistics/year/0001/", "fiscal year (FY2024), from 2000 to 2200."),
        ("/statistics/year/2199/", "Period: one that has begun."),
        ("/statistics/year/9998/", "from 2000 to 2200."),
        ("/statistics/figure/f9/?period=2024-05", "Period: this figure is told for: Years."),
        ("/statistics/figure/decided/?period=2026-11-20&for=publication", "figures of a day are not published"),
        ("/statistics/file/2199/xlsx/", "Period: one that has begun."),
    ],
)
def test_a_bad_period_is_one_sentence(browser: Client, address: str, said: str) -> None:
    assert said in text(browser, address, 400)


def test_what_is_not_there_is_not_found(browser: Client) -> None:
    for address in (
        "/statistics/figure/nothing/",
        f"/statistics/chart/decided/nothing/?period={month()}",
        f"/statistics/chart/nothing/decided/?period={month()}",
        f"/statistics/file/{month()}/doc/",
        f"/statistics/file/{month()}/pdf/",
        f"/statistics/file/{month()}/csv-ja/",
        f"/statistics/file/{month()}/csv/?figure=nothing",
        f"/statistics/file/{month()}/png/?figure=decided&table=nothing",
    ):
        assert browser.get(address).status_code == 404, address
    assert not Entry.objects.filter(kind="figures_exported").exists()


def test_the_page_of_another_sort_of_period_leads_on(browser: Client) -> None:
    assert browser.get("/statistics/month/2024/")["Location"] == "/statistics/year/2024/"
    assert browser.get("/statistics/year/2024-05/")["Location"] == "/statistics/month/2024-05/"
    assert browser.get("/statistics/period/?period=FY2024")["Location"] == "/statistics/year/FY2024/"
    assert browser.get("/statistics/period/?period=2024-05-01")["Location"] == "/statistics/day/2024-05-01/"


def test_queries_do_not_grow_with_rows(browser: Client, live: Source, as_analyst: Actor) -> None:
    asked = []
    for n, first in ((1, 0), (9, 100)):
        fill(live, as_analyst, n, first=first)
        counts = []
        for address in ("/statistics/", f"{FIGURE}?period={month()}", "/statistics/figures/"):
            caches["figures"].clear()
            with CaptureQueriesContext(connection) as queries:
                text(browser, address)
            counts.append(len(queries))
        asked.append(counts)
    assert asked[0] == asked[1]


# --- what is kept -----------------------------------------------------------------------------------------------------


def test_a_page_its_charts_and_its_files_are_counted_once(browser: Client, live: Source, as_analyst: Actor) -> None:
    fill(live, as_analyst, 2)
    address, chart = f"{FIGURE}?period={month()}", f"/statistics/chart/decided/decided/?period={month()}"

    def counting(asked: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(asked).status_code in (200, 302)
        return sum("GROUP BY" in query["sql"] and "cases_standing" in query["sql"] for query in queries)

    assert counting(address) > 0
    assert counting(chart) == counting(chart + "&look=dark") == counting(f"/statistics/file/{month()}/csv/?figure=decided") == 0  # fmt: skip
    fill(live, as_analyst, 1, first=50)
    page = text(browser, address)
    assert rows_of(page, "decided-decided")["all together"][0] == "2", "of the moment that the page names"
    assert "Counted " in page
    anew = browser.get(address + "&anew=1")
    assert anew["Location"] == address
    assert rows_of(text(browser, address), "decided-decided")["all together"][0] == "3"


def test_what_is_kept_is_of_one_language(analyst: User, live: Source, as_analyst: Actor) -> None:
    fill(live, as_analyst, 1)
    address = f"{FIGURE}?period={month()}"
    assert "all together" in text(as_user(analyst, "en"), address)
    japanese = text(as_user(analyst, "ja"), address)
    assert "all together" not in japanese
    with translation.override("ja"):
        assert Period.read(month()).label in japanese


def test_a_chart_may_run_and_load_nothing(browser: Client, live: Source, as_analyst: Actor) -> None:
    fill(live, as_analyst, 4)
    looks = {}
    for look in ("light", "dark"):
        answer = browser.get(f"/statistics/chart/decided/decided/?period={month()}&look={look}&width=narrow")
        assert answer["Content-Type"] == "image/svg+xml"
        assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert "no-store" in answer["Cache-Control"]
        assert b'viewBox="0 0 340 ' in answer.content
        assert b"<script" not in answer.content
        looks[look] = answer.content
    assert looks["light"] != looks["dark"]
    weeks = browser.get(f"/statistics/chart/decided/decided/?period={yesterday().date()}&weeks=1")
    assert weeks.status_code == 200


# --- what is taken out ------------------------------------------------------------------------------------------------


def test_files_open_where_they_are_meant_to(browser: Client, live: Source, as_analyst: Actor) -> None:
    fill(live, as_analyst, 7)
    way, only = f"/statistics/file/{month()}", "?figure=decided"
    types = {}
    for what in ("xlsx", "csv", "json", "pdf-ja"):
        answer = browser.get(f"{way}/{what}/{only}")
        assert answer.status_code == 200, what
        types[what] = (answer["Content-Type"], answer["Content-Disposition"], answer.content)
        assert "private" in answer["Cache-Control"]
        assert "no-store" in answer["Cache-Control"]
    assert types["xlsx"][1] == f'attachment; filename="yoake-{month()}-decided.xlsx"'
    assert types["pdf-ja"][1] == f'attachment; filename="yoake-{month()}-decided-ja.pdf"'
    sheets = openpyxl.load_workbook(io.BytesIO(types["xlsx"][2]))
    assert any(cell.value == 7 for sheet in sheets for row in sheet.iter_rows() for cell in row)
    assert types["csv"][2].startswith(b"\xef\xbb\xbf")
    assert any("7" in row for row in csv.reader(io.StringIO(types["csv"][2].decode("utf-8-sig"))))
    assert json.loads(types["json"][2])["period"]["key"] == month()
    assert types["pdf-ja"][2].startswith(b"%PDF")
    for form, begins in (("svg", b"<svg"), ("png", b"\x89PNG")):
        answer = browser.get(f"{way}/{form}/?figure=decided&table=decided")
        assert begins in answer.content[:60]
        assert answer["Content-Disposition"] == f'attachment; filename="yoake-{month()}-decided-decided.{form}"'
    for odd in ('x";filename="a.exe', "a\r\nX-Odd: 1", "nothing"):
        for what in ("csv", "xlsx"):
            answer = browser.get(f"{way}/{what}/", {"figure": "decided", "table": odd})
            assert answer["Content-Disposition"] == f'attachment; filename="yoake-{month()}-decided.{what}"'
        assert browser.get(f"{way}/svg/", {"figure": "decided", "table": odd}).status_code == 404
        assert browser.get(f"{way}/csv/", {"figure": odd}).status_code == 404
    entries = Entry.objects.filter(kind="figures_exported").order_by("id")[:6]
    assert [one.facts["format"] for one in entries] == ["xlsx", "csv", "json", "pdf", "svg", "png"]
    assert (entries[0].facts["period"], entries[0].facts["figure"], entries[0].facts["published"]) == (month(), "decided", False)  # fmt: skip


def test_what_is_published_hides_few(browser: Client, live: Source, as_analyst: Actor) -> None:
    cases = fill(live, as_analyst, 8)
    Decision.objects.filter(case__in=cases[:2]).update(verdict="not_in_scope", category="", hotline_class="")
    address = f"{FIGURE}?period={month()}"
    open_ = rows_of(text(browser, address), "decided-decided")["all together"]
    assert open_[:2] == ["6", "2"]
    page = text(browser, address + "&for=publication")
    assert rows_of(page, "decided-decided")["all together"][1] == "x"
    assert "2" not in rows_of(page, "decided-decided")["all together"]
    assert "<pre" not in page
    assert "Only this may leave the house." in page
    answer = browser.get(f"/statistics/file/{month()}/json/?figure=decided&for=publication")
    assert answer["Content-Disposition"] == f'attachment; filename="yoake-{month()}-decided-publication.json"'
    assert '"suppressed": true' in answer.content.decode()
    chart = f"/statistics/chart/decided/decided/?period={month()}"
    assert browser.get(chart).content != browser.get(chart + "&for=publication").content
    assert Entry.objects.get(kind="figures_exported").facts["published"] is True


# --- numbers as people write them -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "english", "japanese"),
    [
        (45, "45 s", "45秒"),
        (12_000, "3 h 20 min", "3時間20分"),
        (3600, "1 h", "1時間"),
        (3599.7, "1 h", "1時間"),
        (90_000, "1 d 1 h", "1日1時間"),
        (10_000 * 86_400, "10,000 d", "10,000日"),
        (-120, "-2 min", "-2分"),
        (0, "0 s", "0秒"),
    ],
)
def test_times(seconds: float, english: str, japanese: str) -> None:
    with translation.override("en"):
        assert duration(seconds) == english
    with translation.override("ja"):
        assert duration(seconds) == japanese


def test_amounts() -> None:
    with translation.override("en"):
        assert statistics_shown.amount(66_834) == "66,834"
        assert statistics_shown.amount(0.8236, percent=True) == "82.4 %"
        assert statistics_shown.amount(90, "minute") == "1 h 30 min"
        assert statistics_shown.amount(12.34) == "12.3"
        assert statistics_shown.amount(0.0123) == "0.012"
    assert timezone.now() > yesterday()
