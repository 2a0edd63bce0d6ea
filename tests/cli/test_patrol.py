"""`yoake patrol`: one source or all of them, to the end or until stopped."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.cli.running import environment, prepared, yoake

pytestmark = pytest.mark.slow

AD = "【急募】高額即日5万円 荷物を受け取るだけの簡単な仕事 UD案件 詳細はシグナルで"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared(tmp_path_factory, tmp_path_factory.mktemp("patrol") / "data")


def lines(*texts: str, start: int = 0) -> str:
    return "".join(json.dumps({"id": str(n), "text": text}) + "\n" for n, text in enumerate(texts, start))


def test_a_file_is_read_once_and_resumed(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "posts.jsonl"
    file.write_text(lines("今日のランチはカレー", AD) + "not json\n")
    spec = f"mine=jsonl?path={file}"
    first = yoake(data, "patrol", spec, "--json", timeout_s=120)
    assert first.returncode == 0, first.stderr
    told = json.loads(first.stdout)
    assert (told["source"], told["posts"], told["queued"], told["cases_opened"]) == ("mine", 2, 1, 1)
    assert told["skipped"] == {"not_json": 1}
    assert told["ended"]
    assert told["cursor"].partition(":")[0] == str(file.stat().st_size)
    with file.open("a") as more:
        more.write(lines("もう一件", start=10))
    by_name = json.loads(yoake(data, "patrol", "mine", "--json", timeout_s=120).stdout)
    assert (by_name["posts"], by_name["queued"]) == (1, 0)
    by_spec = json.loads(yoake(data, "patrol", spec, "--json", timeout_s=120).stdout)
    assert (by_spec["source"], by_spec["posts"]) == ("mine", 0)


def test_standard_input_and_the_plain_summary(data: Path) -> None:
    ran = yoake(data, "patrol", "in=jsonl?path=-", given=lines(AD, AD + "!", "おはよう"), timeout_s=120)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("in: 3 posts in ")
    assert "2 queued" in ran.stdout
    assert ran.stderr == ""  # no progress line where nobody looks


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nix"], "known sources are"),
        (["jsonl?pth=x"], "known options are path"),
        (["jsonl?path"], "connector?option=value"),
        (["jsonl?path=/nowhere/x.jsonl"], "path is '/nowhere/x.jsonl'"),
        (["nix?path=x"], "known names are"),
        (["jsonl?path=-", "--engine", "nix"], "engine is 'nix'"),
        (["jsonl?path=-&page_posts=many"], "page_posts"),
    ],
)
def test_wrong_words_are_named(data: Path, words: list[str], told: str) -> None:
    ran = yoake(data, "patrol", *words, timeout_s=120)
    assert ran.returncode == 2
    assert told in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_source_that_could_not_be_read_is_taken_back(data: Path) -> None:
    assert yoake(data, "patrol", "gone=jsonl?path=/nowhere/x.jsonl", timeout_s=120).returncode == 2
    assert "gone" not in yoake(data, "patrol", "nix").stderr


def test_until_end_gives_up_with_exit_code_5(data: Path) -> None:
    ran = yoake(
        data, "patrol", "away=bluesky_jetstream?endpoints=ws://127.0.0.1:1/subscribe", "--until-end", timeout_s=120
    )
    assert ran.returncode == 5
    assert "127.0.0.1" in ran.stderr


def test_ctrl_c_keeps_the_cursor_and_shows_progress(data: Path) -> None:
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "yoake", "patrol", "practice", "--json"],
        env=environment(data) | {"PYTHONFAULTHANDLER": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=slave,
        text=True,
    )
    os.close(slave)
    shown, moving = bytearray(), threading.Event()

    def look() -> None:  # to the end: a terminal that nobody reads would hold the patrol up
        with contextlib.suppress(OSError):  # how Linux says that the other side was closed
            while part := os.read(master, 4096):
                shown.extend(part)
                if b" posts (" in shown:
                    moving.set()

    looking = threading.Thread(target=look)
    looking.start()
    assert moving.wait(240), bytes(shown)  # kernels may be compiled first
    process.send_signal(signal.SIGINT)
    try:
        said, _nothing = process.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)  # says where each of its threads stands
        process.communicate()
        looking.join()
        pytest.fail(f"Ctrl-C did not end it: {bytes(shown).decode(errors='replace')}")
    looking.join()
    os.close(master)
    seen = bytes(shown).decode(errors="replace")
    assert process.returncode == 0
    assert "practice: " in seen
    assert "behind live" in seen
    told = json.loads(said)
    assert told["cursor"]
    assert not told["ended"]


def test_a_source_of_another_organisation(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    data = prepared(tmp_path_factory, tmp_path / "data")
    added = yoake(data, "user", "add", "sato", "--role", "supervisor", "--new-organisation", "another")
    assert added.returncode == 0, added.stderr
    file = tmp_path / "posts.jsonl"
    file.write_text('{"id": 1, "text": "a"}\n')
    spec = f"jsonl?path={file}"
    assert yoake(data, "patrol", spec, "--organisation", "another").returncode == 0
    assert yoake(data, "patrol", spec, "--organisation", "nobody").returncode == 2
    assert yoake(data, "patrol", spec).returncode == 0
