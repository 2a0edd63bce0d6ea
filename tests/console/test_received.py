from __future__ import annotations

import csv
import io
import re
from datetime import date, datetime, timedelta

import openpyxl
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from yoake.casework.audit.models import Entry
from yoake.casework.cases.models import Case
from yoake.casework.due import TOKYO

pytestmark = pytest.mark.django_db


def today() -> date:
    return timezone.now().astimezone(TOKYO).date()


def fill(browser: Client) -> None:
    for n in range(3):
        browser.post("/add/", {"url": f"https://social.example/{n}", "desk": "live"})
    browser.post("/add/", {"url": "https://social.example/0", "desk": "live", "how": "bookmarklet"})
    first, second, _third = Case.objects.order_by("pk")
    browser.post(
        f"/case/{second.pk}/decide/",
        {"verdict": "duplicate", "duplicate_of": str(first.pk), "version_id": str(second.post.current_id)},
    )


def test_the_page_counts_what_became_of_it(browser: Client) -> None:
    fill(browser)
    page = browser.get("/received/").content.decode()
    foot = re.search("<tfoot>(.*?)</tfoot>", page, re.DOTALL)
    assert foot
    # lines; waiting to be added, opened, already there, not added; in scope, not in scope, cannot tell, duplicate, waiting, removed
    assert re.findall(r">(\d+)</td>", foot[1]) == ["4", "0", "3", "1", "0", "0", "0", "0", "1", "2", "0"]


def test_csv_for_excel(browser: Client) -> None:
    fill(browser)
    answer = browser.get("/received/csv/")
    octets = answer.content
    assert octets.startswith(b"\xef\xbb\xbf")
    assert (
        answer["Content-Disposition"] == f'attachment; filename="received-{today() - timedelta(days=6)}-{today()}.csv"'
    )
    head, *rows = csv.reader(io.StringIO(octets.decode("utf-8-sig")))
    assert head[:4] == ["Day", "How", "Lines", "waiting to be added"]
    assert [row[:3] for row in rows] == [[str(today()), "form", "3"], [str(today()), "bookmarklet", "1"]]
    facts = Entry.objects.get(kind="received_exported").facts
    assert (facts["format"], facts["last"]) == ("csv", str(today()))


def test_xlsx_has_days_as_days_and_counts_as_numbers(browser: Client) -> None:
    fill(browser)
    answer = browser.get(f"/received/xlsx/?first={today()}&last={today()}")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    assert sheet is not None
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[0][:3] == ("Day", "How", "Lines")
    assert rows[1][0] == datetime.combine(today(), datetime.min.time())
    assert rows[1][1:3] == ("form", 3)
    assert all(isinstance(cell, int) for cell in rows[1][2:])


@pytest.mark.parametrize(
    "query", ["first=nonsense", "first=2026-11-20&last=2026-11-01", "first=2020-01-01&last=2026-11-01"]
)
def test_wrong_days(browser: Client, query: str) -> None:
    answer = browser.get(f"/received/?{query}")
    assert answer.status_code == 400
    assert "Days:" in answer.content.decode()
    assert browser.get(f"/received/csv/?{query}").status_code == 400
    assert not Entry.objects.filter(kind="received_exported").exists()


def test_queries_do_not_grow_with_rows(browser: Client) -> None:
    counts = []
    for n in (1, 12):
        for i in range(n):
            browser.post("/add/", {"url": f"https://social.example/{n}/{i}", "desk": "live"})
        with CaptureQueriesContext(connection) as asked:
            browser.get("/received/")
        counts.append(len(asked))
    assert counts[0] == counts[1]
