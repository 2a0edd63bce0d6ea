from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client

from tests.world import PASSWORD
from yoake.casework.audit.models import Entry
from yoake.casework.people.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    cache.clear()  # rate limits
    yield
    cache.clear()


@pytest.fixture
def browser() -> Client:
    return Client(HTTP_ACCEPT_LANGUAGE="en")


def sign_in(browser: Client, name: str = "analyst", password: str = PASSWORD, **more: str) -> int:
    return browser.post("/sign-in/", {"login": name, "password": password, **more}).status_code


def test_signing_in_and_out(browser: Client, analyst: User) -> None:
    assert sign_in(browser) == 302
    assert browser.get("/live/").status_code == 200
    assert Entry.objects.filter(kind="signed_in", actor=f"user:{analyst.pk}").count() == 1
    assert browser.get("/sign-out/").status_code == 200  # asks
    assert browser.get("/live/").status_code == 200
    assert browser.post("/sign-out/")["Location"] == "/sign-in/"
    assert browser.get("/live/").status_code == 302


def test_a_wrong_password_and_an_unknown_name_say_the_same(browser: Client, analyst: User) -> None:
    pages = []
    for name in ("analyst", "nobody"):
        answer = browser.post("/sign-in/", {"login": name, "password": "wrong"})
        assert answer.status_code == 200
        pages.append("The user name or the password is wrong" in answer.content.decode())
    assert pages == [True, True]
    assert not Entry.objects.filter(kind="signed_in").exists()


def test_somebody_who_left_cannot_sign_in(browser: Client, analyst: User) -> None:
    User.objects.filter(pk=analyst.pk).update(is_active=False)
    answer = browser.post("/sign-in/", {"login": "analyst", "password": PASSWORD}, follow=True)
    assert "The user name or the password is wrong" in answer.content.decode()
    assert browser.get("/live/").status_code == 302


def test_guessing_is_stopped(browser: Client, analyst: User) -> None:
    for _ in range(5):
        sign_in(browser, password="wrong")
    answer = browser.post("/sign-in/", {"login": "analyst", "password": PASSWORD})
    assert answer.status_code == 200
    assert "Too many tries" in answer.content.decode()
    assert browser.get("/live/").status_code == 302


def test_too_many_requests_get_a_page(browser: Client, analyst: User) -> None:
    codes = {sign_in(browser, name=f"n{i}", password="wrong") for i in range(40)}
    assert codes <= {200, 429}
    if 429 in codes:
        assert "Too many tries" in browser.post("/sign-in/", {}).content.decode()


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        ("/practice/", "/practice/"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("\\\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
    ],
)
def test_after_signing_in_one_stays_here(browser: Client, analyst: User, wanted: str, given: str) -> None:
    answer = browser.post(f"/sign-in/?next={wanted}", {"login": "analyst", "password": PASSWORD, "next": wanted})
    assert answer["Location"] == given


def test_language_is_remembered(browser: Client, analyst: User) -> None:
    assert '<html lang="en">' in browser.get("/sign-in/").content.decode()
    browser.post("/language/", {"language": "ja", "next": "/sign-in/"})
    assert '<html lang="ja">' in browser.get("/sign-in/").content.decode()
    sign_in(browser)
    browser.post("/language/", {"language": "en", "next": "/live/"})
    analyst.refresh_from_db()
    assert analyst.language == "en"
    other = Client(HTTP_ACCEPT_LANGUAGE="ja")  # another computer
    sign_in(other)
    assert '<html lang="en">' in other.get("/security/").content.decode()


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_switching_the_language_stays_here(browser: Client, wanted: str) -> None:
    answer = browser.post("/language/", {"language": "ja", "next": wanted})
    assert answer["Location"] == "/"


def test_an_unknown_language_changes_nothing(browser: Client, analyst: User) -> None:
    browser.force_login(analyst)
    browser.post("/language/", {"language": "xx"})
    analyst.refresh_from_db()
    assert analyst.language == ""
    assert browser.get("/language/").status_code == 405


def test_changing_the_password(browser: Client, analyst: User) -> None:
    browser.force_login(analyst)
    elsewhere = Client()
    elsewhere.force_login(analyst)
    new = "four quite different words"
    wrong = browser.post("/password/", {"oldpassword": "no", "password1": new, "password2": new})
    assert "That is not your current password" in wrong.content.decode()
    short = browser.post("/password/", {"oldpassword": PASSWORD, "password1": "short", "password2": "short"})
    assert short.status_code == 200
    right = browser.post("/password/", {"oldpassword": PASSWORD, "password1": new, "password2": new}, follow=True)
    assert "Your password has been changed" in right.content.decode()
    assert browser.get("/live/").status_code == 200
    assert elsewhere.get("/live/").status_code == 302
    assert Entry.objects.filter(kind="password_changed", subject=f"user:{analyst.pk}").count() == 1
    assert sign_in(Client(), password=new) == 302


def test_the_cookie_is_out_of_reach_of_scripts(browser: Client, analyst: User) -> None:
    sign_in(browser)
    cookie = browser.cookies[settings.SESSION_COOKIE_NAME]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
