from __future__ import annotations

import threading
from typing import Any

import click

from yoake.cli.words import _

__all__ = ["web"]

THREADS = 2  # of a process: more of them would only take the interpreter from each other
STOPS_WITHIN_S = 3  # requests that take longer than this when the server stops are cut off


@click.command(help=_("Serve the pages (yoake up starts this by itself)."))
@click.option("--supervised", is_flag=True, hidden=True)
def web(supervised: bool) -> None:
    """Serves the pages until stopped; settings come from the environment."""
    from django.conf import settings
    from granian.constants import Interfaces
    from granian.log import LogLevels
    from granian.server import Server

    from yoake.cli.ground.ports import must_be_free
    from yoake.cli.ground.stopping import stop_with_supervisor

    environment = settings.ENVIRONMENT
    environment.check_exposure()
    must_be_free(environment.bind, environment.port, within_s=5.0)
    server = Server(
        "yoake.config.wsgi:application",
        address=environment.bind,
        port=environment.port,
        interface=Interfaces.WSGI,
        workers=environment.web_processes,
        blocking_threads=THREADS,
        websockets=False,
        log_level=LogLevels.error,
        log_access=False,
        ssl_cert=environment.tls_cert,
        ssl_key=environment.tls_key,
        workers_kill_timeout=STOPS_WITHIN_S,
    )
    if supervised:
        stop_with_supervisor(server.signal_handler_interrupt)
    server.serve(target_loader=load, wrap_loader=False)


def load() -> Any:
    """The application, loaded in granian's working process, which must not outlive the one that started it."""
    from django.core.wsgi import get_wsgi_application

    from yoake.cli.ground.setup import stop_again
    from yoake.pipeline.lifetime import end_with_parent

    end_with_parent()
    application = get_wsgi_application()

    from yoake.casework.cases.stopped import list_file

    if list_file().exists():  # nothing is shown before what was stopped is known to be gone
        stop_again()
    threading.Thread(target=_warm, name="loads the detector", daemon=True).start()
    return application


def _warm() -> None:
    """Loads the detector before the first person adds a post by hand; on a machine's first start that compiles its kernels."""
    import gc

    from yoake.casework.cases.actions import serving_detector

    serving_detector()
    gc.collect()
    gc.freeze()  # what is loaded stays: looking through it again and again would hold pages up
