from __future__ import annotations

import dataclasses
import re
import shutil
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from tests.drawing import octets, poster
from tests.needs import need
from yoake.casework.cases.models import Case, Received

pytestmark = pytest.mark.django_db


@pytest.fixture
def switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    need("tesseract")
    monkeypatch.setattr(settings, "ENVIRONMENT", dataclasses.replace(settings.ENVIRONMENT, pictures=True))


def drawn(*lines: str) -> bytes:
    return octets(poster(lines))


def read(browser: Client, sent: bytes, name: str = "image.png", kind: str = "image/png") -> tuple[int, str]:
    answer = browser.post("/add/picture/", {"picture": SimpleUploadedFile(name, sent, kind)})
    return answer.status_code, answer.content.decode()


def test_off_says_how_to_switch_it_on(browser: Client) -> None:
    page = browser.get("/add/picture/").content.decode()
    assert "YOAKE_PICTURES=yes" in page
    assert "data-picture-form" not in page
    assert browser.post("/add/picture/", {"picture": SimpleUploadedFile("a.png", b"x")}).status_code == 200


def test_without_tesseract_the_page_says_what_to_install(
    browser: Client, switched_on: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from yoake.detect import reading

    reading._version.cache_clear()
    monkeypatch.setenv("PATH", "/nowhere")
    assert shutil.which("tesseract") is None
    page = browser.get("/add/picture/").content.decode()
    reading._version.cache_clear()
    assert "tesseract-ocr-jpn" in page
    assert "data-picture-form" not in page


def test_the_words_are_read_and_the_picture_is_kept_nowhere(
    browser: Client, switched_on: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    before = sorted(settings.ENVIRONMENT.data.rglob("*.png")), Case.objects.count()
    status, page = read(browser, drawn("荷物を運ぶだけ", "日給5万円"))
    assert status == 200
    text = re.search(r'<textarea id="id_text"[^>]*>([^<]*)</textarea>', page)
    assert text
    assert "荷物" in text[1].replace(" ", "")
    assert "5万円" in text[1].replace(" ", "")
    assert (sorted(settings.ENVIRONMENT.data.rglob("*.png")), Case.objects.count()) == before
    assert not Received.objects.exists()
    answer = browser.post("/add/picture/add/", {"text": text[1], "url": "https://social.example/post/1"}, follow=True)
    case = Case.objects.get()
    assert answer.redirect_chain == [(f"/case/{case.pk}/", 302)]
    assert "read from a picture by a machine" in answer.content.decode()
    assert case.post.current is not None
    assert (case.post.current.labels, case.post.current.images) == (["read_from_picture"], [])
    assert Received.objects.get().how == "picture"


def test_the_page_warns_before_anything_is_pasted(browser: Client, switched_on: None) -> None:
    page = browser.get("/add/picture/").content.decode()
    assert page.index("Never paste a picture of sexual content") < page.index("data-picture-form")
    assert "no screenshot" in page


@pytest.mark.parametrize(
    "lines", [["女子高生です", "援助交際 えっち"], ["女子高生 援助交際"]]
)  # the second is read from below
def test_words_of_a_child_and_sex_are_forgotten(browser: Client, switched_on: None, lines: list[str]) -> None:
    status, page = read(browser, drawn(*lines))
    assert status == 400
    assert "All that was read is forgotten" in page
    assert "援助交際" not in page


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"text": "運ぶだけ"}, "give the post&#x27;s own address, or say that there is none"),
        ({"text": "運ぶだけ", "url": "https://a.example/1", "no_url": "yes"}, "or say that there is none"),
        ({"no_url": "yes"}, "give the post&#x27;s URL, its text, or both"),
        ({"url": "https://a.example/1.png", "text": "運ぶだけ"}, "no screenshot"),
    ],
)
def test_a_person_gives_the_address_or_says_that_there_is_none(
    browser: Client, sent: dict[str, str], said: str
) -> None:
    answer = browser.post("/add/picture/add/", sent)
    assert answer.status_code == 400
    assert said in answer.content.decode()
    assert sent.get("text", "") in answer.content.decode()
    assert not Case.objects.exists()


def test_without_an_address(browser: Client) -> None:
    browser.post("/add/picture/add/", {"text": "運ぶだけ", "no_url": "yes"})
    assert Case.objects.get().post.network == "hand"


@pytest.mark.parametrize(
    "sent", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n" + b"\0" * 50, b"<svg xmlns='http://www.w3.org/2000/svg'/>"]
)
def test_what_is_no_picture(browser: Client, switched_on: None, sent: bytes) -> None:
    status, page = read(browser, sent)
    assert status == 400
    assert "Picture:" in page


def test_too_many_pixels_and_too_many_bytes(browser: Client, switched_on: None) -> None:
    wide = octets(Image.new("1", (6000, 6000)))
    assert len(wide) < 100_000
    for given in (wide, b"\x89PNG" + b"\0" * 5_500_000, b"\0" * 6_500_000):
        status, page = read(browser, given)
        assert status == 400
        assert "5 MB" in page
