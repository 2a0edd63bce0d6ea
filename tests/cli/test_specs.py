"""Sources as a person writes them, and the file that says who runs."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from yoake.cli.ground.only_one import Running, file_of, only_one, running_on
from yoake.cli.ground.specs import Spec, read_spec, read_specs
from yoake.cli.words import language
from yoake.errors import BadInput, Refused


@pytest.mark.parametrize(
    ("word", "spec"),
    [
        ("jsonl", Spec("jsonl", "jsonl", {})),
        ("mine=jsonl", Spec("mine", "jsonl", {})),
        ("jsonl?path=a.jsonl", Spec("jsonl", "jsonl", {"path": "a.jsonl"})),
        ("my=jsonl?path=a%20b.jsonl&page_posts=5", Spec("my", "jsonl", {"path": "a b.jsonl", "page_posts": "5"})),
        ("f=bluesky_firehose?url=wss://h/x?y=1", Spec("f", "bluesky_firehose", {"url": "wss://h/x?y=1"})),
        ("警視庁=jsonl?path=投稿.jsonl", Spec("警視庁", "jsonl", {"path": "投稿.jsonl"})),
        ("jsonl?platform=", Spec("jsonl", "jsonl", {"platform": ""})),
    ],
)
def test_specs(word: str, spec: Spec) -> None:
    assert read_spec(word, "SOURCE") == spec


@pytest.mark.parametrize("word", ["", "=jsonl", "mine=", "?path=x", "jsonl?path", "jsonl?path=x&page_posts", "jsonl?&"])
def test_specs_that_cannot_be_read(word: str) -> None:
    with pytest.raises(BadInput, match="SOURCE"):
        read_spec(word, "SOURCE")


def test_several() -> None:
    specs = read_specs("  practice  mine=jsonl?path=x ", "YOAKE_SOURCES")
    assert [spec.name for spec in specs] == ["practice", "mine"]
    assert [spec.practice for spec in specs] == [True, False]
    assert read_specs("", "YOAKE_SOURCES") == []
    with pytest.raises(BadInput, match="YOAKE_SOURCES"):
        read_specs("a=jsonl a=practice", "YOAKE_SOURCES")


def test_only_one(tmp_path: Path) -> None:
    file_of(tmp_path).parent.mkdir()
    with only_one(tmp_path, "http://localhost:1/"):
        found = running_on(tmp_path)
        assert found is not None
        assert found.pid == os.getpid()
        with pytest.raises(Refused, match=f"process {os.getpid()}"), only_one(tmp_path, "http://localhost:2/"):
            pass
        assert running_on(tmp_path) == found
    assert running_on(tmp_path) is None


def test_another_process_with_the_same_number_is_not_it(tmp_path: Path) -> None:
    started = psutil.Process().create_time()
    assert Running(os.getpid(), started, "").alive
    assert not Running(os.getpid(), started - 3600, "").alive


@pytest.mark.parametrize(
    ("environ", "spoken"),
    [
        ({}, "en"),
        ({"LANG": "ja_JP.UTF-8"}, "ja"),
        ({"LANG": "ja_JP.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "C", "LC_MESSAGES": "ja_JP"}, "ja"),
        ({"LANG": "C", "YOAKE_LANGUAGE": "ja"}, "ja"),
        ({"LANG": "ja_JP.UTF-8", "YOAKE_LANGUAGE": "en"}, "en"),
        ({"LANG": "ja_JP.UTF-8", "YOAKE_LANGUAGE": "fr"}, "ja"),
    ],
)
def test_language(environ: dict[str, str], spoken: str) -> None:
    assert language(environ) == spoken
