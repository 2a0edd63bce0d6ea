"""Japanese on a PC that has no Japanese font: the page brings one along, and only there."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.e2e.test_desk import FLAGS, SCREENS, environment, server
from tests.needs import need

pytestmark = [pytest.mark.browser, pytest.mark.slow]

__all__ = ["environment", "server"]  # fixtures

_LATIN_ONLY = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>/usr/share/fonts/truetype/dejavu</dir><cachedir>{cache}</cachedir></fontconfig>"""


@pytest.mark.parametrize("japanese_fonts", [True, False])
def test_a_japanese_font_comes_along_where_there_is_none(server: str, tmp_path: Path, japanese_fonts: bool) -> None:
    environment: dict[str, str | float | bool] = {}
    if not japanese_fonts:
        told = tmp_path / "fonts.conf"
        told.write_text(_LATIN_ONLY.format(cache=tmp_path / "cache"))
        environment = {"FONTCONFIG_FILE": str(told)}
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=need("chromium"), args=FLAGS, env=environment or None)
        page = browser.new_context(base_url=server, locale="ja").new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto("/sign-in/")
        page.evaluate("document.fonts.ready")
        page.screenshot(path=SCREENS / f"font-{'own' if japanese_fonts else 'none'}.png")
        assert any(url.endswith(".ttf") for url in asked) is not japanese_fonts
        if not japanese_fonts:
            assert page.evaluate("document.fonts.check('16px \"Yoake IPAex Gothic\"', '夜明け')")
        browser.close()
