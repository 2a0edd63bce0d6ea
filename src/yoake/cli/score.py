from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Generator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import orjson

from yoake.cli.ground.overlay import models_folder, overlay_folder
from yoake.cli.progress import ProgressLine
from yoake.cli.words import _
from yoake.collect.lines import REASONS, Line, LineReader, opened, read_line
from yoake.errors import BadInput
from yoake.tables.findings import public, queued
from yoake.tables.posts import posts_batch

__all__ = ["score"]

_BATCH_LINES = 1000
_BATCH_S = 0.5  # the first answer comes soon, also from a slow pipe
_QUIET_S = 2.0  # a terminal hears of what takes longer
_SOME_REFUSED = 3
_NETWORK = "file:score"


@click.command(
    short_help=_("Judge posts from JSON lines, without storing anything."),
    help=_(
        "Judges posts from FILE, or from standard input when FILE is - or left out: one JSON object a line with the"
        ' fields "id" and "text". Prints one JSON object for each line, in the same order, and stores nothing. Lines'
        " that cannot be read are answered with an error; the exit code is then 3."
    ),
)
@click.argument("file", default="-", metavar="[FILE|-]")
@click.option(
    "--model",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help=_("Folder of the model to judge with; the one in service when left out."),
)
def score(file: str, model: Path | None) -> None:
    """Judge posts from JSON lines (docs/reference/score.md)."""
    if file != "-" and not Path(file).is_file() and not Path(file).is_fifo():
        raise BadInput("FILE", file, "a file of JSON lines, or - for standard input")
    # Loading takes a moment, so it comes after what can be refused at once.
    from yoake.detect import serving

    if model is not None:
        detector = serving.load(model, overlay_folder())
    else:
        detector = serving.in_service(models_folder(), overlay_folder())
    refused = 0
    line, began, done = ProgressLine(), time.monotonic(), 0
    try:
        with closing(_batches(file)) as batches:
            for first, lines in batches:
                answers = _answers(lines, first, detector.judge)
                refused += sum("error" in answer for answer in answers)
                _print(answers)
                done += len(lines)
                if time.monotonic() - began > _QUIET_S:
                    line.show(_("%d lines") % done)
    except BrokenPipeError:  # whoever read us (head) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    finally:
        line.clear()
    if refused:
        click.echo(_("Lines that could not be read: %d; their answers say why.") % refused, err=True)
        sys.exit(_SOME_REFUSED)


def _batches(file: str) -> Generator[tuple[int, list[bytes | None]], None, None]:
    """Lines in order, with the number of the first (from 1), blank ones included."""
    number = 1
    with LineReader(lambda: opened(file)) as reader:
        while not reader.ended:
            try:
                lines = reader.batch(_BATCH_LINES, _BATCH_S)
            except OSError as error:
                raise BadInput("FILE", file, f"a file that can be read ({error.strerror})") from None
            if reader.ended and reader.rest != b"":
                lines = [*lines, reader.rest]  # a last line without a line break is a line
            if lines:
                yield number, lines
            number += len(lines)


def _answers(lines: list[bytes | None], first: int, judge: Callable[[Any], Any]) -> list[dict[str, Any]]:
    now = datetime.now(UTC)
    read = [(number, read_line(raw, now)) for number, raw in enumerate(lines, first) if raw is None or raw.strip()]
    rows = [{**line.post, "network": _NETWORK, "seen_at": now} for _number, line in read if line.post is not None]
    findings: list[list[dict[str, Any]]] = [[] for _row in rows]
    if rows:
        for finding in judge(posts_batch(rows)).to_pylist():
            findings[finding["row"]].append(finding)
    of_post = iter(findings)
    return [_refusal(line, number) if line.post is None else _verdict(line, next(of_post)) for number, line in read]


def _verdict(line: Line, findings: list[dict[str, Any]]) -> dict[str, Any]:
    return {"id": line.id, "findings": [public(f) for f in findings], "queue": any(queued(f) for f in findings)}


def _refusal(line: Line, number: int) -> dict[str, Any]:
    error = "the line reports a removal, which is not a post" if line.removed else REASONS[line.reason]
    return {"id": line.id, "line": number, "error": error}


def _print(answers: list[dict[str, Any]]) -> None:
    out = b"".join(orjson.dumps(answer, option=orjson.OPT_APPEND_NEWLINE) for answer in answers)
    sys.stdout.buffer.write(out)
    sys.stdout.buffer.flush()
