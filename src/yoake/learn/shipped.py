"""`python -m yoake.learn.shipped`: rebuilds the model that lies in the package.

Reads examples/corpus/*.jsonl and, where it is there, half of the public background beside the project (open2ch_dev: every
second post; jcm: its split `train`). The other half is never trained on: it measures false alarms (bench/learn.py).
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from yoake.detect.serving import SHIPPED_MODEL
from yoake.learn.corpus import Source, read_corpus
from yoake.learn.store import save
from yoake.learn.training import train

ROOT: Final = Path(__file__).resolve().parents[3]
NOTES: Final = """Labelled rows are synthetic: written by five writers of one family who did not see each other's rows. Background:
open2ch_dev (Apache-2.0, 稲葉通将, おーぷん2ちゃんねる対話コーパス, 2019) and jcm (MIT, JCommonsenseMorality); half of each was
used for training, no row of either is in this folder. Nothing here was measured on real recruitment posts.
Labels that are not on the shelf of categories are never reported. A finding is a hint for a person, never a decision."""


def background_halves(place: Path) -> dict[str, tuple[list[str], list[str], Source]]:
    """Harmless texts by set: those for training, those held out, and the file; {} when the folder is missing."""
    found = {}
    for name, file in (("open2ch_dev", "posts.jsonl.gz"), ("jcm", "sentences.jsonl.gz")):
        path = place / name / file
        if not path.is_file():
            continue
        octets = path.read_bytes()
        rows: list[dict[str, Any]] = [json.loads(line) for line in gzip.decompress(octets).splitlines()]
        used = [row["split"] == "train" if "split" in row else i % 2 == 0 for i, row in enumerate(rows)]
        halves = [[row["text"] for row, use in zip(rows, used, strict=True) if use == want] for want in (True, False)]
        source = Source(f"{name}/{file}", hashlib.sha256(octets).hexdigest(), len(halves[0]), 0)
        found[name] = halves[0], halves[1], source
    return found


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
    texts = [text for used, _, _ in halves.values() for text in used]
    trained = train(corpus, texts, progress=say)
    model = save(
        trained,
        given.out,
        day=datetime.now(UTC).date(),
        background=[source for _, _, source in halves.values()],
        notes=NOTES,
    )
    say(f"{given.out}: version {model.version}, {len(corpus.rows)} rows, {len(texts)} background texts")
    return 0


def say(words: str) -> None:
    """One line on standard error."""
    sys.stderr.write(words + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
