"""Lists of addresses that people hand in: pasted, as CSV or as XLSX. Read only, row by row; nothing in them is opened.

An XLSX file from a stranger is opened in a process of its own that may use little memory and little time. Formulas are
not worked out and links to other files not followed.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from xml.parsers import expat

from yoake.collect.clean import storable
from yoake.errors import BadInput

MOST_LINES: Final = 5_000
MOST_BYTES: Final = 5_000_000
MOST_CHARACTERS: Final = 1_000_000  # of a pasted list
LONGEST_LINE: Final = 4_000  # characters; what is longer is no address, and is cut for being shown
NAMED: Final = frozenset(
    {"url", "アドレス", "リンク", "address", "link", "投稿url", "投稿のurl", "対象url", "urlアドレス"}
)
_HEAD_WITHIN: Final = 20  # rows: titles stand above the head of a table
_MOST_ROWS: Final = 50_000  # empty ones included
_MOST_COLUMNS: Final = 200
_LONGEST_FIELD: Final = 131_072  # characters; a limit of our own, because that of `csv` belongs to the whole process
_MOST_UNPACKED: Final = 60_000_000  # bytes of all parts of an XLSX file
_MOST_PARTS: Final = 2_000
_TIMEOUT_S: Final = 30.0
_MEMORY_BYTES: Final = 1 << 30
_ADDRESS: Final = re.compile(r"(?:https?|at)://\S+", re.IGNORECASE)
FORMULA: Final = "a value; this cell holds a formula, and formulas are not worked out here: paste the value"


@dataclass(frozen=True)
class Line:
    """One line or row that says something."""

    number: int  # in the list, from 1
    url: str  # as it stands there; "" when `wrong`
    wrong: str = ""  # what is accepted instead, when the row itself cannot be taken


def from_text(text: str) -> list[Line]:
    """A pasted list, one address a line; empty lines are passed over. Raises BadInput naming the line.

    Of a line with other words beside one address (copied from a mail or a table) the address is taken.
    """
    if len(text) > MOST_CHARACTERS:
        raise BadInput(
            "list", f"{len(text):,} characters", f"at most {MOST_CHARACTERS:,} characters; hand it in in parts"
        )
    return _few_enough(
        Line(number, _address_in(line)) for number, line in enumerate(text.splitlines(), 1) if line.strip()
    )


def carried(lines: Iterable[Line]) -> str:
    """Lines as one text that a page gives back when they were looked at; `from_carried` reads it."""
    return "\n".join(f"{line.number}\t{line.url}" for line in lines)


def from_carried(text: str) -> list[Line]:
    """What `carried` made. Raises BadInput when it was made by anything else."""
    found = list[Line]()
    for line in text.splitlines():
        number, _, url = line.partition("\t")
        if not (number.isascii() and number.isdigit() and len(number) < 9 and int(number)) or len(url) > LONGEST_LINE:
            raise BadInput("list", line[:40], "the lines as they were shown; hand the list in anew")
        found.append(Line(int(number), url, "" if url else FORMULA))
    return _few_enough(found)


def from_csv(octets: bytes) -> list[Line]:
    """A CSV file (UTF-8 with or without its mark, or cp932), comma or tab between fields. Raises BadInput naming the row."""
    _small_enough(octets)
    return _few_enough(_column(enumerate(_csv_rows(_decoded(octets)), 1)))


def from_xlsx(octets: bytes) -> list[Line]:
    """The first sheet of an XLSX file, or its first one with a column URL. Raises BadInput naming the row."""
    _small_enough(octets)
    if not octets.startswith(b"PK\x03\x04"):
        raise no_workbook()
    try:
        ran = subprocess.run(  # our own program; the stranger's bytes go to standard input
            [sys.executable, "-P", "-m", "yoake.collect.address_lists"],
            input=octets,
            capture_output=True,
            timeout=_TIMEOUT_S,
            env={name: os.environ[name] for name in ("PATH", "PYTHONPATH", "SYSTEMROOT") if name in os.environ},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BadInput("file", "XLSX", "a smaller workbook: this one takes too long to read") from None
    if ran.returncode or not ran.stdout:  # out of memory or time
        raise BadInput("file", "XLSX", "a smaller workbook: this one needs too much memory or time to read")
    told: dict[str, Any] = json.loads(ran.stdout)
    if "problem" in told:
        raise BadInput(*told["problem"])
    return [Line(*row) for row in told["lines"]]


# --- rows to lines ----------------------------------------------------------------------------------------------------


def _column(rows: Iterable[tuple[int, list[str | None]]]) -> Iterator[Line]:
    """The column that is called URL, else the first in which an address stands; None in a row is a formula."""
    above: list[tuple[int, list[str | None]]] = []
    told = iter(rows)
    column = None
    for number, row in told:
        named = [place for place, cell in enumerate(row) if cell and _name(cell) in NAMED]
        above.append((number, row))
        if named:
            column, above = named[0], []
            break
        if len(above) == _HEAD_WITHIN:
            break
    if column is None:
        column = next(
            (place for _n, row in above for place, cell in enumerate(row) if cell and _ADDRESS.match(cell.strip())),
            None,
        )
    if column is None:
        raise BadInput(
            "file",
            f"rows 1 to {_HEAD_WITHIN}",
            "a table with a column called URL or アドレス, or with addresses in its first rows",
        )
    for number, row in (*above, *told):
        if column < len(row):
            cell = row[column]
            if cell is None:
                yield Line(number, "", FORMULA)
            elif cell.strip():
                yield Line(number, _address_in(cell))


def _few_enough(lines: Iterable[Line]) -> list[Line]:
    found: list[Line] = []
    for line in lines:
        if len(found) == MOST_LINES:
            raise BadInput("row", line.number, f"at most {MOST_LINES:,} addresses at once; hand the rest in afterwards")
        found.append(line)
    if not found:
        raise BadInput("list", "", "at least one address, one a line")
    return found


def _address_in(line: str) -> str:
    """The one address of a line that says other things beside; else the line."""
    line = storable(" ".join(line[:LONGEST_LINE].split()), [])
    found = _ADDRESS.findall(line)
    return found[0].rstrip("、。,;)>」』】") if len(found) == 1 and found[0] != line else line


def _name(cell: str) -> str:
    return "".join(unicodedata.normalize("NFKC", cell).casefold().split()).rstrip(":")


# --- CSV --------------------------------------------------------------------------------------------------------------


def _small_enough(octets: bytes) -> None:
    if len(octets) > MOST_BYTES:
        raise BadInput("file", f"{len(octets):,} bytes", f"at most {MOST_BYTES:,} bytes; split the file")


def _decoded(octets: bytes) -> str:
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError as utf8:
        try:
            return octets.decode("cp932")
        except UnicodeDecodeError:
            row = octets.count(b"\n", 0, utf8.start) + 1
            raise BadInput("row", row, "characters in UTF-8 or Shift_JIS (cp932); save the file as CSV UTF-8") from None


def _csv_rows(text: str) -> Iterator[list[str | None]]:
    """Rows as the lines they begin in; a quoted field may span several."""
    head = text[: text.find("\n")] if "\n" in text else text
    reader = csv.reader(io.StringIO(text, newline=""), delimiter="\t" if "\t" in head else ",", strict=True)
    number = 0
    while True:
        number += 1
        accepted = "a row in which every quote is closed and no field is longer than 131,072 characters"
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise BadInput("row", number, accepted) from None
        if any(len(field) > _LONGEST_FIELD for field in row):
            raise BadInput("row", number, accepted)
        if number > _MOST_ROWS:
            raise BadInput("row", number, f"at most {_MOST_ROWS:,} rows, empty ones included")
        yield list(row)


# --- XLSX, in the process of its own ----------------------------------------------------------------------------------


def no_workbook() -> BadInput:
    """What is said of a file that is none."""
    return BadInput("file", "XLSX", "a workbook saved as .xlsx without a password")


def _xlsx_lines(octets: bytes) -> list[Line]:
    import openpyxl

    _check_parts(octets)
    try:
        book = openpyxl.load_workbook(io.BytesIO(octets), read_only=True, data_only=False, keep_links=False)
        sheets = book.worksheets
    except BadInput:
        raise
    except Exception:  # whatever a broken file makes the library raise
        raise no_workbook() from None
    if not sheets:
        raise no_workbook()
    first: BadInput | None = None
    for sheet in sheets[:10]:
        try:
            return _few_enough(_column(_sheet_rows(sheet)))
        except BadInput as problem:
            if problem.field == "row":
                raise
            first = first or problem
    assert first is not None
    raise first


def _sheet_rows(sheet: Any) -> Iterator[tuple[int, list[str | None]]]:
    sheet.reset_dimensions()  # what the file says of its size is not believed
    number = 0
    try:
        for row in sheet.iter_rows(max_col=_MOST_COLUMNS):
            number = next((cell.row for cell in row if getattr(cell, "row", None)), number + 1)
            if number > _MOST_ROWS:
                raise BadInput("row", number, f"at most {_MOST_ROWS:,} rows, empty ones included")
            yield number, [_cell(cell) for cell in row]
    except BadInput:
        raise
    except Exception:  # a sheet that breaks off in its middle
        raise BadInput("row", number + 1, "a row that can be read; the file is damaged from here on") from None


def _cell(cell: Any) -> str | None:
    if getattr(cell, "data_type", "") == "f":
        return None
    value = cell.value
    return "" if value is None else str(value)


def _check_parts(octets: bytes) -> None:
    """Refuses what unpacks to too much, and XML that declares entities, before anything is unpacked whole."""
    try:
        with zipfile.ZipFile(io.BytesIO(octets)) as packed:
            parts = packed.infolist()
            if len(parts) > _MOST_PARTS or sum(part.file_size for part in parts) > _MOST_UNPACKED:
                raise BadInput("file", "XLSX", f"a workbook that unpacks to at most {_MOST_UNPACKED // 1_000_000} MB")
            if "xl/workbook.xml" not in packed.namelist():
                raise no_workbook()
            for part in parts:
                if part.filename.endswith((".xml", ".rels")):
                    _no_doctype(packed, part)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError):  # damaged, or with a password
        raise no_workbook() from None


def _no_doctype(packed: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    class Begun(Exception):
        """The first element: no document type can follow."""

    def doctype(*_told: object) -> None:
        raise BadInput("file", part.filename[:60], "a workbook whose parts declare no document type")

    def element(*_told: object) -> None:
        raise Begun

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler, parser.StartElementHandler = doctype, element
    with packed.open(part) as stream:
        try:
            while chunk := stream.read(8192):
                parser.Parse(chunk, False)
        except Begun:
            return
        except expat.ExpatError:
            raise no_workbook() from None


def _bound() -> None:
    """Little memory, little time, no files; where the system knows no such bounds, the time-out is all."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for what, limit in (
        (resource.RLIMIT_AS, _MEMORY_BYTES),
        (resource.RLIMIT_CPU, int(_TIMEOUT_S)),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (limit, limit))


def _main() -> None:
    """Reads a workbook from standard input; writes one line of JSON."""
    _bound()
    octets = sys.stdin.buffer.read(MOST_BYTES + 1)
    told: dict[str, Any]
    try:
        told = {"lines": [[line.number, line.url, line.wrong] for line in _xlsx_lines(octets)]}
    except BadInput as problem:
        told = {"problem": [problem.field, problem.value, problem.accepted]}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    _main()
