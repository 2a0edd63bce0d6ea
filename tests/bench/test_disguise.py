"""The disguises of the measurement: seeded, and each hides what it says it hides."""

from __future__ import annotations

import subprocess
import sys
from random import Random

import pytest

from bench.disguise import disguises, found, read_rows
from yoake.detect.detectors.lexicon import Lexicon
from yoake.detect.text.fold import fold_text

TEXT = "闇バイト募集 受け子 日給5万 テレグラムかLINEまでDM📩\n荷物を運ぶだけ、口座買取"


@pytest.mark.parametrize("name", disguises())
def test_disguise_is_seeded_and_hides_something(name: str) -> None:
    disguise = disguises()[name]
    hidden = [disguise(TEXT, Random(seed)) for seed in (1, 1, 2, 3, 4, 5)]
    assert hidden[0] == hidden[1]
    assert all(text != TEXT for text in hidden)
    assert disguise("", Random(1)) == ""


@pytest.mark.parametrize("name", ["full width", "zero width", "enclosed letters", "look-alikes"])
def test_folding_undoes_what_leaves_every_character_in_its_place(name: str) -> None:
    for seed in range(20):
        assert fold_text(disguises()[name](TEXT, Random(seed))) == fold_text(TEXT)


def test_what_a_row_wants_are_its_labels_on_the_shelf() -> None:
    rows = read_rows(["drug_ad"])
    assert len([row for row in rows if row["wanted"]]) > 100
    assert all(row["wanted"] in (set(), {"drug_ad"}) for row in rows)
    assert not any(row["wanted"] for row in rows if row["label"] == "none")


def test_found_asks_for_the_right_label() -> None:
    row = {"wanted": {"criminal_recruitment"}, "profile": "", "parent_text": ""}
    text = "受け子募集 日給10万 即日即金 詳細はテレグラムまで"
    harmless = {**row, "wanted": set()}
    rows = [row, {**row, "wanted": {"drug_ad"}}, row, harmless, harmless]
    assert found(Lexicon(), rows, [text, text, "今日は雨", text, "今日は雨"]) == [True, False, False, True, False]


def test_unknown_writers_are_told() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "bench.disguise", "--unseen", "nobody", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 2
    assert "no rows of nobody" in ran.stderr
