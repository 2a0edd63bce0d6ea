"""Sealed evidence without its database: files, list of keys and master key are enough. No table is read."""

from __future__ import annotations

import json
from pathlib import Path

from yoake.casework.evidence import bags
from yoake.casework.evidence.bagging import CASE, SEAL, payload_of
from yoake.casework.evidence.boxes import unpacked
from yoake.casework.evidence.disk import write_new
from yoake.casework.evidence.keys import decrypt, folder, listed, masters, unwrap
from yoake.errors import Refused


def rescue(out: Path) -> tuple[int, list[str]]:
    """Writes a bag of everything that is sealed, for its owner only; without cover sheet and audit entry.

    Returns:
        How many bags were written, and a sentence for each file that could not be read.
    """
    known, written, problems = masters(), 0, []
    keys = {uid: (name, wrapped) for uid, name, wrapped in listed() if name}
    newest: dict[str, Path] = {}
    for file in folder().glob("??/*.*"):
        if file.suffix[1:].isdigit() and int(file.suffix[1:]) > int(newest.get(file.stem, Path("x.0")).suffix[1:]):
            newest[file.stem] = file
    for uid, file in sorted(newest.items()):
        if uid not in keys:
            continue  # destroyed
        name, wrapped = keys[uid]
        try:
            if name not in known:
                raise Refused(f"the evidence key {name} is not there")
            files = unpacked(decrypt(file.read_bytes(), unwrap(wrapped, uid, known[name]), file.name))
        except (Refused, OSError) as problem:
            problems.append(f"{file.name}: {problem}")
            continue
        if CASE not in files:
            continue  # never sealed
        told = json.loads(files[CASE])
        number = told["evidence"]["number"]
        seal = {path: octets for path, octets in files.items() if path.startswith(SEAL)}
        bag = bags.pack(number, payload_of(files), seal, {"Source-Organization": told["organisation"]["name"]})
        try:
            write_new(out / f"{number}.zip", bag)
        except FileExistsError:
            problems.append(f"{number}.zip is there already; choose a folder that is empty")
        else:
            written += 1
    return written, problems
