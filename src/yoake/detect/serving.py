"""Which detector is on duty, and whether a newer generation of its data has arrived."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import cast

from yoake import shelf
from yoake.detect import detectors
from yoake.detect.detector import Detector
from yoake.detect.model import read_model
from yoake.detect.together import Together
from yoake.errors import BadInput, Refused

DEFAULT = "lexicon"
LEARNED = "linear"
SHIPPED_MODEL = Path(__file__).parent / "models" / "shipped"  # rebuilt by `python -m yoake.learn.shipped`


def load(model: Path | None = None, overlay: Path | None = None) -> Detector:
    """The detector of a model folder, or the shipped one: the lexicon, together with the learned model where it lies.

    Args:
        model: a model folder (model.toml with detector, version, format = 1; perhaps categories/); None: the shipped one.
        overlay: a folder of category folders laid over the shipped ones; may be missing.

    Raises:
        Refused: the model is missing, cut, of another format or for a detector that is not installed.
    """
    if model is None:
        listed = shelf.take(detectors, DEFAULT)(None, overlay)
        if not (SHIPPED_MODEL / "model.toml").is_file():
            return cast(Detector, listed)
        return Together(listed, shelf.take(detectors, LEARNED)(SHIPPED_MODEL, overlay), listed.categories)
    name = read_model(model).detector
    if name not in shelf.names(detectors):
        known = ", ".join(shelf.names(detectors))
        raise Refused(
            f"the model {model} is for the detector {name!r}, known here are {known}: install it, or choose another model"
        )
    try:
        detector: Detector = shelf.take(detectors, name)(model, overlay)
    except BadInput as problem:
        raise Refused(
            f"the model {model} is faulty ({problem}): copy it again, or unset the pointer `serving`"
        ) from problem
    return detector


def generation(overlay: Path | None, model: Path | None = None) -> str:
    """A cheap fingerprint of the files behind a detector: another value means load again (names, sizes, times; no content)."""
    digest = hashlib.sha256()
    for place in (overlay, model):
        digest.update(b"\0")
        if place is None or not place.is_dir():
            continue
        for file in sorted(place.rglob("*")):
            if any(part[0] in "._" for part in file.relative_to(place).parts):
                continue  # half written
            try:
                state = file.stat()
            except FileNotFoundError:  # taken away while we look: the next look sees it
                continue
            if file.is_file():
                digest.update(
                    f"{file.relative_to(place)}\0{state.st_size}\0{state.st_mtime_ns}\0{state.st_ino}\n".encode()
                )
    return digest.hexdigest()[:16]
