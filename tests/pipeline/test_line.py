"""The line with real parts: connector, detector, database; from a file, from a network on loopback."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.pipeline.soak import HARMLESS, SUSPICIOUS
from tests.servers.jetstream import Jetstream, commit_event, post_event
from yoake.casework.cases.models import Case, Post, PostVersion
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import system
from yoake.casework.sources.actions import add_source, take_lease
from yoake.casework.sources.models import HourCount, NgramCount, Skipped, Source
from yoake.errors import BadInput, Refused, TryLater
from yoake.pipeline.line import Progress, patrol

pytestmark = pytest.mark.django_db(transaction=True)


def counts(source: Source) -> dict[str, int]:
    return {row.name: row.n for row in HourCount.objects.filter(source=source)}


def until(
    true: Callable[[Progress], bool], timeout_s: float = 20
) -> tuple[threading.Event, Callable[[Progress], None]]:
    """A stop event, and a `tell` that sets it once something holds; after the time-out the patrol stops anyway."""
    stop, began = threading.Event(), time.monotonic()

    def tell(progress: Progress) -> None:
        if true(progress) or time.monotonic() - began > timeout_s:
            stop.set()

    return stop, tell


def jsonl(police: Organisation, path: Path, **options: str) -> Source:
    return add_source(system("command"), police, "jsonl", name=path.stem, options={"path": str(path), **options})


def bluesky(police: Organisation, server: Jetstream, connector: str = "bluesky_jetstream") -> Source:
    options = {"endpoints": server.url} if connector == "bluesky_jetstream" else {}
    return add_source(system("command"), police, connector, name="net", options=options)


def write(path: Path, rows: list[object]) -> Path:
    path.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows))
    return path


BAD_LINES: list[tuple[bytes, str, bool]] = [
    (b'{"id": "1", "text": ', "not_json", False),
    (b'{"text": "a"}', "no_id", False),
    (b'{"id": "3"}', "no_text", False),
    (b'{"id": "4", "text": "\xff\xfe"}', "not_utf8", False),
    (b'{"id": "5", "text": "a\\u0000b"}', "replaced", True),
    (b'{"id": "6", "text": "\\ud800"}', "replaced", True),
    (b'{"id": "7", "text": "a", "posted_at": "2199-01-01T00:00:00Z"}', "future_time", True),
    (b"[1, 2]", "", False),
    (b'{"id": "9", "text": "' + b"a" * 1_000_000 + b'"}', "too_long", True),
]


def test_bad_lines_are_counted_named_and_stop_nothing(police: Organisation, tmp_path: Path) -> None:
    good = json.dumps({"id": "good", "text": SUSPICIOUS.format(1)}).encode()
    file = tmp_path / "bad.jsonl"
    file.write_bytes(b"\n".join([*(line for line, _reason, _kept in BAD_LINES), good]) + b"\n")
    source = jsonl(police, file)
    patrol(source, threading.Event(), until_end=True)
    assert Post.objects.get().native_id == "good"
    skipped = {s.where: (s.reason, s.kept) for s in Skipped.objects.all()}
    assert len(skipped) == len(BAD_LINES), "each is named with its line"
    for n, (_line, _reason, kept) in enumerate(BAD_LINES, 1):
        (told,) = [
            v
            for where, v in skipped.items()
            if where.startswith(f"line {n}") and not where[len(f"line {n}") :][:1].isdigit()
        ]
        assert told[1] == kept, (n, told)
    n_skipped = sum(n for name, n in counts(source).items() if name.startswith("skipped:"))
    assert n_skipped == len(BAD_LINES)
    assert counts(source)["posts"] == 1 + sum(kept for _line, _reason, kept in BAD_LINES)


def test_reading_a_file_twice_goes_on_where_it_ended(police: Organisation, tmp_path: Path) -> None:
    file = write(tmp_path / "grow.jsonl", [{"id": n, "text": SUSPICIOUS.format(n)} for n in range(3)])
    source = jsonl(police, file)
    patrol(source, threading.Event(), until_end=True)
    with file.open("a") as more:
        more.write(json.dumps({"id": 3, "text": SUSPICIOUS.format(3)}) + "\n")
    patrol(source, threading.Event(), until_end=True)
    assert counts(source) == {"posts": 4, "queued": 4}


def test_interrupted_anywhere_equals_one_run(police: Organisation, tmp_path: Path) -> None:
    rows: list[object] = [{"id": n, "text": SUSPICIOUS.format(n) if n % 3 == 0 else HARMLESS[n % 5]} for n in range(40)]
    whole = jsonl(police, write(tmp_path / "whole.jsonl", rows), page_posts="7")
    patrol(whole, threading.Event(), until_end=True)
    pieces = jsonl(police, write(tmp_path / "pieces.jsonl", rows), page_posts="7")
    for _piece in range(20):
        stop, tell = until(lambda progress: progress.pages >= 1)
        patrol(pieces, stop, tell=tell)
    assert counts(pieces)["posts"] == counts(whole)["posts"] == 40
    assert Case.objects.filter(source=pieces).count() == Case.objects.filter(source=whole).count() == 14


def test_engines_agree(police: Organisation, tmp_path: Path) -> None:
    rows: list[object] = [
        {"id": n, "text": SUSPICIOUS.format(n) if n % 10 == 0 else HARMLESS[n % 5], "platform": "p"} for n in range(300)
    ]
    found = {}
    for engine in ("inline", "processes"):
        source = jsonl(police, write(tmp_path / f"{engine}.jsonl", rows), page_posts="20")
        patrol(source, threading.Event(), engine=engine, until_end=True)
        found[engine] = counts(source)
    assert found["inline"]["posts"] == found["processes"]["posts"] == 300
    assert found["inline"]["queued"] == found["processes"]["queued"] == 30


def test_background_is_counted_without_text(police: Organisation, tmp_path: Path) -> None:
    source = jsonl(police, write(tmp_path / "a.jsonl", [{"id": 1, "text": "今日は寒い"}]))
    patrol(source, threading.Event(), until_end=True)
    assert any(bytes(NgramCount.objects.get().buckets))
    assert not PostVersion.objects.exists()


def test_a_second_patrol_is_refused_and_changes_nothing(police: Organisation, tmp_path: Path) -> None:
    source = jsonl(police, write(tmp_path / "a.jsonl", [{"id": 1, "text": "x"}]))
    token = take_lease(source)
    with pytest.raises(Refused, match="already being patrolled"):
        patrol(source, threading.Event())
    source.refresh_from_db()
    assert (source.lease_token, source.state) == (token, Source.State.RUNNING)


def test_a_file_that_is_not_there_pauses_the_source_and_says_so(police: Organisation, tmp_path: Path) -> None:
    source = jsonl(police, tmp_path / "missing.jsonl")
    with pytest.raises((Refused, BadInput), match=r"missing\.jsonl"):
        patrol(source, threading.Event(), until_end=True)
    source.refresh_from_db()
    assert source.state == Source.State.PAUSED
    assert "missing.jsonl" in source.problem


# --- a network on loopback ------------------------------------------------------------------------------------------


def event(n: int, text: str = "", operation: str = "create") -> dict[str, object]:
    return post_event("did:plc:a", f"r{n}", text or SUSPICIOUS.format(n), operation=operation)


def test_posts_edits_and_deletes_of_a_live_network(police: Organisation) -> None:
    with Jetstream() as server:
        source = bluesky(police, server)
        Source.objects.filter(pk=source.pk).update(cursor="1")
        server.push_many(
            [
                event(1),
                event(2, HARMLESS[0]),
                event(1, SUSPICIOUS.format(1) + " 書き直し", "update"),
                event(3),
                commit_event("did:plc:a", "r3", None),
                {"did": "did:plc:a", "kind": "surprise"},
            ]
        )
        server.push(event(4))
        stop, tell = until(lambda progress: progress.opened >= 3)
        patrol(source, stop, tell=tell)
    assert Post.objects.count() == 3
    edited = Post.objects.get(native_id__endswith="r1")
    assert edited.current is not None
    assert edited.current.text.endswith("書き直し")
    assert Post.objects.get(native_id__endswith="r3").gone_state == "deleted_by_author"


def test_garbage_and_a_closing_server_stop_nothing(police: Organisation) -> None:
    with Jetstream() as server:
        source = bluesky(police, server)
        Source.objects.filter(pk=source.pk).update(cursor="1")
        server.push(event(1))

        def trouble() -> None:
            server.wait_for_clients()
            server.inject("not json at all {")
            server.inject(b"\x00\xff binary")
            server.drop_connections()
            server.stop()
            time.sleep(1.5)  # down for a while: the patrol waits with growing pauses
            server.start()
            server.push(event(2))

        troubled = threading.Thread(target=trouble)
        troubled.start()
        stop, tell = until(lambda progress: progress.opened >= 2, timeout_s=40)
        progress = patrol(source, stop, tell=tell)
        troubled.join()
    assert Case.objects.count() == 2
    assert progress.problem == ""
    assert sum(n for name, n in counts(source).items() if name.startswith("skipped:")) >= 2
    source.refresh_from_db()
    assert source.failures == 0


def test_no_network_is_said_in_one_sentence_within_five_seconds(police: Organisation) -> None:
    server = Jetstream()  # never started: nothing listens there
    source = bluesky(police, server)
    began = time.monotonic()
    stop, tell = until(lambda progress: bool(progress.problem))
    progress = patrol(source, stop, tell=tell)
    assert time.monotonic() - began < 5
    assert "127.0.0.1" in progress.problem
    with pytest.raises(TryLater):
        patrol(source, threading.Event(), until_end=True)


def test_stopping_is_prompt_while_a_network_is_silent(police: Organisation) -> None:
    with Jetstream() as server:
        source = bluesky(police, server)
        stop = threading.Event()
        threading.Timer(1.5, stop.set).start()
        began = time.monotonic()
        patrol(source, stop)
        assert time.monotonic() - began < 4
    source.refresh_from_db()
    assert (source.state, source.lease_token) == (Source.State.STOPPED, "")


def test_the_pool_ends_with_a_patrol_that_was_killed(tmp_path: Path) -> None:
    code = (
        "import os, time\n"
        "from yoake.collect.connector import Page\n"
        "from yoake.pipeline.engines.processes import Processes\n"
        "from yoake.detect import serving\n"
        "def pages():\n"
        "    while True:\n"
        "        yield Page()\n"
        "        time.sleep(0.05)\n"
        "if __name__ == '__main__':\n"
        "    for _ in Processes(2).run(serving.load, pages()):\n"
        "        print('judged', flush=True)\n"
    )
    script = tmp_path / "run.py"
    script.write_text(code)
    patrol_process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE)
    assert patrol_process.stdout is not None
    patrol_process.stdout.readline()
    children = psutil.Process(patrol_process.pid).children(recursive=True)
    assert children
    patrol_process.kill()
    patrol_process.communicate()
    _gone, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []
