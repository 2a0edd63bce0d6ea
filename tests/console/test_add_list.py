from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.collect.test_address_lists import bomb, workbook
from yoake.casework.cases.models import Case, Received
from yoake.casework.cases.received import SHORT, add_lines
from yoake.casework.people.models import Membership, User

pytestmark = pytest.mark.django_db

LIST = "https://social.example/1\nhttps://x.com/somebody\nhttps://social.example/1\nhttps://social.example/2\n"


def words(html: str) -> str:
    return " ".join(re.sub("<[^>]+>", " ", html).split())


def look(browser: Client, **sent: object) -> str:
    answer = browser.post("/add/list/", sent)
    assert answer.status_code == 200, words(answer.content.decode())
    assert not Received.objects.exists()
    return answer.content.decode()


def confirmed(browser: Client, shown: str) -> str:
    how = re.search('name="how" value="([a-z]+)"', shown)
    lines = re.search(r'<textarea name="lines"[^>]*>\n?([^<]*)</textarea>', shown)
    assert how
    assert lines
    answer = browser.post("/add/list/confirm/", {"how": how[1], "lines": lines[1].replace("&#x27;", "'")}, follow=True)
    assert re.fullmatch(r"/received/\d+/", answer.redirect_chain[0][0])
    return answer.content.decode()


def test_a_list_is_shown_first_then_added(browser: Client) -> None:
    shown = look(browser, list=LIST)
    assert "Nothing is stored yet" in shown
    assert "Lines before adding 4" in words(shown)
    assert "Add 2 posts" in words(shown)
    assert "the same as row 1" in words(shown)
    assert "A profile; the hotline takes one item URL" in words(shown)
    assert not Case.objects.exists()
    result = words(confirmed(browser, shown))
    assert Case.objects.count() == 2
    received = Received.objects.get()
    assert (received.how, received.lines, received.opened, received.there, received.refused) == ("list", 4, 2, 1, 1)
    for case in Case.objects.all():
        assert f"Case {case.pk}" in result
    assert "https://x.com/somebody" in result


@pytest.mark.parametrize(
    ("name", "octets", "how"),
    [
        ("通報.csv", f"番号,アドレス\n1,{LIST.splitlines()[0]}\n".encode("cp932"), "csv"),
        ("list.xlsx", workbook([["URL"], [LIST.splitlines()[0]]]), "xlsx"),
    ],
)
def test_a_file(browser: Client, name: str, octets: bytes, how: str) -> None:
    shown = look(browser, file=SimpleUploadedFile(name, octets), list="")
    confirmed(browser, shown)
    assert Received.objects.get().how == how
    assert Case.objects.get().post.url == "https://social.example/1"


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"list": ""}, "List: at least one address, one a line."),
        ({"file": SimpleUploadedFile("a.csv", b'url\n"x\n')}, "Row 2: a row in which every quote is closed"),
        ({"file": SimpleUploadedFile("a.xlsx", bomb())}, "File: a workbook that unpacks to at most 60 MB."),
        ({"file": SimpleUploadedFile("a.xls", b"\xd0\xcf\x11\xe0")}, "File: a workbook saved as .xlsx"),
        ({"file": SimpleUploadedFile("a.csv", b"x" * 6_100_000)}, "File: a smaller file, at most 5 MB."),
    ],
)
def test_what_cannot_be_read_is_said_in_one_sentence(browser: Client, sent: dict[str, object], said: str) -> None:
    answer = browser.post("/add/list/", sent)
    assert answer.status_code == 400
    assert said in words(answer.content.decode())
    assert not Received.objects.exists()


def test_a_long_list_is_left_to_the_worker_and_its_progress_shown(browser: Client) -> None:
    given = "\n".join(f"https://social.example/{n}" for n in range(SHORT + 10))
    page = confirmed(browser, look(browser, list=given))
    received = Received.objects.get()
    assert f"0 of {SHORT + 10} lines are worked off" in words(page)
    assert f'hx-get="/received/{received.pk}/progress/"' in page
    now = timezone.now() + timedelta(seconds=1)
    add_lines(now, limit=10)
    answer = browser.get(f"/received/{received.pk}/progress/")
    assert f"10 of {SHORT + 10} lines" in words(answer.content.decode())
    assert "HX-Refresh" not in answer
    add_lines(now)
    answer = browser.get(f"/received/{received.pk}/progress/")
    assert answer["HX-Refresh"] == "true"
    assert "hx-get" not in answer.content.decode()
    opened = browser.get(f"/received/{received.pk}/?outcome=opened").content.decode()
    assert opened.count('<tr class="opened">') == SHORT + 10
    assert "<progress" not in opened
    assert browser.get(f"/received/{received.pk}/?outcome=refused").content.decode().count("<tr class=") == 0


def test_nothing_new_can_still_be_counted(browser: Client) -> None:
    browser.post("/add/", {"url": "https://social.example/1", "desk": "live"})
    answer = browser.post("/add/list/", {"list": "https://social.example/1"})
    shown = answer.content.decode()
    assert "Add none, only count that they were received" in words(shown)
    confirmed(browser, shown)
    assert (Received.objects.order_by("pk").last() or Received()).there == 1
    assert Case.objects.count() == 1


@pytest.mark.parametrize(
    "sent", [{}, {"lines": "nonsense", "how": "list"}, {"lines": "1\thttps://a.example/", "how": "form"}]
)
def test_a_forged_confirmation_stores_nothing(browser: Client, sent: dict[str, str]) -> None:
    assert browser.post("/add/list/confirm/", sent).status_code == 400
    assert not Received.objects.exists()


def test_queries_do_not_grow_with_lines(browser: Client) -> None:
    counts = []
    for n in (2, 20):
        given = "\n".join(f"https://social.example/{n}/{i}" for i in range(n))
        confirmed(browser, browser.post("/add/list/", {"list": given}).content.decode())
        newest = Received.objects.latest("pk")
        with CaptureQueriesContext(connection) as asked:
            browser.get(f"/received/{newest.pk}/")
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_others_see_no_list(browser: Client, outsider: User) -> None:
    confirmed(browser, look(browser, list=LIST))
    newest = Received.objects.get()
    other = Client(HTTP_ACCEPT_LANGUAGE="en")
    other.force_login(outsider)
    assert other.get(f"/received/{newest.pk}/").status_code == 404
    assert other.get(f"/received/{newest.pk}/progress/").status_code == 404


def test_who_may_not_add(browser: Client, analyst: User) -> None:
    Membership.objects.filter(user=analyst).update(role=Membership.Role.AUDITOR)
    for path in ("/add/", "/add/list/", "/add/picture/", "/add/bookmarklet/"):
        assert browser.get(path).status_code == 403
    for path in ("/add/list/", "/add/list/confirm/", "/add/picture/", "/add/picture/add/"):
        assert browser.post(path, {"list": LIST, "lines": "1\thttps://a.example/", "how": "list"}).status_code == 403
    assert browser.get("/received/").status_code == 200
    assert not Received.objects.exists()
