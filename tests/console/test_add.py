from __future__ import annotations

import re

import pytest
from django.test import Client

from yoake.casework.cases.models import Case

pytestmark = pytest.mark.django_db


def test_a_text_becomes_a_case_whatever_the_detector_says(browser: Client) -> None:
    answer = browser.post("/add/", {"text": "今日はよい天気です", "desk": "live"}, follow=True)
    case = Case.objects.get()
    assert answer.redirect_chain == [(f"/case/{case.pk}/", 302)]
    page = answer.content.decode()
    assert "The post is added" in page
    assert "今日はよい天気です" in re.sub("<[^>]+>", "", page)  # a low finding may mark words of it
    assert (case.origin, case.practice) == ("hand", False)


def test_what_was_there_is_shown(browser: Client) -> None:
    for said in ("The post is added", "This post was already there"):
        answer = browser.post(
            "/add/", {"url": "https://Social.example/post/1?utm_source=x#top", "desk": "live"}, follow=True
        )
        assert said in answer.content.decode()
    assert Case.objects.get().post.url == "https://social.example/post/1"


def test_practice(browser: Client) -> None:
    assert 'value="practice" checked' in browser.get("/add/?desk=practice").content.decode()
    browser.post("/add/", {"text": "練習の投稿", "desk": "practice"})
    assert Case.objects.get().practice


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({}, "give the post&#x27;s URL, its text, or both"),
        ({"url": "javascript:alert(1)"}, "a web address that begins with http:// or https://"),
        ({"url": "https://user:pw@social.example/"}, "without a user name and password"),
        ({"url": "https://social.example/" + "a" * 2000}, "at most 2000 characters"),
        ({"text": "あ" * 20_001}, "at most 20000 characters"),
    ],
)
def test_what_cannot_be_added(browser: Client, sent: dict[str, str], said: str) -> None:
    answer = browser.post("/add/", {**sent, "desk": "live"})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert said in page
    assert "pw@" not in page.split("<form")[0]
    for value in sent.values():  # nothing has to be typed again
        assert value[:30] in page
    assert not Case.objects.exists()
