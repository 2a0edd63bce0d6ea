"""What a detector says about posts: at most one row per post, category and detector."""

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter
from typing import Any, Final

import pyarrow as pa

# A place in a post. `field` is text, profile, parent_text or image:N; start and end are code points of the original.
SPOT = pa.struct([("field", pa.string()), ("start", pa.int32()), ("end", pa.int32()), ("text", pa.string())])
NAMED_SPOT = pa.struct([("name", pa.string()), ("span", SPOT)])
SPAN = pa.struct(
    [
        ("field", pa.string()),
        ("start", pa.int32()),
        ("end", pa.int32()),
        ("text", pa.string()),
        ("cue", pa.string()),  # which cue fired, e.g. "receiver" or "frame:police_warning"
        ("weight", pa.float64()),  # log-odds this span adds (negative: takes away)
    ]
)
WORDS = pa.struct([("ja", pa.string()), ("en", pa.string())])
# The example of the category that reads most like the post; `label` is the category it belongs to, or "none".
NEAREST = pa.struct([("id", pa.string()), ("text", pa.string()), ("likeness", pa.float64()), ("label", pa.string())])

FINDINGS = pa.schema(
    [
        ("row", pa.int32()),  # index of the post in the batch that was judged
        ("uid", pa.string()),
        ("content_hash", pa.string()),  # the version that was judged
        ("category", pa.string()),
        ("class", pa.string()),  # hotline class valid at seen_at
        ("score", pa.float64()),  # [0, 1]; for additive detectors sigmoid(base + rest + sum of span weights)
        ("grade", pa.string()),  # low < queue threshold <= mid < high
        ("detector", pa.string()),
        ("version", pa.string()),
        ("shadow", pa.bool_()),  # true: recorded, never queues
        ("base", pa.float64()),
        ("rest", pa.float64()),
        ("frame", pa.string()),  # advertisement, news, police_warning, question ... or ""
        ("elements", pa.list_(NAMED_SPOT)),
        ("items", pa.struct([("present", pa.list_(NAMED_SPOT)), ("missing", pa.list_(pa.string()))])),
        ("nearest", NEAREST),
        ("explanation", WORDS),
        ("counter", WORDS),
        ("spans", pa.list_(SPAN)),
    ]
)

FLOOR: Final = 0.01  # findings below are not reported
LEAST_BESIDE: Final = 0.05  # nor low ones below this of a post that another finding queues, by the judge on duty
LOW: Final = "low"
MID: Final = "mid"
HIGH: Final = "high"


def findings_batch(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    """Rows (one dict a finding, keys as in FINDINGS) to a batch; unused keys become empty."""
    if not rows:
        return _NOTHING
    try:
        columns = zip(*map(_CELLS, rows), strict=True)
    except KeyError:
        columns = zip(*(_CELLS({**_EMPTY, **row}) for row in rows), strict=True)
    return pa.RecordBatch.from_arrays(list(map(pa.array, columns, FINDINGS.types)), schema=FINDINGS)


def queued(finding: Mapping[str, Any]) -> bool:
    """Whether this finding alone puts its post into the queue."""
    return not finding["shadow"] and finding["grade"] in (MID, HIGH)


def public(finding: dict[str, Any]) -> dict[str, Any]:
    """The finding as the public contract prints it (docs/reference/score.md): without row, uid and content_hash."""
    shown = {key: value for key, value in finding.items() if key not in ("row", "uid", "content_hash")}
    if not shown["nearest"] or not shown["nearest"]["id"]:
        shown["nearest"] = None
    return shown


_EMPTY: dict[str, Any] = {
    "shadow": False,
    "base": 0.0,
    "rest": 0.0,
    "frame": "",
    "elements": [],
    "items": {"present": [], "missing": []},
    "nearest": None,
    "explanation": {"ja": "", "en": ""},
    "counter": {"ja": "", "en": ""},
    "spans": [],
}
_CELLS: Final = itemgetter(*FINDINGS.names)
_NOTHING: Final = pa.RecordBatch.from_pylist([], schema=FINDINGS)
