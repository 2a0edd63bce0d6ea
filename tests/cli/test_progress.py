"""The progress line: only on a terminal, at most four times a second, never wider than it."""

from __future__ import annotations

import io

import pytest

from yoake.cli.progress import ProgressLine


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_nothing_where_nobody_looks() -> None:
    file = io.StringIO()
    line = ProgressLine(file)
    line.show("half way")
    line.clear()
    assert file.getvalue() == ""


def test_overwrites_itself_and_is_not_shown_too_often(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("yoake.cli.progress.time.monotonic", lambda: clock[0])
    terminal = Terminal()
    line = ProgressLine(terminal)
    for step in range(100):  # ten seconds
        line.show(f"step {step}")
        clock[0] += 0.1
    assert 30 <= terminal.getvalue().count("\r") <= 41
    assert "\n" not in terminal.getvalue()
    line.clear()
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_full_width_characters_take_two_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "11")
    terminal = Terminal()
    ProgressLine(terminal).show("投稿を読み込んでいます")
    assert terminal.getvalue() == "\r投稿を読み\x1b[K"


def test_a_terminal_that_is_gone_does_not_stop_the_work() -> None:
    class Gone(Terminal):
        def write(self, text: str) -> int:
            raise OSError(5, "Input/output error")

    line = ProgressLine(Gone())
    line.show("half way")
    assert not line.shown
