"""The weighing kernel against its slow plain twin, on small invented categories dense in meetings of cues and frames."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.detect import naive_weigh as naive
from tests.detect.worlds import steady
from yoake.detect.category import FRAME, SHIPPED, Category, Combination, Cue, Frame, Phrase, Words, load_categories
from yoake.detect.kernels.change import ADDED, REMOVED
from yoake.detect.kernels.weigh import Words as Hits
from yoake.detect.kernels.weigh_posts import Found, countable, weigh_posts
from yoake.detect.weighing import Entry, Tables

FLOOR = -4.6
NAMELESS = Words("", "")
ANY = next(iter(load_categories(None, SHIPPED)[0].values()))
PHRASES = "あいうえおかきくけこさし"
KINDS = ("errand", "lure", "contact", "alarm")


def category(number: int, base: float, weights: list[float], needs: int, limit: float, *, at_risk: bool) -> Category:
    """Twelve words: eight of four cues (two of one kind), four of two frames."""
    cues = tuple(
        Cue(f"{kind}{i}", NAMELESS, "errand" if kind == "alarm" and number else kind, ("text", "profile"))
        for i, kind in enumerate(KINDS)
    )
    names = [cue.name for cue in cues] * 2 + [f"{FRAME}news", f"{FRAME}zoo"] * 2
    phrases = tuple(
        Phrase(cue, phrase, weight if not cue.startswith(FRAME) else -weight, "ja", "2026", "test", "")
        for cue, phrase, weight in zip(names, PHRASES, weights, strict=True)
    )
    return dataclasses.replace(
        ANY,
        slug=f"c{number}", base=base, queue=0.5, high=0.8, at_risk=at_risk, cues=cues, phrases=phrases, amounts=(),
        frames=(Frame("news", NAMELESS, needs), Frame("zoo", NAMELESS, 1)), elements=(),
        combinations=(Combination(("errand", "contact"), 1.2), Combination(("lure", "contact", "errand"), 0.7)),
        limit_kinds=("contact",), limit=limit,
    )  # fmt: skip


weights = st.lists(st.sampled_from([0.0, 0.3, 0.7, 1.1, 2.6, 4.0]), min_size=len(PHRASES), max_size=len(PHRASES))
some = st.builds(
    lambda base, weights, needs, limit, at_risk: (base, weights, needs, limit, at_risk),
    st.sampled_from([-6.0, -3.0, -1.0, 0.0]), weights, st.integers(1, 2), st.sampled_from([1.0, 2.5, 9.0]), st.booleans(),
)  # fmt: skip
# row, field, phrase, start, length, whether it is quoted
word = st.tuples(
    st.integers(0, 1), st.integers(0, 1), st.integers(0, len(PHRASES) - 1), st.integers(0, 8), st.integers(1, 4),
    st.booleans(),
)  # fmt: skip


def twins(made: list[Any], found: list[Any]) -> tuple[list[Any], list[Any]]:
    """What the kernel and its plain twin find."""
    categories = [category(number, *one[:-1], at_risk=one[-1]) for number, one in enumerate(made)]
    tables = Tables(categories)
    listed = sorted({(row, field, start, start + length, phrase): quoted for row, field, phrase, start, length, quoted in found}.items())  # fmt: skip
    words = Hits(
        np.array([at[0] for at, _ in listed], np.int64),
        np.array([at[1] for at, _ in listed], np.uint8),
        np.array([at[4] for at, _ in listed], np.int32),
        np.array([at[2] for at, _ in listed], np.int64),
        np.array([at[3] for at, _ in listed], np.int64),
        np.array([quoted for _, quoted in listed], np.bool_),
    )
    entries = _entries(tables, categories)
    slowly = []
    for row in sorted({at[0] for at, _ in listed}):
        candidates: dict[int, list[naive.Candidate]] = {}
        for (of, field, start, end, phrase), quoted in listed:
            for entry in entries[phrase] if of == row else ():
                candidates.setdefault(entry.category, []).append(
                    naive.Candidate(field, start, end, entry, phrase, quoted)
                )
        slowly += [(row, *told) for told in naive.judge(categories, candidates, FLOOR)]
    got = weigh_posts(words, tables.entries, tables.rules, FLOOR)
    return slowly, [_told(got, at, tables) for at in range(len(got.rows))]


def _entries(tables: Tables, categories: list[Category]) -> list[list[Any]]:
    """By phrase, as the twin takes them."""
    kinds = [{cue.name: cue.kind for cue in one.cues} for one in categories]
    return [
        [
            Entry(number, phrase.cue, kinds[number].get(phrase.cue, phrase.cue), phrase.weight, 3)
            for number, one in enumerate(categories)
            for phrase in one.phrases
            if phrase.phrase == spelling
        ]
        for spelling in tables.phrases
    ]


def _told(got: Found, at: int, tables: Tables) -> Any:
    own = slice(int(got.span_at[at]), int(got.span_at[at + 1]))
    parts = (got.span_fields, got.span_starts, got.span_ends, got.span_cues, got.span_weights)
    spans = [(f, a, b, tables.cues[cue], w) for f, a, b, cue, w in zip(*(p[own].tolist() for p in parts), strict=True)]
    number, frame = int(got.categories[at]), int(got.frames[at])
    what, first, second = got.changes[at].tolist()
    change = [str(what)]
    if what == REMOVED:
        change += [f"{spans[i][0]} {spans[i][1]} {spans[i][2]}" for i in (first, second) if i >= 0]
    if what == ADDED:
        change.append(tables.typical[number][first][0].name)
    named = "" if frame < 0 else tables.frames[number][frame]
    return int(got.rows[at]), number, float(got.logits[at]), float(got.rests[at]), named, spans, change


@steady
@given(st.lists(some, min_size=1, max_size=3), st.lists(word, max_size=16))
def test_weighing_equals_its_plain_twin(made: list[Any], found: list[Any]) -> None:
    slowly, got = twins(made, found)
    assert [one[:2] for one in got] == [one[:2] for one in slowly]
    for one, other in zip(got, slowly, strict=True):
        assert abs(one[2] - other[2]) < 1e-9
        assert one[3:5] == other[3:5]
        assert [span[:4] for span in one[5]] == [span[:4] for span in other[5]]
        assert np.allclose([span[4] for span in one[5]], [span[4] for span in other[5]], atol=1e-9)
        assert one[6] == other[6]


def test_words_count_as_often_as_they_may() -> None:
    """Once in each field, inside and outside of quotation marks, and anew in every post."""
    rows = [0, 0, 0, 0, 0, 1, 1]
    words = Hits(
        np.array(rows, np.int64),
        np.array([0, 0, 0, 1, 1, 0, 0], np.uint8),
        np.array([2, 2, 2, 2, 1, 2, 1], np.int32),
        np.arange(7),
        np.arange(1, 8),
        np.array([False, True, False, False, False, False, False]),
    )
    assert countable(words, np.array([1, 1, 1], np.int32)).tolist() == [True, True, False, True, True, True, True]
    assert countable(words, np.array([1, 1, 2], np.int32)).all()
