"""The quality pages in a real browser: words, alarms, models, blind review; at desk and phone width, in both languages."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.test_desk import ROOT, Open, chromium, in_two_looks, open_as, problems_of, server

pytestmark = [pytest.mark.browser, pytest.mark.slow]

__all__ = ["chromium", "open_as", "server"]  # fixtures


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    data = tmp_path_factory.mktemp("e2e-quality")
    (data / "db").mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("YOAKE_")}
    return {
        **kept,
        "YOAKE_REVIEW_SHARE": "0",
        "YOAKE_DATA": str(data),
        "YOAKE_SAMPLE_PER_DAY": "20",
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
    }


@pytest.fixture(scope="module", autouse=True)
def filled(server: str, environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "tests.e2e.seed_quality"]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


@in_two_looks
def test_everybody_can_use_every_page(
    open_as: Open,
    language: str,
    scheme: str,
    size: str,
    viewport: dict[str, int],
) -> None:
    problems: list[str] = []
    page = open_as("sato", language=language, viewport=viewport, color_scheme=scheme)
    for what, where in (("quality", "/quality/"), ("sample", "/quality/sample/")):
        page.goto(where)
        page.wait_for_timeout(300)
        problems += problems_of(page, what, f"{language}-{scheme}-{size}")
    assert problems == []


def test_a_supervisor_comes_from_the_desk_and_puts_a_word_to_a_second_person(
    open_as: Open, environment: dict[str, str]
) -> None:
    page = open_as("sato", language="en")
    page.get_by_role("link", name="3 alarms about the detector").click()
    page.wait_for_url("**/quality/")
    term = page.locator(".term", has_text="ニコニコ隊")
    term.locator("select[name=cue]").select_option("receiver")
    term.locator("select[name=strength]").select_option("strong")
    term.get_by_role("button", name="Put to a second person").click()
    expect(page.locator(".note.success")).to_contain_text("a second person approves it")
    expect(page.locator(".term", has_text="ニコニコ隊")).to_have_count(0)
    written = Path(environment["YOAKE_DATA"]) / "categories" / "criminal_recruitment" / "phrases.tsv"
    assert not written.exists(), "it counts for nothing yet"
    page.goto("/wording/words/")
    expect(page.locator(".term", has_text="ニコニコ隊")).to_contain_text("A second person approves it.")


def test_a_blind_review_by_keyboard(open_as: Open) -> None:
    page = open_as("tanaka", language="en", at="/quality/sample/")
    first = page.url
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: url != first and "/quality/sample/" in url)
    expect(page.locator(".post-text")).to_be_visible()
