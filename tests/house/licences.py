"""`python -m tests.house.licences LOCK...`: lists the licence of every locked package and fails on one we cannot take.

Allowed are Apache-2.0, MIT, BSD, ISC, PSF, MPL-2.0, Unlicense, Zlib and, as a dependency, LGPL. GPL and AGPL are refused, also as
one half of a choice that the metadata does not spell out. A package that says nothing is refused until a person looked.
"""

from __future__ import annotations

import re
import sys
from email.message import Message
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import cast

# Packages whose metadata says nothing a program can read; the licence was read in the package itself.
READ_BY_HAND = {"atheris": "Apache-2.0", "axe-playwright-python": "MIT (its axe-core: MPL-2.0)", "pyrage": "MIT"}

ALLOWED = re.compile(
    r"apache|\bmit\b|mit-0|bsd|\bisc\b|psf|python software|mpl|mozilla|unlicense|zlib|0bsd|lgpl|lesser general|cc0|public domain",
    re.IGNORECASE,
)
REFUSED = re.compile(r"(?<!L)(?<!Lesser )\bA?GPL|affero|(?<!lesser )general public license", re.IGNORECASE)


def locked(lock: Path) -> list[str]:
    """Names of the packages in a lock file."""
    return re.findall(r"^([A-Za-z0-9._-]+)==", lock.read_text(), re.MULTILINE)


def licence_of(package: str) -> str:
    """What the installed package says its licence is; "" when it says nothing."""
    if package in READ_BY_HAND:
        return READ_BY_HAND[package]
    told = cast(Message, metadata(package))
    if expression := told.get("License-Expression"):
        return str(expression)
    classifiers = [c.rpartition(" :: ")[2] for c in told.get_all("Classifier") or [] if c.startswith("License ::")]
    classifiers = [c for c in classifiers if c != "OSI Approved"]
    if classifiers:
        return " / ".join(classifiers)
    return (told.get("License") or "").strip().split("\n")[0][:80]


def verdict(licence: str) -> str:
    """ "" when the licence may be taken, else why not."""
    if REFUSED.search(licence):
        return "GPL or AGPL is refused"
    if not ALLOWED.search(licence):
        return "unknown licence: read it, then add it to READ_BY_HAND or drop the package"
    return ""


def main(locks: list[str]) -> int:
    """Prints the list; 1 when a package is refused."""
    packages = sorted({name.lower() for lock in locks for name in locked(Path(lock))})
    refused = 0
    for package in packages:
        try:
            licence = licence_of(package)
        except PackageNotFoundError:
            print(f"  {package:28} (not needed on this system)")
            continue
        why = verdict(licence)
        refused += bool(why)
        print(f"{'✗' if why else ' '} {package:28} {licence or '?'}{'  <- ' + why if why else ''}")
    print(f"{len(packages)} packages, {refused} refused")
    return int(refused > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
