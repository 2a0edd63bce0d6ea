"""The case page by keyboard: elements tied to selected words, a draft that outlives the session, the palette, one-key triage."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.seed import PASSWORD
from tests.e2e.test_desk import ROOT, Open, chromium, in_two_looks, open_as, problems_of, server

pytestmark = [pytest.mark.browser, pytest.mark.slow]

__all__ = ["chromium", "open_as", "server"]  # fixtures


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    data = tmp_path_factory.mktemp("e2e-case")
    (data / "db").mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("YOAKE_")}
    return {**kept, "YOAKE_REVIEW_SHARE": "0", "YOAKE_DATA": str(data), "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}


@pytest.fixture(scope="module")
def cases(server: str, environment: dict[str, str]) -> list[str]:
    """A recruiting post with emoji, three more of its author, one that asks for help, one by a minor."""
    command = [sys.executable, "-m", "tests.e2e.seed_case"]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.split()


def select(page: Page, words: str) -> None:
    """Selects words of the post as a mouse would."""
    page.evaluate(
        """words => {
          const root = document.querySelector('[data-field="text"]');
          const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
          const nodes = [];
          for (let node = walker.nextNode(); node; node = walker.nextNode())
            if (!node.parentElement.closest(".ref, .tip")) nodes.push(node);
          const whole = nodes.map(node => node.data).join("");
          const place = at => {
            for (const node of nodes) {
              if (at <= node.data.length) return [node, at];
              at -= node.data.length;
            }
          };
          const start = whole.indexOf(words);
          const range = document.createRange();
          range.setStart(...place(start));
          range.setEnd(...place(start + words.length));
          getSelection().removeAllRanges();
          getSelection().addRange(range);
        }""",
        words,
    )


def element(page: Page, name: str) -> str:
    return f"[data-element={name}]"


def test_elements_are_tied_to_words_and_make_the_reason(open_as: Open, cases: list[str]) -> None:
    page = open_as(at=f"/case/{cases[0]}/")
    expect(page.locator("#lease .reading")).to_be_visible()
    assert page.locator("[data-element]:checked").count() == 0
    # the emoji before it are surrogate pairs and joined ones; the place is counted in code points
    select(page, "🥷🏽夜の部")
    key = page.locator(element(page, "offer")).get_attribute("data-keys")
    assert key
    page.keyboard.press(key)
    expect(page.locator(element(page, "offer"))).to_be_checked()
    expect(page.locator("input[name=verdict][value=in_scope]")).to_be_checked()
    line = page.locator(f".element-line:has({element(page, 'offer')})")
    expect(line.locator("q")).to_have_text("🥷🏽夜の部")
    expect(page.locator("#id_reason")).to_have_value(re.compile("「🥷🏽夜の部」との記載があり"))
    # a proposal is confirmed by its key alone, and taken away by it
    for ticked in (True, False, True):
        page.locator("h1").click()
        page.keyboard.press(page.locator(element(page, "high_pay")).get_attribute("data-keys") or "")
        expect(page.locator(element(page, "high_pay"))).to_be_checked(checked=ticked)
    expect(page.locator("#id_reason")).to_have_value(re.compile("著しく高い報酬"))
    # what a person writes is never overwritten
    page.locator("#id_reason").press_sequentially("追記。")
    page.locator("h1").click()
    page.keyboard.press(key)
    expect(page.locator(element(page, "offer"))).not_to_be_checked()
    expect(page.locator("#id_reason")).to_have_value(re.compile("夜の部.*追記。", re.DOTALL))
    vague = page.locator(element(page, "unclear_work"))
    page.keyboard.press(vague.get_attribute("data-keys") or "")  # without a selection and a proposal it says what to do
    expect(page.locator("[data-elements-said]")).to_have_text("先に投稿の中の言葉を選んでください。")
    expect(vague).not_to_be_checked()
    select(page, "🥷🏽夜の部")
    page.keyboard.press(key)
    page.keyboard.press("Control+Enter")
    page.wait_for_url(re.compile(rf"decided={cases[0]}"))
    page.goto(f"/case/{cases[0]}/")
    assert page.locator(".post-text .ticked").all_inner_texts()[0].startswith("🥷🏽夜の部")
    page.keyboard.press("u")
    expect(page.locator("[data-decide]")).to_be_visible()


def test_words_are_selected_by_keyboard_alone(open_as: Open, cases: list[str]) -> None:
    page = open_as(at=f"/case/{cases[0]}/")
    expect(page.locator("#lease .reading")).to_be_visible()
    page.keyboard.press("t")
    expect(page.locator('[data-field="text"]')).to_be_focused()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("getSelection().toString()") == "🥷🏽"
    page.keyboard.press("ArrowRight")
    for _ in range(2):
        page.keyboard.press("Shift+ArrowRight")
    assert page.evaluate("getSelection().toString()") == "夜の部"
    page.keyboard.press(page.locator(element(page, "offer")).get_attribute("data-keys") or "")
    value = page.locator(element(page, "offer")).input_value()
    assert value == "criminal_recruitment offer text 2 5"


def test_nothing_is_lost_when_the_session_ends(open_as: Open, cases: list[str]) -> None:
    page = open_as(at=f"/case/{cases[1]}/")
    expect(page.locator("#lease .reading")).to_be_visible()
    select(page, "日当30万円")
    key = page.locator(element(page, "high_pay")).get_attribute("data-keys") or ""
    page.keyboard.press(key)
    expect(page.locator("#id_reason")).to_have_value(re.compile("日当30万円"))  # it arrives, and only then is replaced
    page.locator("#id_reason").fill("本人の言葉。")
    cookies = page.context.cookies()
    page.context.clear_cookies(name=next(one["name"] for one in cookies if "session" in one["name"]))
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/sign-in/**")
    page.fill("#id_login", "tanaka")
    page.fill("#id_password", PASSWORD)
    page.click("main button.primary")
    page.wait_for_url(f"**/case/{cases[1]}/**")
    expect(page.locator("#id_reason")).to_have_value("本人の言葉。")
    expect(page.locator(element(page, "high_pay"))).to_be_checked()
    expect(page.locator("input[name=verdict][value=in_scope]")).to_be_checked()
    expect(page.locator("#lease .reading")).to_be_visible()
    assert page.evaluate("Object.keys(localStorage).filter(key => key.includes('draft')).length") == 0
    page.keyboard.press("Control+Enter")  # the focus is still in the page
    page.wait_for_url(re.compile(rf"decided={cases[1]}"))
    assert page.evaluate(f"Object.keys(sessionStorage).filter(key => key.includes(':{cases[1]}:')).length") == 0
    page.locator("#id_reason").fill("途中")
    page.locator(".me summary").click()
    page.get_by_role("button", name="サインアウト").click()
    page.wait_for_load_state()
    if page.locator("main form button.primary").count() and "sign-out" in page.url:
        page.locator("main form button.primary").click()
    assert page.evaluate("Object.keys(sessionStorage).filter(key => key.includes('draft'))") == []


def test_one_keystroke_decides_and_goes_on(open_as: Open, cases: list[str]) -> None:
    page = open_as(at=f"/case/{cases[2]}/")
    expect(page.locator("#lease .reading")).to_be_visible()
    page.keyboard.press("Shift+N")
    page.wait_for_url(re.compile(rf"decided={cases[2]}"))
    expect(page.locator(".toast")).to_contain_text("対象外")
    page.keyboard.press("u")
    page.wait_for_url(re.compile(rf"/case/{cases[2]}/"))
    page.locator("#id_reason").click()
    page.keyboard.press("Shift+N")  # a letter while one writes
    expect(page.locator("#id_reason")).to_have_value("N")
    expect(page.locator("[data-decide]")).to_be_visible()


def test_the_palette_and_the_cheat_sheet(open_as: Open, cases: list[str]) -> None:
    page = open_as(at=f"/case/{cases[0]}/")
    expect(page.locator("#lease .reading")).to_be_visible()
    page.keyboard.press("?")
    expect(page.locator("#cheat-sheet")).to_be_visible()
    page.keyboard.press("2")  # keys of the page rest meanwhile
    page.keyboard.press("Escape")
    expect(page.locator("#cheat-sheet")).to_be_hidden()
    assert page.locator("input[name=verdict]:checked").count() == 0
    page.locator("#id_reason").focus()
    page.keyboard.press("Control+k")
    expect(page.locator("#palette-asked")).to_be_focused()
    page.keyboard.type("cannot")  # English in a Japanese page
    expect(page.locator("#palette-list li")).to_have_count(2)
    expect(page.locator("#palette-list li").first).to_contain_text("判断できない")
    page.keyboard.press("Escape")
    expect(page.locator("#id_reason")).to_be_focused()
    page.keyboard.press("Control+k")
    page.keyboard.insert_text("対象外")
    expect(page.locator("#palette-list li").first).to_contain_text("対象外")
    page.keyboard.press("Enter")
    expect(page.locator("input[name=verdict][value=not_in_scope]")).to_be_checked()
    page.keyboard.press("Control+k")
    page.keyboard.type(cases[1])
    expect(page.locator("#palette-list li").first).to_contain_text(f"事案{cases[1]}")
    for _ in range(2):
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowUp")
    active = page.locator("#palette-asked").get_attribute("aria-activedescendant")
    expect(page.locator(f"#{active}")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/case/{cases[1]}/")


def test_without_script_proposals_are_ticked_as_boxes(open_as: Open, cases: list[str]) -> None:
    page = open_as(java_script_enabled=False, at=f"/case/{cases[3]}/")
    page.locator("input[name=verdict][value=in_scope]").check()
    page.locator(element(page, "high_pay")).check()
    page.locator("input[name='words:criminal_recruitment:denial']").fill("違法ではありません")
    page.locator("[data-decide] button.primary").click()
    page.wait_for_url(re.compile(r"decided="))
    page.goto(f"/case/{cases[3]}/")
    expect(page.locator(".ticked-list li")).to_have_count(2)
    expect(page.locator(".standing-reason")).to_contain_text("「違法ではありません」との記載があり")


@in_two_looks
def test_everybody_can_use_it(
    open_as: Open, cases: list[str], language: str, scheme: str, size: str, viewport: dict[str, int]
) -> None:
    problems: list[str] = []
    page = open_as("sato", language=language, viewport=viewport, color_scheme=scheme)
    for what, where in (("elements", cases[0]), ("help", cases[4]), ("minor", cases[5])):
        page.goto(f"/case/{where}/")
        page.wait_for_timeout(500)
        if what == "elements" and page.locator(element(page, "high_pay")).count():
            page.locator(element(page, "high_pay")).check()
            page.wait_for_timeout(300)
        problems += problems_of(page, f"case-{what}", f"{language}-{scheme}-{size}")
    for opened, key in (("cheat-sheet", "?"), ("palette", "Control+k")):
        page.locator("h1").first.click()
        page.keyboard.press(key)
        expect(page.locator(f"#{opened}")).to_be_visible()
        page.wait_for_timeout(300)
        problems += problems_of(page, opened, f"{language}-{scheme}-{size}")
        page.keyboard.press("Escape")
    assert problems == []
