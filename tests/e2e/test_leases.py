"""Two browsers and one case; another organisation; hands off: in a real browser, in both languages and themes."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests.e2e.test_desk import (
    PHONE,
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
    command = [sys.executable, "-m", "tests.e2e.seed_leases", *arguments]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


@pytest.fixture(scope="module")
def cases(server: str, environment: dict[str, str]) -> tuple[list[str], list[str]]:
    """Numbers of the police's and of the hotline's cases of the same five posts."""
    numbers = seed(environment).split()
    assert len(numbers) == 10
    return numbers[:5], numbers[5:]


def test_two_browsers_race_for_one_case(open_as: Open, cases: tuple[list[str], list[str]]) -> None:
    (case, *_others), _theirs = cases
    one, two = open_as("tanaka", at=f"/case/{case}/"), open_as("sato", at="/live/")
    expect(one.locator("#lease .time-left")).to_have_text("残り10分")
    two.goto(f"/case/{case}/")
    expect(two.locator("main")).to_contain_text("田中さんがこの投稿を確認しています")
    expect(two.locator("[data-decide]")).to_have_count(0)
    one.keyboard.press("e")
    expect(one.locator("#lease .time-left")).to_have_text("残り30分")
    one.keyboard.press("s")
    one.wait_for_url(lambda url: f"/case/{case}/" not in url)
    two.reload()
    expect(two.locator("#lease .reading")).to_be_visible()
    two.locator(".claims summary").click()
    expect(two.locator(".claims li").first).to_contain_text(re.compile("田中.*スキップ"))
    assert problems_of(two, "lease", "ja-light-desk") == []


def test_handing_on_by_keyboard(open_as: Open, cases: tuple[list[str], list[str]]) -> None:
    (_first, case, *_others), _theirs = cases
    page = open_as("tanaka", language="en", at=f"/case/{case}/", viewport=PHONE, color_scheme="dark")
    expect(page.locator("#lease .reading")).to_be_visible()
    page.keyboard.press("h")
    expect(page.locator("#id_to")).to_be_focused()
    assert problems_of(page, "lease", "en-dark-phone") == []
    page.locator("#id_to").select_option(label="佐藤")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: f"/case/{case}/" not in url)
    expect(page.locator(".note.success")).to_contain_text("handed on")
    page.goto(f"/case/{case}/")
    expect(page.locator(".assigned-line")).to_contain_text("waits for 佐藤")


def test_an_analyst_of_another_organisation_sees_nothing_but_held(
    open_as: Open, cases: tuple[list[str], list[str]], environment: dict[str, str]
) -> None:
    (*_first, mine, to_hold), (*_others, theirs, held) = cases
    here = open_as("tanaka", at=f"/case/{mine}/")
    expect(here.locator("#lease .reading")).to_be_visible()
    seed(environment, "hold", "boshu5.example")
    there = open_as("suzuki")
    seen = []
    for number, words in ((theirs, "その4"), (held, "その5")):
        there.goto("/live/")
        row = there.locator(f"li:has(#row-{number})")
        expect(row).to_contain_text("他の機関が確認中")
        expect(there.locator("main")).not_to_contain_text(words)
        there.goto(f"/case/{number}/")
        expect(there.locator("h1")).to_contain_text("他の機関が確認中")
        text = there.locator("main").inner_text()
        for told in (words, "boshu", "yami", "田中", "佐藤", "架空県警察"):
            assert told not in text
        seen.append(text.replace(number, "…"))
        expect(there.locator("[data-decide]")).to_have_count(0)
    assert seen[0] == seen[1]
    assert problems_of(there, "held", "ja-light-desk") == []
    here.goto(f"/case/{to_hold}/")  # the own organisation goes on
    expect(here.locator("#lease .reading")).to_be_visible()


@in_two_looks
def test_hands_off(
    open_as: Open,
    cases: tuple[list[str], list[str]],
    language: str,
    size: str,
    viewport: dict[str, int],
    scheme: str,
) -> None:
    (_first, _second, case, *_others), _theirs = cases
    page = open_as("sato", language=language, viewport=viewport, color_scheme=scheme, at=f"/holds/?case={case}")
    held = page.locator(".holds li.boxed", has_text="yami_3")
    page.locator(".holds li:not(.boxed)", has_text="yami_3").locator("button").click()
    expect(held).to_have_count(1)
    page.locator(".hold-form [name=kind][value=phone]").check()
    expect(page.locator(".hold-app")).to_be_hidden()
    page.fill("#id_held", "123")
    page.locator(".hold-form button.primary").click()
    expect(page.get_by_role("alert")).to_contain_text("電話番号" if language == "ja" else "Telephone number")
    assert problems_of(page, "holds", f"{language}-{scheme}-{size}") == []
    held.get_by_role("button").last.click()
    expect(held).to_have_count(0)
