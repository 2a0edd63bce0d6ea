"""Warning in a real browser: looked at in both languages and themes, and approved by the keyboard alone."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.test_desk import DESK, ROOT, Open, chromium, environment, in_two_looks, open_as, problems_of, server

pytestmark = [pytest.mark.browser, pytest.mark.slow]

__all__ = ["chromium", "environment", "open_as", "server"]  # fixtures


@pytest.fixture(scope="module")
def filled(server: str, environment: dict[str, str]) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.e2e.seed_warn"]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout.strip().splitlines()[-1])
    return found


@in_two_looks
def test_looking_at_warnings(
    open_as: Open, filled: dict[str, Any], language: str, size: str, viewport: dict[str, int], scheme: str
) -> None:
    name = f"{language}-{scheme}-{size}"
    page = open_as("sato", language=language, viewport=viewport, color_scheme=scheme, at="/outgoing/?where=all")
    problems = problems_of(page, "outgoing", name)
    for what, address in (
        ("warn", f"/case/{filled['case']}/warn/"),
        ("outgoing-draft", f"/outgoing/{filled['drafts'][2]}/"),
        ("outgoing-carry", f"/outgoing/{filled['carry']}/"),
        ("outgoing-sent", f"/outgoing/{filled['sent']}/"),
        ("outgoing-stopped", f"/outgoing/{filled['stopped']}/"),
        ("correct", f"/outgoing/{filled['sent']}/correct/"),
        ("trials", "/wording/trials/"),
    ):
        page.goto(address)
        problems += problems_of(page, what, name)
    assert problems == []


def test_from_the_case_to_the_approval_by_the_keyboard_alone(open_as: Open, filled: dict[str, Any]) -> None:
    page = open_as("tanaka", viewport=DESK, at=f"/case/{filled['case']}/")
    page.keyboard.press("w")
    expect(page.locator("h1")).to_contain_text("返信による警告")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="投稿と文面を読んで承認")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".outgoing-rows > li")).to_have_count(4)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="承認")).to_be_visible()
    first = page.url
    page.keyboard.press("Enter")  # approves, and shows the next one
    expect(page.locator(".note.success")).to_contain_text("承認しました")
    assert page.url != first
    page.keyboard.press("d")  # and that one is discarded
    expect(page.locator(".note.success")).to_contain_text("破棄")
    page.goto(first)
    expect(page.locator("#standing")).to_contain_text("承認済み")
