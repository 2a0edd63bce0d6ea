"""Reports, registers and the fast lane in a real browser, in both languages and themes."""

from __future__ import annotations

import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests.e2e.test_desk import (
    DESK,
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
    command = [sys.executable, "-m", "tests.e2e.seed_report", *arguments]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


@pytest.fixture(scope="module")
def cases(server: str, environment: dict[str, str]) -> tuple[str, str]:
    """Numbers of a case to report, and of one in which somebody may be in danger."""
    reported, urgent = seed(environment).split()
    return reported, urgent


@in_two_looks
def test_looking_at_registers_lane_and_report(
    open_as: Open, cases: tuple[str, str], language: str, size: str, viewport: dict[str, int], scheme: str
) -> None:
    reported, urgent = cases
    name, english = f"{language}-{scheme}-{size}", language == "en"
    page = open_as("kanri", language=language, viewport=viewport, color_scheme=scheme, at="/registers/")
    problems = problems_of(page, "registers", name)
    page.goto("/registers/?q=osaka")
    problems += problems_of(page, "registers-found", name)
    page.goto("/register/police_osaka/")
    expect(page.locator("#way-telephone")).to_contain_text("03-3581-0141")
    problems += problems_of(page, "register-body", name)
    page.goto("/registers/add/")
    problems += problems_of(page, "register-add", name)
    page.goto("/registers/official/")
    problems += problems_of(page, "official-accounts", name)
    page.goto("/live/")
    expect(page.locator(".danger-lane")).to_contain_text("110")
    problems += problems_of(page, "danger-inbox", name)
    page.goto(f"/case/{urgent}/")
    expect(page.locator(".danger-case time").first).to_contain_text("min ago" if english else "分前")
    problems += problems_of(page, "danger-case", name)
    page.goto(f"/case/{reported}/report/")
    expect(page.locator(".register-rows > li").first).to_contain_text("Osaka" if english else "大阪府警察")
    problems += problems_of(page, "report-to", name)
    page.locator(".register-rows a").first.click()
    expect(page.locator("#id_reason")).to_have_value(
        "「受け取るだけで日当10万円」との記載があり、仕事の内容を示さずに高い報酬を示しているものと認められる。"
    )
    problems += problems_of(page, "report-form", name)
    page.goto("/reports/")
    problems += problems_of(page, "reports", name)
    assert problems == []


def test_a_report_by_keyboard_from_the_case_to_the_hand_over(
    open_as: Open, cases: tuple[str, str], environment: dict[str, str]
) -> None:
    reported, _urgent = cases
    page = open_as("tanaka", at=f"/case/{reported}/", viewport=DESK)
    page.locator("#report a").focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="大阪府警察").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="通報案を作成").focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("大阪府警察")
    assert problems_of(page, "report-draft", "ja-light-desk") == []
    page.get_by_role("button", name="承認").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").last).to_contain_text("読み込み直して")
    seed(environment, "send")
    page.reload()
    expect(page.get_by_role("button", name="送付一式を取り出す")).to_be_visible()
    assert problems_of(page, "report-carry", "ja-light-desk") == []
    with page.expect_download() as taken:
        page.get_by_role("button", name="送付一式を取り出す").click()
    assert taken.value.suggested_filename == f"report-{reported}-1.zip"
    page.fill("#id_receipt", "受理-12")
    page.get_by_role("button", name="引き渡した").click()
    page.get_by_role("button", name="受領を記録").click()
    page.select_option("#id_result", "accepted")
    page.get_by_role("button", name="結果を記録").click()
    expect(page.locator("main")).to_contain_text("受理-12")
    assert problems_of(page, "report-done", "ja-light-desk") == []
    page.goto(f"/case/{reported}/")
    expect(page.locator("#report")).to_contain_text("大阪府警察")


def test_the_lane_announces_and_lets_go(open_as: Open, cases: tuple[str, str]) -> None:
    _reported, urgent = cases
    page = open_as("tanaka", at="/live/")
    lane = page.locator("#urgent")
    expect(lane).to_have_attribute("aria-live", "assertive")
    expect(lane.get_by_role("link", name=f"{urgent}").first).to_be_visible()
    page.goto(f"/case/{urgent}/")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("[data-copy]").first.click()
    assert page.evaluate("navigator.clipboard.readText()").startswith("https://bsky.app/profile/danger.example/")
    page.fill("#danger-reference", "受理 7")
    page.get_by_role("button", name="110番に通報した").click()
    expect(page.locator(".calls")).to_contain_text("受理 7")
    expect(page.locator(".danger-case")).to_have_count(0)
    page.goto("/live/")
    expect(page.locator(f"#urgent a[href='/case/{urgent}/']")).to_have_count(0)
