"""Judging twice in a real browser: a supervisor second-reviews and sees the disagreement; every page of it, for everybody."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests.e2e.test_desk import ROOT, Open, chromium, in_two_looks, open_as, problems_of, server

pytestmark = [pytest.mark.browser, pytest.mark.slow]

__all__ = ["chromium", "open_as", "server"]  # fixtures


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    data = tmp_path_factory.mktemp("e2e-reviews")
    (data / "db").mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("YOAKE_")}
    shares = {"YOAKE_REVIEW_SHARE": "100", "YOAKE_GOLD_SHARE": "20"}
    return {**kept, **shares, "YOAKE_DATA": str(data), "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}


@pytest.fixture(scope="module", autouse=True)
def filled(server: str, environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "tests.e2e.seed_reviews"]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


@in_two_looks
def test_everybody_can_use_every_page(
    open_as: Open, language: str, scheme: str, size: str, viewport: dict[str, int]
) -> None:
    problems: list[str] = []
    page = open_as("kanri", language=language, viewport=viewport, color_scheme=scheme, at="/reviews/")
    expect(page.locator(".apart")).to_have_count(1)
    apart = page.locator(".apart-head a").first.get_attribute("href") or ""
    waiting = page.locator(".row-link").first.get_attribute("href") or ""
    name = f"{language}-{size}-{scheme}"
    for what, at in (
        ("reviews", "/reviews/"),
        ("second", waiting),
        ("apart", apart),
        ("decisions", "/decisions/"),
        ("gold", "/quality/gold/"),
        ("judging", "/quality/"),
    ):
        page.goto(at)
        problems += problems_of(page, what, name)
    assert problems == []


def test_a_supervisor_second_reviews_and_sees_the_disagreement(open_as: Open) -> None:
    """By keyboard: the case that somebody judged, judged again; it is apart, and another supervisor settles it."""
    page = open_as("sato", at="/reviews/")
    page.keyboard.press("Enter")
    page.wait_for_url("**/case/**")
    expect(page.locator(".second-note")).to_be_visible()
    expect(page.locator("#lease .reading")).to_be_visible()
    assert page.locator(".verdict-tag, .standing").count() == 0
    assert "報酬と役割" not in page.content()
    number = re.search(r"/case/(\d+)/", page.url)
    assert number
    page.keyboard.press("3")
    page.keyboard.press("Control+Enter")
    page.wait_for_url(lambda url: f"/case/{number[1]}/" not in url)
    expect(page.locator(".note.info, .note.success").first).to_contain_text(number[1])
    theirs = open_as("kanri", at=f"/case/{number[1]}/")
    both = theirs.locator(".two-judgements .verdict-tag")
    expect(both).to_have_count(2)
    theirs.locator(".settle input[name=answer]").first.check()
    theirs.locator(".settle button").click()
    theirs.wait_for_url("**/reviews/")
    expect(theirs.locator(".note.success")).to_contain_text(number[1])


def test_a_copy_is_answered_like_any_case_and_then_explained(open_as: Open, environment: dict[str, str]) -> None:
    code = (
        "import os,django;os.environ['DJANGO_SETTINGS_MODULE']='yoake.config.settings';django.setup();"
        "from yoake.casework.cases.models import Case;"
        "print(*Case.everything.exclude(gold_for=None).filter(state='waiting',gold_for__username='tanaka').values_list('pk',flat=True)[:1])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    copy = ran.stdout.strip()
    assert copy, "the lot gave tanaka a copy"
    page = open_as("tanaka", at=f"/case/{copy}/")
    expect(page.locator("#lease .reading")).to_be_visible()
    page.keyboard.press("3")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".gold-answer")).to_be_visible()
    expect(page.locator(".gold-answer .verdict-tag")).to_be_visible()
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: f"/case/{copy}/" not in url)
