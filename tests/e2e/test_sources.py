"""The screens of sources in a real browser, at desk and phone width, in both languages."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.board import put_on_shelf
from tests.e2e.test_desk import ROOT, Open, chromium, in_two_looks, open_as, picture, problems_of, server

pytestmark = [pytest.mark.browser, pytest.mark.slow]

__all__ = ["chromium", "open_as", "server"]  # fixtures


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    data, installed = tmp_path_factory.mktemp("e2e-sources"), tmp_path_factory.mktemp("installed")
    (data / "db").mkdir()
    put_on_shelf(installed)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("YOAKE_")}
    return {
        **kept,
        "YOAKE_REVIEW_SHARE": "0",
        "YOAKE_DATA": str(data),
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}:{installed}",
    }


@pytest.fixture(scope="module", autouse=True)
def filled(server: str, environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "tests.e2e.seed_sources"]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


@in_two_looks
def test_everybody_can_use_every_page(
    open_as: Open, language: str, size: str, viewport: dict[str, int], scheme: str
) -> None:
    problems: list[str] = []
    page = open_as("kanri", language=language, viewport=viewport, color_scheme=scheme, at="/sources/")
    source = page.get_by_role("link", name="検索", exact=True).get_attribute("href")
    feed = page.get_by_role("link", name="地域掲示板のフィード", exact=True).get_attribute("href")
    for what, where in (
        ("sources", "/sources/"),
        ("source-choose", "/sources/add/"),
        ("source-add", "/sources/add/test_board/"),
        ("source-add-mastodon", "/sources/add/mastodon/"),
        ("source-paused", f"{feed}"),
        ("source-change", f"{feed}settings/"),
        ("source-permission", f"{source}"),
        ("plan", f"{source}plan/"),
    ):
        page.goto(where)
        page.wait_for_timeout(200)
        problems += problems_of(page, what, f"{language}-{scheme}-{size}")
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


def test_an_administrator_changes_a_paused_source(open_as: Open) -> None:
    page = open_as("kanri", language="ja", at="/sources/")
    page.get_by_role("link", name="地域掲示板のフィード", exact=True).click()
    expect(page.locator(".source-problem")).to_contain_text("このフィードはもうありません。")
    page.locator("details:has(.settings) summary").click()
    picture(page, "source-settings-ja", whole=True)
    page.get_by_role("link", name="設定の変更").click()
    page.get_by_label("アドレス", exact=False).first.fill("https://board.example/new")
    page.get_by_role("button", name="設定を保存する").click()
    expect(page.locator(".note.success")).to_contain_text("新しい情報源として読み直します")
    expect(page.locator(".source-problem")).to_have_count(0)


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
