"""Text inside pictures, read with tesseract and judged together with the post by the detector on duty.

Pictures come from whoever is handed in as `fetch`, are read in memory and forgotten; findings keep the words that weigh,
with `field` image:N (N from 1), and nothing else. Posts about people at risk, adult pictures, and whatever may show a
child together with sex are never fetched; if the words in a picture say so, all that was read is forgotten.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from yoake.detect.category import load_categories
from yoake.detect.detector import Detector
from yoake.detect.picture import MOST_BYTES, TYPES, open_picture
from yoake.detect.protected import ABOUT_MINORS, MINOR_AND_SEX, why_not
from yoake.detect.reading import Reader
from yoake.errors import BadInput, Refused
from yoake.tables.findings import findings_batch, queued
from yoake.tables.posts import posts_batch

__all__ = ["Pictures"]

MOST_PICTURES: Final = 4  # of one post
_CODE_VERSION: Final = "1"  # raise with every change here that can change a finding
_LEAST: Final = 0.3  # log-odds that words in pictures must add: less is chance
_BETWEEN: Final = "\n"  # between the post and what its pictures say

Fetch = Callable[[Mapping[str, Any], int], bytes | None]  # row of POSTS, number from 1: octets; None: it is not there


class Pictures:
    """Reads pictures and has post and pictures judged as one text."""

    name = "pictures"

    def __init__(
        self,
        model: Path | None = None,
        overlay: Path | None = None,
        *,
        fetch: Fetch | None = None,
        on_duty: Detector | None = None,
        reader: Reader | None = None,
    ) -> None:
        """Args beyond the contract: who brings pictures; who judges words; who reads them."""
        if model is not None:
            raise BadInput("model", str(model), "nothing: what is read in pictures is judged by the detector on duty")
        self.fetch, self.on_duty, self.reader = fetch, on_duty, reader or Reader()
        self.categories, self.problems = load_categories(overlay)
        judge = hashlib.sha256(f"{on_duty.name} {on_duty.version}".encode()).hexdigest()[:12] if on_duty else "nobody"
        self.version = f"{_CODE_VERSION}-tesseract {self.reader.version()}-{judge}"
        self.left_out: list[str] = []  # of the batch judged last: why pictures were not read

    def judge(self, posts: pa.RecordBatch) -> pa.RecordBatch:
        """Posts (schema POSTS) to findings (schema FINDINGS) that words in pictures bring about or raise; none is low.

        Raises TryLater when a picture cannot be fetched now, Refused when nobody can fetch or read any.
        """
        if self.fetch is None or self.on_duty is None:
            raise Refused("pictures have nobody to fetch them: they are read as a second look, with YOAKE_PICTURES=yes")
        self.left_out = []
        found: list[dict[str, Any]] = []
        for number, row in enumerate(posts.to_pylist()):
            found += [{**finding, "row": number} for finding in self._judge_one(row)]
        return findings_batch(found)

    def _judge_one(self, row: dict[str, Any]) -> list[dict[str, Any]]:
        told = [row["text"], row["profile"], row["parent_text"], *(image["alt"] or "" for image in row["images"])]
        if reason := why_not(row["labels"], told):
            self.left_out.append(reason)
            return []
        read = {f"image:{n}": text for n in range(1, len(row["images"]) + 1) if (text := self._text(row, n))}
        if not read:
            return []
        if why_not((), [*told, *read.values()]):
            self.left_out.append(MINOR_AND_SEX)
            return []
        assert self.on_duty is not None
        parts, whole = _joined({"text": row["text"], **read})
        both = posts_batch([{**row, "text": text, "images": []} for text in (row["text"], whole)])
        said = [finding for finding in self.on_duty.judge(both).to_pylist() if not finding["shadow"]]
        without = {finding["category"]: finding["score"] for finding in said if finding["row"] == 0}
        judged = [finding for finding in said if finding["row"] == 1]
        if any(queued(finding) and finding["category"] in ABOUT_MINORS for finding in judged):
            self.left_out.append(MINOR_AND_SEX)
            return []
        if any(queued(finding) and self._at_risk(finding) for finding in judged):
            return []  # whoever asks for help is nobody's suspect, and is found by the words of the post
        raised = [f for f in judged if queued(f) and f["score"] > without.get(f["category"], 0.0)]
        findings = [_placed(finding, parts, whole) for finding in raised]
        return [
            {
                **finding,
                "uid": row["uid"],
                "content_hash": row["content_hash"],
                "detector": self.name,
                "version": self.version,
            }
            for finding in findings
            if sum(span["weight"] for span in finding["spans"] if span["field"].startswith("image:")) >= _LEAST
        ]

    def _text(self, row: Mapping[str, Any], number: int) -> str:
        """What stands in one picture; "" when there is nothing, or it is of a kind that is not read."""
        image = row["images"][number - 1]
        try:
            if number > MOST_PICTURES:
                raise BadInput("picture", "too_many", f"the first {MOST_PICTURES} pictures of a post")
            if image["mime"] and image["mime"] not in TYPES:
                raise BadInput("picture", "wrong_type", "a picture")
            if (image["size_bytes"] or 0) > MOST_BYTES:
                raise BadInput("picture", "too_big", "a picture")
            assert self.fetch is not None
            octets = self.fetch(row, number)
            if octets is None:
                raise BadInput("picture", "not_there", "a picture that is still there")
            return self.reader.text(open_picture(octets, image["mime"]))
        except BadInput as problem:
            self.left_out.append(str(problem.value))
            return ""

    def _at_risk(self, finding: Mapping[str, Any]) -> bool:
        known = self.categories.get(finding["category"])
        return known is not None and known.at_risk


def _joined(fields: Mapping[str, str]) -> tuple[dict[str, tuple[int, int]], str]:
    """The fields as one text, and where each of them stands in it."""
    parts, whole = {}, ""
    for name, text in fields.items():
        start = len(whole) + (len(_BETWEEN) if whole else 0)
        whole += (_BETWEEN if whole else "") + text
        parts[name] = start, start + len(text)
    return parts, whole


def _placed(finding: dict[str, Any], parts: Mapping[str, tuple[int, int]], whole: str) -> dict[str, Any]:
    """A finding about the joined text, with every place where it really stands."""
    said = finding["explanation"]
    items = finding["items"]
    return {
        **finding,
        "spans": [_moved(span, parts, whole) for span in finding["spans"]],
        "elements": [{**element, "span": _moved(element["span"], parts, whole)} for element in finding["elements"]],
        "items": {
            **items,
            "present": [{**item, "span": _moved(item["span"], parts, whole)} for item in items["present"]],
        },
        "explanation": {
            "ja": f"画像の中の文字を機械で読み取った結果を含みます（読み違いがあり得ます）。{said['ja']}",
            "en": f"This includes text that a machine read in a picture, perhaps wrongly. {said['en']}",
        },
    }


def _moved(place: dict[str, Any], parts: Mapping[str, tuple[int, int]], whole: str) -> dict[str, Any]:
    """A place in the joined text to one in a field; of one that reaches over a border, the larger part."""
    if place["field"] != "text":
        return place
    shared = {name: (max(place["start"], start), min(place["end"], end)) for name, (start, end) in parts.items()}
    field, (start, end) = max(shared.items(), key=lambda item: item[1][1] - item[1][0])
    first = parts[field][0]
    return {**place, "field": field, "start": start - first, "end": end - first, "text": whole[start:end]}
