"""Where a judge is wrong on labelled rows: the worst misses and false alarms of each label, with what it pointed at.

`report` finds them, `page` writes them down for people: one HTML file that loads nothing and escapes everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Any, Final

import numpy as np

from yoake.detect import wording
from yoake.detect.category_keys import FIELDS
from yoake.detect.detector import Detector, Measurable
from yoake.detect.detectors.linear import Linear
from yoake.detect.kernels.linear import attribute
from yoake.detect.linear_model import columns
from yoake.detect.text.field_text import FieldText
from yoake.learn.comparison import ask
from yoake.learn.corpus import Corpus, Row
from yoake.learn.evaluation import THRESHOLD, average_precision

_BATCH: Final = 1000
_SHOWN: Final = 2_000  # code points of a text
Spans = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Mistake:
    """A row about which the judge is wrong."""

    row: Row
    said: float  # 0 to 1, of the label in question
    spans: Spans


@dataclass(frozen=True, slots=True)
class LabelErrors:
    """What is wrong about one label."""

    label: str
    n: int  # rows that have it
    given: int  # rows that got it
    right: int
    ap: float
    misses: list[Mistake]  # the surest first
    alarms: list[Mistake]


@dataclass(frozen=True, slots=True)
class Report:
    """All of it."""

    judge: str
    rows: int
    labels: list[LabelErrors]  # most mistakes first


def report(detector: Detector, corpus: Corpus, most: int, told: Callable[[int], None] = lambda _done: None) -> Report:
    """Judges every row.

    Args:
        detector: one that is Measurable is asked for probabilities and errs at .5; any other errs by what it queues.
        corpus: labelled rows with texts.
        most: misses, and false alarms, kept of a label.
        told: called with the number of rows done.

    Raises:
        BadInput: rows of hashed features, which nobody can read.
    """
    posts = corpus.posts()
    found: dict[tuple[int, str], Spans] = {}
    if isinstance(detector, Measurable):
        names = sorted({*detector.labels, *corpus.labels()})
        scores = np.zeros((posts.num_rows, len(names)))
        at = [names.index(label) for label in detector.labels]
        for first in range(0, posts.num_rows, _BATCH):
            scores[first : first + _BATCH, at] = detector.probabilities(posts.slice(first, _BATCH))
            told(min(first + _BATCH, posts.num_rows))
        given = scores >= THRESHOLD
    else:
        names = sorted({*corpus.labels(), *getattr(detector, "categories", ())})
        said = ask(detector, corpus, names)
        scores, given = said.scores, said.queued
        told(posts.num_rows)
    truth = corpus.truth(names)
    wrong: dict[str, tuple[list[int], list[int]]] = {}
    for number, label in enumerate(names):
        missed = np.flatnonzero(truth[:, number] & ~given[:, number])
        alarmed = np.flatnonzero(~truth[:, number] & given[:, number])
        order = scores[:, number]
        wrong[label] = (
            sorted(missed.tolist(), key=lambda i: (order[i], i))[:most],
            sorted(alarmed.tolist(), key=lambda i: (-order[i], i))[:most],
        )
    chosen = sorted({row for lists in wrong.values() for listed in lists for row in listed})
    if isinstance(detector, Linear):
        found = _weighed(
            detector, corpus, {(row, label) for label, lists in wrong.items() for listed in lists for row in listed}
        )
    else:
        part = corpus.part(chosen).posts() if chosen else None
        for finding in detector.judge(part).to_pylist() if part is not None else ():
            found[chosen[finding["row"]], finding["category"]] = finding["spans"]
    listed = []
    for number, label in enumerate(names):
        n, n_given = int(truth[:, number].sum()), int(given[:, number].sum())
        if not n and not n_given:
            continue
        misses, alarms = (
            [Mistake(corpus.rows[i], float(scores[i, number]), found.get((i, label), [])) for i in rows]
            for rows in wrong[label]
        )
        right = int((truth[:, number] & given[:, number]).sum())
        ap = average_precision(truth[:, number], scores[:, number], np.ones(len(truth)))
        listed.append(LabelErrors(label, n, n_given, right, ap, misses, alarms))
    listed.sort(key=lambda one: (one.right * 2 - one.n - one.given, one.label))
    return Report(f"{detector.name} {detector.version}", posts.num_rows, listed)


def _weighed(detector: Linear, corpus: Corpus, wanted: Iterable[tuple[int, str]]) -> dict[tuple[int, str], Spans]:
    """What a learned model points at for any of its labels, on the shelf or not, found or missed."""
    model, found = detector.model, {}
    own, here = np.ascontiguousarray(model.own), np.zeros(1, np.int64)
    known = {label: number for number, label in enumerate(model.labels)}
    for row, label in sorted(wanted):
        if label not in known:
            continue
        folded = corpus.part([row]).folded()
        starts, given = attribute(
            *columns(folded), model.bits, model.longest, here, here + known[label], model.idf, own, model.damping
        )  # fmt: skip
        shares = [given[begins:ends] for begins, ends in pairwise(starts.tolist())]
        texts = [getattr(corpus.rows[row], name) for name in FIELDS]
        fields = [FieldText(text, column, 0) for text, column in zip(texts, folded, strict=True)]
        found[row, label] = wording.spans(fields, folded, shares, phrases=True)
    return found


def page(found: Report, language: str, _: Callable[[str], str]) -> str:
    """The report as one HTML page.

    Args:
        found: what `report` gave.
        language: of the headings, `ja` or `en`.
        _: puts an English heading into that language.
    """
    rows = "".join(
        f'<tr><th scope="row"><a href="#label-{i}">{escape(one.label)}</a></th><td>{one.n}</td><td>{one.n - one.right}</td>'
        f"<td>{one.given - one.right}</td><td>{_share(one.right, one.given)}</td><td>{_share(one.right, one.n)}</td>"
        f"<td>{one.ap:.3f}</td></tr>"
        for i, one in enumerate(found.labels)
    )
    heads = ("", _("rows with it"), _("missed"), _("false alarms"), _("precision"), _("recall"), "AP")
    columns_ = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
    title = escape(_("Where the judge is wrong"))
    sections = "".join(_section(i, one, _) for i, one in enumerate(found.labels))
    warning = escape(_("This page holds texts of the file. Keep it, and delete it, as carefully as the file itself."))
    facts = escape(_("%(rows)d rows, judged by %(judge)s") % {"rows": found.rows, "judge": found.judge})
    return (
        f'<!doctype html>\n<html lang="{escape(language)}">\n<head>\n<meta charset="utf-8">\n'
        f"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{title}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n<p>{facts}</p>\n"
        f'<p class="warning">{warning}</p>\n<div class="wide"><table><thead><tr>{columns_}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>\n{sections}</main>\n</body>\n</html>\n"
    )


def _section(number: int, one: LabelErrors, _: Callable[[str], str]) -> str:
    parts = [f'<section id="label-{number}"><h2>{escape(one.label)}</h2>\n']
    misses, alarms = one.n - one.right, one.given - one.right
    for heading, total, listed in (
        (_("Missed: %(shown)d of %(all)d, the farthest off first"), misses, one.misses),
        (_("False alarms: %(shown)d of %(all)d, the surest first"), alarms, one.alarms),
    ):
        parts.append(f"<h3>{escape(heading % {'shown': len(listed), 'all': total})}</h3>\n")
        parts += [_mistake(mistake, _) for mistake in listed]
    return "".join([*parts, "</section>\n"])


def _mistake(mistake: Mistake, _: Callable[[str], str]) -> str:
    row = mistake.row
    labels = escape(", ".join(row.labels) or "none")
    parts = [f"<article><p><b>{mistake.said:.3f}</b> <span>{escape(_('labelled'))}: {labels}</span></p>"]
    names = {"text": "", "profile": _("profile"), "parent_text": _("post it replies to")}
    for name, called in names.items():
        text = getattr(row, name)
        if text:
            head = f"<p><small>{escape(called)}</small></p>" if called else ""
            spans = [span for span in mistake.spans if span["field"] == name]
            parts.append(f'{head}<blockquote dir="auto">{marked(text, spans)}</blockquote>')
    if not mistake.spans:
        parts.append(f"<p><small>{escape(_('The judge points at nothing.'))}</small></p>")
    return "".join([*parts, "</article>\n"])


def marked(text: str, spans: Sequence[dict[str, Any]]) -> str:
    """The text as HTML, with its places marked by whether they speak for or against; every character once."""
    shown = text[:_SHOWN]
    borders = {0, len(shown)}
    for span in spans:
        borders |= {min(max(span["start"], 0), len(shown)), min(max(span["end"], 0), len(shown))}
    parts = []
    for start, end in pairwise(sorted(borders)):
        weights = [span["weight"] for span in spans if span["start"] <= start and end <= span["end"]]
        words = escape(shown[start:end])
        side = "for" if sum(weights) >= 0 else "against"
        parts.append(f'<mark class="{side}" title="{sum(weights):+.2f}">{words}</mark>' if weights else words)
    return "".join(parts) + ("…" if len(text) > _SHOWN else "")


def _share(part: int, of: int) -> str:
    return f"{part / of:.3f}" if of else "–"


_STYLE: Final = """
:root { color-scheme: light dark; --line: #d8d2ca; --soft: #565b70; --for: #fbdcd9; --against: #d6ece6; --warn: #fdf1d8; }
@media (prefers-color-scheme: dark) {
  :root { --line: #303548; --soft: #a9adbf; --for: #67363a; --against: #1d3d37; --warn: #3a2f14; }
}
body { font: 1rem/1.7 system-ui, sans-serif; margin: 0; overflow-wrap: anywhere; }
main { max-width: 60rem; margin: 0 auto; padding: 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .25rem .8rem; border-top: 1px solid var(--line); }
th[scope=row] { text-align: left; }
article { border: 1px solid var(--line); border-radius: 8px; padding: .6rem 1rem; margin: .6rem 0; }
article p { margin: 0; }
span, small { color: var(--soft); }
blockquote { margin: .3rem 0; white-space: pre-wrap; unicode-bidi: isolate; }
mark { color: inherit; background: var(--for); border-bottom: 2px solid currentcolor; }
mark.against { background: var(--against); border-bottom-style: dotted; }
.warning { background: var(--warn); padding: .6rem 1rem; border-radius: 8px; }
"""
