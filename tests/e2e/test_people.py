"""People, second factors and the audit in a real browser; security keys with Chromium's own virtual authenticator."""

from __future__ import annotations

import re
import subprocess
import sys
import time

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.seed import PASSWORD
from tests.e2e.test_desk import (
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


@pytest.fixture(scope="module", autouse=True)
def filled(server: str, environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "tests.e2e.seed_people"]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def code_of(secret: str) -> str:
    """What an app shows now; a fresh one, for each works once."""
    from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value

    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30)))


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.goto("/sign-in/")
    page.fill("#id_login", name)
    page.fill("#id_password", password)
    page.click("main button.primary")


def invited(page: Page, name: str, number: str, role: str = "auditor") -> str:
    """The link of an invitation, made as an administrator makes it."""
    page.goto("/people/")
    page.fill("#id_name", name)
    page.fill("#id_staff_number", number)
    page.check(f"[name=role][value={role}]")
    page.get_by_role("button", name="招待を作る").click()
    link = page.locator("#made-link").input_value()
    assert re.search(r"/invitation/[\w-]{43}/$", link)
    return link


def accepted(page: Page, link: str, name: str) -> None:
    page.goto(link)
    page.fill("#id_username", name)
    page.fill("#id_password", PASSWORD)
    page.fill("#id_again", PASSWORD)
    page.click("main button.primary")
    page.wait_for_url("**/sign-in/")


def test_from_the_invitation_to_the_second_factor(open_as: Open) -> None:
    link = invited(open_as("kanri"), "新田", "N-100")
    page = open_as("", at="/sign-in/")
    accepted(page, link, "nitta")
    sign_in(page, "nitta")
    page.wait_for_url("**/live/")
    expect(page.locator("main > .note").first).to_contain_text("次回のサインインから")
    page.locator(".me summary").click()
    page.locator(".me-menu form button").last.click()
    sign_in(page, "nitta")
    page.wait_for_url("**/security/")
    page.goto("/audit/")
    page.wait_for_url("**/security/")
    expect(page.get_by_role("alert")).to_contain_text("二要素認証")
    page.get_by_role("link", name="アプリを設定").click()
    secret = page.locator(".secret").inner_text()
    page.fill("#id_code", code_of(secret))
    page.keyboard.press("Enter")
    page.wait_for_url("**/security/codes/")
    recovery = page.locator(".secret-codes code").all_inner_texts()
    assert len(recovery) == 10
    page.goto("/audit/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("監査")
    page.locator(".me summary").click()
    page.locator(".me-menu form button").last.click()
    sign_in(page, "nitta")
    page.wait_for_url("**/sign-in/code/")
    page.fill("#id_code", recovery[0])
    page.keyboard.press("Enter")
    page.wait_for_url("**/live/")


def test_a_security_key(chromium: Browser, open_as: Open, server: str) -> None:
    link = invited(open_as("kanri"), "鍵山", "N-101")
    here = server.replace("127.0.0.1", "localhost")
    context = chromium.new_context(base_url=here, locale="ja", viewport={"width": 1280, "height": 860})
    complaints: list[str] = []
    try:
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        devtools = context.new_cdp_session(page)
        devtools.send("WebAuthn.enable")
        devtools.send(
            "WebAuthn.addVirtualAuthenticator",
            {
                "options": {
                    "protocol": "ctap2",
                    "transport": "usb",
                    "hasResidentKey": True,
                    "hasUserVerification": True,
                    "isUserVerified": True,
                    "automaticPresenceSimulation": True,
                }
            },
        )
        accepted(page, link.replace("127.0.0.1", "localhost"), "kagiyama")
        sign_in(page, "kagiyama")
        page.wait_for_url("**/live/")
        page.goto("/security/key/")
        page.fill("#id_name", "青い鍵")
        page.click("#key-button")
        page.wait_for_url("**/security/codes/")
        page.goto("/security/")
        expect(page.locator(".factor-keys")).to_contain_text("青い鍵")
        page.get_by_role("button", name="サインアウト").click()
        sign_in(page, "kagiyama")
        page.wait_for_url("**/sign-in/code/")
        page.click("#key-button")
        page.wait_for_url("**/live/")
        other = chromium.new_context(
            base_url=server, locale="ja"
        ).new_page()  # by the address no key works: it says where
        sign_in(other, "kagiyama")
        other.wait_for_url("**/sign-in/code/")
        assert other.get_by_role("link", name="そちらでサインイン").get_attribute("href") == f"{here}/sign-in/"
        other.context.close()
    finally:
        context.close()
    assert complaints == []


def test_the_audit_proves_itself_and_hands_out_a_file(open_as: Open) -> None:
    page = open_as("kanri", at="/audit/")
    page.get_by_role("button", name="鎖を検証").click()
    expect(page.get_by_role("status").first).to_contain_text("改ざんはありません")
    page.goto("/audit/?kind=signed_in")
    with page.expect_download() as coming:
        page.get_by_role("button", name="CSV").click()
    lines = coming.value.path().read_text("utf-8-sig").splitlines()
    assert lines[0].startswith("id,time,staff")
    assert len(lines) > 1


@in_two_looks
def test_everybody_can_use_every_page(
    open_as: Open, language: str, scheme: str, size: str, viewport: dict[str, int]
) -> None:
    problems: list[str] = []
    name = f"{language}-{scheme}-{size}"
    link = ""
    for who, pages in (
        ("kanri", ("/people/", "/people/1/", "/audit/", "/security/", "/security/app/", "/security/sessions/")),
        ("bengo", ("/advice/", "/advice/1/")),
        ("tomo", ("/in-scope/",)),
    ):
        page = open_as("", language=language, viewport=viewport, color_scheme=scheme, at="/sign-in/")
        sign_in(page, who)
        page.wait_for_url(re.compile("/(live|advice|in-scope)/$"))
        page.locator(f".languages [value={language}]").click()
        page.wait_for_selector(f"html[lang={language}]")
        for where in pages:
            page.goto(where)
            page.wait_for_timeout(200)
            problems += problems_of(page, "people" + where.replace("/", "-").rstrip("-"), name)
        if who == "kanri":
            page.goto("/people/")
            page.fill("#id_name", "招待")
            page.fill("#id_staff_number", f"I-{name[:2]}-{size}")
            page.locator(".why-card form button").click()
            problems += problems_of(page, "people-made", name)
            link = page.locator("#made-link").input_value()
    page = open_as("", language=language, viewport=viewport, color_scheme=scheme, at=link)
    problems += problems_of(page, "invitation", name)
    assert problems == []
