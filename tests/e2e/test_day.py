"""An analyst's morning: sixty cases one after another, by keyboard alone."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.test_desk import ROOT, Open, case_number, chromium, environment, open_as, server

pytestmark = [pytest.mark.browser, pytest.mark.slow]

__all__ = ["chromium", "environment", "open_as", "server"]  # fixtures

CASES = 60


@pytest.fixture(scope="module")
def waiting(server: str, environment: dict[str, str]) -> int:
    command = [sys.executable, "-m", "tests.e2e.seed_day"]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return int(ran.stdout)


def decide(page: Page, nth: int) -> str:
    """Five of six go with one key; one of six gets its elements confirmed, a verdict, and is recorded. Returns its number."""
    number = case_number(page)
    expect(page.locator("#lease .reading")).to_be_visible()
    if nth % 6 == 5:
        proposed = "[data-element][data-keys]:not([data-proposed=''])"
        for key in page.eval_on_selector_all(proposed, "all => all.map(one => one.dataset.keys)"):
            page.keyboard.press(key)
        page.keyboard.press("1")
        page.keyboard.press("Control+Enter")
    else:
        page.keyboard.press("Shift+2")
    page.wait_for_url(re.compile(rf"decided={number}"))
    return number


def test_sixty_cases_by_keyboard_alone(open_as: Open, waiting: int) -> None:
    assert waiting > CASES
    page = open_as(at="/decisions/")
    before = int(page.locator("main dd").first.inner_text())
    page.goto("/live/")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/case/**")
    judged = [decide(page, nth) for nth in range(CASES)]
    assert len(set(judged)) == CASES  # nobody is shown the same case twice
    page.keyboard.press("u")  # the last one again
    page.wait_for_url(f"**/case/{judged[-1]}/")
    expect(page.locator("[data-decide]")).to_be_visible()
    page.goto("/decisions/")
    expect(page.locator("main dd").first).to_have_text(str(before + CASES - 1))  # what was undone does not count
