from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from yoake.cli.words import _

if TYPE_CHECKING:
    from yoake.casework.people.models import Organisation

__all__ = ["user"]


@click.group(help=_("Add people, give them new passwords, reset a lost second factor, list them."))
def user() -> None:
    """Groups what is about people."""


@user.command(
    help=_("Add a person. Their first password is made here and printed once; they change it after signing in.")
)
@click.argument("username")
@click.option(
    "--role",
    default="analyst",
    show_default=True,
    metavar="ROLE",
    help=_("analyst, supervisor, auditor, administrator, adviser or partner."),
)
@click.option("--organisation", metavar="NAME", help=_("Their organisation; the first one when left out."))
@click.option("--new-organisation", metavar="NAME", help=_("Add this organisation and put them there."))
@click.option(
    "--staff-number",
    default="",
    metavar="NUMBER",
    help=_("Shown instead of the name outside the audit store; the next free one when left out."),
)
@click.option("--json", "as_json", is_flag=True, help=_("Print one JSON object."))
def add(
    username: str, role: str, organisation: str | None, new_organisation: str | None, staff_number: str, as_json: bool
) -> None:
    """Adds a person with a role in an organisation."""
    from django.db import transaction

    from yoake.cli.ground.setup import open_database

    open_database()

    from yoake.casework.people.actions import add_user
    from yoake.casework.people.queries import system

    with transaction.atomic():
        place = _organisation(organisation, new_organisation)
        _user, password = add_user(system("command"), username, place, role, staff_number=staff_number)
    told = {"username": username, "role": role, "organisation": place.name, "password": password}
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        click.echo(_("{username} was added to {organisation} as {role}.").format(**told))
        click.echo(_("password (shown once): {password}").format(password=password))


@user.command(help=_("Give a person a new password, printed once; wherever they are signed in, that ends."))
@click.argument("username")
@click.option("--json", "as_json", is_flag=True, help=_("Print one JSON object."))
def password(username: str, as_json: bool) -> None:
    """Sets a new password that is made here."""
    from yoake.cli.ground.setup import open_database
    from yoake.errors import BadInput

    open_database()

    from yoake.casework.people.actions import change_password
    from yoake.casework.people.models import User
    from yoake.casework.people.queries import system

    person = User.objects.filter(username=username).first()
    if person is None:
        raise BadInput("USERNAME", username, _("nobody has this name; yoake user list shows everybody"))
    new = change_password(system("command"), person)
    if as_json:
        click.echo(json.dumps({"username": username, "password": new}))
    else:
        click.echo(_("password (shown once): {password}").format(password=new))


@user.command(
    "reset-second-factor",
    help=_("Take a lost second factor away; the person sets up a new one at the next sign-in. Their sessions end."),
)
@click.argument("username")
@click.option("--json", "as_json", is_flag=True, help=_("Print one JSON object."))
def reset_second_factor(username: str, as_json: bool) -> None:
    """Takes app, keys and recovery codes away."""
    from yoake.cli.ground.setup import open_database
    from yoake.errors import BadInput

    open_database()

    from yoake.casework.people import actions
    from yoake.casework.people.models import User
    from yoake.casework.people.queries import system

    person = User.objects.filter(username=username).first()
    if person is None:
        raise BadInput("USERNAME", username, _("nobody has this name; yoake user list shows everybody"))
    taken = actions.reset_second_factor(system("command"), person.pk)
    if as_json:
        click.echo(json.dumps({"username": username, "taken": taken}))
    else:
        click.echo(
            _("{username}: second factor reset; a new one is set up at the next sign-in").format(username=username)
        )


@user.command("list", help=_("List everybody, with organisation and role."))
@click.option("--json", "as_json", is_flag=True, help=_("Print one JSON object a line."))
def list_users(as_json: bool) -> None:
    """Lists people; never a password."""
    from yoake.cli.ground.setup import open_database

    open_database()

    from yoake.casework.people.models import Membership, User

    rows: list[dict[str, Any]] = []
    for person in User.objects.order_by("username").prefetch_related("memberships__organisation"):
        memberships: list[Membership | None] = [*person.memberships.all()]
        for membership in memberships or [None]:
            rows.append(
                {
                    "username": person.username,
                    "organisation": membership.organisation.name if membership else "",
                    "role": membership.role if membership else "",
                    "staff_number": person.staff_number,
                    "active": person.is_active,
                    "last_sign_in": person.last_login.isoformat() if person.last_login else None,
                }
            )
    for row in rows:
        if as_json:
            click.echo(json.dumps(row, ensure_ascii=False))
            continue
        role = Membership.Role(row["role"]).label if row["role"] else _("no role")
        notes = [row["organisation"], str(role), row["staff_number"], "" if row["active"] else _("switched off")]
        click.echo(f"{row['username']}  {', '.join(filter(None, notes))}")


def _organisation(name: str | None, new: str | None) -> Organisation:
    from yoake.casework.people.actions import found_organisation
    from yoake.casework.people.queries import system
    from yoake.cli.ground.setup import organisation_called
    from yoake.errors import BadInput

    if new is None:
        return organisation_called(name)
    if name is not None:
        raise BadInput("--new-organisation", new, _("give either --organisation or --new-organisation"))
    return found_organisation(system("command"), new)
