from __future__ import annotations

import click

from yoake.cli.words import _

__all__ = ["stop"]


@click.command(
    short_help=_("Erase a post that must not be held, for good."),
    help=_(
        "For material that must not be held (sexual content involving minors): erases every post of this address for everyone,"
        " with everything that was made of it, whatever holds it, and never stores it again. The address, the time and you"
        " remain, sealed, for the hand-over to the police or a hotline. This cannot be undone."
    ),
)
@click.argument("address")
@click.option("--yes", is_flag=True, help=_("Do not ask."))
def stop(address: str, yes: bool) -> None:
    """The stop key by address (docs/howto/stop.md)."""
    from yoake.cli.ground.setup import open_database

    open_database()

    from django.utils import timezone

    from yoake.casework.cases.stop import clean, cleaned, stop_address
    from yoake.casework.people.queries import system

    if not yes:
        click.confirm(
            _("Erase everything held of {address}, for everyone and for good?").format(address=address), abort=True
        )
    stopped = stop_address(system("command"), address)
    known = sum(one.post_id is not None for one in stopped)
    click.echo(_("stopped: {known} stored posts; none is ever stored again from this address").format(known=known))
    if known:
        clean()
        cleaned(stopped, timezone.now())
        click.echo(_("the database's files are clean"))
