"""Letters, words and categories in a real browser: looked at in both languages, at desk and phone width."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.test_desk import Open, chromium, environment, in_two_looks, open_as, problems_of, server

pytestmark = [pytest.mark.browser, pytest.mark.slow]

__all__ = ["chromium", "environment", "open_as", "server"]  # fixtures

WARNING = "/wording/letter/criminal_recruitment/warning/ja/"


@in_two_looks
def test_screens(open_as: Open, language: str, size: str, viewport: dict[str, int], scheme: str) -> None:
    page = open_as("sato", language=language, viewport=viewport, color_scheme=scheme, at="/wording/")
    problems = problems_of(page, "wording", f"{language}-{scheme}-{size}")
    for what, address in (
        ("letter", WARNING),
        ("cues", "/wording/words/?category=criminal_recruitment"),
        ("switches", "/wording/categories/"),
    ):
        page.goto(address)
        problems += problems_of(page, what, f"{language}-{scheme}-{size}")
    assert problems == []


def test_what_speaks_against_a_letter_is_said_while_one_writes(open_as: Open) -> None:
    page = open_as("sato", at=WARNING)
    expect(page.locator("#preview .note.warning")).to_be_visible()  # nobody set the letterhead
    page.locator("#id_text").press_sequentially(" #副業")
    expect(page.locator("#preview .note.error")).to_contain_text("ハッシュタグ")


def test_a_word_is_tried(open_as: Open) -> None:
    page = open_as("sato", at="/wording/words/")
    page.select_option("#id_category", "criminal_recruitment")
    page.fill("#id_phrase", "ニコニコ便")
    page.select_option("#id_cue", "carrier")
    page.get_by_role("button", name="試す").click()
    expect(page.locator(".term").first).to_contain_text("ニコニコ便", timeout=60_000)
    expect(page.locator(".term").first).to_contain_text("標準の無害な文例")
    expect(page.get_by_role("button", name="承認する")).to_have_count(0)
