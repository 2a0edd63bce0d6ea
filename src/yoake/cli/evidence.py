from __future__ import annotations

import json
import os
from pathlib import Path

import click

from yoake.cli.words import LANGUAGE, _
from yoake.errors import BadInput

__all__ = ["evidence"]

_A_PERSON_MUST_ACT = 4
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(help=_("Check bags of evidence, take one out, look after the key."))
def evidence() -> None:
    """Groups what is about evidence (docs/howto/evidence.md)."""


@evidence.command(
    help=_(
        "Check a bag of evidence: every file, the seal, the audit entry, the time stamp. Needs no database and no network."
        " The exit code is 4 when something is wrong."
    )
)
@click.argument("bag", type=_FILE)
@click.option("--identity", type=_FILE, help=_("File with the private key (age) of the recipient of an encrypted bag."))
@click.option(
    "--tsa-roots", type=_FILE, help=_("Certificates (PEM) of the time-stamp authority; without them it is not trusted.")
)
@click.option("--digest", default="", help=_("SHA-256 of the manifest as it was written down elsewhere."))
@click.option("--json", "as_json", is_flag=True, help=_("Print one JSON object."))
@click.pass_context
def verify(
    ctx: click.Context, bag: Path, identity: Path | None, tsa_roots: Path | None, digest: str, as_json: bool
) -> None:
    """Checks a bag offline."""
    from cryptography.x509 import load_pem_x509_certificates

    from yoake.casework.evidence import bags

    octets = bag.read_bytes()
    if bags.is_encrypted(octets):
        if identity is None:
            raise BadInput("--identity", "", "the recipient's private key: this bag is encrypted for somebody")
        octets = bags.decrypt_with(octets, identity.read_text("utf-8", "replace"))
    try:
        roots = load_pem_x509_certificates(tsa_roots.read_bytes()) if tsa_roots is not None else []
    except ValueError:
        raise BadInput("--tsa-roots", str(tsa_roots), "a file with certificates (PEM)") from None
    found = bags.check(octets, roots, digest)
    if as_json:
        told = {
            "whole": not found.problems,
            "number": found.number,
            "files": found.files,
            "manifest": found.digest,
            "captured_at": found.case.get("captured_at"),
            "sealed_at": found.case.get("sealed_at"),
            "audit_entry": found.entry.get("hash"),
            "stamped_at": found.stamp.at.isoformat() if found.stamp else None,
            "stamped_by": found.stamp.by if found.stamp else None,
            "stamp_trusted": found.stamp.trusted if found.stamp else None,
            "problems": found.problems,
        }
        click.echo(json.dumps(told))  # a stranger's words: ASCII alone
    else:
        number = _shown(found.number)
        if found.problems:
            click.echo(_("The bag {number} is NOT whole:").format(number=number))
            for problem in found.problems:
                click.echo(f"  - {_shown(problem)}")
        else:
            click.echo(_("The bag {number} is whole (files: {files}).").format(number=number, files=found.files))
        click.echo(_("SHA-256 of the manifest: {digest}").format(digest=found.digest))
        if found.case.get("captured_at"):
            click.echo(_("captured {at}").format(at=_shown(found.case["captured_at"])))
        if found.case.get("sealed_at"):
            click.echo(_("sealed {at}").format(at=_shown(found.case["sealed_at"])))
        if found.entry.get("hash"):
            entry, made = _shown(found.entry.get("id")), _shown(found.entry["hash"])
            click.echo(_("audit entry {id}: {hash}").format(id=entry, hash=made))
        else:
            click.echo(_("no audit entry: by itself this bag does not show that it was sealed"))
        if found.stamp is not None:
            told_stamp = _("time stamp {at} by {by}").format(at=found.stamp.at.isoformat(), by=_shown(found.stamp.by))
            click.echo(told_stamp + ("" if found.stamp.trusted else " " + _("(not checked: give --tsa-roots)")))
        else:
            click.echo(_("no time stamp"))
    ctx.exit(_A_PERSON_MUST_ACT if found.problems else 0)


@evidence.command(help=_("Write the sealed evidence of a case as a bag; that it was taken out is noted in the audit."))
@click.argument("case", type=click.IntRange(min=1))
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help=_("The file to write."))
@click.option("--recipient", help=_("Public key (age1…, ssh-…): the bag is encrypted for its owner alone."))
@click.option("--language", type=click.Choice(["ja", "en"]), default=LANGUAGE, help=_("Language of the cover sheet."))
def export(case: int, out: Path, recipient: str | None, language: str) -> None:
    """Takes a bag out."""
    from yoake.cli.ground.setup import open_database

    if not out.parent.is_dir() or os.path.lexists(out):
        raise BadInput("--out", str(out), "a file that is not there yet, in a folder that exists")
    open_database()

    from yoake.casework.cases.models import Case
    from yoake.casework.evidence.actions import bag
    from yoake.casework.evidence.disk import write_new
    from yoake.casework.people.queries import system

    organisation = Case.objects.filter(pk=case).values_list("organisation_id", flat=True).first()
    made = bag(system("command", organisation or 0), case, recipient, language)
    write_new(out, made)
    click.echo(_("{out}: {n:,} bytes").format(out=out, n=len(made)))


@evidence.command(
    help=_(
        "Read everything that is kept here and compare it with the audit. The exit code is 4 when something is wrong."
    )
)
@click.option("--json", "as_json", is_flag=True, help=_("Print one JSON object."))
@click.pass_context
def check(ctx: click.Context, as_json: bool) -> None:
    """Checks what this installation keeps."""
    from yoake.cli.ground.setup import open_database

    open_database()

    from yoake.casework.evidence.checking import problems

    n, wrong = 0, []
    for row, problem in problems():
        n += 1
        if problem:
            wrong.append({"number": row.number, "problem": problem})
    if as_json:
        click.echo(json.dumps({"whole": not wrong, "evidence": n, "problems": wrong}, ensure_ascii=False))
    else:
        for one in wrong:
            click.echo(f"{one['number']}: {one['problem']}")
        click.echo(_("evidence kept: {n:,}; not as it should be: {wrong:,}").format(n=n, wrong=len(wrong)))
    ctx.exit(_A_PERSON_MUST_ACT if wrong else 0)


@evidence.command(
    "rotate-key",
    help=_(
        "Make a new master key and wrap the key of every case with it. With --lost: a master key is lost for good; what it"
        " wrapped is erased, and captured anew where the post is still here."
    ),
)
@click.option("--lost", is_flag=True, help=_("The key file is lost, and there is no copy."))
@click.option("--yes", is_flag=True, help=_("Do not ask."))
def rotate_key(lost: bool, yes: bool) -> None:
    """Rotates the master key, or gives one up."""
    from yoake.cli.ground.setup import open_database

    open_database()

    from django.utils import timezone

    from yoake.casework.evidence.keys import key_file
    from yoake.casework.evidence.rotating import give_up_lost, lost_masters, rotate_master

    if lost:
        missing = lost_masters()
        if not missing:
            click.echo(_("No key is lost: nothing is done."))
            return
        if not yes:
            click.confirm(
                _("Erase all evidence that the lost key ({names}) wrapped?").format(names=", ".join(missing)),
                abort=True,
            )
        n = give_up_lost(timezone.now())
        click.echo(_("given up: {n:,}; the worker captures anew what is still here").format(n=n))
        return
    n = rotate_master(timezone.now())
    click.echo(_("wrapped anew: {n:,}; copy {file} to where your copy of it lies").format(n=n, file=key_file()))


@evidence.command(
    help=_(
        "Without the database: write a bag of everything that is sealed, from the files, the list of keys and the key file."
    )
)
@click.argument("out", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.pass_context
def rescue(ctx: click.Context, out: Path) -> None:
    """Rescues sealed evidence."""
    from yoake.cli.ground.setup import start_django

    start_django()

    from yoake.casework.evidence.rescue import rescue as rescue_all

    n, wrong = rescue_all(out)
    for problem in wrong:
        click.echo(problem, err=True)
    click.echo(_("{out}: {n:,} bags").format(out=out, n=n))
    ctx.exit(_A_PERSON_MUST_ACT if wrong else 0)


def _shown(told: object) -> str:
    """What a stranger's bag says, on one line and without anything that a terminal would obey."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode() for char in str(told)
    )
