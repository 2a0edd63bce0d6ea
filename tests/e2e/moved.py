"""Time that tests can move, for a server and its worker: every process that follows it reads the same file.

`granian tests.e2e.moved:application` is Yoake's own application under that time.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any


def moved_by(data: Path, by: timedelta) -> None:
    """From now on the processes over this data folder live so much later."""
    told = data / "moved.new"
    told.write_text(str(by.total_seconds()))
    told.replace(data / "moved")


def follow_moved_time(data: Path) -> None:
    """Django's clock, which is Yoake's, and that of every `Net` go by the file; call it before Django is set up."""
    from django.utils import timezone

    from yoake.collect.net import Net

    real: Callable[[], datetime] = timezone.now
    file = data / "moved"

    def now() -> datetime:
        return real() + timedelta(seconds=float(file.read_text()) if file.exists() else 0.0)

    timezone.now = now
    Net.now = lambda net: now()  # type: ignore[method-assign, assignment]


def __getattr__(name: str) -> Any:
    """The application, made when a server asks for it."""
    if name != "application":
        raise AttributeError(name)
    follow_moved_time(Path(os.environ["YOAKE_DATA"]))
    from yoake.config.wsgi import application

    return application
