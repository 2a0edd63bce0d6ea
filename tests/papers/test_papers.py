"""Papers opened by another program, looked at as pictures: Japanese is rendered, nothing of a post is read as typst."""

from __future__ import annotations

import io
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any

import pypdfium2
import pytest

from tests import needs
from yoake import papers
from yoake.errors import BadInput
from yoake.papers.glyphs import shown

FACTS: dict[str, Any] = {
    "language": "ja",
    "number": "YKE-12-3f9a0000",
    "organisation": "架空県警察",
    "made_at": "2026-11-22 15:00:00 (JST)",
    "by": "S-ana",
    "url": "https://social.example/@kakuu/" + "1234567890" * 20,
    "network": "mastodon",
    "author": "架空の人",
    "handle": "@kakuu",
    "posted_at": "2026-11-20 12:00:00 (JST)",
    "text": "高額バイト 運ぶだけ\n詳しくはDMで",
    "profile": "",
    "parent_text": "",
    "category": "犯罪実行者募集",
    "hotline_class": "違法情報",
    "legal_basis": "",
    "reason": "仕事を示さず高額を示す",
    "decided_at": "2026-11-20 12:30:00 (JST)",
    "decided_by": "S-ana",
    "captured_at": "2026-11-20 12:00:10 (JST)",
    "sealed_at": "2026-11-20 12:30:02 (JST)",
    "digest": "ab" * 32,
    "audit_entry": "123",
    "audit_hash": "cd" * 32,
    "stamp": "",
    "missing": [],
    "files": [{"name": f"data/pictures/1-{n}.png", "octets": 12345, "sha256": "ef" * 32} for n in range(3)],
}


def opened(octets: bytes) -> pypdfium2.PdfDocument:
    return pypdfium2.PdfDocument(octets)


def text_of(octets: bytes) -> str:
    document = opened(octets)
    return "".join(document[n].get_textpage().get_text_range() for n in range(len(document))).replace("\r", "")


def dark(octets: bytes, page: int = 0) -> Iterator[tuple[int, int]]:
    """Where a page is not white, at 72 dots an inch."""
    grey = opened(octets)[page].render(scale=1).to_pil().convert("L")
    return ((n % grey.width, n // grey.width) for n, value in enumerate(grey.tobytes()) if value < 200)


@pytest.mark.parametrize("language", ["ja", "en"])
def test_a_sheet_opens_and_says_what_it_was_given(language: str) -> None:
    made = papers.pdf("evidence", {**FACTS, "language": language})
    told = text_of(made).replace("\n", "")
    for name in ("number", "organisation", "by", "author", "category", "reason", "digest", "audit_hash", "url"):
        assert str(FACTS[name]) in told, name
    assert ("証拠保全" if language == "ja" else "Preserved evidence") in told
    assert "高額バイト 運ぶだけ" in told


def test_japanese_is_drawn_and_not_boxes() -> None:
    """Read by a program that only sees the picture."""
    needs.need("tesseract")
    page = opened(papers.pdf("evidence", FACTS))[0].render(scale=3).to_pil().convert("L")
    drawn = io.BytesIO()
    page.save(drawn, "PNG")
    read = subprocess.run(
        ["tesseract", "-", "-", "-l", "jpn", "--psm", "6"], input=drawn.getvalue(), capture_output=True, check=True
    ).stdout.decode()
    seen = read.replace(" ", "")
    assert "証拠保全" in seen
    assert "架空県警察" in seen
    assert "高額バイト" in seen


def test_nothing_runs_out_of_the_page() -> None:
    long = "x" * 3000 + "高" * 500 + " " + "https://long.example/" + "a" * 400
    made = papers.pdf("evidence", {**FACTS, "text": long, "author": "名" * 200, "reason": "由" * 900})
    for page in range(len(opened(made))):
        places = list(dark(made, page))
        assert places
        assert min(x for x, _y in places) >= 50  # 20 mm are 56 dots
        assert max(x for x, _y in places) <= 595 - 50


@pytest.mark.parametrize(
    "text",
    ["#set page(fill: red)", "#sys.inputs", "$x^2$ *fett* _kursiv_ // weg", '"]) #panic("x")', "\\u{41}", "@label"],
)
def test_what_a_post_says_is_never_read_as_typst(text: str) -> None:
    assert text in text_of(papers.pdf("evidence", {**FACTS, "text": text, "author": text, "reason": text}))


def test_signs_the_font_lacks_and_signs_nobody_sees_are_written_out() -> None:
    assert shown("🥦") == "〔U+1F966 BROCCOLI〕"
    assert shown("運\u200bぶ") == "運〔U+200B ZERO WIDTH SPACE〕ぶ"
    assert shown({"a": ["한", 1, None]}) == {"a": ["〔U+D55C〕", 1, None]}
    assert shown("❄\ufe0f") == shown("❄")
    assert shown("高額\n\t①") == "高額\n\t①"
    made = papers.pdf("evidence", {**FACTS, "text": "🥦 手押し \u202e逆 \x00 終"})
    assert "〔U+1F966 BROCCOLI〕" in text_of(made)
    assert "〔U+202E RIGHT-TO-LEFT OVERRIDE〕" in text_of(made)
    assert "〔U+0000〕" in text_of(made)


def test_a_paper_is_for_years_and_carries_its_font() -> None:
    made = papers.pdf("evidence", FACTS)
    assert b"pdfaid:part>2<" in made
    assert b"IPAexGothic" in made


def test_unknown_templates_and_languages_are_refused() -> None:
    with pytest.raises(BadInput, match="evidence"):
        papers.pdf("../evidence", FACTS)
    with pytest.raises(BadInput, match="ja or en"):
        papers.pdf("evidence", {**FACTS, "language": "fr"})
    with pytest.raises(BadInput):
        papers.pdf("paper", FACTS)


def test_papers_made_at_once_do_not_mix() -> None:
    made: dict[int, str] = {}

    def make(n: int) -> None:
        made[n] = text_of(papers.pdf("evidence", {**FACTS, "number": f"YKE-{n}-x", "text": f"本文その{n}です"}))

    threads = [threading.Thread(target=make, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for n in range(8):
        assert f"YKE-{n}-x" in made[n]
        assert f"本文その{n}です" in made[n]


def test_a_sheet_is_quick() -> None:
    papers.pdf("evidence", FACTS)
    began = time.perf_counter()
    papers.pdf("evidence", {**FACTS, "text": json.dumps(FACTS, ensure_ascii=False) * 5})
    assert time.perf_counter() - began < 2
