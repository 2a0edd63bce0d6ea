"""Adding by hand in a real browser: a list, a picture from the clipboard, the bookmarklet on a page with a strict CSP."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import pytest
from playwright.sync_api import Page, expect

from tests.drawing import octets, poster
from tests.e2e.seed import PASSWORD
from tests.e2e.test_desk import DESK, PHONE, Open, chromium, open_as, problems_of, server  # noqa: F401
from tests.e2e.test_desk import environment as plain_environment  # noqa: F401
from tests.needs import need

pytestmark = [pytest.mark.browser, pytest.mark.slow]

POST = "荷物を運ぶだけの簡単な仕事です。日給5万円、詳しくはテレグラムで。"


@pytest.fixture(scope="module")
def environment(plain_environment: dict[str, str]) -> dict[str, str]:  # noqa: F811
    need("tesseract")
    return {**plain_environment, "YOAKE_PICTURES": "yes"}


@pytest.fixture(scope="module")
def strict_site() -> Iterator[str]:
    """A network's page whose own rules forbid every script."""

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = f"<!doctype html><meta charset=utf-8><title>架空の掲示板</title><p id=post>{POST}</p><p>広告</p>"
            body = page.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header(
                "Content-Security-Policy",
                "default-src 'none'; script-src 'none'; sandbox allow-same-origin allow-scripts allow-popups allow-popups-to-escape-sandbox",
            )
            self.send_header("Cross-Origin-Opener-Policy", "same-origin")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_told: object) -> None:
            pass

    site = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{site.server_port}/post/17"
    site.shutdown()
    site.server_close()


def test_a_list_is_looked_over_added_and_counted(open_as: Open) -> None:  # noqa: F811
    page = open_as(at="/add/list/")
    lines = [f"https://social.example/list/{n}" for n in range(12)]
    page.fill("#id_list", "\n".join([*lines, lines[0], "https://x.com/somebody"]))
    page.click("main form button.primary")
    expect(page.locator("h1")).to_have_text("追加前の確認 14")
    expect(page.locator(".sums .new dd")).to_have_text("12")
    page.click("main form button.primary")
    page.wait_for_url("**/received/*/")
    expect(page.locator(".sums .opened dd")).to_have_text("12")
    expect(page.locator("tr.refused")).to_have_count(1)
    page.goto("/received/")
    expect(page.locator(".counts tbody tr", has_text="貼り付けた一覧").locator("td.number").first).to_have_text("14")


def test_a_picture_from_the_clipboard_is_read(open_as: Open) -> None:  # noqa: F811
    page = open_as(at="/add/picture/")
    expect(page.locator(".note.warning")).to_contain_text("性的な内容の画像は決して貼り付けないでください")
    picture = base64.b64encode(octets(poster(("荷物を運ぶだけ", "日給5万円")))).decode()
    # What the browser does on Ctrl+V of a picture: one event with a file in it.
    page.evaluate(
        """picture => {
            const bytes = Uint8Array.from(atob(picture), one => one.charCodeAt(0));
            const held = new DataTransfer();
            held.items.add(new File([bytes], "image.png", { type: "image/png" }));
            document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: held, bubbles: true, cancelable: true }));
        }""",
        picture,
    )
    text = page.locator("#id_text")
    expect(text).to_have_value(re.compile("運ぶだけ[^z]*万"))  # what a machine reads of the rest is its own affair
    page.fill("#id_url", "https://social.example/picture/1")
    page.click("main form button.primary")
    page.wait_for_url("**/case/*/")
    expect(page.locator("article.post")).to_contain_text("機械が画像から読み取り")


def press_bookmarklet(page: Page, link: str) -> Page:
    """Runs the link as a press on a bookmark does: decoded once, by the browser itself, whatever the page's rules say."""
    client = page.context.new_cdp_session(page)
    with page.context.expect_page() as opened:
        told = client.send(
            "Runtime.evaluate", {"expression": unquote(link.removeprefix("javascript:")), "userGesture": True}
        )
    assert "exceptionDetails" not in told
    opened.value.wait_for_load_state()
    return opened.value


def mark_post(page: Page) -> None:
    page.locator("#post").click(click_count=3)


def bookmarklet_of(page: Page) -> str:
    link = page.locator(".bookmarklet a").get_attribute("href")
    assert link
    return link


def test_the_bookmarklet_brings_the_open_post(
    open_as: Open,  # noqa: F811
    server: str,  # noqa: F811
    strict_site: str,
) -> None:
    page = open_as(at="/add/bookmarklet/")
    link = bookmarklet_of(page)
    asked: list[str] = []
    site = page.context.new_page()
    page.context.on("request", lambda request: asked.append(request.url))
    site.goto(strict_site)
    mark_post(site)
    form = press_bookmarklet(site, link)
    expect(form.locator("#id_url")).to_have_value(strict_site)
    expect(form.locator("#id_text")).to_have_value(POST)
    expect(form.locator("[data-from-page]")).to_contain_text("架空の掲示板")
    assert form.url == f"{server}/add/"  # not into the history
    told = [url.removeprefix(server).split("#")[0] for url in asked if url.startswith(server)]
    assert not [path for path in told if "17" in path or "?" in path]
    form.click("main form button.primary")
    form.wait_for_url("**/case/*/")
    expect(form.locator(".post-text")).to_contain_text("運ぶだけ")


def test_the_bookmarklet_waits_for_the_sign_in(open_as: Open, server: str, strict_site: str) -> None:  # noqa: F811
    link = bookmarklet_of(open_as(at="/add/bookmarklet/"))
    page = open_as("", at="/sign-in/")
    site = page.context.new_page()
    site.goto(strict_site)
    mark_post(site)
    door = press_bookmarklet(site, link)
    expect(door.locator("#id_login")).to_be_visible()
    assert door.url == f"{server}/sign-in/?next=%2Fadd%2F"
    door.fill("#id_login", "tanaka")
    door.fill("#id_password", PASSWORD)
    door.click("main button.primary")
    door.wait_for_url(f"{server}/add/")
    expect(door.locator("#id_url")).to_have_value(strict_site)
    expect(door.locator("#id_text")).to_have_value(POST)
    door.reload()
    expect(door.locator("#id_text")).to_have_value("")


def test_a_duplicate_by_keyboard(open_as: Open) -> None:  # noqa: F811
    page = open_as(at="/add/")
    page.fill("#id_text", "重複のもとになる架空の投稿です")
    page.click("main form button.primary")
    page.wait_for_url("**/case/*/")
    first = page.url.rstrip("/").rpartition("/")[2]
    page.goto("/add/")
    page.fill("#id_text", "重複のもとになる架空の投稿です")
    page.fill("#id_url", "https://social.example/again/1")
    page.click("main form button.primary")
    page.wait_for_url("**/case/*/")
    case = page.url
    page.locator("#main").focus()
    page.keyboard.press("4")
    chosen = page.locator(".repeats input")
    expect(chosen).to_have_count(1)
    chosen.check()
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**decided=**")
    page.goto(case)
    expect(page.locator(".standing-verdict")).to_contain_text(f"元の事案{first}")


@pytest.mark.parametrize(("language", "scheme", "size"), [("ja", "light", DESK), ("en", "dark", PHONE)])
def test_screens(open_as: Open, language: str, scheme: str, size: dict[str, int]) -> None:  # noqa: F811
    page = open_as(language=language, color_scheme=scheme, viewport=size)
    found: list[str] = []
    for what, at in (
        ("add", "/add/"),
        ("add-list", "/add/list/"),
        ("add-picture", "/add/picture/"),
        ("add-bookmarklet", "/add/bookmarklet/"),
        ("received", "/received/"),
    ):
        page.goto(at)
        found += problems_of(page, what, f"{language}-{scheme}-{size['width']}")
    page.goto("/add/list/")
    lines = [f"https://social.example/{language}/{n}" for n in range(40)]
    page.fill("#id_list", "\n".join([*lines, lines[0], "https://x.com/somebody", "ただの文"]))
    page.click("main form button.primary")
    found += problems_of(page, "add-preview", f"{language}-{scheme}-{size['width']}")
    page.locator("main form button.primary").click()
    page.wait_for_url("**/received/*/")
    found += problems_of(page, "received-list", f"{language}-{scheme}-{size['width']}")
    assert found == []
