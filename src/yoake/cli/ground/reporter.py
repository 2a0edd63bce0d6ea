"""Says how the patrols of a process go: each change of a source's state once, and now and then what came in."""

from __future__ import annotations

import os
import threading
import time

import click
from django.db import InterfaceError, OperationalError, close_old_connections, connection
from django.utils import timezone

from yoake.casework.sources.actions import lacks_permission
from yoake.casework.sources.models import Source
from yoake.casework.sources.queries import restriction_of
from yoake.cli.progress import ProgressLine
from yoake.cli.words import LANGUAGE, _
from yoake.pipeline.line import Progress
from yoake.pipeline.patrol import Patrols

LOOKED_EVERY_S = 0.5
PATIENT_S = 4.0  # after this, silence itself is worth a line: a person is told within five seconds
SUMMARY_AFTER_S = 60.0  # the first one; then every ten minutes
SUMMARY_EVERY_S = 600.0
_DATABASE, _SOURCES = "\0database", "\0sources"  # what is no source, beside the names of sources


class Reporter:
    """Watches the rows of the sources, because they say the same to everybody."""

    def __init__(self, patrols: Patrols, line: ProgressLine, *, to_stderr: bool) -> None:
        self.patrols, self.line, self.to_stderr = patrols, line, to_stderr
        self._said: dict[str, str] = {}  # by source: the state that was said last
        self._began = time.monotonic()
        self._summary_at = time.monotonic() + SUMMARY_AFTER_S

    def watch(self, done: threading.Event) -> None:
        """Until `done` is set."""
        try:
            while not done.wait(LOOKED_EVERY_S):
                try:
                    self._look()
                    self._said.pop(_DATABASE, None)
                except (OperationalError, InterfaceError) as problem:
                    self._say_once(
                        _DATABASE,
                        "away",
                        _("the database does not answer ({problem}); trying again").format(problem=problem),
                    )
                    close_old_connections()
        finally:
            connection.close()

    def _look(self) -> None:
        sources = list(Source.objects.filter(enabled=True).order_by("pk"))
        for source in sources:
            self._look_at(source)
        for source in Source.objects.filter(enabled=False).order_by("pk"):
            if lacks_permission(source.organisation_id, source.connector):
                self._say_once(source.name, "not permitted", not_permitted(source))
        if sources:
            self._said.pop(_SOURCES, None)
        else:
            self._say_once(
                _SOURCES,
                "none",
                _("there is no source to watch; add one, for example with: yoake patrol bluesky_jetstream"),
            )
        if self.line.due:
            self.line.show(self._totals())
        if not self.line.shown and time.monotonic() >= self._summary_at:
            self._summary_at = time.monotonic() + SUMMARY_EVERY_S
            self._say(self._totals())

    def _look_at(self, source: Source) -> None:
        progress = self.patrols.progress.get(source.pk)
        name = source.name
        if source.state == Source.State.WAITING:
            self._say_once(
                name, "waiting", _("{source} is waiting: {problem}").format(source=name, problem=source.problem)
            )
        elif source.state == Source.State.PAUSED:
            self._say_once(
                name,
                "paused",
                _("{source} is paused, a person must act: {problem}").format(source=name, problem=source.problem),
            )
        elif progress is not None and progress.ended:
            self._say_once(
                name,
                "ended",
                _("{source} was read to its end ({posts:,} posts)").format(source=name, posts=progress.posts),
            )
        elif progress is not None and progress.pages and not progress.problem:
            self._say_once(name, "running", _("{source} is being read").format(source=name))
        elif source.lease_holder and f" {os.getpid()} " not in source.lease_holder:
            self._say_once(
                name,
                "held",
                _("{source} is watched by another patrol ({holder})").format(source=name, holder=source.lease_holder),
            )
        elif source.practice or progress is not None or name in self._said:
            pass  # said already, or nothing outside to wait for
        elif time.monotonic() - self._began > PATIENT_S:
            self._say_once(name, "silent", _("{source} has not answered yet; still trying").format(source=name))

    def _say_once(self, name: str, state: str, what: str) -> None:
        if self._said.get(name) != state:
            self._said[name] = state
            self._say(what)

    def _say(self, what: str) -> None:
        self.line.clear()
        click.echo(what, err=self.to_stderr)

    def _totals(self) -> str:
        told = [
            _("{source} {posts:,} posts ({rate:,.1f}/s), {queued:,} queued, {skipped:,} skipped, {lag}").format(
                source=progress.source,
                posts=progress.posts,
                rate=progress.posts / max(time.monotonic() - progress.started, 0.001),
                queued=progress.counts["queued"],
                skipped=skipped_of(progress),
                lag=lag_text(progress),
            )
            for progress in list(self.patrols.progress.values())
        ]
        return " | ".join(told) or _("nothing came in yet")


def skipped_of(progress: Progress) -> int:
    """How many things could not be read as they were."""
    return sum(n for name, n in progress.counts.items() if name.startswith("skipped:"))


def lag_text(progress: Progress) -> str:
    """How far behind the network's own time the newest thing read is; of a file, which is never live, how far it is read."""
    if not progress.live:
        return _("{pages:,} pages read").format(pages=progress.pages)
    if progress.seen_until is None:
        return _("nothing read yet")
    behind_s = max(0.0, (timezone.now() - progress.seen_until).total_seconds())
    if behind_s < 120:
        return _("{seconds:.0f} s behind live").format(seconds=behind_s)
    if behind_s < 7200:
        return _("{minutes:.0f} min behind live").format(minutes=behind_s / 60)
    return _("{hours:.0f} h behind live").format(hours=behind_s / 3600)


def not_permitted(source: Source) -> str:
    """Why a source stays off, in the language of the terminal."""
    told = restriction_of(source.connector)
    return _(
        "{source} stays off until an administrator records on its page that the service permits this: {why}"
    ).format(source=source.name, why=told.get(LANGUAGE) or told.get("en", ""))
