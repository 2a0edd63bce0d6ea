"""The page of what leaves in a real browser: both languages and themes, the keyboard, the stop switch."""

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


@pytest.fixture(scope="module")
def filled(server: str, environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "tests.e2e.seed_sending"]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


@in_two_looks
def test_looking_at_sending(
    open_as: Open, filled: None, language: str, size: str, viewport: dict[str, int], scheme: str
) -> None:
    name = f"{language}-{scheme}-{size}"
    page = open_as("kanri", language=language, viewport=viewport, color_scheme=scheme, at="/sending/")
    expect(page.locator(".note.error").first).to_contain_text("froze" if language == "en" else "凍結")
    problems = problems_of(page, "sending", name)
    page.goto("/sending/add/?channel=email")
    problems += problems_of(page, "sending-add", name)
    page.goto("/live/")
    expect(page.locator("main > .note.error").first).to_contain_text("サイバー")
    problems += problems_of(page, "sending-told", name)
    assert problems == []


def test_the_stop_switch_by_keyboard(open_as: Open, filled: None) -> None:
    page = open_as("tanaka", at="/sending/", viewport=DESK)
    page.get_by_role("button", name="すべての送信を止める").focus()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("再開は監督者が行います")
    page = open_as("kanri", at="/sending/", viewport=DESK)
    page.get_by_role("button", name="送信を再開する").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="すべての送信を止める")).to_be_visible()
