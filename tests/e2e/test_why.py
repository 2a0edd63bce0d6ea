"""The page "Why this one?" in a real browser: from a case by keyboard, at desk and phone width, in both languages."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.test_desk import (
    Open,
    chromium,
    environment,
    first_free,
    in_two_looks,
    open_as,
    problems_of,
    server,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]

__all__ = ["chromium", "environment", "open_as", "server"]  # fixtures


@in_two_looks
def test_from_a_case_to_its_reasons(
    open_as: Open, language: str, size: str, viewport: dict[str, int], scheme: str
) -> None:
    page = open_as(language=language, viewport=viewport, color_scheme=scheme)
    first_free(page)
    link = page.locator(".why-link").first
    link.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/why/**")
    expect(page.get_by_role("heading", level=1)).to_have_text("選ばれた理由" if language == "ja" else "Why this one?")
    expect(page.locator("mark").first).to_be_visible()
    expect(page.locator(".bar rect").first).to_be_visible()
    assert page.locator("#changes-title + ul li").count() >= 1
    assert problems_of(page, "why", f"{language}-{scheme}-{size}") == []
