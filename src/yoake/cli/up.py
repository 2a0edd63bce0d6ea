from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import click

from yoake.cli.words import _

__all__ = ["up"]

CHILDREN = ("web", "worker", "patrol")
_COLOURS = {"web": "cyan", "worker": "magenta", "patrol": "green"}


@click.command(
    short_help=_("Start everything: pages, worker and patrol."),
    help=_(
        "Starts the pages, the worker and the patrol on this machine, and keeps them running until Ctrl-C. The first start"
        " makes the database and the first administrator, whose password is printed once. Settings come from the"
        " environment (YOAKE_PORT, YOAKE_DATA and others): see docs/reference/settings.md."
    ),
)
@click.option(
    "--prepare", is_flag=True, help=_("Only make or update the database and the first administrator, then end.")
)
def up(prepare: bool) -> None:
    """Prepares the data folder, then supervises web, worker and patrol until asked to stop."""
    from django.conf import settings

    from yoake.cli.ground.first_start import make_folders
    from yoake.cli.ground.only_one import only_one
    from yoake.cli.ground.ports import address_shown, must_be_free
    from yoake.cli.ground.stopping import stop_on_signals

    environment = settings.ENVIRONMENT
    environment.check_exposure()
    os.umask(0o077)  # what this group writes is its owner's only
    make_folders(environment.data)
    if not os.access(Path(__file__).parent, os.W_OK):  # installed by somebody else: compiled kernels are kept here then
        os.environ.setdefault("NUMBA_CACHE_DIR", str(environment.data / "run" / "compiled"))
    stop = threading.Event()
    with only_one(environment.data, address_shown()):
        if not prepare:
            must_be_free(environment.bind, environment.port)
        stop_on_signals(stop)
        voice = _Voice(stop)
        _prepare(voice)
        if not prepare and not stop.is_set():
            _run(voice, stop)


def _prepare(voice: _Voice) -> None:
    from yoake.cli.ground import first_start
    from yoake.cli.ground.setup import start_django, stop_again

    start_django()
    if count := first_start.migrate():
        voice.say("", _("database ready (migrations run: {count})").format(count=count))
    if count := stop_again():
        voice.say("", _("stopped again, after a restored backup had brought them back: {count}").format(count=count))
    specs = first_start.sources_to_seed()
    password = first_start.found()
    if password is not None:
        _show(voice, first_start.ADMINISTRATOR, password)
    if specs:
        first_start.seed(specs)
        voice.say("", _("sources: {names}").format(names=", ".join(spec.name for spec in specs)))


def _run(voice: _Voice, stop: threading.Event) -> None:
    from yoake.cli.ground.ports import address_shown
    from yoake.cli.ground.supervisor import Supervisor

    began = time.monotonic()
    group = Supervisor(CHILDREN, stop, voice.say)
    try:
        group.start()
        voice.say("", _("starting {names} ...").format(names=", ".join(CHILDREN)))
        ready = threading.Thread(target=_say_ready, args=(voice, stop, began), name="waits for the pages", daemon=True)
        ready.start()
        group.watch()
        voice.say("", _("stopping ..."))
    finally:
        group.end()
    voice.say("", _("stopped; the next start goes on where this one ended ({address})").format(address=address_shown()))


def _say_ready(voice: _Voice, stop: threading.Event, began: float) -> None:
    from yoake.cli.ground.ports import address_shown, answers

    while not answers():
        if stop.wait(0.1):
            return
    if stop.is_set():
        return
    voice.say(
        "",
        _("ready after {seconds:.1f} s: open {address} (Ctrl-C ends everything)").format(
            seconds=time.monotonic() - began, address=address_shown()
        ),
    )


def _show(voice: _Voice, username: str, password: str) -> None:
    """The one time the first password is shown: once in a frame for people, once plainly for copying."""
    title = _("The first administrator was added. This password is shown once: write it down now.")
    lines = [
        title,
        "",
        "  " + _("username: {name}").format(name=username),
        "  " + _("password: {password}").format(password=password),
    ]
    width = max(map(_columns, lines))
    voice.plain("+" + "-" * (width + 2) + "+")
    for line in lines:
        voice.plain(f"| {line}{' ' * (width - _columns(line))} |")
    voice.plain("+" + "-" * (width + 2) + "+")
    voice.plain(f"{username} {password}")


def _columns(text: str) -> int:
    import unicodedata

    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


class _Voice:
    """Prints whole lines from several threads; when nobody can read them any more, everything stops."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop, self._lock = stop, threading.Lock()
        self._width = max(map(len, CHILDREN))

    def say(self, who: str, what: str) -> None:
        """One line: what a child said, with its name before it, or what happens to the group."""
        name = (who or "yoake").ljust(self._width)
        self.plain(click.style(f"{name} | ", fg=_COLOURS.get(who), bold=not who) + what)

    def plain(self, line: str) -> None:
        """A line as it stands."""
        with self._lock:
            try:
                click.echo(line, color=False if os.environ.get("NO_COLOR") else None)
            except OSError:  # the terminal or the program that read us is gone
                self._stop.set()
                sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - so that leaving does not fail on it
