from __future__ import annotations

import html
import re
from urllib.parse import unquote

import pytest
from django.test import Client

from yoake.casework.cases.models import Received
from yoake.console.bookmarklet import link_to

pytestmark = pytest.mark.django_db


def test_the_link_opens_the_form_of_this_very_address(browser: Client) -> None:
    page = browser.get("/add/bookmarklet/", HTTP_HOST="127.0.0.1").content.decode()
    links = re.findall(r'href="(javascript:[^"]*)"', page)
    assert len(links) == 1
    assert html.unescape(links[0]) == link_to("http://127.0.0.1/add/")


def test_nothing_travels_before_the_mark() -> None:
    code = unquote(link_to("https://yoake.example/add/"))
    assert "'https://yoake.example/add/#'+told" in code
    assert "?" not in code
    assert not re.search(r"fetch|XMLHttp|cookie|Storage|<", code)


def test_an_address_cannot_break_out_of_the_link() -> None:
    link = link_to("https://yoake.example/add/');alert(1)//")
    assert unquote(link).count("'https://yoake.example/add/%27%29%3Balert%281%29//#'+told") == 1


def test_what_comes_that_way_is_counted_so(browser: Client) -> None:
    browser.post("/add/", {"url": "https://social.example/1", "desk": "live", "how": "bookmarklet"})
    browser.post("/add/", {"url": "https://social.example/2", "desk": "live", "how": "xlsx"})
    assert list(Received.objects.order_by("pk").values_list("how", flat=True)) == ["bookmarklet", "form"]


def test_the_form_takes_it_after_signing_in(client: Client) -> None:
    answer = client.get("/add/")
    assert answer.status_code == 302
    assert answer["Location"] == "/sign-in/?next=%2Fadd%2F"  # browsers keep what stands behind the #
    assert "yoake/add.js" in client.get(answer["Location"]).content.decode()
