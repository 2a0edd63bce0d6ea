"""Rows to learn from: JSON lines `{"text", "label"}` and, where known, who wrote them and when."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from yoake.detect.kernels import linear as kernel
from yoake.detect.linear_model import columns
from yoake.detect.text.fold import Folded, read
from yoake.errors import BadInput
from yoake.learn.copies import join_alike, near_copies
from yoake.learn.hashed import Hashed, hashing
from yoake.tables.posts import posts_batch

NONE: Final = "none"
_LONGEST: Final = 100_000  # code points of a text, as `yoake score` reads them
_KEPT_REFUSALS: Final = 100
_WRITER_PARTS: Final = 13


@dataclass(frozen=True, slots=True)
class Row:
    """A labelled post."""

    text: str
    labels: tuple[str, ...]  # sorted, distinct; () for nothing
    group: str = ""  # whoever or whatever keeps it together with others; "" alone
    time: str = ""
    writer: str = ""
    profile: str = ""
    parent_text: str = ""
    hashed: Hashed | None = None  # in place of the texts, where only their features may be kept


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was read."""

    name: str
    sha256: str
    rows: int
    refused: int


@dataclass(slots=True)
class Corpus:
    """Rows with the groups that no split may tear apart."""

    rows: list[Row]
    sources: list[Source] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)  # file, line, reason: the first hundred
    groups: Any = None  # int64 (rows,): equal for rows of one group or near copies

    def __post_init__(self) -> None:
        if self.groups is None:
            self.groups = _groups(self.rows)

    def part(self, chosen: Iterable[int]) -> Corpus:
        """Some of the rows, with the groups they have here."""
        at = np.asarray(list(chosen), np.int64)
        return Corpus([self.rows[i] for i in at], self.sources, [], self.groups[at])

    def labels(self) -> list[str]:
        """Every label that occurs, sorted; `none` is not one."""
        return sorted({label for row in self.rows for label in row.labels})

    def truth(self, labels: Sequence[str]) -> Any:
        """Which row has which label: bool (rows, labels)."""
        return np.array([[label in row.labels for label in labels] for row in self.rows], bool).reshape(
            len(self.rows), len(labels)
        )

    def harmful(self) -> Any:
        """Whether a row has any label: bool (rows,)."""
        return np.array([bool(row.labels) for row in self.rows], bool)

    def features(self, bits: int, longest: int) -> tuple[Any, Any, Any]:
        """What learned detectors read of every row, whether it has texts or hashed features.

        Returns:
            starts int64 (rows + 1,), buckets int32 (m,) rising inside a row, values float32 (m,) = 1 + ln count.

        Raises:
            BadInput: a row was hashed into fewer buckets, or with shorter runs, than asked for.
        """
        starts, buckets, values = kernel.features(*columns(self._folded()), bits, longest)
        if not any(row.hashed for row in self.rows):
            return starts, buckets, values
        parts = [
            row.hashed.features(bits, longest)
            if row.hashed
            else (buckets[starts[i] : starts[i + 1]], values[starts[i] : starts[i + 1]])
            for i, row in enumerate(self.rows)
        ]
        ends = np.cumsum([0] + [len(of_row) for of_row, _values in parts]).astype(np.int64)
        return ends, np.concatenate([one for one, _ in parts]), np.concatenate([one for _, one in parts])

    def folded(self) -> list[Folded]:
        """Text, profile and parent of every row, folded. Raises BadInput when a row has hashed features only."""
        if any(row.hashed for row in self.rows):
            raise BadInput("--data", "rows of hashed features", "rows with a text: hashed ones can only be trained on")
        return self._folded()

    def posts(self) -> pa.RecordBatch:
        """The rows as posts (schema POSTS). Raises BadInput when a row has hashed features only."""
        if any(row.hashed for row in self.rows):
            raise BadInput("--data", "rows of hashed features", "rows with a text: nobody can read hashed ones")
        now = datetime.now(UTC)
        fields = ("text", "profile", "parent_text")
        return posts_batch(
            [
                {"network": "corpus", "native_id": str(i), "seen_at": now}
                | {name: getattr(row, name)[:_LONGEST] for name in fields}
                for i, row in enumerate(self.rows)
            ]
        )

    def _folded(self) -> list[Folded]:
        return [
            read(pa.array([getattr(row, name)[:_LONGEST] for row in self.rows], pa.string()))
            for name in ("text", "profile", "parent_text")
        ]


def read_corpus(files: Sequence[Path]) -> Corpus:
    """Reads files of JSON lines, also gzipped; lines that cannot be used are counted and named, the others count.

    Raises:
        BadInput: a file cannot be read, or no line of all of them can be used.
    """
    rows: list[Row] = []
    sources: list[Source] = []
    refusals: list[str] = []
    for file in files:
        try:
            octets = file.read_bytes()
            content = gzip.decompress(octets) if file.suffix == ".gz" else octets
        except (OSError, EOFError) as problem:
            raise BadInput("--data", str(file), f"a readable file of JSON lines ({problem})") from None
        before, refused = len(rows), 0
        for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
            if not line.strip():
                continue
            found = _row(line)
            if isinstance(found, Row):
                rows.append(found)
                continue
            refused += 1
            if len(refusals) < _KEPT_REFUSALS:
                refusals.append(f"{file} line {number}: {found}")
        sources.append(Source(file.name, hashlib.sha256(octets).hexdigest(), len(rows) - before, refused))
    if not rows:
        raise BadInput("--data", ", ".join(map(str, files)), 'lines such as {"text": "...", "label": "none"}')
    return Corpus(rows, sources, refusals)


def _row(line: bytes) -> Row | str:
    """The row of a line, or why it is none."""
    try:
        read = json.loads(line)
    except (ValueError, RecursionError):
        return "not JSON"
    if not isinstance(read, dict):
        return "not an object"
    text, label = read.get("text"), read.get("label")
    hashed: Hashed | None = None
    if text is None and "features" in read:
        found = Hashed.read(read)
        if isinstance(found, str):
            return found
        hashed, text = found, ""
        if hashed.hashing != hashing():  # else how a row was hashed would tell its label
            return "its features were taken by another version of the program"
    if not isinstance(text, str):
        return 'no "text" that is a string'
    listed = [label] if isinstance(label, str) else label
    if not isinstance(listed, list) or not listed or not all(isinstance(one, str) and one.strip() for one in listed):
        return 'no "label" that is a string or a list of strings'
    names = {one.strip() for one in listed}
    if NONE in names and len(names) > 1:
        return '"none" beside another label'
    more = {name: _clean(read.get(name)) for name in ("group", "time", "writer", "profile", "parent_text")}
    return Row(_clean(text), tuple(sorted(names - {NONE})), **more, hashed=hashed)


def _clean(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _groups(rows: Sequence[Row]) -> Any:
    """int64 (rows,): rows share a number when they share a group, or are near copies, or through others."""
    groups = near_copies([row.text for row in rows if row.hashed is None])
    if hashed := [row.hashed for row in rows if row.hashed is not None]:  # of these only features can be compared
        bits, longest = min(one.bits for one in hashed), min(one.longest for one in hashed)
        starts, buckets, _values = Corpus(list(rows), groups=np.arange(len(rows))).features(bits, longest)
        groups = groups.spread([i for i, row in enumerate(rows) if row.hashed is None], len(rows))
        sets = {i: np.unique(buckets[starts[i] : starts[i + 1]]).astype(np.uint64) for i in range(len(rows))}
        join_alike(groups, {i: one for i, one in sets.items() if len(one)})
    first: dict[str, int] = {}
    for i, row in enumerate(rows):
        if row.group:
            groups.join(i, first.setdefault(f"{row.writer}\0{row.group}", i))
    return np.array(groups.all(), np.int64)


def folds(corpus: Corpus, count: int = 5, seed: int = 0) -> Any:
    """int64 (rows,): which part a row belongs to. Whole writers where there are three or more, else whole groups.

    `count` is for groups; writers make a part each, and share `_WRITER_PARTS` parts when they are more: training takes its time for
    every part. A group with rows of several writers (near copies) goes whole to one part.
    """
    writers = sorted({row.writer for row in corpus.rows if row.writer})
    groups, inverse = np.unique(corpus.groups, return_inverse=True)
    if len(writers) >= 3 and all(row.writer for row in corpus.rows):
        of_group = np.zeros(len(groups), np.int64)
        for row, group in zip(corpus.rows, inverse.tolist(), strict=True):
            of_group[group] = writers.index(row.writer) % _WRITER_PARTS
        return of_group[inverse]
    # the rarest labels are dealt out first, so that every part has some of each
    chance = np.random.default_rng(seed)
    sizes: dict[str, int] = {}
    for row in corpus.rows:
        for label in row.labels:
            sizes[label] = sizes.get(label, 0) + 1
    kind = np.array([""] * len(groups), object)
    for row, group in zip(corpus.rows, inverse.tolist(), strict=True):
        rarest = min(row.labels, key=lambda label: (sizes[label], label), default="")
        if rarest and (not kind[group] or sizes[rarest] < sizes[kind[group]]):
            kind[group] = rarest
    of_group = np.zeros(len(groups), np.int64)
    for label in sorted(set(kind.tolist())):
        members = np.flatnonzero(kind == label)
        chance.shuffle(members)
        of_group[members] = (np.arange(len(members)) + chance.integers(count)) % count
    return of_group[inverse]
