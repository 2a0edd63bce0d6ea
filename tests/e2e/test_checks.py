"""Is it still there, what stands around a post, and the page before an original opens, in a real browser."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from playwright.sync_api import Route, expect

from tests.e2e.test_desk import ROOT, Open, chromium, in_two_looks, open_as, problems_of, server

pytestmark = [pytest.mark.browser, pytest.mark.slow]

__all__ = ["chromium", "open_as", "server"]  # fixtures


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    data = tmp_path_factory.mktemp("e2e-checks")
    (data / "db").mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("YOAKE_")}
    return {**kept, "YOAKE_REVIEW_SHARE": "0", "YOAKE_DATA": str(data), "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}


@pytest.fixture(scope="module")
def cases(server: str, environment: dict[str, str]) -> list[str]:
    """The case that is followed, the one where somebody may be in danger, one that waits for a person who looks."""
    command = [sys.executable, "-m", "tests.e2e.seed_checks"]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.split()


@in_two_looks
def test_everybody_can_use_every_page(
    open_as: Open, cases: list[str], language: str, scheme: str, size: str, viewport: dict[str, int]
) -> None:
    followed, plea, to_look = cases
    problems: list[str] = []
    page = open_as("sato", language=language, viewport=viewport, color_scheme=scheme)
    for what, where in (
        ("checks", "/checks/"),
        ("followed", f"/case/{followed}/"),
        ("around", f"/case/{plea}/"),
        ("to-look", f"/case/{to_look}/"),
        ("open", f"/case/{followed}/open/"),
    ):
        page.goto(where)
        page.wait_for_timeout(400)
        problems += problems_of(page, what, f"{language}-{scheme}-{size}")
    assert problems == []


def test_what_surrounds_a_post_comes_by_itself(open_as: Open, cases: list[str]) -> None:
    page = open_as("sato", language="en", at=f"/case/{cases[1]}/")
    around = page.locator("#around")
    expect(around).to_contain_text("Thread above it (2 posts)")
    expect(around).to_contain_text("高額案件の紹介")
    expect(page.locator("article.post img")).to_have_count(0)
    other = page.locator(".row:not(.at-risk):not(:has(.held)) .row-link")
    page.goto("/live/")
    other.first.click()
    expect(page.locator("#around")).to_contain_text(
        "being fetched"
    )  # no worker runs here, and the page is there all the same


def test_a_person_looks_and_presses_what_they_saw(open_as: Open, cases: list[str]) -> None:
    page = open_as("sato", language="en")
    page.get_by_role("link", name=re.compile(r"\d posts: are they still there")).click()
    page.wait_for_url("**/checks/")
    line = page.locator(".to-check > li").first
    with page.context.expect_page() as opened:
        line.get_by_role("link", name="Open …").click()
    between = opened.value
    between.wait_for_load_state()
    link = between.get_by_role("link", name="Open now")
    assert re.fullmatch(r"https://sns\.example/post/\d", link.get_attribute("href") or "")
    assert "noreferrer" in (link.get_attribute("rel") or "")
    told: list[dict[str, str]] = []

    def answer(route: Route) -> None:  # nothing outside is asked in a test
        told.append(route.request.headers)
        route.fulfill(body="the original")

    between.route("https://sns.example/**", answer)
    link.click()
    between.wait_for_url("https://sns.example/**")
    assert len(told) == 1
    assert "referer" not in told[0]
    assert between.evaluate("document.referrer") == ""
    between.close()
    line.get_by_role("button", name="Gone").click()
    expect(page.locator(".note.success")).to_contain_text("seen by you")
