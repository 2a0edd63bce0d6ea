"""Twenty-five posts that say nearly the same, decided together by keyboard in a real browser; one of them undone."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests.e2e.test_desk import ROOT, Open, chromium, in_two_looks, open_as, problems_of, server

pytestmark = [pytest.mark.browser, pytest.mark.slow]

__all__ = ["chromium", "open_as", "server"]  # fixtures


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    data = tmp_path_factory.mktemp("e2e-alike")
    (data / "db").mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("YOAKE_")}
    return {**kept, "YOAKE_REVIEW_SHARE": "0", "YOAKE_DATA": str(data), "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}


@pytest.fixture(scope="module")
def leader(server: str, environment: dict[str, str]) -> str:
    """The case under which 25 others lie."""
    command = [sys.executable, "-m", "tests.e2e.seed_alike"]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


@in_two_looks
def test_everybody_can_use_the_row(
    open_as: Open, leader: str, language: str, scheme: str, size: str, viewport: dict[str, int]
) -> None:
    page = open_as("sato", language=language, viewport=viewport, color_scheme=scheme)
    problems: list[str] = []
    for what, where in (("alike", f"/case/{leader}/alike/"), ("alike-beside", f"/case/{leader}/")):
        page.goto(where)
        page.wait_for_timeout(500)
        problems += problems_of(page, what, f"{language}-{scheme}-{size}")
    assert problems == []


def test_twenty_five_at_once_by_keyboard_and_one_undone(open_as: Open, leader: str) -> None:
    page = open_as("tanaka", language="en")
    expect(page.locator(f"a.fold-badge[href='/case/{leader}/alike/']")).to_contain_text("+25 alike")
    assert page.locator(".row").count() >= 1
    page.locator(f"#row-{leader}").focus()
    page.keyboard.press("g")
    page.wait_for_url(f"**/case/{leader}/alike/")
    boxes = page.locator("input[name=with]")
    assert (boxes.count(), page.locator("input[name=with]:checked").count()) == (27, 25)
    expect(page.locator("[data-ticked]")).to_have_text("26")
    expect(page.locator("del", has_text="順番に")).to_have_count(1)
    page.keyboard.press("j")
    page.keyboard.press("Space")  # the first one is left for later
    expect(page.locator("[data-ticked]")).to_have_text("25")
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    page.wait_for_url("**/together/**")
    expect(page.locator(".lead")).to_contain_text("25 decisions stand.")
    problems = problems_of(page, "together", "en-light-desk")
    page.locator(".together li").nth(3).get_by_role("button").click()
    expect(page.locator(".lead")).to_contain_text("24 decisions stand.")
    expect(page.locator(".together .undone")).to_have_count(1)
    page.keyboard.press("u")
    expect(page.locator(".lead")).to_contain_text("0 decisions stand.")
    page.goto(f"/case/{leader}/")
    expect(page.locator("#alike-title")).to_be_visible()
    assert problems == []
