"""The registers as they are shipped: a file a kind, a line a body."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources

from yoake.casework.registers.models import Kind

WAYS = ("address", "form", "email", "telephone")  # those that have a column; keys and terms are never shipped


@dataclass(frozen=True)
class ShippedBody:
    """A line of a register."""

    slug: str
    kind: str
    name_ja: str
    name_en: str
    prefecture: str  # as in Japanese; "" where it means nothing
    country: str
    language: str  # ja or en
    networks: tuple[str, ...]
    hosts: tuple[str, ...]
    contacts: dict[str, str]  # by way; only those that are not empty
    source: str  # where the contacts are from; "": nobody verified them
    checked_on: date | None


@dataclass(frozen=True)
class ShippedAccount:
    """A line of the official accounts."""

    body: str
    network: str
    handle: str
    native_id: str


@cache
def shipped_bodies() -> dict[str, ShippedBody]:
    """Every shipped body by its slug: in the order of the kinds, then of the file."""
    found: dict[str, ShippedBody] = {}
    for kind in Kind.values:
        for row in _rows(f"{kind}.tsv"):
            body = ShippedBody(
                row["slug"],
                kind,
                row["name_ja"],
                row["name_en"],
                row["prefecture"],
                row["country"],
                row["language"],
                tuple(row["networks"].split()),
                tuple(row["hosts"].split()),
                {way: row[way] for way in WAYS if row[way]},
                row["source"],
                date.fromisoformat(row["checked"]) if row["checked"] else None,
            )
            if found.setdefault(body.slug, body) is not body:
                raise ValueError(f"two bodies are called {body.slug}")
    return found


@cache
def shipped_accounts() -> tuple[ShippedAccount, ...]:
    """The official accounts that are shipped."""
    return tuple(
        ShippedAccount(row["body"], row["network"], row["handle"].lower(), row["native_id"])
        for row in _rows("official_accounts.tsv")
    )


def _rows(name: str) -> list[dict[str, str]]:
    text = resources.files("yoake.casework.registers").joinpath("shipped", name).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
