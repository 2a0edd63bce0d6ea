"""Bad input: no text crashes folding or a judge, moves a place out of it or takes more than its share of time; no file either."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.detect.invariants import folds, folds_as_its_twin, judges, texts_of
from tests.detect.test_category import HEADER, NEW_TOML, write
from tests.detect.test_serving import MODEL, model
from tests.detect.worlds import LIVELY, posts
from yoake.collect.clean import storable
from yoake.detect.category import _SOLID, load_categories
from yoake.detect.category_keys import FIELDS
from yoake.detect.detector import Detector
from yoake.detect.detectors.lexicon import Lexicon
from yoake.detect.serving import SHIPPED_MODEL, load
from yoake.detect.text.fold import fold
from yoake.detect.text.phrases import is_phrase
from yoake.detect.together import Together
from yoake.errors import Refused
from yoake.tables.findings import queued

OFFER = "受け子募集 日給5万 DMください。"  # reaches the parts behind the gates
# Each repeated; together what is written to break a reader of text.
UNITS = {
    "kana": "あ",
    "offers": OFFER,
    "hashtags": "#闇バイト ",
    "right to left": "\u200f\u202e受\u202c",
    "not UTF-8": "\ufffd",
    "combining marks": "\u0301",
    "kana marks": "が\u3099",
    "zero width": "\u200b受\u200d",
    "one word": "a",
    "digits": "1",
    "amounts": "1万円",
    "ids": "a1b2c3d4_",
    "addresses": "a.@",
    "emoji": "👍🏽\u200d",
    "joints": "・",
    "breaks": " \n",
    "stretched": "ー",
    "twins": "力ア",
    "quotes": "「",
}
odd_texts = st.lists(
    st.sampled_from([*UNITS.values(), OFFER, "闇バイト", "手押し", "助けて", *LIVELY])
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    max_size=25,
).map("".join)
few = settings(derandomize=True, deadline=None, max_examples=30, database=None)


@cache
def on_duty() -> Together:
    detector = load()
    assert isinstance(detector, Together)
    return detector


def judging() -> list[Detector]:
    """Lexicon, learned judge, and both as they serve."""
    return [on_duty().listed, on_duty().learned, on_duty()]


def repeated(unit: str, octets: int) -> str:
    return unit * (octets // len(unit.encode()))


@given(odd_texts)
@few
def test_folding_any_text(text: str) -> None:
    folds_as_its_twin(text)


@given(st.lists(odd_texts, min_size=3, max_size=3))
@few
def test_judging_any_post(fields: list[str]) -> None:
    for detector in judging():
        judges(detector, dict(zip(FIELDS, fields, strict=True)))


@given(st.binary(max_size=60), odd_texts)
@few
def test_octets_that_are_no_text(octets: bytes, text: str) -> None:
    half = text.encode()[:-1]  # cut inside a character, as a network's limit in octets cuts
    fields = texts_of(half + octets + OFFER.encode() + b"\x1e" + octets)
    assert list(fields) == list(FIELDS)
    folds_as_its_twin(fields["text"])
    assert judges(on_duty(), {**fields, "parent_text": "\ufffd"}) != []


@pytest.mark.parametrize("octets", [b"\xed\xa0\x80", b"\xff\xfe", b"\xf4\x90\x80\x80", b"\xe3\x81", b"\xc0\xaf"])
def test_no_column_takes_octets_that_are_no_text(octets: bytes) -> None:
    with pytest.raises(pa.ArrowInvalid):
        fold(pa.array([octets], pa.binary()))


@given(st.text(st.characters(categories=["Cs"]) | st.sampled_from(LIVELY), max_size=20))
@few
def test_lone_surrogates_are_replaced_one_for_one_before_a_judge_sees_them(text: str) -> None:
    notes: list[str] = []
    clean = storable(text, notes)
    assert len(clean) == len(text)
    assert bool(notes) == any("\ud800" <= c <= "\udfff" or c == "\0" for c in text)
    folds_as_its_twin(clean)
    found = judges(on_duty(), {"text": clean + "。" + OFFER, "profile": clean, "parent_text": ""})
    assert any(map(queued, found))


def test_a_column_refuses_a_lone_surrogate() -> None:
    with pytest.raises(UnicodeEncodeError):
        posts("\ud83d 受け子")


@pytest.mark.parametrize("text", ["", "・・・", "👍", "\u202e\u200f", "\u0301", "\ufffd", "\0", "\U0010ffff", "\ufffe"])
def test_posts_with_nothing_to_judge(text: str) -> None:
    folds_as_its_twin(text)
    for detector in judging():
        assert judges(detector, dict.fromkeys(FIELDS, text)) == []


@pytest.mark.parametrize("text", [" ", "\n", "\u3000\u3000", " \n \n"])
def test_blank_posts_queue_nothing(text: str) -> None:
    for detector in judging():
        assert not any(map(queued, judges(detector, dict.fromkeys(FIELDS, text))))


@pytest.mark.parametrize("name", UNITS)
def test_long_posts_hold_and_their_time_is_linear(name: str) -> None:
    """Ten times the text takes about ten times as long; a square would take a hundred times, and is given room up to 40."""
    took = []
    for octets in (100_000, 1_000_000):
        fields = {"text": repeated(UNITS[name], octets) + OFFER, "profile": "", "parent_text": ""}
        began = time.process_time()
        folds(fields["text"])
        judges(on_duty(), fields)
        took.append(time.process_time() - began)
    assert took[1] < 40 * max(took[0], 0.02)  # below 20 ms the clock and what is done once count more than the text


def test_ten_thousand_hashtags_in_every_field() -> None:
    (first, *_) = judges(on_duty(), dict.fromkeys(FIELDS, "#闇バイト #受け子募集 " * 5_000 + OFFER))
    assert queued(first)


# ------------------------------------------------------------------------------------------- categories of a deployment


def laid(folder: Path, *phrases: str) -> Path:
    """An overlay with one new category of these phrases."""
    write(folder / "trial", phrases=HEADER + "".join(f"mark\t{p}\t7\tja\t2026\ttest\t\n" for p in phrases))
    return folder


@pytest.mark.parametrize(
    ("phrase", "said"),
    [
        ("(a+)+$", "(a)$"),  # joints of a phrase are folded away, like those inside a spelled-out word
        ("(.*a)*b", "(a)b"),
        ("[あ-ん]+", "[あ-ん]"),
        ("^(い+)*$", "(い)$"),
        ("(?P<x>", "(?P<x>"),
        ("a??b", "a??b"),
    ],
)
def test_a_phrase_is_no_regular_expression(tmp_path: Path, phrase: str, said: str) -> None:
    """Found where its characters stand, not where it would match, and at once."""
    laid(model(tmp_path / "m") / "categories", phrase)
    detector = Lexicon(tmp_path / "m")
    (finding,) = judges(detector, {"text": f"きょう {said} とあった", "profile": "", "parent_text": ""})
    assert [span["text"] for span in finding["spans"]] == [said]
    began = time.process_time()
    assert judges(detector, {"text": "a" * 100_000 + "い" * 50_000 + "!", "profile": "aab", "parent_text": "ab"}) == []
    assert time.process_time() - began < 5  # backtracking would outlive us


@pytest.mark.parametrize("phrase", ["{a|b}" * 40, "{" + "|".join("abc" * 200) + "}", "{a|b}" * 20_000])
def test_alternatives_are_counted_before_they_are_made(tmp_path: Path, phrase: str) -> None:
    categories, (problem,) = load_categories(laid(tmp_path, phrase))
    assert "trial" not in categories
    assert "phrases.tsv line 2" in str(problem)
    assert "at most 400 spellings" in str(problem)


@pytest.mark.parametrize("phrase", ["\u200b\u200d", "・・・", "\u3164", "{あ|\u202e}", "\u0301", "- / -", "\ufe0f"])
def test_a_phrase_that_folds_to_nothing_is_refused(tmp_path: Path, phrase: str) -> None:
    categories, (problem,) = load_categories(laid(tmp_path, "ためし", phrase))
    assert "drug_ad" in categories
    assert "trial" not in categories
    assert "phrases.tsv line 3" in str(problem)
    assert "in every spelling" in str(problem)


def test_a_faulty_overlay_stops_no_judge(tmp_path: Path) -> None:
    laid(model(tmp_path / "m") / "categories", "ためし")
    detector = Lexicon(tmp_path / "m", laid(tmp_path / "over", "\u200b"))
    assert len(detector.problems) == 1
    (finding,) = judges(detector, {"text": "ためし", "profile": "", "parent_text": ""})
    assert queued(finding)


def test_what_is_called_solid_is_left_by_folding() -> None:
    solid = [chr(c) for c in range(0x20000) if not 0xD800 <= c < 0xE000 and _SOLID.search(chr(c))]
    assert len(solid) > 20_000
    assert [char for char in solid[:400] + solid[20_000:] + solid[400:20_000:50] if not is_phrase(char)] == []


FAULTY_FILES: dict[str, dict[str, str]] = {
    "examples.jsonl line 2": {"examples": '{"text": "x", "label": "none"}\n{"text": "\\ud800", "label": "trial"}'},
    "examples.jsonl line 1": {"examples": "[" * 200_000},
    "examples.jsonl line 1 ": {"examples": '{"text": ' + "1" * 6_000 + "}"},
    "category.toml": {"toml": NEW_TOML.replace("severity = 2", "severity = " + "[" * 20_000)},
    "category.toml ": {"toml": NEW_TOML.replace("severity = 2", "severity = " + "1" * 6_000)},
}


@pytest.mark.parametrize("where", FAULTY_FILES)
def test_a_file_written_to_break_the_reader_is_named_and_the_rest_loads(tmp_path: Path, where: str) -> None:
    write(tmp_path / "trial", **FAULTY_FILES[where])
    write(tmp_path / "other")
    categories, (problem,) = load_categories(tmp_path)
    assert "other" in categories
    assert "trial" not in categories
    assert f"trial/{where.strip()}" in str(problem)


# ------------------------------------------------------------------------------------------------------------- models


@pytest.mark.parametrize("value", ["[" * 20_000, "1" * 6_000, "{a=" * 20_000])
def test_a_model_file_written_to_break_the_reader_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(Refused, match=r"is damaged .*copy the model folder again"):
        load(model(tmp_path / "m", f"{MODEL}x = {value}\n"))


@pytest.mark.parametrize("name", ["model.toml", "weights.npz"])
@pytest.mark.parametrize("kept", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_model_cut_anywhere_is_refused_with_what_to_do(tmp_path: Path, name: str, kept: float) -> None:
    folder = tmp_path / "m"
    shutil.copytree(SHIPPED_MODEL, folder)
    octets = (folder / name).read_bytes()
    if name == "model.toml":  # its end are figures, which judge nothing: cut within what is read
        octets = octets[: octets.index(b"weights_bytes")]
    (folder / name).write_bytes(octets[: int(len(octets) * kept)])
    with pytest.raises(Refused, match=r"copy the model|update Yoake|train it anew") as raised:
        load(folder)
    assert str(folder) in str(raised.value)


def changed(key: str, value: object) -> Callable[[str], str]:
    def change(text: str) -> str:
        lines = [f"{key} = {json.dumps(value)}" if line.startswith(f"{key} = ") else line for line in text.split("\n")]
        return "\n".join(lines)

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (changed("format", 2), "update Yoake"),
        (changed("layout", 99), "train it anew"),
        (changed("folding", "00000000"), "train it anew"),
        (changed("bits", 40), "copy the model folder again"),
        (changed("labels", []), "copy the model folder again"),
        (changed("weights_bytes", "many"), "copy the model folder again"),
    ],
)
def test_a_model_of_another_version_is_refused_with_what_to_do(
    tmp_path: Path, change: Callable[[str], str], told: str
) -> None:
    folder = tmp_path / "m"
    shutil.copytree(SHIPPED_MODEL, folder)
    text = (folder / "model.toml").read_text()
    assert change(text) != text
    (folder / "model.toml").write_text(change(text))
    with pytest.raises(Refused, match=told):
        load(folder)
