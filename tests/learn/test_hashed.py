"""Rows without texts: packing, reading, and that they learn like the texts they came from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.learn.worlds import lines, write
from yoake.errors import BadInput
from yoake.learn.corpus import Corpus, Row, read_corpus
from yoake.learn.hashed import BITS, LONGEST, Hashed

TEXTS = ["受け子募集 日給10万円 詳しくはDMで", "今日は鍋にします", "ﾃﾚｸﾞﾗﾑ ﾃﾚｸﾞﾗﾑ ﾃﾚｸﾞﾗﾑ", "", "👩‍👩‍👧‍👦🥦"]


@settings(deadline=None)  # the first text compiles
@given(st.text(max_size=300), st.text(max_size=50))
def test_packed_and_back(text: str, profile: str) -> None:
    hashed = Hashed.of(text, profile)
    back = Hashed.unpacked(hashed.packed(), BITS, LONGEST, hashed.hashing)
    assert np.array_equal(back.buckets, hashed.buckets)
    assert np.array_equal(back.counts, hashed.counts)


@pytest.mark.parametrize("bits", [BITS, 17, 12, 8])
def test_features_are_those_of_the_text(bits: int) -> None:
    whole = Corpus([Row(text, (), profile="ねこ") for text in TEXTS], groups=np.arange(len(TEXTS)))
    hashed = Corpus([Row("", (), hashed=Hashed.of(text, "ねこ")) for text in TEXTS], groups=np.arange(len(TEXTS)))
    for one, other in zip(whole.features(bits, LONGEST), hashed.features(bits, LONGEST), strict=True):
        assert one.dtype == other.dtype
        assert one == pytest.approx(other, rel=1e-6)


def test_text_rows_and_hashed_rows_stand_side_by_side() -> None:
    rows = [Row(TEXTS[0], ("x",)), Row("", (), hashed=Hashed.of(TEXTS[1])), Row(TEXTS[2], ())]
    mixed = Corpus(rows, groups=np.arange(3)).features(16, LONGEST)
    plain = Corpus([Row(text, ()) for text in TEXTS[:3]], groups=np.arange(3)).features(16, LONGEST)
    for one, other in zip(mixed, plain, strict=True):
        assert one == pytest.approx(other, rel=1e-6)


def test_hashed_rows_are_read_beside_texts(tmp_path: Path) -> None:
    hashed = {**Hashed.of(TEXTS[0]).row(), "label": "none", "group": "a", "time": "2026-11"}
    corpus = read_corpus([write(tmp_path / "rows.jsonl", [*lines(4), hashed])])
    assert len(corpus.rows) == 5
    assert corpus.sources[0].refused == 0
    assert corpus.rows[4].hashed is not None
    assert (corpus.rows[4].labels, corpus.rows[4].group, corpus.rows[4].time) == ((), "a", "2026-11")
    with pytest.raises(BadInput, match="only be trained on"):
        corpus.folded()


def test_near_copies_are_found_among_hashed_rows_and_texts() -> None:
    text = "駅前のパン屋さんが明日から三日間お休みになるらしいので今日のうちに買っておくつもりです。みなさんもどうぞ"
    rows = [
        Row("", (), hashed=Hashed.of(text)), Row("猫が箱から出てこない", ()), Row(text + "!!", ("x",)),
        Row("", (), hashed=Hashed.of(text + "。")), Row("", (), hashed=Hashed.of("まったく別の話をしています")),
    ]  # fmt: skip
    groups = Corpus(rows).groups.tolist()
    assert groups[0] == groups[2] == groups[3]
    assert len({groups[0], groups[1], groups[4]}) == 3


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"features": "!!"}, "damaged"),
        ({"features": "AAAA"}, "damaged"),
        ({"features": 7}, "strings"),
        ({"bits": 99}, "damaged"),
        ({"bits": "18"}, "numbers"),
        ({"hashing": "1-00000000"}, "another version"),
    ],
)
def test_damaged_features_are_refused_lines(tmp_path: Path, change: dict[str, object], reason: str) -> None:
    row = {**Hashed.of(TEXTS[0]).row(), "label": "none", **change}
    corpus = read_corpus([write(tmp_path / "rows.jsonl", [*lines(2), row])])
    assert corpus.sources[0].refused == 1
    assert reason in corpus.refusals[0]


def test_every_cut_of_the_octets_is_refused() -> None:
    packed = Hashed.of(TEXTS[0]).packed()
    for end in range(len(packed)):
        with pytest.raises(BadInput):
            Hashed.unpacked(packed[:end], BITS, LONGEST, "x")


def test_a_model_with_more_buckets_cannot_use_them() -> None:
    corpus = Corpus([Row("", (), hashed=Hashed.of(TEXTS[0]))], groups=np.arange(1))
    with pytest.raises(BadInput, match="18 bits"):
        corpus.features(BITS + 1, LONGEST)
    with pytest.raises(BadInput, match=f"runs of {LONGEST}"):
        corpus.features(17, LONGEST + 1)


def test_no_text_stands_in_a_row() -> None:
    row = json.dumps(Hashed.of(TEXTS[0], "プロフィール", "返信先").row(), ensure_ascii=False)
    assert row.isascii()
    assert len(row) < 1200
