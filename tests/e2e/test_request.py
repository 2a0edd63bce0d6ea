"""Requests to providers in a real browser, in both languages and themes, and by keyboard."""

from __future__ import annotations

import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests.e2e.test_desk import (
    DESK,
    ROOT,
    Open,
    chromium,
    environment,
    in_two_looks,
    open_as,
    problems_of,
    server,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]

__all__ = ["chromium", "environment", "open_as", "server"]  # fixtures


def seed(environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "-m", "tests.e2e.seed_request", *arguments]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


@pytest.fixture(scope="module")
def case(server: str, environment: dict[str, str]) -> str:
    """The number of a case whose evidence is sealed."""
    return seed(environment)


@in_two_looks
def test_looking_at_what_can_be_asked_and_what_came_back(
    open_as: Open, case: str, language: str, size: str, viewport: dict[str, int], scheme: str
) -> None:
    name = f"{language}-{scheme}-{size}"
    page = open_as("tanaka", language=language, viewport=viewport, color_scheme=scheme, at=f"/case/{case}/request/")
    expect(page.locator("#draft-title")).to_contain_text("Example Board" if language == "en" else "架空ボード")
    problems = problems_of(page, "request-form", name)
    page.goto("/requests/")
    expect(page.locator("main")).to_contain_text("本件は確認中です。")
    problems += problems_of(page, "requests", name)
    assert problems == []


def test_a_request_by_keyboard_from_the_case_to_the_answer(
    open_as: Open, case: str, environment: dict[str, str]
) -> None:
    page = open_as("tanaka", at=f"/case/{case}/", viewport=DESK)
    page.locator("#request a").first.focus()
    page.keyboard.press("Enter")
    page.get_by_label("求めない").check()
    page.get_by_role("button", name="依頼を下書き").focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("架空ボード")
    assert problems_of(page, "request-draft", "ja-light-desk") == []
    page.get_by_role("button", name="承認").focus()
    page.keyboard.press("Enter")
    seed(environment, "send")
    page.reload()
    expect(page.locator("ol.steps")).to_contain_text("https://board.example/abuse")
    assert problems_of(page, "request-carry", "ja-light-desk") == []
    page.fill("#id_receipt", "B-17")
    page.get_by_role("button", name="送信した").click()
    seed(environment, "send")
    page.reload()
    page.locator("#answers summary").first.click()
    page.select_option("#id_meaning", "refused")
    page.get_by_role("button", name="記録する").first.click()
    expect(page.locator("main")).to_contain_text("文言以外の理由を加えて再依頼")
    assert problems_of(page, "request-refused", "ja-light-desk") == []
