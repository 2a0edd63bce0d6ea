"""Phrases added to the deployment's own categories."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.detect.worlds import posts
from yoake.detect.category import Phrase, load_categories
from yoake.detect.detectors.lexicon import Lexicon
from yoake.detect.serving import load
from yoake.errors import BadInput
from yoake.learn.overlay import add_phrase

WORD = Phrase("receiver", "ニコニコ係", 1.8, "ja", "2026-11", "found in 5 confirmed posts", "")


def test_a_phrase_is_added_and_judged_with(tmp_path: Path) -> None:
    before = load(overlay=tmp_path).judge(posts("ニコニコ係 急募"))
    assert add_phrase(tmp_path, "criminal_recruitment", WORD)
    categories, problems = load_categories(tmp_path)
    assert problems == []
    assert WORD in categories["criminal_recruitment"].phrases
    found = load(overlay=tmp_path).judge(posts("ニコニコ係 急募")).to_pylist()
    listed = Lexicon(overlay=tmp_path).judge(posts("ニコニコ係 急募")).to_pylist()  # whoever speaks in the end
    assert any(span["text"] == "ニコニコ係" for finding in listed for span in finding["spans"])
    assert before.num_rows <= len(found)
    assert sorted(p.name for p in (tmp_path / "criminal_recruitment").iterdir()) == ["phrases.tsv"]


def test_what_stands_there_stays_and_nothing_is_added_twice(tmp_path: Path) -> None:
    add_phrase(tmp_path, "criminal_recruitment", WORD)
    file = tmp_path / "criminal_recruitment" / "phrases.tsv"
    file.write_text(file.read_text().rstrip("\n") + "\n# a note of ours")  # by hand, without a line break at the end
    other = Phrase("caller", "もしもし隊", 1.0, "ja", "2026-11", "found", "")
    assert add_phrase(tmp_path, "criminal_recruitment", other)
    lines = file.read_text().splitlines()
    assert len(lines) == 4
    assert lines[2] == "# a note of ours"
    assert not add_phrase(tmp_path, "criminal_recruitment", other)
    assert file.read_text().splitlines() == lines


@pytest.mark.parametrize(
    ("slug", "change", "reason"),
    [
        ("no_such", {}, "known categories"),
        ("criminal_recruitment", {"cue": "no_such_cue"}, "a cue of category.toml"),
        ("criminal_recruitment", {"phrase": "a\tb"}, "without a tab"),
        ("criminal_recruitment", {"phrase": "{a|b"}, "alternatives"),
        ("criminal_recruitment", {"weight": 99.0}, "log-odds"),
        ("criminal_recruitment", {"source": ""}, "where the phrase"),
    ],
)
def test_what_would_not_load_is_refused_and_nothing_is_written(
    tmp_path: Path, slug: str, change: dict[str, object], reason: str
) -> None:
    given = {name: getattr(WORD, name) for name in WORD.__slots__}
    with pytest.raises(BadInput, match=reason):
        add_phrase(tmp_path, slug, Phrase(**{**given, **change}))
    assert list(tmp_path.iterdir()) == []


def test_a_faulty_folder_is_named_and_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "criminal_recruitment"
    folder.mkdir()
    (folder / "phrases.tsv").write_text("not a header\n")
    with pytest.raises(BadInput, match=r"phrases.tsv line 1"):
        add_phrase(tmp_path, "criminal_recruitment", WORD)
    assert (folder / "phrases.tsv").read_text() == "not a header\n"
