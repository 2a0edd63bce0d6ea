from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from unicodedata import east_asian_width

import click

from yoake.cli.words import LANGUAGE, _

if TYPE_CHECKING:
    from yoake.casework.count.figure import Cell, Scope, Table, Words
    from yoake.casework.count.ledger import Counted
    from yoake.casework.count.periods import Period

__all__ = ["count"]

_FILE = click.Path(dir_okay=False, path_type=Path)
_LABEL_WIDEST = 60
_PRINTED, _DASH = "†", "–"  # others printed it; nothing can be said: as on paper


@click.command(
    short_help=_("Count the figures of a day, a month or a year."),
    help=_(
        "Counts the figures of a period from dated events of cases: F-9, F-10 and F-11 as the white paper prints them, series, effects of warnings,"
        " providers, what was missed. Prints tables, or writes them to files. Days are those of Japan; practice and copies with a known answer are"
        " left out. Each figure says what it counts, out of what and until when (docs/howto/count.md)."
    ),
)
@click.option("--year", metavar="YEAR", help=_("January to December of this year."))
@click.option("--fiscal-year", metavar="YEAR", help=_("April of this year to March of the next."))
@click.option("--month", metavar="YYYY-MM", help=_("This month."))
@click.option("--day", metavar="YYYY-MM-DD", help=_("This day."))
@click.option(
    "--organisation", metavar="NAME", help=_("Whose cases; may be left out where there is only one organisation.")
)
@click.option("--everybody", is_flag=True, help=_("The cases of all organisations of this deployment together."))
@click.option(
    "--figure", "figures", metavar="NAME", multiple=True,
    help=_("Only this figure, for example f9; may be given several times."),
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help=_("Print one JSON object."))
@click.option("--csv", "csv_file", type=_FILE, help=_("Write a CSV file with BOM (UTF-8)."))
@click.option("--xlsx", "xlsx_file", type=_FILE, help=_("Write an Excel file."))
@click.option("--pdf", "pdf_file", type=_FILE, help=_("Write a report as PDF."))
@click.option(
    "--language", type=click.Choice(["ja", "en"]), help=_("Language of tables and files; the terminal's by default.")
)
@click.option(
    "--publish", is_flag=True, help=_("Suppress small counts, and what would tell them: for what is published.")
)
def count(
    year: str | None,
    fiscal_year: str | None,
    month: str | None,
    day: str | None,
    organisation: str | None,
    everybody: bool,
    figures: tuple[str, ...],
    as_json: bool,
    csv_file: Path | None,
    xlsx_file: Path | None,
    pdf_file: Path | None,
    language: str | None,
    publish: bool,
) -> None:
    """Counts (docs/howto/count.md); writes nothing into the database but a line of audit for each file, and for JSON."""
    from yoake.cli.ground.setup import open_database
    from yoake.errors import BadInput

    files = {"--csv": csv_file, "--xlsx": xlsx_file, "--pdf": pdf_file}
    for option, file in files.items():
        if file is not None and not file.parent.is_dir():
            raise BadInput(option, str(file), "a file in a folder that exists")
    asked = [(option, told) for option, told in (
        ("--year", year), ("--fiscal-year", fiscal_year), ("--month", month), ("--day", day)) if told is not None
    ]  # fmt: skip
    if len(asked) != 1:
        raise BadInput("period", " ".join(option for option, _told in asked), _("exactly one of --year, --fiscal-year, --month, --day"))  # fmt: skip
    open_database()

    from django.utils import timezone
    from django.utils.translation import override

    from yoake.casework.count import heading
    from yoake.casework.count.figure import Scope

    period = _period(*asked[0])
    scope = Scope(_whose(organisation, everybody=everybody), period, timezone.now())
    told = _counted(scope, figures, publish=publish)
    spoken = language or LANGUAGE
    with override(spoken):
        if as_json:
            from yoake.casework.count.exporting import data

            _note("--json", scope, figures, publish=publish)
            click.echo(json.dumps(data(told, scope), ensure_ascii=False))
        for option, file in files.items():
            if file is not None:
                octets = _file(option, told, scope, spoken)
                _note(option, scope, figures, publish=publish)
                file.write_bytes(octets)
                said = _("{out}: {n} figures of {period}").format(out=file, n=len(told), period=scope.period.key)
                click.echo(said, err=as_json)
        if not as_json and not any(files.values()):
            if unfinished := heading.unfinished(scope):
                click.secho(unfinished, bold=True)
            for one in told:
                _print(one)


def _file(option: str, told: Sequence[Counted], scope: Scope, language: str) -> bytes:
    """What is written for an option."""
    from yoake.casework.count import exporting, report

    if option == "--pdf":
        return report.month_report(told, scope, language)
    return exporting.csv(told, scope) if option == "--csv" else exporting.xlsx(told, scope)


def _note(option: str, scope: Scope, figures: Sequence[str], *, publish: bool) -> None:
    """The line of audit for a file or JSON, before it is written: a line a figure where some were chosen."""
    from yoake.casework.count.taken_out import note_taken_out
    from yoake.casework.people.queries import system

    for name in figures or [""]:
        actor = system("command", scope.organisation_id)
        note_taken_out(actor, option.removeprefix("--"), scope.period, name, published=publish)


def _period(option: str, told: str) -> Period:
    """The period that was asked for. Raises BadInput for one that cannot be read, or of another kind than the option's."""
    from yoake.casework.count.periods import Kind, Period
    from yoake.errors import BadInput

    kinds = {
        "--year": (Kind.YEAR, ""),
        "--fiscal-year": (Kind.FISCAL_YEAR, "FY"),
        "--month": (Kind.MONTH, ""),
        "--day": (Kind.DAY, ""),
    }
    kind, before = kinds[option]
    period = Period.read(told if told.startswith(before) or not told.isdigit() else f"{before}{told}")
    if period.kind != kind:
        raise BadInput(option, told, {"--year": "2024", "--fiscal-year": "2024", "--month": "2024-05", "--day": "2024-05-01"}[option])  # fmt: skip
    return period


def _whose(organisation: str | None, *, everybody: bool) -> int:
    """The organisation's key; 0 for everybody. Raises BadInput or Refused where that is not clear."""
    from yoake.casework.people.models import Organisation
    from yoake.cli.ground.setup import organisation_called
    from yoake.errors import BadInput

    if everybody:
        if organisation is not None:
            raise BadInput("--everybody", organisation, _("either --organisation NAME or --everybody"))
        return 0
    names = list(Organisation.objects.order_by("pk").values_list("name", flat=True)[:20])
    if organisation is None and len(names) > 1:
        told = _("one of {names}, or --everybody: there are several").format(names=", ".join(names))
        raise BadInput("--organisation", "", told)
    return int(organisation_called(organisation).pk)


def _all(scope: Scope) -> list[str]:
    """Every figure that fits the period, in reading order."""
    from yoake.casework.count import ledger, pages

    there = ledger.names(scope)
    first = [name for name in pages.YEAR if name in there]
    return [*first, *(name for name in there if name not in first)]


def _counted(scope: Scope, figures: Sequence[str], *, publish: bool) -> list[Counted]:
    """The figures, in reading order; what is published with its small counts suppressed, as if all of the period were."""
    from yoake.casework.count import ledger, suppressing
    from yoake.casework.people.queries import system

    actor = system("command", scope.organisation_id)
    if not publish:
        return ledger.count(actor, scope, list(figures) or _all(scope))
    leaving = suppressing.may_leave(scope)
    return suppressing.publish(actor, scope, list(figures) or [name for name in _all(scope) if name in leaving])


# --- on the terminal ----------------------------------------------------------------------------------------------------


def _print(one: Counted) -> None:
    from django.utils.translation import gettext

    click.echo()
    click.secho(str(one.figure.title), bold=True)
    for table in one.tables:
        _print_table(table, titled=str(table.title) != str(one.figure.title))
    said = {
        gettext("What is counted"): one.figure.says,
        gettext("Out of"): one.figure.out_of,
        gettext("Until when"): one.figure.cut_off,
        gettext("Whose rule"): one.figure.source,
    }
    for name, words in said.items():
        if str(words):
            click.echo(f"  {name}: {words}")


def _print_table(table: Table, *, titled: bool) -> None:
    from django.utils.translation import gettext

    from yoake.casework.count.durations import seconds_of

    if titled:
        click.echo(f"\n  {table.title}")
    click.echo(f"  ({gettext('Unit')}: {table.unit})")
    lines = [["", *(str(column.label) for column in table.columns)]]
    lines += [
        ["  " * row.depth + str(row.label) + (f" ({row.unit})" if str(row.unit) and not seconds_of(row.unit) else ""), *(_told(cell, table.unit_of(row, column), percent=table.percent) for column, cell in zip(table.columns, row.cells, strict=True))]
        for row in table.rows
    ]  # fmt: skip
    widths = [max(_wide(line[n]) for line in lines) for n in range(len(lines[0]))]
    widths[0] = min(widths[0], _LABEL_WIDEST)
    for label, *cells in lines:
        told = "  ".join(" " * (wide - _wide(cell)) + cell for cell, wide in zip(cells, widths[1:], strict=True))
        click.echo(f"  {label}{' ' * (widths[0] - _wide(label))}  {told}".rstrip())
    for note in table.notes:
        click.echo(f"  * {note}")


def _told(cell: Cell, unit: Words, *, percent: bool) -> str:
    """A cell in words: † printed by others, x suppressed, – nothing can be said; a share with its parts, an interval in brackets."""
    from yoake.casework.count.drawing import number
    from yoake.casework.count.durations import duration, seconds_of
    from yoake.casework.count.suppressing import MARK

    if cell.suppressed:
        return MARK
    if cell.value is None:
        return _DASH
    percent = percent or cell.part is not None
    seconds = seconds_of(unit)

    def said(value: float) -> str:
        return duration(value * seconds) if seconds else number(value, percent=percent)

    told = said(cell.value)
    if cell.part is not None and cell.of is not None:
        told += f" ({cell.part:,}/{cell.of:,})"
    if cell.low is not None and cell.high is not None:
        told += f" [{said(cell.low)}, {said(cell.high)}]"
    return f"{_PRINTED}{told}" if cell.published else told


def _wide(words: str) -> int:
    """Columns of a terminal."""
    return sum(2 if east_asian_width(sign) in "WF" else 1 for sign in words)
