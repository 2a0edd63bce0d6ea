"""The encrypted file of one evidence: a number of named files, written anew with every change."""

from __future__ import annotations

import io
import logging
import zipfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from django.db import transaction

from yoake.casework.evidence.disk import sync_names, write_new
from yoake.casework.evidence.keys import decrypt, encrypt, folder
from yoake.casework.evidence.models import Evidence
from yoake.errors import Refused

log = logging.getLogger("yoake.worker")
_WRITTEN_WITHIN_S: Final = 3600.0  # a file whose transaction is not done yet is younger


def write_box(row: Evidence, key: bytes, files: Mapping[str, bytes]) -> None:
    """Writes a new file and sets `row.box` (not saved yet); the file before goes when the transaction is done."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as into:
        for name in sorted(files):
            into.writestr(zipfile.ZipInfo(name), files[name], zipfile.ZIP_DEFLATED)  # without the time of packing
    before, row.box = row.box, row.box + 1
    file = file_of(row)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    sealed = encrypt(packed.getvalue(), key, file.name)
    file.unlink(missing_ok=True)  # what a transaction left that was rolled back
    write_new(file, sealed)
    sync_names(file.parent)
    if before:
        transaction.on_commit(lambda: remove_boxes(row, before=file))


def read_box(row: Evidence, key: bytes) -> dict[str, bytes]:
    """What is inside. Raises Refused when the file is missing, damaged or was changed."""
    if not row.box:
        return {}
    try:
        octets = file_of(row).read_bytes()
    except OSError as problem:
        raise Refused(f"the file of evidence {row.number} cannot be read ({problem.strerror})") from None
    return unpacked(decrypt(octets, key, file_of(row).name))


def unpacked(octets: bytes) -> dict[str, bytes]:
    """The files of a decrypted box."""
    with zipfile.ZipFile(io.BytesIO(octets)) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def remove_boxes(row: Evidence, before: Path | None = None) -> None:
    """Removes the files of evidence: all of them, also those that a killed worker left, or those `before` this one."""
    for file in file_of(row).parent.glob(f"{row.uid}.*"):
        if before is None or _number(file) < _number(before):
            file.unlink(missing_ok=True)


def sweep(now: datetime) -> int:
    """Removes files that a killed worker left: earlier than their row's, of a destroyed key, or of a change that was lost.

    A file whose evidence the database does not know stays: the database is older than the file, since a row is committed
    before anything is written under its key. One that cannot be removed is tried again.
    """
    known = {
        str(uid): (box, state) for uid, box, state in Evidence.objects.values_list("uid", "box", "state").iterator()
    }
    swept = 0
    for file in folder().glob("??/*.*"):
        box, state = known.get(file.stem, (_number(file), ""))
        try:
            young = now.timestamp() - file.stat().st_mtime < _WRITTEN_WITHIN_S
            if state == Evidence.State.ERASED or _number(file) < box or (_number(file) > box and not young):
                file.unlink()
                swept += 1
        except FileNotFoundError:
            continue  # whoever wrote the next one removed it
        except OSError as problem:
            log.warning("%s cannot be removed (%s); tried again later", file.name, type(problem).__name__)
    return swept


def _number(file: Path) -> int:
    return int(file.suffix[1:]) if file.suffix[1:].isdigit() else 0


def file_of(row: Evidence, box: int = 0) -> Path:
    """Where the file of a box lies, the newest one when no number is given."""
    return folder() / row.uid.hex[:2] / f"{row.uid}.{box or row.box}"
