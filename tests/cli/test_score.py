"""`yoake score` in a process of its own, with the shipped detector: the public contract of docs/reference/score.md."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import environment, yoake

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 120  # a busy machine compiles the kernels first
AD = "受け子 日給10万 詳しくはテレグラムで"
FINDING = {
    "category": str,
    "class": str,
    "score": float,
    "grade": str,
    "detector": str,
    "version": str,
    "shadow": bool,
    "base": float,
    "rest": float,
    "frame": str,
    "elements": list,
    "items": dict,
    "nearest": (dict, type(None)),
    "explanation": dict,
    "counter": dict,
    "spans": list,
}


def run(data: Path, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return yoake(data, "score", *words, given=given, timeout_s=PATIENCE_S)


def answers(said: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said.split("\n") if line]


def test_every_line_is_answered_in_order(tmp_path: Path) -> None:
    given = "\n".join(
        [
            json.dumps({"id": "a1", "text": AD, "author": 5, "lang": ["ja"], "posted_at": "someday", "more": 1}),
            "",
            json.dumps({"id": 2, "text": "今日は鍋にします"}),
            "oops",
            '{"id": 3, "text": ""}',
            '{"id": "x"}',
            "   ",
            '{"id": "y", "removed": true}',
            '{"id": "z", "text": "\\ud800\\u0000 受け子 日給10万 テレグラムで"}',
            '{"id": "last", "text": "改行なし"}',
        ]
    )
    ran = run(tmp_path, given=given)
    assert ran.returncode == 3, ran.stderr
    assert ran.stderr == "Lines that could not be read: 3; their answers say why.\n"
    first, calm, oops, empty, no_text, removed, odd, last = answers(ran.stdout)
    assert first.keys() == {"id", "findings", "queue"}
    assert (first["id"], first["queue"]) == ("a1", True)
    assert calm == {"id": 2, "findings": calm["findings"], "queue": False}
    assert oops == {"id": None, "line": 4, "error": "the line is not a JSON object"}
    assert empty == {"id": 3, "findings": [], "queue": False}
    assert no_text == {"id": "x", "line": 6, "error": "the field text is missing"}
    assert removed == {"id": "y", "line": 8, "error": "the line reports a removal, which is not a post"}
    assert (odd["id"], odd["queue"]) == ("z", True)
    assert last["id"] == "last"

    finding = first["findings"][0]
    assert finding["category"] == "criminal_recruitment"
    assert list(finding) == list(FINDING)
    for name, kind in FINDING.items():
        assert isinstance(finding[name], kind), name  # type: ignore[arg-type]
    assert [one["score"] for one in first["findings"]] == sorted(
        (one["score"] for one in first["findings"]), reverse=True
    )
    for span in finding["spans"]:
        assert AD[span["start"] : span["end"]] == span["text"]
    for span in odd["findings"][0]["spans"]:  # offsets fit the text that was sent, its broken characters replaced
        assert ("\ufffd\ufffd " + "受け子 日給10万 テレグラムで")[span["start"] : span["end"]] == span["text"]
    assert not list(tmp_path.iterdir())  # nothing is stored, not even a key


def test_nothing_in_nothing_out(tmp_path: Path) -> None:
    ran = run(tmp_path, given="\n\n")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_a_file_and_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "posts.jsonl"
    file.write_bytes(b'\xef\xbb\xbf{"id": 1, "text": "x"}\r\n' * 2500)
    ran = run(tmp_path, str(file))
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == '{"id":1,"findings":[],"queue":false}\n' * 2500


@pytest.mark.parametrize(
    "words", [("/no/such/file",), (".",), ("-", "--model", "/no/such/folder"), ("--what",), ("a", "b")]
)
def test_what_cannot_be_used_is_said_in_one_sentence(tmp_path: Path, words: tuple[str, ...]) -> None:
    ran = run(tmp_path, *words)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "Traceback" not in ran.stderr


def test_a_model_that_is_none_needs_a_person(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    ran = run(tmp_path, "--model", str(tmp_path / "model"), given='{"id": 1, "text": "x"}\n')
    assert (ran.returncode, ran.stdout) == (4, "")
    assert len(ran.stderr.strip().splitlines()) == 1


@contextmanager
def start(
    data: Path, stdout: int = subprocess.PIPE, stderr: int = subprocess.PIPE
) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-m", "yoake", "score"],
        env=environment(data),
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=stderr,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_slow_pipe_is_answered_while_it_is_open(tmp_path: Path) -> None:
    with start(tmp_path) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        for number in range(3):
            process.stdin.write(b'{"id": %d, "text": "x"}\n' % number)
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == number
        process.stdin.close()
        assert process.stdout.read() == b""
        assert process.stderr.read() == b""
        assert process.wait(PATIENCE_S) == 0


def test_who_reads_may_stop_at_any_time(tmp_path: Path) -> None:
    file = tmp_path / "posts.jsonl"
    file.write_text('{"id": 1, "text": "受け子"}\n' * 20_000)
    pipe = f"{sys.executable} -m yoake score {file} | head -n 2"
    ran = subprocess.run(
        ["bash", "-o", "pipefail", "-c", pipe], env=environment(tmp_path), capture_output=True, text=True, check=False
    )
    assert len(ran.stdout.splitlines()) == 2
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.slow
def test_a_terminal_hears_of_what_takes_long(tmp_path: Path) -> None:
    terminal, theirs = pty.openpty()
    os.set_blocking(terminal, False)
    heard = b""
    with start(tmp_path, stdout=subprocess.DEVNULL, stderr=theirs) as process:
        os.close(theirs)
        assert process.stdin
        deadline = time.monotonic() + PATIENCE_S
        while b"lines" not in heard and time.monotonic() < deadline:
            process.stdin.write(b'{"id": 1, "text": "x"}\n')
            process.stdin.flush()
            time.sleep(0.2)
            with suppress(BlockingIOError):
                heard += os.read(terminal, 1000)
        process.stdin.close()
        assert process.wait(PATIENCE_S) == 0
    os.close(terminal)
    assert re.search(rb"\d+ lines", heard)


def test_the_page_tells_the_truth(tmp_path: Path) -> None:
    """The example of the page, run: what it shows is what comes, shortened."""
    page = (ROOT / "docs" / "reference" / "score.md").read_text()
    given = re.findall(r"'(\{[^']*\}|oops)'", page)
    shown = answers(re.findall(r"```json\n(.*?)```", page, re.DOTALL)[0])
    ran = run(tmp_path, given="\n".join(given) + "\n")
    assert ran.returncode == 3
    for short, whole in zip(shown, answers(ran.stdout), strict=True):
        assert list(short) == list(whole)
        assert [short.get(key) for key in ("id", "queue", "error", "line")] == [
            whole.get(key) for key in ("id", "queue", "error", "line")
        ]
        for small, large in zip(short.get("findings", []), whole.get("findings", []), strict=False):
            assert (small["category"], small["grade"]) == (large["category"], large["grade"])
            assert {key for span in small["spans"] for key in span} == {key for span in large["spans"] for key in span}
    for name in FINDING:
        assert f"`{name}`" in page
