from __future__ import annotations

from typing import TYPE_CHECKING

from yoake.cli.words import LANGUAGE, _
from yoake.errors import Refused, TryLater

if TYPE_CHECKING:
    from yoake.casework.people.models import Organisation


def start_django() -> None:
    """Makes models and settings usable. Raises BadInput, when they are, for a YOAKE_ENGINE that is nowhere."""
    import django
    from django.conf import settings
    from django.utils import translation

    from yoake import shelf
    from yoake.errors import BadInput
    from yoake.pipeline import engines

    django.setup()
    translation.activate(LANGUAGE)
    known = shelf.names(engines)
    if settings.ENVIRONMENT.engine not in known:
        raise BadInput("YOAKE_ENGINE", settings.ENVIRONMENT.engine, f"one of {', '.join(known)}")


def open_database() -> None:
    """Makes models usable on a database that is ready. Raises Refused when it was never set up, or by an older version."""
    start_django()
    if missing := migrations_to_run():
        raise Refused(
            _(
                "The database is not ready (migrations to run: {count}): start `yoake up` once, or run `yoake up --prepare`."
            ).format(count=len(missing))
        )
    stop_again()


def stop_again() -> int:
    """What was stopped stays stopped, also in a database restored from before; returns how many posts had come back."""
    from yoake.casework.cases.stop import again

    return again()


def migrations_to_run() -> list[str]:
    """Names of migrations the database has not seen yet; all of them for a database that does not exist.

    Raises TryLater when the database does not answer.
    """
    from django.conf import settings
    from django.db import OperationalError, connection
    from django.db.migrations.executor import MigrationExecutor
    from django.db.migrations.loader import MigrationLoader

    if connection.vendor == "sqlite" and not settings.DATABASES["default"]["NAME"].is_file():
        return [f"{app}.{name}" for app, name in MigrationLoader(None).graph.nodes]
    try:
        executor = MigrationExecutor(connection)
    except OperationalError as problem:
        reason = str(problem).strip().partition("\n")[0]
        raise TryLater(_("The database does not answer: {problem}").format(problem=reason), after_s=10) from None
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _backwards in plan]


def organisation_called(name: str | None) -> Organisation:
    """The organisation of this name, or the first one. Raises BadInput or Refused when there is none."""
    from yoake.casework.people.models import Organisation
    from yoake.errors import BadInput

    if name is None:
        first = Organisation.objects.order_by("pk").first()
        if first is None:
            raise Refused(_("There is no organisation yet: start `yoake up` once, or run `yoake up --prepare`."))
        return first
    found = Organisation.objects.filter(name=name).first()
    if found is None:
        known = ", ".join(Organisation.objects.order_by("pk").values_list("name", flat=True))
        raise BadInput("organisation", name, _("known organisations are {names}").format(names=known))
    return found
