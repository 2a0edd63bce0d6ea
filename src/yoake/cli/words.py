"""The words of the command line, in English or Japanese.

English stands in the code; Japanese comes from the same catalogue as the pages (`locale/ja/LC_MESSAGES/django.mo`).
"""

from __future__ import annotations

import gettext
import locale
import os
import sys
from collections.abc import Mapping
from pathlib import Path

__all__ = ["_"]

_CATALOGUES = Path(__file__).resolve().parent.parent / "locale"


def language(environ: Mapping[str, str] = os.environ) -> str:
    """`ja` or `en`: what YOAKE_LANGUAGE says, else what the terminal's locale says, else English."""
    # The one YOAKE_ variable read outside config/environment.py, which needs a data folder; a wrong value is named there.
    if environ.get("YOAKE_LANGUAGE") in ("ja", "en"):
        return environ["YOAKE_LANGUAGE"]
    spoken = next((environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(name)), "")
    if not spoken and sys.platform == "win32":
        spoken = locale.getlocale()[0] or ""  # Japanese_Japan
    return "ja" if spoken.lower().startswith("ja") else "en"


LANGUAGE = language()
_catalogue = gettext.translation("django", _CATALOGUES, languages=[LANGUAGE], fallback=True)


def _(message: str) -> str:
    """The message in the language of this process."""
    return _catalogue.gettext(message)


def speak_through_click() -> None:
    """Lets click take its own words ("Usage", "Options") from the catalogue too; it asks gettext's process-wide domain."""
    os.environ["LANGUAGE"] = LANGUAGE
    gettext.bindtextdomain("django", str(_CATALOGUES))
    gettext.textdomain("django")


def _words_of_click() -> tuple[str, ...]:
    """Never called: names click's words where the catalogue's collector finds them."""
    return (
        _("Usage:"),
        _("Options"),
        _("Commands"),
        _("Positional arguments"),
        _("[OPTIONS]"),
        _("Show this message and exit."),
        _("Show the version and exit."),
        _("%(prog)s, version %(version)s"),
        _("Error: {message}"),
        _("Try '{command} {option}' for help."),
        _("Missing command."),
        _("Missing argument"),
        _("Missing option"),
        _("No such option {name!r}."),
        _("No such command {name!r}."),
        _("Invalid value: {message}"),
        _("Invalid value for {param_hint}: {message}"),
        _("default: {default}"),
        _("required"),
        _("Aborted!"),
    )
