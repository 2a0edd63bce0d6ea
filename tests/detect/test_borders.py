"""Places that a learned judge points at are whole phrases."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pytest

from yoake.detect import wording
from yoake.detect.text.borders import border
from yoake.detect.text.field_text import FieldText
from yoake.detect.text.fold import fold

TEXT = "荷物を受け取るだけの簡単なお仕事です。詳しくはテレグラムでご連絡ください"


def test_borders_of_phrases() -> None:
    cut = [at for at in range(len(TEXT) + 1) if border(TEXT, at)]
    phrases = [TEXT[a:b] for a, b in itertools.pairwise(cut)]
    assert "".join(phrases) == TEXT
    assert {"荷物を", "簡単な", "詳しくは", "テレグラムで"} <= set(phrases)


def pointed(text: str, weights: dict[str, float], *, phrases: bool = True) -> list[tuple[str, float]]:
    """Places and weights when the characters of some words weigh something."""
    empty, column = fold(pa.array([""])), fold(pa.array([text]))
    shares = [np.full(len(column.codes), 1e-4), np.zeros(0), np.zeros(0)]
    for words, weight in weights.items():
        at = text.index(words)
        shares[0][at : at + len(words)] = weight / len(words)
    fields = [FieldText(text, column, 0), FieldText("", empty, 0), FieldText("", empty, 0)]
    found = wording.spans(fields, [column, empty, empty], shares, phrases=phrases)
    return [(span["text"], span["weight"]) for span in found]


@pytest.mark.parametrize(
    ("ragged", "whole"),
    [("取るだ", "受け取るだけの"), ("単なお仕", "簡単なお仕事です"), ("ラムでご", "テレグラムでご連絡ください")],
)
def test_places_grow_to_whole_phrases_with_exactly_what_they_hold(ragged: str, whole: str) -> None:
    ((said, weight),) = pointed(TEXT, {ragged: 2.0})
    assert said == whole
    assert weight == pytest.approx(2.0 + 1e-4 * (len(whole) - len(ragged)))


def test_as_it_was_where_nobody_reads_it() -> None:
    assert pointed(TEXT, {"取るだ": 2.0}, phrases=False)[0][0] != "受け取るだけの"


def test_places_never_overlap_and_lose_marks_at_their_ends() -> None:
    found = pointed(TEXT, {"取るだ": 2.0, "けの簡単": -2.0, "です。詳": 1.5})
    assert all(said.strip("、。") == said for said, _weight in found)
    places = sorted((TEXT.index(said), TEXT.index(said) + len(said)) for said, _weight in found)
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(places))
