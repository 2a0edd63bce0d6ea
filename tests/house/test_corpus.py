"""The corpus is what its data card says: well formed, synthetic, without a row of the practice stream."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from yoake.collect import practice

CORPUS = Path(__file__).resolve().parents[2] / "examples" / "corpus"
KEYS = ["id", "text", "label", "kind", "lang", "time", "parent_text", "profile", "group", "writer", "synthetic"]
FEW = {"suicide_inducing", "serious_crime", "firearms_incitement", "minor_approach"}


def rows() -> list[dict[str, object]]:
    return [
        json.loads(line)
        for file in sorted(CORPUS.glob("writer_*.jsonl"))
        for line in file.read_text().split("\n")
        if line
    ]


def test_every_row_is_well_formed_and_synthetic() -> None:
    for row in rows():
        assert list(row) == KEYS, row["id"]
        assert row["synthetic"] is True
        assert row["text"]


def test_ids_and_texts_are_unique() -> None:
    for key in ("id", "text"):
        assert [value for value, n in Counter(str(row[key]) for row in rows()).items() if n > 1] == []


def test_the_card_counts_right() -> None:
    labels = Counter(x for r in rows() for x in (r["label"] if isinstance(r["label"], list) else [r["label"]]))
    card = (CORPUS / "README.md").read_text()
    assert f"{len(rows()):,} texts" in card
    for label, n in labels.items():
        assert label in FEW or f"| {n:,} |\n" in card, (label, n)
        assert label not in FEW or n <= 40


def test_no_row_of_the_practice_stream_is_in_it() -> None:
    taught = {row["text"] for row in practice.stream()}
    assert not [row["id"] for row in rows() if row["text"] in taught]
