from __future__ import annotations

import click

from yoake.cli.words import _

__all__ = ["worker"]


@click.command(help=_("Do what is due (yoake up starts this by itself)."))
@click.option("--supervised", is_flag=True, hidden=True)
def worker(supervised: bool) -> None:
    """Works until stopped; killed at any moment, it loses nothing."""
    from yoake.cli.ground.setup import open_database
    from yoake.cli.ground.stopping import event_that_stops

    stop = event_that_stops(supervised=supervised)
    open_database()

    from yoake.pipeline.worker import work

    work(stop)
