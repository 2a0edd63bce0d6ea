"""Rows, near copies and splits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.learn.worlds import lines, write
from yoake.errors import BadInput
from yoake.learn.copies import near_copies
from yoake.learn.corpus import Corpus, Row, folds, read_corpus


def test_bad_lines_are_named_and_the_others_count(tmp_path: Path) -> None:
    good = '{"text": "a", "label": ["x", "y"], "group": 7}\n'
    bad = [
        "oops\n",
        "[1]\n",
        '{"text": 1, "label": "x"}\n',
        '{"text": "a"}\n',
        '{"text": "a", "label": ["none", "x"]}\n',
    ]
    file = tmp_path / "rows.jsonl"
    file.write_text("\ufeff" + good + "\n" + "".join(bad))
    corpus = read_corpus([file])
    assert [row.labels for row in corpus.rows] == [("x", "y")]
    assert corpus.rows[0].group == "7"
    assert corpus.sources[0].refused == len(bad)
    assert [f"line {n}:" in refusal for n, refusal in zip(range(3, 8), corpus.refusals, strict=True)] == [True] * 5


def test_nothing_to_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--data"):
        read_corpus([write(tmp_path / "empty.jsonl", [])])


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("日給5万円 受け取るだけ https://a.example/1", "日給 8万円　受け取るだけ http://b.example", True),
        ("ｱﾙﾊﾞｲﾄ募集中です", "アルバイト募集中です", True),
        ("駅前のパン屋さんが明日から三日間お休みになるらしいので今日のうちに買っておく", "駅前のパン屋さんが明日から三日間お休みになるらしいので今日のうちに買いに行く", False),
        ("駅前のパン屋さんが明日から三日間お休みになるらしいので今日のうちに買っておくつもりです。みなさんもどうぞ", "駅前のパン屋さんが明日から三日間お休みになるらしいので今日のうちに買っておくつもりです。みなさんもどうぞ!!", True),
        ("猫", "犬", False),
    ],
)  # fmt: skip
def test_near_copies(one: str, other: str, same: bool) -> None:
    first, second = near_copies([one, other]).all()
    assert (first == second) == same


def test_no_split_separates_groups_or_near_copies() -> None:
    rows = [
        Row(
            f"これは{'とても' * (i % 7)}長い文章の{i % 20}番目の例です{chr(0x4E00 + i % 20)}",
            ("x",) if i % 3 else (),
            f"g{i % 11}",
        )
        for i in range(200)
    ]
    corpus = Corpus(rows)
    parts = folds(corpus)
    for group in np.unique(corpus.groups):
        assert len(set(parts[corpus.groups == group].tolist())) == 1
    for i, row in enumerate(rows):
        assert corpus.groups[i] == corpus.groups[[r.group for r in rows].index(row.group)]


def test_whole_writers_are_held_out() -> None:
    rows = [Row(f"{line['text']}{i}", (), f"g{i}", writer="abc"[i % 3]) for i, line in enumerate(lines(30))]
    corpus = Corpus(rows, groups=np.arange(30))
    parts = folds(corpus)
    assert {(row.writer, part) for row, part in zip(rows, parts.tolist(), strict=True)} == {
        ("a", 0),
        ("b", 1),
        ("c", 2),
    }


def test_many_writers_share_parts() -> None:
    names = [f"writer {i:02}" for i in range(40)]
    rows = [Row(f"{line['text']}{i}", (), f"g{i}", writer=names[i % 40]) for i, line in enumerate(lines(120))]
    parts = folds(Corpus(rows, groups=np.arange(120)))
    of_writer = {row.writer: part for row, part in zip(rows, parts.tolist(), strict=True)}
    assert [of_writer[row.writer] for row in rows] == parts.tolist()
    assert sorted(np.bincount(parts) // 3) == [3] * 12 + [4]
