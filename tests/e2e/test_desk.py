"""The desk in a real browser, against a real server with a database of its own.

With YOAKE_KEEP_SCREENS=1 pictures of every screen are kept in tests/e2e/screens/, and those the README shows are written
to docs/screens/.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.e2e.seed import PASSWORD
from tests.needs import need

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
SCREENS = ROOT / "tests" / "e2e" / "screens"
SHOWN = ROOT / "docs" / "screens"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESK, PHONE = {"width": 1280, "height": 860}, {"width": 360, "height": 780}
README = {"width": 1180, "height": 640}
RECRUITING = "闇バイト募集。受け子と出し子、日当30万円、即日手渡し。身分証の写真をテレグラムへ。"

Open = Callable[..., Page]
_SIGNED_IN: dict[tuple[str, str], list[Any]] = {}  # cookies by server and person: to sign in costs seconds of a core

# Both languages, both widths, both colour schemes, in two looks: each page of each part is looked at in these.
in_two_looks = pytest.mark.parametrize(
    ("language", "size", "viewport", "scheme"),
    [("ja", "desk", DESK, "light"), ("en", "phone", PHONE, "dark")],
    ids=["ja-desk", "en-phone"],
)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    data = tmp_path_factory.mktemp("e2e")
    (data / "db").mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("YOAKE_")}
    return {**kept, "YOAKE_REVIEW_SHARE": "0", "YOAKE_DATA": str(data), "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}


def seed(environment: dict[str, str], *arguments: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.e2e.seed", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def seed_once(environment: dict[str, str], places: pytest.TempPathFactory) -> None:
    """The data folder of `seed`, which is made once for all files of a run and copied: to fill it costs 13 s of a core."""
    shared = places.getbasetemp().parent if "PYTEST_XDIST_WORKER" in os.environ else places.getbasetemp()
    made = shared / "e2e-seeded"
    with (shared / "e2e-seeded.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(shared / "e2e-filling", ignore_errors=True)
            (shared / "e2e-filling" / "db").mkdir(parents=True)
            seed({**environment, "YOAKE_DATA": str(shared / "e2e-filling")})
            (shared / "e2e-filling").rename(made)
    shutil.copytree(made, environment["YOAKE_DATA"], dirs_exist_ok=True)


@contextmanager
def serving(environment: dict[str, str], application: str = "yoake.config.wsgi:application") -> Iterator[str]:
    """A server process over a data folder that is there; gives its address. It must not have complained at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(port), application]
    log = Path(environment["YOAKE_DATA"]) / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out, start_new_session=True)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(150):
            try:
                urllib.request.urlopen(f"{address}/sign-in/", timeout=2).close()
                break
            except OSError:
                assert process.poll() is None, log.read_text()
                time.sleep(0.2)
        yield address
        assert "Traceback" not in log.read_text(), log.read_text()
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


@pytest.fixture(scope="module")
def server(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    need("chromium")
    seed_once(environment, tmp_path_factory)
    with serving(environment) as address:
        yield address


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=need("chromium"), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_as(chromium: Browser, server: str) -> Iterator[Open]:
    """Opens a page for somebody; fails the test when it complained on the console or asked another machine."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def heard(message: Any) -> None:
        if message.type in ("error", "warning") and "/nowhere/" not in message.location.get("url", ""):
            complaints.append(f"{message.text} at {message.location}")

    def asked(request: Any) -> None:
        if not request.url.startswith((server, "data:")):
            complaints.append(f"asked {request.url}")

    def open_page(who: str = "tanaka", *, language: str = "ja", at: str = "/live/", **more: Any) -> Page:
        more = {"viewport": DESK, "color_scheme": "light", "timezone_id": "Asia/Tokyo", **more}
        context = chromium.new_context(base_url=server, locale=language, reduced_motion="reduce", **more)
        context.set_default_timeout(30_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", heard)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", asked)
        if who:
            context.add_cookies(_SIGNED_IN.get((server, who), []))
            page.goto(at)
            if "/sign-in/" in page.url:
                page.fill("#id_login", who)
                page.fill("#id_password", PASSWORD)
                page.click("main button.primary")
                page.wait_for_url(lambda url: "/sign-in/" not in url)
                _SIGNED_IN[server, who] = context.cookies()
            if page.locator("html").get_attribute("lang") != language:  # a person's choice is remembered
                page.locator(f".languages [value={language}]").click()
                page.wait_for_selector(f"html[lang={language}]")
        else:
            page.goto(at)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def picture(page: Page, name: str, *, whole: bool = False) -> None:
    """Keeps the screen, when asked for."""
    if os.environ.get("YOAKE_KEEP_SCREENS") != "1":
        return
    SCREENS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENS / f"{name}.png", full_page=whole, caret="initial")  # else it adds a style of its own


def show(page: Page, name: str) -> None:
    """A picture for the README, when asked for."""
    picture(page, name)
    if os.environ.get("YOAKE_KEEP_SCREENS") == "1":
        SHOWN.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SHOWN / f"{name}.png", caret="initial")
        assert (SHOWN / f"{name}.png").stat().st_size < 250_000


def problems_of(page: Page, what: str, name: str) -> list[str]:
    """A picture of the page as it opens; then what axe finds, and what is wider than the screen, with all that folds unfolded."""
    from axe_playwright_python.sync_playwright import Axe

    picture(page, f"{what}-{name}", whole=True)
    page.evaluate("document.querySelectorAll('main details').forEach(one => one.open = true)")
    wide, allowed = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    problems = [f"{what} is {wide} wide"] if wide > allowed else []
    # what the first look found in the document itself, the second would find again: it asks for what a look changes
    only = {"runOnly": ["color-contrast"]} if "phone" in name else {}
    for found in (
        Axe().run(page, options={"resultTypes": ["violations"], "preload": False, **only}).response["violations"]
    ):
        node = found["nodes"][0]
        why = node.get("failureSummary", "")
        problems.append(f"{what}: {found['id']} ({found['impact']}) {node['html'][:150]} {why}")
    return problems


def first_free(page: Page) -> None:
    """Opens the first case of the list that nobody reads and where nobody is at risk."""
    page.locator(".row:not(.at-risk):not(:has(.held)) .row-link").first.click()
    page.wait_for_url("**/case/**")


def case_number(page: Page) -> str:
    found = re.search(r"/case/(\d+)/", page.url)
    assert found, page.url
    return found[1]


@pytest.mark.parametrize(
    ("language", "wrong", "waiting"),
    [("ja", "ユーザー名かパスワードが違います", "判断待ち"), ("en", "is wrong", "Waiting for a judgement")],
)
def test_signing_in(open_as: Open, language: str, wrong: str, waiting: str) -> None:
    page = open_as("", language=language, at="/practice/")
    assert "/sign-in/?next=%2Fpractice%2F" in page.url
    page.fill("#id_login", "tanaka")
    page.fill("#id_password", "not it")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text(wrong)
    page.fill("#id_password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/practice/")
    page.locator(f".languages [value={language}]").click()
    expect(page.get_by_role("heading", level=2).first).to_contain_text(waiting)
    other = "English" if language == "ja" else "日本語"
    page.get_by_role("button", name=other).click()
    expect(page.locator("html")).to_have_attribute("lang", "en" if language == "ja" else "ja")
    page.get_by_role("button", name="English" if language == "en" else "日本語").click()
    page.locator(".me summary").click()
    page.locator(".me-menu button").click()
    page.wait_for_url("**/sign-in/")


@pytest.mark.parametrize("language", ["ja", "en"])
def test_a_decision_by_mouse_and_back(open_as: Open, language: str) -> None:
    page = open_as(language=language)
    first_free(page)
    decided = case_number(page)
    expect(page.locator("#lease .reading")).to_be_visible()
    page.get_by_text("対象外" if language == "ja" else "Not in scope", exact=True).first.click()
    page.get_by_role("button", name=re.compile("判断を記録|^Record")).click()
    page.wait_for_url(re.compile(rf"/case/\d+/\?decided={decided}"))
    assert case_number(page) != decided
    toast = page.locator(".toast")
    expect(toast).to_contain_text("対象外" if language == "ja" else "not in scope")
    toast.get_by_role("button").click()
    page.wait_for_url(f"**/case/{decided}/")
    expect(page.locator(".note.success")).to_contain_text("取り消しました" if language == "ja" else "undone")
    expect(page.locator("[data-decide]")).to_be_visible()


@pytest.mark.parametrize("keys", [("2", "Enter"), ("n", "Enter"), ("3", "Control+Enter"), ("i", "Control+Enter")])
def test_a_decision_by_keyboard_and_back(open_as: Open, keys: tuple[str, str]) -> None:
    page = open_as()
    for _ in range(2):
        page.keyboard.press("j")
    expect(page.locator(".row-link").nth(1)).to_be_focused()
    page.keyboard.press("k")
    expect(page.locator(".row-link").nth(0)).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/case/**")
    decided = case_number(page)
    expect(page.locator("#lease .reading")).to_be_visible()
    page.keyboard.press(keys[0])
    page.keyboard.press(keys[1])
    page.wait_for_url(re.compile(rf"decided={decided}"))
    page.keyboard.press("u")
    page.wait_for_url(f"**/case/{decided}/")
    following = case_number(page)
    page.keyboard.press("j")
    page.wait_for_url(lambda url: f"/case/{following}/" not in url)
    page.keyboard.press("k")
    page.wait_for_url(f"**/case/{decided}/")


def test_keys_are_letters_while_one_writes_and_can_be_turned_off(open_as: Open) -> None:
    page = open_as()
    first_free(page)
    number = case_number(page)
    page.fill("#id_reason", "")
    page.type("#id_reason", "n123 juk")
    expect(page.locator("#id_reason")).to_have_value("n123 juk")
    assert page.locator("input[name=verdict]:checked").count() == 0
    page.locator(".keys summary").click()
    page.locator(".keys [data-keys-on]").uncheck()
    page.locator("h1").click()
    page.keyboard.press("2")
    page.keyboard.press("j")
    page.wait_for_timeout(300)
    assert case_number(page) == number
    assert page.locator("input[name=verdict]:checked").count() == 0


def test_choosing_a_category_means_in_scope(open_as: Open) -> None:
    page = open_as()
    first_free(page)
    page.select_option("#id_category", "drug_ad")
    expect(page.locator("input[name=verdict][value=in_scope]")).to_be_checked()


def test_two_people_do_not_decide_the_same_case(open_as: Open) -> None:
    mine = open_as("tanaka")
    first_free(mine)
    expect(mine.locator("#lease .reading")).to_be_visible()
    address = f"/case/{case_number(mine)}/"
    theirs = open_as("sato", at=address)
    expect(theirs.locator(".judgement .note.warning").first).to_contain_text("田中")
    assert theirs.locator("[data-decide]").count() == 0
    mine.goto("/live/")  # leaving gives it back
    mine.wait_for_timeout(500)
    theirs.goto(address)
    expect(theirs.locator("[data-decide]")).to_be_visible()
    theirs.goto("/live/")


@pytest.mark.parametrize("language", ["ja", "en"])
def test_new_posts_are_announced_and_the_list_stays(open_as: Open, environment: dict[str, str], language: str) -> None:
    page = open_as(language=language)
    page.keyboard.press("j")
    before, waiting = page.locator(".row").count(), int(re.sub(r"\D", "", page.title()))
    seed(environment, "arrive", f"{RECRUITING} {language} {time.time()}")
    announced = page.locator("#new-posts")
    expect(announced).to_contain_text("新しい投稿が1件" if language == "ja" else "1 new post", timeout=15_000)
    assert page.locator(".row").count() == before
    expect(page.locator(".row-link").first).to_be_focused()
    announced.click()
    page.wait_for_url("**/live/")
    expect(page).to_have_title(re.compile(rf"\({waiting + 1}\)"))


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_adding_by_hand(open_as: Open, viewport: dict[str, int]) -> None:
    page = open_as(viewport=viewport)
    page.locator(".add-link").click()
    page.fill("#id_text", f"{RECRUITING} {viewport['width']}")
    page.get_by_role("button", name="登録して事案を開く").click()
    page.wait_for_url("**/case/**")
    expect(page.locator(".note.success")).to_contain_text("登録しました")
    expect(page.locator("mark").first).to_be_visible()
    number = case_number(page)
    url = f"https://social.example/by-hand/{viewport['width']}"
    for said in ("登録しました", "すでに登録されています"):
        page.goto("/add/")
        page.fill("#id_url", url)
        page.keyboard.press("Enter")
        page.wait_for_url("**/case/**")
        expect(page.locator("main > .note")).to_contain_text(said)
    assert case_number(page) != number


def test_practice_shows_how_it_is_done(open_as: Open) -> None:
    page = open_as(at="/practice/")
    picture(page, "practice-ja")
    page.locator(".row-link").first.click()
    page.wait_for_url("**/case/**")
    expect(page.locator("#lease .reading")).to_be_visible()
    page.keyboard.press("3")
    page.keyboard.press("Enter")
    expect(page.locator(".model-answer")).to_contain_text("お手本")
    picture(page, "practice-answer-ja", whole=True)
    decided = case_number(page)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: f"/case/{decided}/" not in url)
    page.goto(f"/case/{decided}/")
    page.keyboard.press("u")
    expect(page.locator("[data-decide]")).to_be_visible()


def test_deciding_works_without_scripts(open_as: Open) -> None:
    page = open_as(java_script_enabled=False)
    first_free(page)
    decided = case_number(page)
    page.locator("input[name=verdict][value=cannot_tell]").check()
    page.locator("[data-decide] button").click()
    page.wait_for_url(re.compile(rf"decided={decided}"))
    page.locator(".toast button").click()
    page.wait_for_url(f"**/case/{decided}/")


def test_evidence_says_why(open_as: Open) -> None:
    page = open_as()
    first_free(page)
    mark = page.locator(".post-text mark:has(.ref)").first
    expect(mark.locator(".tip")).to_be_hidden()
    mark.hover()
    expect(mark.locator(".tip")).to_be_visible()
    page.mouse.move(0, 0)
    page.locator(".post-text .ref").first.focus()
    expect(mark.locator(".tip")).to_be_visible()
    page.keyboard.press("Enter")
    assert re.search(r"#reason-\d+$", page.url)


def test_what_could_not_be_read_unfolds(open_as: Open) -> None:
    page = open_as()
    page.locator(".skipped summary").first.click()
    expect(page.locator(".skipped-list").first).to_contain_text("cursor 1725911162329308")
    page.wait_for_timeout(5500)  # a pulse later it is still open
    expect(page.locator(".skipped-list").first).to_be_visible()


PAGES = {
    "inbox": "/live/",
    "case": "free",
    "case-at-risk": ".row.at-risk",
    "case-held": ".row:has(.held)",
    "case-decided": ".decided li",
    "practice": "/practice/",
    "add": "/add/",
    "source": ".source-name",
    "password": "/password/",
    "statistics": "/statistics/",
    "statistics-month": f"/statistics/month/{datetime.now(ZoneInfo('Asia/Tokyo')):%Y-%m}/",
    "statistics-figure": "/statistics/figure/decided/",
    "not-found": "/nowhere/",
}


@in_two_looks
def test_everybody_can_use_every_page(
    open_as: Open, language: str, scheme: str, size: str, viewport: dict[str, int]
) -> None:
    """Axe finds nothing, nothing is wider than the screen; and a picture of each."""
    name = f"{language}-{scheme}-{size}"
    page = open_as("", language=language, viewport=viewport, color_scheme=scheme, at="/sign-in/")
    problems: list[str] = []

    def look(what: str) -> None:
        page.wait_for_load_state("networkidle") if what == "sign-in" else page.wait_for_timeout(400)
        problems.extend(problems_of(page, what, name))

    look("sign-in")
    page.fill("#id_login", "tanaka")
    page.fill("#id_password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/live/")
    page.locator(f".languages [value={language}]").click()
    page.wait_for_selector(f"html[lang={language}]")
    for what, where in PAGES.items():
        if where.startswith("/"):
            page.goto(where)
        else:
            page.goto("/live/")
            if where == "free":
                first_free(page)
            elif where.startswith(".row"):
                page.locator(f"{where} .row-link").first.click()
            else:
                page.locator(where if where == ".source-name" else f"{where} a").first.click()
            page.wait_for_url(re.compile(r"/(case|source)/"))
        look(what)
    assert problems == []


@pytest.mark.skipif(os.environ.get("YOAKE_KEEP_SCREENS") != "1", reason="nobody asked for pictures")
def test_pictures_for_the_readme(open_as: Open) -> None:
    """They show the practice desk: its posts are invented, and it says so."""
    for language in ("ja", "en"):
        page = open_as(language=language, at="/practice/", viewport=README)
        show(page, f"inbox-{language}")
        first_free(page)
        expect(page.locator("#lease .reading")).to_be_visible()
        show(page, f"case-{language}")
        page.goto("/practice/")
    show(open_as(viewport=PHONE, at="/practice/"), "inbox-phone-ja")
    show(open_as("", at="/sign-in/", viewport=README), "sign-in")
    page = open_as(color_scheme="dark", at="/practice/", viewport=README)
    first_free(page)
    expect(page.locator("#lease .reading")).to_be_visible()
    show(page, "case-dark-ja")
    page.goto("/practice/")
