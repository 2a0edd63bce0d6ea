"""The inbox in a real browser: filters, saved views, search, and news that move nothing."""

from __future__ import annotations

import os
import re

import pytest
from playwright.sync_api import expect

from tests.e2e.test_desk import (
    RECRUITING,
    ROOT,
    Open,
    chromium,
    in_two_looks,
    open_as,
    problems_of,
    seed,
    server,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]

__all__ = ["chromium", "open_as", "server"]  # fixtures


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    data = tmp_path_factory.mktemp("e2e-inbox")
    (data / "db").mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("YOAKE_")}
    return {**kept, "YOAKE_REVIEW_SHARE": "0", "YOAKE_DATA": str(data), "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}


@in_two_looks
def test_everybody_can_use_every_page(
    open_as: Open, language: str, scheme: str, size: str, viewport: dict[str, int]
) -> None:
    problems: list[str] = []
    page = open_as("sato", language=language, viewport=viewport, color_scheme=scheme)
    for what, where in (
        ("inbox", "/live/"),
        ("inbox-filtered", "/live/?grade=high&age=new&assignee=nobody"),
        ("inbox-empty", "/live/?category=drug_ad&assignee=me"),
        ("search", "/search/?q=バイト&grade=high"),
        ("search-nothing", "/search/?q=存在しない言葉"),
    ):
        page.goto(where)
        problems += problems_of(page, what, f"{language}-{scheme}-{size}")
    assert problems == []


def test_a_view_is_made_saved_and_followed_by_keyboard(open_as: Open) -> None:
    page = open_as("tanaka", language="en")
    page.keyboard.press("f")
    page.get_by_label("Grade").select_option("high")
    page.get_by_role("button", name="Show", exact=True).click()
    page.wait_for_url(re.compile(r"grade=high"))
    rows = page.locator("[data-row]").count()
    assert rows > 0
    assert page.locator(".row.grade-high").count() == rows
    page.locator("summary", has_text="Save this view").click()
    page.get_by_label("Name of the view").fill("強い疑い")
    page.get_by_role("button", name="Save", exact=True).click()
    chip = page.locator(".chip.saved", has_text="強い疑い")
    expect(chip).to_have_attribute("aria-current", "true")
    page.locator(".row:not(:has(.held)) [data-row]").first.click()
    page.wait_for_url(re.compile(r"/case/\d+/\?grade=high"))
    page.keyboard.press("j")
    page.wait_for_url(re.compile(r"/case/\d+/\?grade=high"))
    page.locator(".case-nav a").first.click()
    expect(chip).to_have_attribute("aria-current", "true")


def test_search_finds_what_is_disguised_and_marks_it(open_as: Open, environment: dict[str, str]) -> None:
    seed(environment, "arrive", "闇バイト募集。今夜タタキ、経験者のみ。UD も同時に募集、即日手渡し。テレグラムへ。")
    page = open_as("tanaka", language="en")
    page.keyboard.press("/")
    page.keyboard.type("叩き UD")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search/**")
    marked = page.locator("[data-row]", has_text="今夜").first.locator("mark.hit")
    assert marked.all_inner_texts() == ["タタキ", "UD"]


def test_news_move_nothing(open_as: Open, environment: dict[str, str]) -> None:
    page = open_as("tanaka", language="en")
    row = page.locator(".row:not(.at-risk) [data-row]").nth(6)
    row.focus()
    key, text = row.get_attribute("id"), row.inner_text()
    before = row.evaluate("one => one.getBoundingClientRect().top")
    scrolled = page.evaluate("scrollY")
    assert scrolled > 0
    seed(environment, "arrive", RECRUITING)
    button = page.locator("#new-posts")
    expect(button).to_be_visible(timeout=15_000)
    assert page.evaluate("document.activeElement.id") == key
    number = page.locator("[data-row]").count()
    top = page.locator(f"#{key}").evaluate("one => one.getBoundingClientRect().top")
    page.keyboard.press("r")
    expect(button).to_have_count(0)
    page.wait_for_timeout(300)
    assert page.locator("[data-row]").count() >= number
    assert page.evaluate("document.activeElement.id") == key
    assert page.locator(f"#{key}").inner_text() == text
    assert abs(page.locator(f"#{key}").evaluate("one => one.getBoundingClientRect().top") - top) < 2
    assert abs(before - top) < 80, "the button pushes the list down by its own height at most"
