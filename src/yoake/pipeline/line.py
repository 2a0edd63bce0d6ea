"""One source, from its connector to the database, until it ends or is asked to stop."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import OperationalError, close_old_connections
from django.utils import timezone

from yoake import shelf
from yoake.casework.cases.actions import serving_detector
from yoake.casework.cases.categories import TOKYO
from yoake.casework.cases.intake import intake, read_something
from yoake.casework.quality.intake import Watch
from yoake.casework.sources.actions import (
    LeaseLost,
    add_ngram_counts,
    keep_lease,
    must_be_permitted,
    release_lease,
    say_state,
    take_again,
    take_lease,
)
from yoake.casework.sources.models import Source
from yoake.collect import connectors
from yoake.collect.connector import Connector, Page
from yoake.detect.background import NgramCounts
from yoake.errors import BadInput, Refused, TryLater
from yoake.pipeline import engines
from yoake.pipeline.engine import Engine
from yoake.pipeline.outside import outside
from yoake.pipeline.searching import searching

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 300.0
PERMITTED_EVERY_S = 5.0
LOOKED_EVERY_S = 5.0  # while it waits: whether people changed the settings
BACKGROUND_EVERY_S = 60.0  # a killed patrol loses at most this much of the n-gram background, never a post


@dataclass
class Progress:
    """What the patrol of one source has done since it started; read by the progress line from another thread."""

    source: str
    started: float = field(default_factory=time.monotonic)
    pages: int = 0
    posts: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    opened: int = 0
    seen_until: datetime | None = None
    problem: str = ""
    ended: bool = False
    options: dict[str, Any] = field(default_factory=dict)  # the settings it was read with
    live: bool = True  # False: a file, which has no "behind live"


def patrol(
    source: Source,
    stop: threading.Event,
    *,
    engine: str = "",
    until_end: bool = False,
    tell: Callable[[Progress], None] = lambda progress: None,
) -> Progress:
    """Patrols one source until it ends (a file), `stop` is set, or a person must act.

    The other side may be away for hours: the patrol waits with growing pauses and goes on at its cursor. When people change
    the source's settings, it goes on with the new ones.

    Args:
        source: the row to patrol; its lease is taken first.
        stop: set it to end after the page at hand.
        engine: name on the shelf of engines; the deployment's setting when empty.
        until_end: give up at the first problem instead of waiting (raises it).
        tell: called after each page.

    Raises:
        Refused: another patrol holds the source, or a person must act (the source is then paused and says why); so it
            is too while the permission of a restricted service is not recorded.
    """
    token = take_lease(source)
    progress, background, watch = Progress(source.name), _Background(source), Watch(source)
    pause_s = FIRST_PAUSE_S
    try:
        connector: Connector = shelf.take(connectors, source.connector)()
        progress.live = bool(connector.live)
        carry: Engine = shelf.take(engines, engine or settings.ENVIRONMENT.engine)()
        while not stop.is_set():
            try:
                source.refresh_from_db()
                progress.options = dict(source.options)
                must_be_permitted(source)
                options = options_of(connector, source)
                asked = searching(source, connector)
                net = outside(stop)
                with (
                    closing(
                        asked.pages(options, net) if asked else connector.pages(options, source.cursor, net)
                    ) as pages,
                    closing(carry.run(serving_detector, _while(pages, stop, source))) as judged,
                ):
                    for page, findings in judged:
                        taken = asked.take(token, page, findings) if asked else intake(source, token, page, findings)
                        if read_something(page):  # a server that only accepts and closes is met with growing pauses
                            pause_s = FIRST_PAUSE_S
                        background.add(page)
                        watch.add(page, findings)
                        _count(progress, page, taken.posts, taken.counts, len(taken.opened))
                        tell(progress)
                        if stop.is_set():
                            break
                if not connector.live or stop.is_set():
                    break
            except LeaseLost:
                token, pause_s = _again(source, token), FIRST_PAUSE_S
            except (TryLater, OperationalError) as problem:
                if until_end:
                    raise
                after_s = problem.after_s if isinstance(problem, TryLater) else 0.0
                wait_s = max(pause_s, after_s) * random.uniform(0.8, 1.2)  # noqa: S311 - spreads retries, no secret
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
                progress.problem = str(problem)
                _say_waiting(source, progress.problem, wait_s)
                tell(progress)
                try:
                    _wait(source, token, stop, wait_s)
                except LeaseLost:
                    token, pause_s = _again(source, token), FIRST_PAUSE_S
        progress.ended = not stop.is_set()
        say_state(source, Source.State.STOPPED)
    except LeaseLost:
        raise
    except (Refused, BadInput) as problem:
        say_state(source, Source.State.PAUSED, str(problem))
        raise
    finally:
        background.flush()
        watch.flush()
        release_lease(source, token)
    tell(progress)
    return progress


def options_of(connector: Connector, source: Source) -> Any:
    """The source's options as the connector's frozen dataclass; JSON has lists where it has tuples."""
    kept = {key: tuple(value) if isinstance(value, list) else value for key, value in source.options.items()}
    try:
        return connector.Options(**kept)
    except TypeError as error:
        raise BadInput(f"options of source {source.name}", source.options, str(error)) from None


def _while(pages: Iterator[Page], stop: threading.Event, source: Source) -> Iterator[Page]:
    looked = time.monotonic()
    for page in pages:
        yield page
        if time.monotonic() - looked > PERMITTED_EVERY_S:
            must_be_permitted(source)  # the permission may be withdrawn while the patrol runs
            looked = time.monotonic()
        if stop.is_set():
            return


def _count(progress: Progress, page: Page, posts: int, counts: Counter[str], opened: int) -> None:
    progress.pages += 1
    progress.posts += posts
    progress.counts.update(counts)
    progress.opened += opened
    progress.seen_until = page.seen_until or progress.seen_until
    progress.problem = ""


def _say_waiting(source: Source, problem: str, wait_s: float) -> None:
    try:
        say_state(source, Source.State.WAITING, problem, next_try_at=timezone.now() + timedelta(seconds=wait_s))
    except OperationalError:
        close_old_connections()  # the database itself is away: the next try opens a new connection


def _again(source: Source, token: str) -> str:
    """The lease, where it ended because the settings were changed; raises LeaseLost where it is another's now."""
    fresh = take_again(source, token)
    if fresh is None:
        raise LeaseLost(f"source {source.name} is no longer ours: it was removed or another patrol took it over")
    return fresh


def _wait(source: Source, token: str, stop: threading.Event, wait_s: float) -> None:
    """Waits, keeping the lease; ends early when asked to stop. Raises LeaseLost, also when the settings were changed."""
    until = time.monotonic() + wait_s
    while (left := until - time.monotonic()) > 0 and not stop.wait(min(left, LOOKED_EVERY_S)):
        try:
            keep_lease(source, token, timezone.now())
        except OperationalError:
            close_old_connections()


class _Background:
    """Hashed n-gram counts of everything read, written once a minute; what it holds is no text and cannot become one."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.counts, self.day, self.since = NgramCounts(), _today(), time.monotonic()

    def add(self, page: Page) -> None:
        if page.posts.num_rows and not self.source.practice:
            self.counts.add(page.posts)
        if time.monotonic() - self.since > BACKGROUND_EVERY_S or self.day != _today():
            self.flush()

    def flush(self) -> None:
        if self.counts.table.any() and Source.objects.filter(pk=self.source.pk).exists():
            add_ngram_counts(self.source, self.day, self.counts.table)
        self.counts, self.day, self.since = NgramCounts(), _today(), time.monotonic()


def _today() -> date:
    return timezone.now().astimezone(TOKYO).date()
