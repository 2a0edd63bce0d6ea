"""Two bodies in a real browser: what one holds the other finds nowhere, and not by typing it in either."""

from __future__ import annotations

import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests.e2e.test_desk import PHONE, ROOT, Open, chromium, environment, open_as, problems_of, server

pytestmark = [pytest.mark.browser, pytest.mark.slow]

__all__ = ["chromium", "environment", "open_as", "server"]  # fixtures

HELD = "boshu3.example"


@pytest.fixture(scope="module")
def cases(server: str, environment: dict[str, str]) -> list[str]:
    """Numbers of the hotline's cases of five posts; the police hold the author of the third."""
    told = ""
    for arguments in ([], ["hold", HELD]):
        command = [sys.executable, "-m", "tests.e2e.seed_leases", *arguments]
        ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        told = told or ran.stdout
    return told.split()[5:]


def test_what_is_held_is_on_no_page_of_another_body(open_as: Open, cases: list[str]) -> None:
    page = open_as("suzuki", language="en", at=f"/case/{cases[2]}/", viewport=PHONE, color_scheme="dark")
    expect(page.locator("main")).to_contain_text("held by another body")
    for at in (f"/search/?q={HELD}", "/search/?q=その3", f"/case/{cases[0]}/repeats/?duplicate_of={cases[2]}"):
        shown = page.request.get(at).text()
        assert f"/case/{cases[2]}/" not in shown, at
        assert "その3。" not in shown, at
    page.goto("/search/?q=yami_2")
    expect(page.locator(".row-link")).to_have_count(1)
    assert problems_of(page, "found", "en-dark-phone") == []


def test_what_is_held_is_not_found_by_typing_it_in(open_as: Open, cases: list[str]) -> None:
    page = open_as("suzuki", at="/add/")
    page.locator("textarea[name=text]").fill(f"夕焼けの写真 連絡は https://bsky.app/profile/{HELD}")
    page.locator("main form button.primary").first.click()
    page.wait_for_url("**/case/**")
    expect(page.locator("main")).to_contain_text("夕焼けの写真")
    expect(page.locator("#lease .reading")).to_be_visible()
