"""Pictures from strangers: opened within limits, read with the real tesseract, judged together with the post."""

from __future__ import annotations

import io
import math
import struct
import sys
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests import needs
from tests.detect.worlds import posts
from tests.drawing import ADVERTISEMENT, HARMLESS, captioned, columns, octets, photograph, poster
from yoake import shelf
from yoake.detect import detectors, picture, serving
from yoake.detect.picture import open_picture
from yoake.detect.reading import Reader
from yoake.errors import BadInput, Refused
from yoake.tables.findings import queued


def why(sent: bytes, mime: str = "") -> Any:
    with pytest.raises(BadInput) as caught:
        open_picture(sent, mime)
    return caught.value.value


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


# --- opening ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "mime"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp"), ("GIF", "image/gif")])  # fmt: skip
def test_four_kinds_are_opened(kind: str, mime: str) -> None:
    found = open_picture(octets(photograph(300, 200), kind), mime)
    assert (found.width, found.height) == (600, 400), "small pictures are doubled"
    assert len(found.grey) == 600 * 400
    assert len(found.thumbnail) == 128 * 128


def test_a_picture_that_says_it_is_another_kind_is_not_opened() -> None:
    assert why(octets(photograph(90, 90)), "image/jpeg") == "wrong_type"
    assert why(octets(photograph(90, 90)), "text/html") == "wrong_type"
    assert why(octets(photograph(90, 90), "TIFF")) == "wrong_type"
    assert why(b"<svg onload='x'/>") == "wrong_type"
    assert why(b"") == "wrong_type"


def test_a_decompression_bomb_is_refused_before_it_is_unpacked() -> None:
    rows = zlib.compress(b"\0" * 1000)
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    assert why(bomb) == "too_many_pixels"
    assert why(octets(Image.new("1", (5001, 5000)))) == "too_many_pixels"


def test_a_text_chunk_that_unpacks_to_gigabytes_takes_no_memory() -> None:
    packed = zlib.compress(b"\0" * 300_000_000, 9)  # 300 kB
    small = octets(Image.new("L", (64, 64)))
    at = small.index(b"IDAT") - 4
    bomb = small[:at] + chunk(b"zTXt", b"Comment\0\0" + packed) + small[at:]
    assert why(bomb) in ("unreadable", "truncated")


def test_truncated_and_damaged_pictures() -> None:
    for kind in ("PNG", "JPEG", "WEBP"):
        whole = octets(photograph(), kind)
        assert why(whole[: len(whole) // 2]) in ("truncated", "unreadable"), kind
    damaged = bytearray(octets(photograph(300, 300)))
    damaged[2000:2100] = b"\xff" * 100
    assert why(bytes(damaged)) in ("truncated", "unreadable")


def test_too_big_and_too_small() -> None:
    assert why(b"\x89PNG" + b"\0" * picture.MOST_BYTES) == "too_big"
    assert why(octets(Image.new("L", (23, 900)))) == "too_small"


def test_of_an_animation_only_the_first_frame_is_seen() -> None:
    first, second = poster(), poster(HARMLESS).resize(poster().size)
    file = io.BytesIO()
    first.save(file, "GIF", save_all=True, append_images=[second] * 400)
    still = open_picture(octets(first, "GIF"))
    assert open_picture(file.getvalue(), "image/gif").thumbnail == still.thumbnail


def test_a_picture_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "_TIMEOUT_S", 0.01)
    assert why(octets(photograph(90, 90))) == "too_slow"


def test_the_process_that_opens_pictures_knows_no_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "python"
    program.write_text(f'#!/bin/sh\nenv > {tmp_path}/told\nexec {sys.executable} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setenv("YOAKE_DATABASE_URL", "postgresql://u:hunter2@h/n")
    assert open_picture(octets(photograph(90, 90))).width == 180
    assert "hunter2" not in (tmp_path / "told").read_text()


# --- reading ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def reader() -> Reader:
    needs.need("tesseract")
    return Reader()


@pytest.mark.parametrize(
    "image",
    [
        poster,
        lambda: poster(paper="#101030", ink="yellow"),
        lambda: poster(size=16),
        captioned,
        lambda: columns(("受け子募集", "即日即金日給", "詳しくはテレグラムで")),
    ],
    ids=["black on white", "light on dark", "small", "white on a photograph", "from top to bottom"],
)
def test_text_is_read(reader: Reader, image: Callable[[], Image.Image]) -> None:
    text = reader.text(open_picture(octets(image())))
    assert {"受け子募集", "テレグラムで"} <= {word for word in ("受け子募集", "テレグラムで") if word in text}, text


def test_a_photograph_says_nothing(reader: Reader) -> None:
    assert reader.text(open_picture(octets(photograph(seed=3), "JPEG"))) == ""


def test_the_same_picture_encoded_anew_is_read_once(reader: Reader) -> None:
    first = reader.text(open_picture(octets(poster())))
    for quality in (95, 70, 50):
        assert reader.text(open_picture(octets(poster(), "JPEG", quality=quality))) == first
    assert reader.reads == 1


def test_another_sum_on_the_same_poster_is_another_picture(reader: Reader) -> None:
    five, ten = (ADVERTISEMENT[0], "即日即金 日給50万円", ADVERTISEMENT[2]), ADVERTISEMENT
    a, b = open_picture(octets(poster(ten))), open_picture(octets(poster(five)))
    assert (a.dhash ^ b.dhash).bit_count() <= 6, "to a perceptual hash alone they are the same"
    assert "10" in reader.text(a)
    assert "50" in reader.text(b)
    assert reader.reads == 2


def test_a_missing_program_is_said_with_what_to_install() -> None:
    with pytest.raises(Refused, match="apt-get install tesseract-ocr"):
        Reader("no-such-program").version()


# --- judging ----------------------------------------------------------------------------------------------------------


def judge(reader: Reader, pictures: Mapping[str, bytes | None]) -> Any:
    def fetch(row: Mapping[str, Any], number: int) -> bytes | None:
        return pictures[row["images"][number - 1]["ref"]]

    return shelf.take(detectors, "pictures")(fetch=fetch, on_duty=serving.load(), reader=reader)


def with_pictures(text: str, *refs: str, **more: Any) -> dict[str, Any]:
    images = [{"ref": ref, "alt": "", "mime": "image/png", "size_bytes": None} for ref in refs]
    return {"text": text, "images": images, **more}


def test_what_only_the_picture_says_is_found_and_points_into_it(reader: Reader) -> None:
    text = "詳しくは画像🥦"
    detector = judge(reader, {"cat": octets(photograph(200, 200)), "ad": octets(poster())})
    found = detector.judge(posts(with_pictures(text, "cat", "ad"))).to_pylist()
    (strongest,) = [f for f in found if f["category"] == "criminal_recruitment"]
    assert queued(strongest)
    read = reader.text(open_picture(octets(poster())))
    in_picture = [s for s in strongest["spans"] if s["field"] == "image:2"]
    assert any("受け子" in span["text"] for span in in_picture)
    for span in strongest["spans"]:
        assert {"image:2": read, "text": text}[span["field"]][span["start"] : span["end"]] == span["text"]
    total = strongest["base"] + strongest["rest"] + sum(s["weight"] for s in strongest["spans"])
    assert strongest["score"] == pytest.approx(1 / (1 + math.exp(-total)), abs=1e-5)
    assert strongest["detector"] == "pictures"
    assert "機械で読み取った" in strongest["explanation"]["ja"]


def test_a_picture_that_adds_nothing_adds_no_finding(reader: Reader) -> None:
    detector = judge(reader, {"a": octets(poster(HARMLESS))})
    assert detector.judge(posts(with_pictures("受け子募集 日給10万 詳しくはDMで", "a"))).num_rows == 0


def test_at_most_four_pictures_and_none_that_is_said_to_be_huge_or_a_film(reader: Reader) -> None:
    fetched: list[int] = []

    def fetch(row: Mapping[str, Any], number: int) -> None:
        fetched.append(number)

    detector = shelf.take(detectors, "pictures")(fetch=fetch, on_duty=serving.load(), reader=reader)
    row = with_pictures("a", *"abcdef")
    row["images"][1]["mime"] = "video/mp4"
    row["images"][2]["size_bytes"] = 50_000_000
    detector.judge(posts(row))
    assert fetched == [1, 4]
    assert sorted(detector.left_out) == ["not_there", "not_there", "too_big", "too_many", "too_many", "wrong_type"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (with_pictures("受け子募集", "a", labels=["porn"]), "adult_label"),
        (with_pictures("JK 円光 画像見て", "a"), "minor_and_sex"),
        (with_pictures("会える人", "a", profile="16歳 えっち大好き"), "minor_and_sex"),
        ({"text": "見て", "images": [{"ref": "a", "alt": "女子高生のヌード", "mime": "", "size_bytes": None}]}, "minor_and_sex"),
    ],
)  # fmt: skip
def test_never_fetched(reader: Reader, row: dict[str, Any], reason: str) -> None:
    def fetch(row: Mapping[str, Any], number: int) -> bytes:
        raise AssertionError("fetched")

    detector = shelf.take(detectors, "pictures")(fetch=fetch, on_duty=serving.load(), reader=reader)
    assert detector.judge(posts(row)).num_rows == 0
    assert detector.left_out == [reason]


def test_words_in_the_picture_can_forbid_it_too(reader: Reader) -> None:
    detector = judge(reader, {"a": octets(poster((*ADVERTISEMENT, "女子高生 ヌード 16歳")))})
    assert detector.judge(posts(with_pictures("見て", "a"))).num_rows == 0
    assert detector.left_out == ["minor_and_sex"]


def test_a_picture_never_says_that_somebody_is_at_risk(reader: Reader) -> None:
    lines = ("受け子に応募して免許証を送ったら", "脅されています 助けてください", "どうしたらいいですか")
    plea = "".join(lines)
    assert {f["category"] for f in serving.load().judge(posts(plea)).to_pylist() if queued(f)} == {"coerced_applicant"}
    detector = judge(reader, {"a": octets(poster(lines))})
    assert detector.judge(posts(with_pictures("見て", "a"))).num_rows == 0
