"""The store of models: `<store>/<name>/<version>/`, and beside them the pointers (see `yoake.detect.model`).

A version, once added, is not changed: its hash says so. Pointers are replaced in one step, so that a reader sees the old
one or the new one and nothing between.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from yoake.detect import serving
from yoake.detect.model import SERVING, SHADOW, is_ref, read_model
from yoake.errors import BadInput, Refused

BENCHMARK: Final = "benchmark.jsonl"
_RESERVED: Final = (SERVING, SHADOW, "benchmark", "shipped")
_MOST_BYTES: Final = 4 << 30


@dataclass(frozen=True, slots=True)
class Version:
    """A model of the store."""

    ref: str  # <name>/<version>
    folder: Path
    detector: str
    facts: dict[str, Any]  # everything else of model.toml: date, rows, data with hashes, figures

    @property
    def card(self) -> str:
        """card.md, "" when it has none."""
        file = self.folder / "card.md"
        return file.read_text("utf-8", "replace") if file.is_file() else ""


def versions(store: Path) -> Iterator[Version]:
    """Every model of the store, by name and version; folders that are no model are passed over."""
    for folder in sorted(store.glob("*/*/model.toml")) if store.is_dir() else ():
        ref = f"{folder.parent.parent.name}/{folder.parent.name}"
        if is_ref(ref):
            try:
                yield version(store, ref)
            except Refused:
                continue  # `yoake model list` shows what can be used; adding and serving say what is wrong


def version(store: Path, ref: str) -> Version:
    """One model of the store. Raises BadInput when there is none of that name, Refused when its folder is damaged."""
    folder = store / ref
    if not is_ref(ref) or not folder.is_dir():
        known = ", ".join(sorted(f"{p.parent.name}/{p.name}" for p in store.glob("*/*") if p.is_dir()))
        raise BadInput("model", ref, f"the name and version of a model in the store ({known or 'it is empty'})")
    read = read_model(folder)
    return Version(ref, folder, read.detector, tomllib.loads((folder / "model.toml").read_text("utf-8")))


def digest(folder: Path) -> str:
    """Hex sha256 over the paths and contents of every file of a folder."""
    found = hashlib.sha256()
    for file in sorted(p for p in folder.rglob("*") if p.is_file()):
        with file.open("rb") as opened:
            content = hashlib.file_digest(opened, "sha256").hexdigest()
        found.update(f"{file.relative_to(folder).as_posix()}\0{content}\n".encode())
    return found.hexdigest()


def digest_seen(folder: Path) -> str:
    """The same, read again only when a file's name, size or time changed: quick enough for a page."""
    return _digest_seen(folder, serving.generation(None, folder))


@lru_cache(maxsize=64)
def _digest_seen(folder: Path, _state: str) -> str:
    return digest(folder)


def add(store: Path, folder: Path, name: str) -> Version:
    """Copies a model folder into the store under its own version, after loading it.

    Raises:
        BadInput: the name cannot be used, or this version is there already.
        Refused: the model cannot be loaded; the sentence says why.
    """
    ref = f"{name}/{read_model(folder).version}"
    if not is_ref(ref) or name in _RESERVED:
        accepted = f"at most 20 small letters, digits, _ and -, and not {', '.join(_RESERVED)}"
        raise BadInput("name", name, accepted)
    files = [p for p in folder.rglob("*") if p.is_file() or p.is_symlink()]
    if any(p.is_symlink() for p in files) or sum(p.stat().st_size for p in files) > _MOST_BYTES:
        raise BadInput("model", str(folder), "a folder of plain files, together at most 4 GB")
    if (store / ref).exists():
        raise BadInput("model", ref, "a version that is not in the store yet")
    serving.load(folder)
    half = store / name / f".{Path(ref).name}.{os.getpid()}"
    try:
        shutil.copytree(folder, half)
        half.replace(store / ref)
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return version(store, ref)


def point(store: Path, pointer: str, ref: str) -> None:
    """Sets a pointer, or takes it away with ref = ""."""
    if not ref:
        (store / pointer).unlink(missing_ok=True)
        return
    store.mkdir(parents=True, exist_ok=True)
    half = store / f".{pointer}.{os.getpid()}"
    half.write_text(f"{ref}\n", "utf-8")
    half.replace(store / pointer)


def freeze(store: Path, file: Path) -> str:
    """Copies the benchmark set into the store; returns the hex sha256 of what lies there now."""
    store.mkdir(parents=True, exist_ok=True)
    half = store / f".{BENCHMARK}.{os.getpid()}"
    shutil.copyfile(file, half)
    half.chmod(0o600)
    half.replace(store / BENCHMARK)
    return hashlib.sha256((store / BENCHMARK).read_bytes()).hexdigest()
