"""The screens of sources in a real browser, at desk and phone width, in both languages."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.board import put_on_shelf
from tests.e2e.test_desk import DESK, PHONE, ROOT, Open, chromium, open_as, picture, server

pytestmark = [pytest.mark.browser, pytest.mark.slow]

__all__ = ["chromium", "open_as", "server"]  # fixtures


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    data, installed = tmp_path_factory.mktemp("e2e-sources"), tmp_path_factory.mktemp("installed")
    (data / "db").mkdir()
    put_on_shelf(installed)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("YOAKE_")}
    return {**kept, "YOAKE_DATA": str(data), "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}:{installed}"}


@pytest.fixture(scope="module", autouse=True)
def filled(server: str, environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "tests.e2e.seed_sources"]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize(
    ("size", "viewport", "scheme"), [("desk", DESK, "light"), ("phone", PHONE, "dark")], ids=["desk", "phone"]
)
def test_everybody_can_use_every_page(
    open_as: Open, language: str, size: str, viewport: dict[str, int], scheme: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    problems = []
    page = open_as("kanri", language=language, viewport=viewport, color_scheme=scheme, at="/sources/")
    source = page.get_by_role("link", name="検索", exact=True).get_attribute("href")
    for what, where in (
        ("sources", "/sources/"),
        ("source-choose", "/sources/add/"),
        ("source-add", "/sources/add/test_board/"),
        ("source-permission", f"{source}"),
        ("plan", f"{source}plan/"),
    ):
        page.goto(where)
        page.wait_for_timeout(200)
        picture(page, f"{what}-{language}-{scheme}-{size}", whole=True)
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > viewport["width"]:
            problems.append(f"{what} is {wide} wide")
        for found in Axe().run(page).response["violations"]:
            problems.append(f"{what}: {found['id']} ({found['impact']}) {found['nodes'][0]['html'][:150]}")
    assert problems == []


def test_from_adding_to_switching_on(open_as: Open) -> None:
    page = open_as("kanri", language="en", at="/sources/")
    page.get_by_role("link", name="検索", exact=True).click()
    page.locator(".permission summary").click()
    page.get_by_role("button", name="Withdraw the permission").click()
    expect(page.locator(".note.success")).to_contain_text("switched off")
    expect(page.get_by_role("button", name="Patrol this source again")).to_have_count(0)
    picture(page, "source-not-permitted-en", whole=True)
    page.get_by_label("Who permitted it").fill("架空掲示板株式会社")
    page.get_by_label("On which day").fill("2026-10-01")
    page.get_by_label("Under which terms").fill("検索のみ")
    page.get_by_role("button", name="Record the permission").click()
    page.get_by_role("button", name="Patrol this source again").click()
    expect(page.locator(".note.success")).to_contain_text("as 架空掲示板株式会社 permitted on 2026-10-01")


def test_a_supervisor_adds_and_pauses_words(open_as: Open, environment: dict[str, str]) -> None:
    assert Path(environment["YOAKE_DATA"]).exists()
    page = open_as("sato", language="en", at="/sources/")
    page.get_by_role("link", name="検索", exact=True).click()
    page.get_by_role("link", name="What is searched for").click()
    page.get_by_label("Words", exact=True).fill("新しい隠語")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator(".note.success")).to_contain_text("新しい隠語")
    page.get_by_role("button", name="Pause “新しい隠語”").click()
    expect(page.locator(".query.paused", has_text="新しい隠語")).to_have_count(1)
