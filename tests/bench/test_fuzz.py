"""What the fuzzer is given to begin with, and that a post it kept can be judged again."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench import fuzz
from tests.detect.invariants import texts_of


def test_first_posts_and_words(tmp_path: Path) -> None:
    corpus, words = tmp_path / "corpus", tmp_path / "words"
    corpus.mkdir()
    fuzz.seed(corpus, words)
    posts = [file.read_bytes() for file in corpus.iterdir()]
    assert len(posts) > 100
    assert max(map(len, posts)) <= fuzz.LONGEST
    assert any(texts_of(post)["profile"] for post in posts)
    assert '"' + "".join(f"\\x{octet:02x}" for octet in "受け子".encode()) + '"' in words.read_text().split("\n")


def test_a_kept_post_is_judged_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "crash"
    kept.write_bytes("受け子募集 DM\x1e".encode() + b"\xff\xe3\x81")
    monkeypatch.setattr(sys, "argv", ["fuzz", str(kept)])
    assert fuzz.main() == 0
    assert f"{kept}: holds" in capsys.readouterr().out
    broken = lambda detector, fields: pytest.fail(fields["text"])  # noqa: E731
    monkeypatch.setattr("tests.detect.invariants.judges", broken)
    with pytest.raises(pytest.fail.Exception, match="受け子"):
        fuzz.main()
