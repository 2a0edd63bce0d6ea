"""Model folders: the trained model with what it saw, how good it was on rows it had not seen, and a card for people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from yoake.detect.linear_model import LinearModel, write_linear
from yoake.learn.corpus import Corpus, Source
from yoake.learn.evaluation import evaluate
from yoake.learn.training import Trained


def save(
    trained: Trained, folder: Path, *, day: date, background: Sequence[Source] = (), notes: str = ""
) -> LinearModel:
    """Writes the model folder.

    Args:
        trained: a model and its rows.
        folder: where to; made when it is missing.
        day: date of the model.
        background: files of harmless texts that were used.
        notes: further lines of the card (licences, limits).
    """
    corpus = trained.corpus
    figures = evaluate(corpus, trained.model.labels, trained.unseen, harm=trained.unseen_harm, rounds=0)
    writers = sorted({row.writer for row in corpus.rows if row.writer})
    parts = "whole writers" if len(writers) >= 3 and all(row.writer for row in corpus.rows) else "whole groups"
    facts: dict[str, Any] = {
        "date": day.isoformat(),
        "rows": len(corpus.rows),
        "groups": figures["groups"],
        "unseen": unseen(figures, f"cross-validation over {parts}"),
        "data": [provenance(source, "labelled") for source in corpus.sources]
        + [provenance(source, "background") for source in background],
    }
    return write_linear(folder, trained.model, facts, _card(trained, figures, parts, day, background, notes))


def unseen(figures: dict[str, Any], how: str) -> dict[str, Any]:
    """Figures on rows that the model had not seen, as model.toml has them."""
    return {
        "how": how,
        "threshold": 0.5,
        **{f"macro_{name}": round(value, 4) for name, value in figures["macro"].items()},
        **{f"micro_{name}": round(value, 4) for name, value in figures["micro"].items()},
        "any_ap": round(figures["any"]["ap"], 4),
        "ece": round(figures["ece"], 4),
    }


def provenance(source: Source, used: str) -> dict[str, Any]:
    """A file that the model saw, as model.toml has it."""
    return {"name": source.name, "sha256": source.sha256, "rows": source.rows, "refused": source.refused, "as": used}


def _card(
    trained: Trained, figures: dict[str, Any], parts: str, day: date, background: Sequence[Source], notes: str
) -> str:
    corpus: Corpus = trained.corpus
    lines = [
        "# Model card",
        "",
        f"Version `{{version}}`, {day.isoformat()}. Weights of hashed runs of 1 to {trained.model.longest} folded",
        f"characters in {1 << trained.model.bits:,} buckets; many runs share a bucket, so no row can be read back.",
        "",
        f"Saw {len(corpus.rows):,} labelled rows in {figures['groups']:,} groups:",
        "",
        *[f"- `{s.name}`: {s.rows:,} rows, {s.refused} refused, sha256 `{s.sha256[:16]}…`" for s in corpus.sources],
    ]
    if background:
        lines += ["", "and, as harmless background:", ""]
        lines += [f"- `{s.name}`: {s.rows:,} rows, sha256 `{s.sha256[:16]}…`" for s in background]
    lines += [
        "",
        f"Figures on unseen rows (cross-validation over {parts}, threshold .5); they say how well the labels of *these* rows",
        "are found again, nothing about other texts:",
        "",
        *table(figures),
    ]
    return "\n".join([*lines, "", *([notes, ""] if notes else [])])


def table(figures: dict[str, Any]) -> list[str]:
    """Lines of a card: the figures of every label."""
    rows = [
        f"| {label} | {f['n']} | {f['precision']:.2f} | {f['recall']:.2f} | {f['f1']:.2f} | {f['ap']:.2f} |"
        for label, f in figures["per_label"].items()
    ]
    return ["| label | n | precision | recall | F1 | AP |", "|---|---|---|---|---|---|", *rows]
