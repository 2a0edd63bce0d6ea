"""One table of faults over the whole shelf: what goes wrong outside costs time, never a post, and is never guessed about.

A connector joins it with an entry in shelf_worlds.py.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from tests.collect.loopback import NOON, Clock, ClockNet, posts
from tests.collect.shelf_worlds import FILES, TEXTS, WORLDS, FileWorld, World
from tests.servers.faults import FAULTS, Line
from yoake import shelf
from yoake.collect import connectors
from yoake.collect.connector import Connector, Page
from yoake.errors import Refused, TryLater

MANY_PAGES = 400  # more than any world needs; a reading that never brings it ends there,
LONGEST_S = 20.0  # or, where a page takes a second, then
WAIT_S = 60.0  # so long a wait lasts on the test's clock, whatever was asked
STREAMS_CANNOT = ("half a page",)  # a stream has no length
NEEDS_A_PERSON = ("401",)


@dataclass
class Run:
    """What a patrol saw."""

    pages: list[Page] = field(default_factory=list)
    troubles: list[TryLater] = field(default_factory=list)
    refused: Refused | None = None
    cursor: str | None = None

    @property
    def texts(self) -> list[str]:
        return [row["text"] for row in posts(self.pages)]

    @property
    def versions(self) -> set[tuple[str, str]]:
        return {(row["uid"], row["content_hash"]) for row in posts(self.pages)}


def make(world: World, name: str = "") -> Connector:
    connector: Connector = shelf.take(connectors, name or world.name)()
    return connector


def options_of(connector: Connector, told: Mapping[str, Any]) -> Any:
    return connector.Options(**told)


def patrol(
    world: World, line: Line, cursor: str | None = None, *, want: set[str] | None = None, clock: Clock | None = None
) -> Run:
    """Reads as a patrol does: goes on at its cursor after trouble, ends when everything wanted is there."""
    connector, run, clock, began = make(world), Run(cursor=cursor), clock or Clock(), time.monotonic()
    wanted = set(world.texts) if want is None else want
    for _ in range(5):
        net = ClockNet(clock, wait_s=WAIT_S)
        try:
            with closing(connector.pages(options_of(connector, world.options(line.address)), run.cursor, net)) as pages:
                for page in islice(pages, MANY_PAGES):
                    run.pages.append(page)
                    run.cursor = page.cursor if page.cursor is not None else run.cursor
                    if (wanted and wanted <= set(run.texts)) or time.monotonic() - began > LONGEST_S:
                        return run
            break
        except TryLater as trouble:
            run.troubles.append(trouble)
            line.heal()
        except Refused as refused:
            run.refused = refused
            break
    return run


def begin(world: World) -> str | None:
    """Where a first reading begins: nowhere, or for a live network where the test's posts begin."""
    first = getattr(world, "first_cursor", None)
    return first() if first is not None else None


@contextmanager
def running(kind: type[World]) -> Iterator[tuple[World, Line]]:
    world = kind()
    with Line() as line, world.run(line.address) as port:
        line.target = port
        yield world, line


@pytest.fixture(params=WORLDS, ids=lambda kind: kind.name)
def served(request: pytest.FixtureRequest) -> Iterator[tuple[World, Line]]:
    with running(request.param) as found:
        yield found


@pytest.mark.parametrize("fault", FAULTS)
def test_what_goes_wrong_costs_time_and_no_post(served: tuple[World, Line], fault: str) -> None:
    world, line = served
    if fault in world.blind_to or (world.stream and fault in STREAMS_CANNOT):
        return
    line.set(FAULTS[fault]())
    run = patrol(world, line, begin(world))
    assert line.struck == 1, "the fault met nobody"
    assert not set(run.texts) - set(world.texts), "something was made up"
    if run.refused is not None:  # a person must act; for a stream also where something else than a stream answers
        assert fault in NEEDS_A_PERSON or (world.stream and "where data was due" in fault)
        assert "127.0.0.1" in str(run.refused)
        line.heal()
        run = patrol(world, line, run.cursor or begin(world))
    else:
        assert fault not in NEEDS_A_PERSON
        assert run.troubles or world.stream  # a stream may just connect again
    assert set(run.texts) == set(world.texts)
    for trouble in run.troubles:
        assert 0 < trouble.after_s <= 86_400
        if "7 s" in fault or "until a time" in fault:
            assert trouble.after_s >= 7 or "503" in fault


@pytest.mark.parametrize("fault", FAULTS)
def test_one_of_many_answers_goes_wrong(fault: str) -> None:
    """A page among others that fails once is asked for again before the round ends."""
    for kind in WORLDS:
        if not kind.later or fault in ("refused", "half a page", "HTML where data was due"):
            continue  # half a page that says it is whole, and an error page that says it is the page, nobody can tell
        with running(kind) as (world, line):
            line.set(FAULTS[fault](), after=kind.later)
            run = patrol(world, line, begin(world))
            assert line.struck == 1
            assert (set(run.texts), run.refused) == (set(world.texts), None)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_check_under_a_fault_says_that_nothing_is_known(served: tuple[World, Line], fault: str) -> None:
    world, line = served
    ref = world.ref(line.address)
    if not ref or fault in world.blind_to:
        return
    connector = make(world)
    options = options_of(connector, world.options(line.address))
    line.set(FAULTS[fault]())
    (found,) = connector.check([ref], options, ClockNet(Clock()))
    struck = line.struck or fault == "refused"
    line.heal()
    assert struck
    if fault in ("half a page", "HTML where data was due", "nothing where data was due"):
        assert found.state not in ("removed", "deleted_by_author", "removed_by_provider", "account_suspended")
    else:
        assert found.state == (world.denied if fault == "401" else found.state)
        assert found.state in ("unreachable", "unchecked", "private")
        assert found.note
    (healthy,) = connector.check([ref], options, ClockNet(Clock()))
    assert healthy.state == "up"


def test_what_nobody_knows_yet_harms_nothing(served: tuple[World, Line]) -> None:
    world, line = served
    world.odd()
    run = patrol(world, line, begin(world))
    assert set(run.texts) >= {text for text in world.texts if text in TEXTS} or run.texts == world.texts
    assert (run.troubles, run.refused) == ([], None)
    assert len(set(run.texts)) == len(world.texts)


def test_what_comes_twice_and_in_another_order_is_the_same(served: tuple[World, Line]) -> None:
    world, line = served
    if type(world).again is World.again:
        return  # one page has no order
    clock = Clock()
    first = patrol(world, line, begin(world), clock=clock)
    world.again()
    clock.at += timedelta(days=1)
    second = patrol(world, line, first.cursor, want={world.texts[-1]}, clock=clock)
    late = {version for version in second.versions if version not in first.versions}
    assert world.texts[-1] in second.texts
    assert len(late) == 1, "an old post became a new version"


def test_a_cursor_the_server_no_longer_knows(served: tuple[World, Line]) -> None:
    world, line = served
    if type(world).lost_cursor is World.lost_cursor:
        return  # its cursor means nothing to the server
    run = patrol(world, line, world.lost_cursor())
    assert (set(run.texts), run.troubles, run.refused) == (set(world.texts), [], None)


@pytest.mark.parametrize("days", [-400, -1, 1, 400], ids=lambda days: f"{days:+} days")
def test_a_clock_that_is_wrong(served: tuple[World, Line], days: int) -> None:
    """Ours or theirs: every post comes, and no time is kept that lies ahead."""
    world, line = served
    clock = Clock(NOON + timedelta(days=days))
    run = patrol(world, line, begin(world), clock=clock)
    if world.name != "job_posting" or days < 400:  # what was changed more than `days` ago is not dug up, by our clock
        assert set(run.texts) == set(world.texts)
    for row in posts(run.pages):
        assert row["posted_at"] is None or row["posted_at"] <= clock.at + timedelta(minutes=10)


def test_resuming_at_any_point_equals_one_uninterrupted_run(served: tuple[World, Line]) -> None:
    world, line = served
    whole = patrol(world, line, begin(world))
    assert set(whole.texts) == set(world.texts)
    for cut in range(1, len(whole.pages)):
        before = whole.pages[:cut]
        missing = set(world.texts) - {row["text"] for row in posts(before)}
        cursor = next((page.cursor for page in reversed(before) if page.cursor is not None), begin(world))
        if not missing:
            continue
        rest = patrol(world, line, cursor, want=missing)
        both = posts(before) + posts(rest.pages)
        assert {(row["uid"], row["content_hash"]) for row in both} == whole.versions


@pytest.mark.parametrize("name", FILES)
def test_files(name: str, tmp_path: Path) -> None:
    """Resuming anywhere is reading once, exactly; columns that nobody knows yet harm nothing."""
    world = FileWorld(name, tmp_path)
    connector = make(world, name)
    options = options_of(connector, world.options(""))
    whole = list(connector.pages(options, None, ClockNet(Clock())))
    assert [row["text"] for row in posts(whole)] == world.texts
    for cut in range(1, len(whole) + 1):
        rest = list(connector.pages(options, whole[cut - 1].cursor, ClockNet(Clock())))
        assert posts(whole[:cut]) + posts(rest) == posts(whole)
    world.odd()
    assert [row["text"] for row in posts(list(connector.pages(options, None, ClockNet(Clock()))))] == world.texts


ELSEWHERE = {
    "practice": "asks nobody",
    "bluesky_firehose": "test_bluesky_firehose.py, against a real server",
    "bluesky_search": "its own tests",
    "mastodon": "test_mastodon.py",
    "misskey": "test_misskey.py",
    "nostr": "test_nostr.py",
    "threads": "its own tests",
    "x_search": "its own tests",
    "x_stream": "its own tests",
}  # connectors that have no world here, and where their faults are met instead


def test_every_connector_of_the_shelf_meets_its_faults_somewhere() -> None:
    covered = {kind.name for kind in WORLDS} | set(FILES)
    own = {path.stem for path in Path(connectors.__path__[0]).glob("*.py") if not path.stem.startswith("_")}
    assert covered <= own
    assert not own - covered - set(ELSEWHERE), "give it a world in shelf_worlds.py"
    assert len(covered) == len(WORLDS) + len(FILES)
