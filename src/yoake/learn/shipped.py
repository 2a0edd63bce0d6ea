"""`python -m yoake.learn.shipped`: rebuilds the model that lies in the package.

Reads examples/corpus/*.jsonl and, where it is there, half of the public background beside the project (open2ch_dev: every
second post; jcm: its split `train`; janitr: harmless posts outside its split `valid`). The other half is never trained on: it measures false alarms (bench/learn.py).
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from yoake.detect.category import load_categories
from yoake.detect.serving import SHIPPED_MODEL
from yoake.learn.corpus import Corpus, Source, read_corpus
from yoake.learn.store import save
from yoake.learn.training import Settings, Trained, train

ROOT: Final = Path(__file__).resolve().parents[3]
NOTES: Final = """Labelled rows are synthetic: their writers are of one family and did not see each other's rows. Background:
open2ch_dev (Apache-2.0, 稲葉通将, おーぷん2ちゃんねる対話コーパス, 2019), jcm (MIT, JCommonsenseMorality) and janitr (MIT, posts
from X, only those that are no scam); a part of each was used for training, no row of either is in this folder. Nothing here was measured on real recruitment posts.
Labels that are not on the shelf of categories are never reported. A finding is a hint for a person, never a decision."""


_BACKGROUND: Final[dict[str, tuple[str, Callable[[dict[str, Any]], bool], Callable[[int, dict[str, Any]], bool]]]] = {
    # name: file, which rows are harmless, which of these are trained on
    "open2ch_dev": ("posts.jsonl.gz", lambda row: True, lambda i, row: i % 2 == 0),
    "jcm": ("sentences.jsonl.gz", lambda row: True, lambda i, row: row["split"] == "train"),
    "janitr": (
        "posts.jsonl.gz",
        lambda row: row["label"] != "scam" and row["origin"] != "invented",
        lambda i, row: row["split"] != "valid",
    ),
}


_SELECTED: Final = ("janitr",)  # gathered around scams: they say nothing about how often everyday posts alarm


def background_halves(place: Path) -> dict[str, tuple[list[str], list[str], Source]]:
    """Harmless texts by set: those for training, those held out, and the file; {} when the folder is missing."""
    found = {}
    for name, (file, harmless, used_of) in _BACKGROUND.items():
        path = place / name / file
        if not path.is_file():
            continue
        octets = path.read_bytes()
        read: list[dict[str, Any]] = [json.loads(line) for line in gzip.decompress(octets).splitlines()]
        rows = [row for row in read if harmless(row)]
        used = [used_of(i, row) for i, row in enumerate(rows)]
        halves = [[row["text"] for row, use in zip(rows, used, strict=True) if use == want] for want in (True, False)]
        source = Source(f"{name}/{file}", hashlib.sha256(octets).hexdigest(), len(halves[0]), 0)
        found[name] = halves[0], halves[1], source
    return found


def train_as_shipped(
    corpus: Corpus,
    halves: Mapping[str, tuple[list[str], list[str], Source]],
    progress: Callable[[str], None] = lambda _words: None,
) -> Trained:
    """The training of the shipped model, on these rows and the training halves of these backgrounds."""
    everyday = [text for name, (used, _, _) in halves.items() if name not in _SELECTED for text in used]
    selected = [text for name, (used, _, _) in halves.items() if name in _SELECTED for text in used]
    return train(corpus, everyday, Settings(longest=3, at_risk=_at_risk()), harmless=selected, progress=progress)


def _at_risk() -> tuple[str, ...]:
    return tuple(slug for slug, category in load_categories()[0].items() if category.at_risk)


def main() -> int:
    """Builds the model; says on stderr what it does."""
    arguments = argparse.ArgumentParser(prog="python -m yoake.learn.shipped", description=__doc__)
    arguments.add_argument("--corpus", type=Path, default=ROOT / "examples" / "corpus")
    arguments.add_argument("--background", type=Path, default=ROOT.parent / "shared" / "data")
    arguments.add_argument("--out", type=Path, default=SHIPPED_MODEL)
    given = arguments.parse_args()
    corpus = read_corpus(sorted(given.corpus.glob("writer_*.jsonl")))
    halves = background_halves(given.background)
    if not halves:
        say(f"{given.background} has no background: training without it, expect more false alarms on everyday posts")
    trained = train_as_shipped(corpus, halves, say)
    told = held_out(trained, _at_risk())
    model = save(
        trained,
        given.out,
        day=datetime.now(UTC).date(),
        background=[source for _, _, source in halves.values()],
        notes="\n".join([*told, "", NOTES]),
    )
    say("\n".join(told))
    background = sum(source.rows for _, _, source in halves.values())
    say(f"{given.out}: version {model.version}, {len(corpus.rows)} rows, {background} background texts")
    return 0


def held_out(trained: Trained, at_risk: Sequence[str]) -> list[str]:
    """Lines of the card: what the model queues, at its own thresholds, of writers that it had not seen."""
    model, rows = trained.model, trained.corpus.rows
    early = np.array([label in at_risk for label in model.labels], bool)
    risk = trained.unseen[:, early].max(axis=1, initial=0.0) >= model.queue_at_risk
    offence = (trained.unseen_harm >= model.queue) & ~risk
    harmful = trained.corpus.harmful()
    plea = np.array([bool(set(row.labels) & set(at_risk)) for row in rows], bool)
    likeliest = np.array([early[n] for n in trained.unseen.argmax(axis=1)], bool)

    def share(of: Any, among: Any) -> str:
        return f"{int((of & among).sum()):,} of {int(among.sum()):,} ({(of & among).sum() / max(among.sum(), 1):.1%})"

    return [
        f"Queued from {model.queue:.2f}, of people at risk from {model.queue_at_risk:.2f}. Of writers it had not seen it queues:",
        "",
        f"- harmful rows: {share(risk | offence, harmful)}",
        f"- hard negatives: {share(risk | offence, ~harmful)}",
        f"- rows of people at risk, as at risk: {share(risk | (offence & likeliest), plea)}",
        f"- the same, under an offender's label: {share(offence & ~likeliest, plea)}",
        *[
            f"- writer {writer}: harmful {share(risk | offence, harmful & own)}, hard negatives {share(risk | offence, ~harmful & own)}"
            for writer in sorted({row.writer for row in rows})
            for own in [np.array([row.writer == writer for row in rows], bool)]
        ],
    ]


def say(words: str) -> None:
    """One line on standard error."""
    sys.stderr.write(words + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
