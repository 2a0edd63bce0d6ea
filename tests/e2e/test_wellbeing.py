"""The stop key and the break prompt in a real browser; what goes when, My day, in both languages and themes."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests.e2e.test_desk import DESK, PHONE, ROOT, Open, chromium, environment, open_as, problems_of, server

pytestmark = [pytest.mark.browser, pytest.mark.slow]

__all__ = ["chromium", "environment", "open_as", "server"]  # fixtures

CODE = """
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yoake.config.settings")
import django; django.setup()
"""


def told(environment: dict[str, str], code: str) -> str:
    """What a few lines against the server's database print."""
    command = [sys.executable, "-c", CODE + code]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def test_the_stop_key(open_as: Open, environment: dict[str, str]) -> None:
    page = open_as("tanaka", language="en")
    page.wait_for_selector("[data-row]")
    case = (page.locator("[data-row]").nth(1).get_attribute("id") or "").removeprefix("row-")
    page.goto(f"/case/{case}/")
    expect(page.locator("#lease .reading")).to_be_visible()
    page.keyboard.press("x")
    expect(page.locator("#stop")).to_be_visible()
    expect(page.locator("#stop [data-close]")).to_be_focused()
    assert problems_of(page, "stop", "en-light-desk") == []
    page.keyboard.press("Escape")
    expect(page.locator("#stop")).to_be_hidden()
    page.keyboard.press("x")
    page.keyboard.press("x")
    page.wait_for_url("**/live/")
    expect(page.locator("main")).to_contain_text(f"Case {case} is stopped")
    page.goto(f"/case/{case}/")
    expect(page.locator("article.post")).to_contain_text("this must not be held")
    expect(page.locator("article.post blockquote")).to_have_count(0)
    words = "from yoake.casework.cases.models import PostVersion as V\n"
    assert told(environment, words + f"print(list(V.objects.filter(post__cases={case}).values_list('text', flat=True)))") in (
        "['']", "['', '']"
    )  # fmt: skip
    # on a row of the inbox, for a colleague
    other = open_as("sato", at="/live/")
    other.keyboard.press("j")
    row = other.evaluate("document.activeElement.id").removeprefix("row-")
    other.keyboard.press("x")
    assert (other.locator("#stop form").get_attribute("action") or "").endswith(f"/case/{row}/stop/")
    other.keyboard.press("x")
    expect(other.locator("main")).to_contain_text("停止しました")
    other.goto("/retention/")
    expect(other.locator("main")).to_contain_text("保存期間と消去")
    assert problems_of(other, "retention", "ja-light-desk") == []


@pytest.mark.parametrize(
    ("language", "look", "size"), [("ja", "light", DESK), ("en", "dark", PHONE)], ids=["ja-light-desk", "en-dark-phone"]
)
def test_a_break_is_proposed_and_closed(
    language: str, look: str, size: dict[str, int], open_as: Open, environment: dict[str, str]
) -> None:
    told(
        environment,
        """
from datetime import timedelta
from django.utils import timezone
from yoake.casework.due import TOKYO
from yoake.casework.people.models import Exposure, User
now = timezone.now()
Exposure.objects.update_or_create(user=User.objects.get(username="tanaka"), day=now.astimezone(TOKYO).date(),
    defaults={"without_break": 55 * 60, "seconds": 4000, "cases": 31, "sensitive": 4, "sensitive_seconds": 600, "seen_at": now})
""",
    )
    page = open_as("tanaka", language=language, at="/live/", viewport=size, color_scheme=look)
    expect(page.locator(".break")).to_contain_text("55")
    tag = f"{language}-{look}-{'phone' if size == PHONE else 'desk'}"
    assert problems_of(page, "break", tag) == []
    page.locator(".break button").click()
    page.wait_for_url("**/live/")
    expect(page.locator(".break")).to_have_count(0)
    page.goto("/wellbeing/")
    expect(page.locator(".figures")).to_contain_text("31")
    assert problems_of(page, "wellbeing", tag) == []
    page.locator("input[value=suicide_inducing]").check()
    page.locator("#most_cases").fill("10")
    page.locator("main form button.primary").click()
    expect(page.locator("#most_cases")).to_have_value("10")
    expect(page.locator("main")).to_contain_text(re.compile("4 of at most 10|4件（上限10件）"))


def test_what_goes_when_on_a_phone(open_as: Open) -> None:
    page = open_as("sato", language="en", at="/retention/", viewport=PHONE, color_scheme="dark")
    expect(page.locator("h1")).to_have_text("Retention and removal")
    assert problems_of(page, "retention", "en-dark-phone") == []
