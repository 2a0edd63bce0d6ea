from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import click

from yoake.cli.words import _

if TYPE_CHECKING:
    from yoake.casework.sources.models import Source
    from yoake.pipeline.line import Progress

__all__ = ["patrol"]


@click.command(
    short_help=_("Watch one source, or all of them."),
    help=_(
        "Watches SOURCE until it ends or Ctrl-C; the next patrol goes on where this one stopped. SOURCE is the name of a"
        " source, or a new one written as connector?option=value, for example 'jsonl?path=posts.jsonl' or"
        " 'jsonl?path=-' for standard input. Without SOURCE all enabled sources are watched."
    ),
)
@click.argument("source", required=False, metavar="[SOURCE]")
@click.option("--engine", default="", metavar="NAME", help=_("How posts reach the detector: see yoake shelves."))
@click.option("--until-end", is_flag=True, help=_("End at the first problem instead of waiting and trying again."))
@click.option(
    "--organisation", default=None, metavar="NAME", help=_("Whose desk a new source fills; the first one's by default.")
)
@click.option("--json", "as_json", is_flag=True, help=_("Print the summary as one JSON object."))
@click.option("--supervised", is_flag=True, hidden=True)
def patrol(
    source: str | None, engine: str, until_end: bool, organisation: str | None, as_json: bool, supervised: bool
) -> None:
    """Patrols one source in this thread, or all of them in one thread each."""
    from yoake.cli.ground.setup import open_database

    open_database()
    if engine:
        from yoake import shelf
        from yoake.pipeline import engines

        shelf.take(engines, engine)  # a wrong name is said before anything is read
    if source is not None:
        _patrol_one(source, organisation, engine, until_end, as_json)
    else:
        _patrol_all(engine, as_json=as_json, supervised=supervised)


def _patrol_one(words: str, organisation: str | None, engine: str, until_end: bool, as_json: bool) -> None:
    from yoake.casework.sources.actions import lacks_permission
    from yoake.cli.ground.reporter import not_permitted
    from yoake.cli.progress import ProgressLine
    from yoake.errors import BadInput, Refused
    from yoake.pipeline.line import patrol as patrol_source

    source, is_new = _source(words, organisation)
    if lacks_permission(source.organisation_id, source.connector):
        raise Refused(not_permitted(source))
    stop = _ready(supervised=False)
    line = ProgressLine()

    def tell(progress: Progress) -> None:
        if progress.problem:
            line.clear()
            click.echo(_("{source}: {problem}").format(source=progress.source, problem=progress.problem), err=True)
        elif line.due:
            line.show(_moving(progress))

    try:
        progress = patrol_source(source, stop, engine=engine, until_end=until_end, tell=tell)
    except BadInput:
        if is_new:
            _take_back(source)
        raise
    finally:
        line.clear()
    _summarise([progress], as_json)


def _ready(*, supervised: bool) -> threading.Event:
    """The event that asks to stop, once the judge can judge; while its kernels are compiled, Ctrl-C ends at once."""
    from yoake.casework.cases.actions import serving_detector
    from yoake.cli.ground.stopping import event_that_stops
    from yoake.detect.serving import must_compile

    if must_compile():
        click.echo(_("First start on this machine: the judge is being compiled, about a minute ..."), err=True)
    if not supervised:
        serving_detector()
    return event_that_stops(supervised=supervised)


def _patrol_all(engine: str, *, as_json: bool, supervised: bool) -> None:
    import logging

    from yoake.cli.ground.reporter import Reporter
    from yoake.cli.progress import ProgressLine
    from yoake.pipeline.patrol import Patrols

    logging.getLogger("yoake.patrol").setLevel(logging.ERROR)  # the reporter says what the warnings would, once
    stop = _ready(supervised=supervised)
    patrols = Patrols(stop, engine=engine)
    line = ProgressLine()
    reporter = Reporter(patrols, line, to_stderr=not supervised)
    done = threading.Event()
    watching = threading.Thread(target=reporter.watch, args=(done,), name="says how it goes")
    watching.start()
    try:
        patrols.run()
    finally:
        done.set()
        watching.join()
        line.clear()
    if not supervised or as_json:
        _summarise(list(patrols.progress.values()), as_json)


def _source(words: str, organisation_name: str | None) -> tuple[Source, bool]:
    """The source of this name, else a new one as it is written (unless it was added before); and whether it is new."""
    from yoake import shelf
    from yoake.casework.people.queries import system
    from yoake.casework.sources.actions import add_source, checked_options
    from yoake.casework.sources.models import Source
    from yoake.cli.ground.setup import organisation_called
    from yoake.cli.ground.specs import read_spec
    from yoake.collect import connectors
    from yoake.errors import BadInput

    if found := Source.objects.filter(name=words).first():
        return found, False
    if "?" not in words and "=" not in words and words not in shelf.names(connectors):
        known = ", ".join(Source.objects.order_by("name").values_list("name", flat=True))
        raise BadInput(
            "SOURCE",
            words,
            _("known sources are {names}; a new one is written connector?option=value").format(names=known or "-"),
        )
    spec = read_spec(words, "SOURCE")
    connector = shelf.take(connectors, spec.connector)
    options = checked_options(spec.connector, spec.options)
    named = Source.objects.filter(name=spec.name) if spec.name != spec.connector else Source.objects.all()
    organisation = organisation_called(organisation_name)
    if organisation_name is not None:
        named = named.filter(organisation=organisation)
    if again := named.filter(connector=spec.connector, options=options).first():
        return again, False
    source = add_source(
        system("command", organisation.pk),
        organisation,
        spec.connector,
        name=spec.name if spec.name != spec.connector else _free_name(spec.connector),
        options=spec.options,
        practice=spec.practice,
        enabled=connector.live,  # a file is read now, by us: `yoake up` on the same data is not to take it
    )
    return source, True


def _take_back(source: Source) -> None:
    """A source that was added a moment ago and cannot be read as it was written leaves nothing but its audit lines."""
    from yoake.casework.people.queries import system
    from yoake.casework.sources.actions import remove_source

    source.refresh_from_db()
    if source.cursor is None:
        remove_source(system("command", source.organisation_id), source)


def _free_name(connector: str) -> str:
    from yoake.casework.sources.models import Source

    taken = set(Source.objects.filter(name__startswith=connector).values_list("name", flat=True))
    return next(
        name for n in range(1, len(taken) + 2) if (name := connector if n == 1 else f"{connector}-{n}") not in taken
    )


def _moving(progress: Progress) -> str:
    from yoake.cli.ground.reporter import lag_text, skipped_of

    seconds = max(time.monotonic() - progress.started, 0.001)
    return _("{source}: {posts:,} posts ({rate:,.0f}/s), {queued:,} queued, {skipped:,} skipped, {lag}").format(
        source=progress.source,
        posts=progress.posts,
        rate=progress.posts / seconds,
        queued=progress.counts["queued"],
        skipped=skipped_of(progress),
        lag=lag_text(progress),
    )


def _summarise(all_progress: list[Progress], as_json: bool) -> None:
    told = [_told(progress) for progress in all_progress]
    if as_json:
        import json

        click.echo(json.dumps(told[0] if len(told) == 1 else {"sources": told}, ensure_ascii=False))
        return
    for one in told:
        click.echo(
            _(
                "{source}: {posts:,} posts in {seconds:.1f} s ({posts_per_s:,.0f}/s), {queued:,} queued, "
                "{cases_opened:,} new cases, {skipped_posts:,} skipped"
            ).format(**one, skipped_posts=sum(one["skipped"].values()))
        )
        for reason, n in sorted(one["skipped"].items()):
            click.echo(_("  skipped, {reason}: {n:,}").format(reason=reason, n=n))


def _told(progress: Progress) -> dict[str, Any]:
    from yoake.casework.sources.models import Source

    seconds = time.monotonic() - progress.started
    counts = progress.counts
    skipped = {name.removeprefix("skipped:"): n for name, n in counts.items() if name.startswith("skipped:")}
    return {
        "source": progress.source,
        "posts": progress.posts,
        "queued": counts["queued"],
        "cases_opened": progress.opened,
        "edited": counts["edited"],
        "removed": counts["removed"],
        "skipped": skipped,
        "seconds": round(seconds, 3),
        "posts_per_s": round(progress.posts / seconds, 1) if seconds else 0.0,
        "cursor": Source.objects.filter(name=progress.source).values_list("cursor", flat=True).first(),
        "ended": progress.ended,
    }
