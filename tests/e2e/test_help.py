"""Help, objections and the public page in a real browser, in both languages and themes."""

from __future__ import annotations

import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests.e2e.test_desk import DESK, ROOT, Open, chromium, in_two_looks, open_as, problems_of, server

pytestmark = [pytest.mark.browser, pytest.mark.slow]

__all__ = ["chromium", "open_as", "server"]  # fixtures


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """As everywhere, with public pages."""
    from tests.e2e import test_desk

    made = test_desk.environment.__wrapped__(tmp_path_factory)  # type: ignore[attr-defined]
    return {**made, "YOAKE_PUBLIC_URL": "http://localhost:9"}


@pytest.fixture(scope="module")
def seeded(server: str, environment: dict[str, str]) -> list[str]:
    """Numbers of a case, a hand-over, an objection; a letter's code."""
    command = [sys.executable, "-m", "tests.e2e.seed_help"]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.split()


@in_two_looks
def test_looking_at_help_and_objections(
    open_as: Open, seeded: list[str], language: str, size: str, viewport: dict[str, int], scheme: str
) -> None:
    case, made, appeal, code = seeded
    name = f"{language}-{scheme}-{size}"
    page = open_as("sato", language=language, viewport=viewport, color_scheme=scheme, at="/live/")
    expect(page.locator("#help-overdue .danger-lane")).to_be_visible()
    problems = problems_of(page, "help-inbox", name)
    for what, address in (
        ("help-on-case", f"/case/{case}/"),
        ("help-ways", f"/case/{case}/help/"),
        ("help-list", "/help/"),
        ("help-told", f"/help/{made}/"),
        ("objections", "/objections/"),
        ("objection", f"/objections/{appeal}/"),
        ("public", f"/a/?lang={language}"),
    ):
        page.goto(address)
        problems += problems_of(page, what, name)
    page.fill("#id_code", "WRONG-WRONG-0000")
    page.locator("main button").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.fill("#id_code", code.lower())
    page.locator("main button").click()
    expect(page.locator("[role=status]")).to_contain_text(
        "Example Police" if language == "en" else "架空県警察サイバー課"
    )
    problems += problems_of(page, "public-letter", name)
    page.check("[name=who][value=author]")
    page.fill("#id_words", "違います")
    page.locator("main button").click()
    expect(page.locator(".proof-code")).to_be_visible()
    problems += problems_of(page, "public-taken", name)
    assert problems == []


def test_a_stranger_objects_by_keyboard(open_as: Open, seeded: list[str]) -> None:
    page = open_as("", at="/a/", viewport=DESK)
    page.locator("#id_code").focus()
    page.keyboard.type(seeded[3])
    page.keyboard.press("Enter")
    page.locator("[name=who][value=third]").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.type("友人の冗談です")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("[role=status]")).to_contain_text("受け付けました")
    assert [one["name"] for one in page.context.cookies()] == ["csrftoken"]
