"""A whole case in a real browser, from a live post on a real Bluesky server to its outcome: the first page of the user guide.

The patrol reads the server's own event stream, the warning stands there as a reply, mail goes over SMTP, and the server's
administrator takes the post down; all on loopback. Time is moved (`moved.py`): five business days pass in a moment. With
YOAKE_KEEP_SCREENS=1 (`make pictures`) it walks in both languages and writes the pictures of docs/guide.
"""

from __future__ import annotations

import email
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from playwright.sync_api import Page, expect

from tests.e2e.moved import moved_by
from tests.e2e.test_desk import (
    ROOT,
    SCREENS,
    Open,
    case_number,
    chromium,
    open_as,
    picture,
    seed_once,
    serving,
)
from tests.needs import need
from tests.servers.pds import POST, Pds, free_port
from tests.servers.threads_of_pds import threads_of
from yoake.casework.due import business_days_after

pytestmark = [pytest.mark.browser, pytest.mark.server, pytest.mark.slow]

__all__ = ["chromium", "open_as"]  # fixtures

KEEP = os.environ.get("YOAKE_KEEP_SCREENS") == "1"
GUIDE = ROOT / "docs" / "guide"
PHONE = {"width": 390, "height": 844}
OFFER = "【架空の見本】大阪で受け子募集。日給10万円、即日手渡し。応募は身分証の写真をDMで。"
HARMLESS = (
    "今日の大阪は雨。カレーを作りました。",
    "新しい自転車を買いました。週末が楽しみ。",
    "図書館のバイト、来週から始まります。",
)

Work = Callable[..., dict[str, Any]]


class Letters:
    """A mail server that keeps what arrives."""

    def __init__(self) -> None:
        self.taken: list[tuple[list[str], EmailMessage]] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content: Any = envelope.content
        letter = email.message_from_bytes(content, policy=default)
        assert isinstance(letter, EmailMessage)
        self.taken.append((list(envelope.rcpt_tos), letter))
        return "250 taken"


@pytest.fixture
def letters() -> Iterator[tuple[Letters, int]]:
    taken, port = Letters(), free_port()
    server = Controller(taken, hostname="127.0.0.1", port=port)
    server.start()
    yield taken, port
    server.stop()


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "db").mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("YOAKE_")}
    return {
        **kept,
        "YOAKE_REVIEW_SHARE": "0",
        "YOAKE_GOLD_SHARE": "0",
        "YOAKE_DATA": str(tmp_path),
        "YOAKE_ALLOW_PRIVATE_NETWORKS": "yes",
        "YOAKE_HOST_LIMITS": "127.0.0.1=0",
        "YOAKE_PUBLIC_URL": "https://yoake.example",
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
    }


@pytest.fixture
def work(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Work]:
    """Tells the process of patrol and worker what to do."""
    need("chromium")
    seed_once(environment, tmp_path_factory)
    log = Path(environment["YOAKE_DATA"]) / "worker.log"
    with (
        log.open("wb") as out,
        subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.walk_worker"],
            cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=out, text=True,
        ) as process,
    ):  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        told, heard = process.stdin, process.stdout

        def ask(do: str = "work", **more: Any) -> dict[str, Any]:
            if do != "start":
                told.write(json.dumps({"do": do, **more}) + "\n")
                told.flush()
            line = heard.readline()
            assert line, log.read_text()
            answer: dict[str, Any] = json.loads(line)
            return answer

        yield ask
        told.close()


@pytest.fixture
def server(environment: dict[str, str], work: Work) -> Iterator[str]:
    with serving(environment, "tests.e2e.moved:application") as address:
        work("start")
        yield address


def shot(page: Page, name: str, language: str, at: str = "") -> None:
    """A picture of the step, scrolled to `at`; for the guide too, when asked for."""
    page.evaluate("scrollTo(0, 0)")
    if at:
        page.locator(at).first.evaluate("one => one.scrollIntoView({block: 'start'})")
        page.evaluate("scrollBy(0, -90)")  # the head of the page covers the top
        page.wait_for_timeout(200)  # else Chromium paints the head where it was
    picture(page, f"walk-{name}-{language}")
    if KEEP:
        from PIL import Image

        GUIDE.joinpath("pictures").mkdir(parents=True, exist_ok=True)
        kept = GUIDE / "pictures" / f"{name}-{language}.webp"
        with Image.open(SCREENS / f"walk-{name}-{language}.png") as taken:
            taken.convert("RGB").save(kept, lossless=True, method=6)
        assert kept.stat().st_size < 120_000


def press_and_wait(page: Page, selector: str) -> None:
    """Presses a button of a form, until the page it leads to is there."""
    with page.expect_navigation():
        page.locator(selector).first.click()


@pytest.mark.parametrize("language", ["ja", "en"] if KEEP else ["ja"])
def test_a_case_from_a_live_post_to_its_outcome(
    open_as: Open, work: Work, pds: Pds, letters: tuple[Letters, int], environment: dict[str, str], language: str
) -> None:
    data, (mail, port) = Path(environment["YOAKE_DATA"]), letters
    pds.start()
    author, office, other = pds.writer(f"mihon-{language}"), pds.writer(f"kenkei-{language}"), pds.writer()
    author.profile("架空の見本", "試験のために作られたアカウントです")
    with threads_of(pds, author, office) as view:
        work(
            "prepare", smtp=port, office={"handle": office.handle, "password": "only-for-tests", "view": view},
            pds={"firehose": pds.firehose_url.partition("/xrpc")[0], "url": pds.url, "plc": pds.plc_url, "from": pds.sequence()},
        )  # fmt: skip

        # a post is written on the network; of four, one arrives at the desk, and is captured before anybody decides
        for text in HARMLESS:
            other.post(text)
        posted = author.post(OFFER)
        (case,) = work("patrol", posts=1 + len(HARMLESS))["cases"]
        work()
        page = open_as("mori", language=language)
        page.goto("/live/")  # what is said once after signing in is gone
        expect(page.locator(".row")).to_have_count(1)
        read = re.compile(f"^{1 + len(HARMLESS)}$")
        expect(page.locator(".source-numbers dd", has_text=read)).to_have_count(1)
        shot(page, "1-inbox", language)
        work("rest")

        # a person reads why, ticks what shows it, and decides
        page.locator(".row-link").click()
        expect(page.locator("#lease .reading")).to_be_visible()
        assert case_number(page) == str(case)
        expect(page.locator("#kept")).to_be_visible()  # captured before anybody decides
        work()  # thread and profile, which the open page asks for
        expect(page.locator(".around")).to_contain_text("試験のために作られたアカウントです", timeout=20_000)
        page.keyboard.press("1")
        for key in ("5", "6"):
            page.keyboard.press(key)
        expect(page.locator("#id_reason")).to_have_value(re.compile("日給10万円"))
        shot(page, "2-case", language)
        page.keyboard.press("Control+Enter")
        page.wait_for_url(re.compile(rf"decided={case}|/live/"))
        work()
        page.goto(f"/case/{case}/")
        expect(page.locator("#kept .digest")).to_have_text(re.compile("^[0-9a-f]{64}$"))  # sealed
        shot(page, "3-evidence", language, "#kept")

        # a warning: drafted, read, approved; then it stands under the post
        page.keyboard.press("w")
        page.wait_for_url("**/warn/")
        page.keyboard.press("Enter")
        page.wait_for_url("**/outgoing/*/")
        shot(page, "4-warning", language, ".badges")
        assert replies(pds, office.did) == []
        with page.expect_navigation():
            page.keyboard.press("Enter")
        warning = page.url
        work()
        page.goto(warning)
        (reply,) = replies(pds, office.did)
        assert reply["value"]["reply"]["parent"]["uri"] == posted.uri
        said = page.locator(".letter-text[id]").inner_text()
        assert reply["value"]["text"] == said
        expect(page.locator("#standing a[rel]")).to_have_attribute("href", re.compile(reply["uri"].rpartition("/")[2]))
        shot(page, "5-reply", language)
        page.goto(f"/case/{case}/")
        expect(page.locator("#check-box .check-done")).to_have_count(
            1
        )  # it was looked just before whether the post is there

        # a request to the provider, by mail
        page.goto(f"/case/{case}/request/?kind=removal&body=example_host")
        page.locator("input[name=preservation][value=not_wanted]").check()
        press_and_wait(page, "[aria-labelledby=draft-title] button.primary")
        press_and_wait(page, "button[value=approve]")
        request = page.url
        assert mail.taken == []
        work()
        page.goto(request)
        ((to, letter),) = mail.taken
        assert to == ["abuse@host.example"]
        body = letter.get_body(("plain",))
        assert body is not None
        assert posted.uri.rpartition("/")[2] in body.get_content()
        due = page.locator("p.lead time").get_attribute("datetime") or ""
        sent_at = datetime.fromisoformat(page.locator(".log time").last.get_attribute("datetime") or "")
        assert abs(datetime.fromisoformat(due) - business_days_after(sent_at, 5)) < timedelta(seconds=2)
        shot(page, "6-request", language)

        # a report to the police of the place that the post names, with a package only they can open
        page.goto(f"/case/{case}/report/")
        press_and_wait(page, ".register-rows a")
        press_and_wait(page, ".register-way button.primary")
        press_and_wait(page, "button[value=approve]")
        report = page.url
        work()
        page.goto(report)
        shot(page, "7-report", language)
        with page.expect_download() as taken:
            page.locator("form[action$='/package/'] button").click()
        names = zipfile.ZipFile(taken.value.path()).namelist()
        assert sum(name.endswith(".age") for name in names) == 1, names
        assert not any(OFFER.encode() in zipfile.ZipFile(taken.value.path()).read(name) for name in names)
        page.fill("#id_receipt", "K-12")
        press_and_wait(page, "button[value=handed_over]")
        expect(page.locator("main")).to_contain_text("K-12")

        # the author asks whether the office wrote this, and objects; who did not approve the letter answers
        code = re.search(r"[0-9A-Z]{5}-[0-9A-Z]{5}-[0-9A-Z]{4}", said)
        assert code
        stranger = open_as("", language=language, at="/a/", viewport=PHONE)
        stranger.fill("#id_code", code[0].lower())
        press_and_wait(stranger, "button.primary")
        expect(stranger.locator(".note.info")).to_contain_text("架空県警察" if language == "ja" else "Kaku Prefectural")
        shot(stranger, "8-objection", language)
        stranger.locator("[name=who][value=author]").check()
        stranger.fill("#id_words", "見本の投稿です。" if language == "ja" else "It is only a sample.")
        press_and_wait(stranger, "button.primary")
        author.profile(
            "架空の見本", f"試験のために作られたアカウントです {stranger.locator('.proof-code').inner_text()}"
        )
        work()
        second = open_as("hayashi", language=language, at="/objections/")
        press_and_wait(second, ".register-rows a")
        expect(second.locator(".note.success")).to_be_visible()  # the account is theirs
        second.fill("#id_reason", "投稿は募集と読める。" if language == "ja" else "The post reads as recruiting.")
        press_and_wait(second, "button[value=dismiss]")

        # an hour later it is still there; the provider takes it down; after five business days somebody has looked
        moved_by(data, timedelta(minutes=70))
        assert work()["check"]
        pds.takedown(posted.uri)
        now = datetime.now(UTC)
        moved_by(data, business_days_after(now, 5) - now + timedelta(hours=1))
        assert work()["outcomes"]
        page = open_as("mori", language=language, at=f"/case/{case}/")
        expect(page.locator(".outcomes li")).to_have_count(1)
        expect(page.locator(".check-gone").first).to_be_visible()
        shot(page, "9-outcome", language, "#check-box")
        phone = open_as("mori", language=language, at=f"/case/{case}/", viewport=PHONE)
        shot(phone, "9-outcome-phone", language, "#check-box")
        page.goto(request)
        expect(page.locator(".badge").nth(1)).to_be_visible()
        shot(page, "10-request-after", language)


def replies(pds: Pds, did: str) -> list[dict[str, Any]]:
    """What stands on the server, written by this account."""
    told = pds.call("com.atproto.repo.listRecords", params={"repo": did, "collection": POST})
    return list(told["records"])
