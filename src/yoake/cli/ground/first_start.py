"""What `yoake up` prepares before anything runs: folders, tables, the first administrator, the first sources."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

from django.conf import settings

from yoake.cli.ground.specs import Spec, read_specs
from yoake.cli.words import _
from yoake.errors import Refused

FOLDERS = ("db", "run", "categories")
ADMINISTRATOR = "admin"


def make_folders(data: Path) -> None:
    """Everything Yoake writes stands in `data`, readable by its owner only. Raises Refused where that cannot be."""
    try:
        for folder in (data, *(data / name for name in FOLDERS)):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if sys.platform != "win32" and folder != data and stat.S_IMODE(folder.stat().st_mode) & 0o077:
                folder.chmod(0o700)
    except OSError as error:
        raise Refused(
            _(
                "{path} cannot be written ({reason}): give this account the right to, or choose another folder with YOAKE_DATA."
            ).format(path=error.filename or data, reason=error.strerror)
        ) from None


def migrate() -> int:
    """Brings the tables up to date; returns how many migrations ran."""
    from django.core.management import call_command

    from yoake.cli.ground.setup import migrations_to_run

    missing = len(migrations_to_run())
    if missing:
        call_command("migrate", interactive=False, verbosity=0)
    return missing


def found() -> str | None:
    """Adds the organisation and its administrator at the very first start; returns the password, the only time it is known."""
    from django.db import transaction

    from yoake.casework.people.actions import add_user, found_organisation
    from yoake.casework.people.models import Membership, Organisation, User
    from yoake.casework.people.queries import system

    with transaction.atomic():
        if User.objects.exists():
            return None
        organisation = Organisation.objects.order_by("pk").first() or found_organisation(
            system("command"), _("Our organisation")
        )
        _user, password = add_user(system("command"), ADMINISTRATOR, organisation, Membership.Role.ADMINISTRATOR)
    return password


def sources_to_seed() -> list[Spec]:
    """The sources of YOAKE_SOURCES for a database that never had one; rows rule afterwards, also when all were removed.

    Raises BadInput, before anything is added, when one of them cannot be.
    """
    from yoake.casework.audit.models import Entry
    from yoake.casework.sources.actions import checked_options
    from yoake.casework.sources.models import Source

    if Source.objects.exists() or Entry.objects.filter(kind="source_added").exists():
        return []
    specs = read_specs(settings.ENVIRONMENT.sources, "YOAKE_SOURCES")
    for spec in specs:
        checked_options(spec.connector, spec.options)
    return specs


def seed(specs: list[Spec]) -> None:
    """Adds these sources to the first organisation."""
    from django.db import transaction

    from yoake.casework.people.queries import system
    from yoake.casework.sources.actions import add_source
    from yoake.cli.ground.setup import organisation_called

    organisation = organisation_called(None)
    with transaction.atomic():
        for spec in specs:
            add_source(
                system("command", organisation.pk),
                organisation,
                spec.connector,
                name=spec.name,
                options=spec.options,
                practice=spec.practice,
            )
