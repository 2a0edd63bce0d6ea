from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yoake.console import marks
from yoake.console.marks import Piece, excerpt, parts, pieces, reasons, unseen_count, whole


def span(
    start: int, end: int, weight: float = 1.0, cue: str = "lure", field: str = "text", text: str = ""
) -> dict[str, Any]:
    return {"field": field, "start": start, "end": end, "text": text, "cue": cue, "weight": weight}


def shown(text: str, *spans: dict[str, Any]) -> str:
    """The text with brackets where marks would be; < > for evidence against."""
    evidence = reasons([("harm", s) for s in spans], {"text": text})
    out = ""
    for piece in pieces(text, evidence):
        said = "".join(part.text or f"({part.unseen})" for part in piece.parts)
        out += said if not piece.reasons else f"[{said}]" if piece.speaks_for else f"<{said}>"
        out += "".join(str(reason.number) for reason in piece.ends)
    return out


FAMILY = "👨\u200d👩\u200d👧"


@pytest.mark.parametrize(
    ("text", "spans", "expected"),
    [
        ("高額バイト", [], "高額バイト"),
        ("高額バイト", [span(0, 2)], "[高額]1バイト"),
        ("高額バイト", [span(0, 5)], "[高額バイト]1"),
        ("受け子🥦野菜", [span(3, 4)], "受け子[🥦]1野菜"),  # one code point, though two in UTF-16
        ("🥦🌿🍁", [span(1, 2), span(2, 3)], "🥦[🌿]1[🍁]2"),
        ("abcdef", [span(1, 4), span(2, 6)], "a[b][cd]1[ef]2"),  # overlapping
        ("abcdef", [span(0, 6), span(2, 4)], "[ab][cd]2[ef]1"),  # one inside the other
        ("abcdef", [span(1, 3), span(1, 3)], "a[bc]1def"),  # the same twice
        ("abcdef", [span(1, 3), span(1, 3, cue="contact")], "a[bc]12def"),  # the same place, two roles
        ("abcdef", [span(1, 3, -1.0)], "a<bc>1def"),
        ("abcdef", [span(1, 3, -1.0), span(1, 3, 2.0, cue="contact")], "a[bc]12def"),  # together they speak for it
        ("abc", [span(2, 99)], "ab[c]1"),  # beyond the end
        ("abc", [span(-5, 1)], "[a]1bc"),
        ("abc", [span(2, 2), span(3, 1), span(9, 12)], "abc"),  # nowhere
        ("", [span(0, 3)], ""),
        ("か\u3099く", [span(0, 1)], "[か\u3099]1く"),  # a combining mark stays with its letter
        ("か\u3099く", [span(1, 2)], "[か\u3099]1く"),
        ("☃\ufe0f雪", [span(0, 1)], "[☃\ufe0f]1雪"),  # variation selector
        (f"a{FAMILY}b", [span(1, 2)], f"a[{FAMILY}]1b"),  # a joined emoji is one
        (f"a{FAMILY}b", [span(3, 4)], f"a[{FAMILY}]1b"),
        ("👍🏽", [span(0, 1)], "[👍🏽]1"),  # skin tone
        ("受\u200bけ\u200b子", [span(0, 5)], "[受(U+200B)け(U+200B)子]1"),
    ],
)
def test_evidence_is_marked_where_it_stands(text: str, spans: list[dict[str, Any]], expected: str) -> None:
    assert shown(text, *spans) == expected


def test_numbers_follow_the_order_of_reading() -> None:
    fields = {"text": "abcdef", "profile": "xyz", "parent_text": ""}
    given_spans = [
        ("a", span(0, 1, field="profile")),
        ("a", span(4, 5)),
        ("b", span(0, 2)),
        ("a", span(0, 9, field="image:1", text="口座")),
    ]
    evidence = reasons(given_spans, fields)
    assert [(r.number, r.field) for r, _s, _e in evidence] == [(1, "text"), (2, "text"), (3, "profile"), (4, "image:1")]


def test_the_strongest_finding_names_a_span_that_two_share() -> None:
    evidence = reasons([("first", span(0, 2, 2.0)), ("second", span(0, 2, 0.1))], {"text": "abc"})
    assert [(r.category, r.weight) for r, _s, _e in evidence] == [("first", 2.0)]


@pytest.mark.parametrize(
    ("weight", "strength", "signed"),
    [(0.1, 1, "+0.1"), (0.8, 2, "+0.8"), (2.0, 3, "+2.0"), (-1.0, 2, "−1.0"), (0, 1, "+0.0")],
)
def test_weight(weight: float, strength: int, signed: str) -> None:
    ((reason, _start, _end),) = reasons([("harm", span(0, 1, weight))], {"text": "a"})
    assert (reason.strength, reason.signed) == (strength, signed)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("a\u202eb", ["U+202E"]),  # turns the reading direction around
        ("a\u2066b\u2069", ["U+2066", "U+2069"]),
        ("タ\u200bタ\u2060キ\ufeff", ["U+200B", "U+2060", "U+FEFF"]),
        ("タ\u200dタ", ["U+200D"]),  # a joiner between kana joins nothing
        ("a\u00adb\u3164", ["U+00AD", "U+3164"]),
        ("a\x07b\x9f", ["U+0007", "U+009F"]),
        (FAMILY, []),  # a joiner between emoji does
        ("می\u200cخواهم", []),  # Persian needs it
        ("改行\nタブ\t", []),
    ],
)
def test_characters_without_a_glyph_are_named(text: str, named: list[str]) -> None:
    assert [part.unseen for part in parts(text) if part.unseen] == named
    assert unseen_count(text) == len(named)
    for part in parts(text):
        assert not marks._UNSEEN.search(part.text)


texts = st.text(alphabet="abか\u3099\u200d\u200b\ufe0f🥦👍🏽\u202e\n ", max_size=40)
borders = st.tuples(st.integers(-3, 45), st.integers(-3, 45))


@given(texts, st.lists(borders, max_size=6))
def test_every_character_is_printed_once(text: str, given_spans: list[tuple[int, int]]) -> None:
    evidence = reasons(
        [("harm", span(start, end, cue=str(i))) for i, (start, end) in enumerate(given_spans)], {"text": text}
    )
    cut = pieces(text, evidence)
    printed = "".join(part.text or chr(int(part.unseen[2:], 16)) for piece in cut for part in piece.parts)
    assert printed == text
    ended = [reason.number for piece in cut for reason in piece.ends]
    assert sorted(ended) == list(range(1, len(evidence) + 1))


@given(texts, borders)
def test_whole_only_widens(text: str, border: tuple[int, int]) -> None:
    start, end = whole(text, *border)
    assert 0 <= start <= end <= len(text)
    if start < end:
        assert start <= max(0, border[0])
        assert end >= min(len(text), border[1])


def plain(cut: list[Piece]) -> str:
    return "".join(part.text for piece in cut for part in piece.parts)


def test_an_excerpt_shows_the_strongest_evidence() -> None:
    text = "前置き。" * 60 + "報酬は日給30万円です" + "後書き。" * 60
    at = text.index("日給")
    evidence = reasons([("harm", span(4, 6, 0.2)), ("harm", span(at, at + 7, 2.0))], {"text": text})
    cut = excerpt(text, evidence, 60)
    assert plain(cut).startswith("… ")
    assert plain(cut).endswith(" …")
    assert [plain([piece]) for piece in cut if piece.reasons] == ["日給30万円で"]
    assert len(plain(cut)) <= 60 + 20 + 4


def test_an_excerpt_is_one_line_and_a_short_text_is_whole() -> None:
    assert plain(excerpt("一行目\n\n二行目\t終", [])) == "一行目  二行目 終"
    assert plain(excerpt("あ" * 500, [], 100)) == "あ" * 100 + " …"
    assert excerpt("", []) == []
