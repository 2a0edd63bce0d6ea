"""Which detector is on duty, and whether a newer generation of its data has arrived."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import cast

from yoake import shelf
from yoake.detect import detectors, first_use
from yoake.detect.category import load_categories
from yoake.detect.detector import Detector
from yoake.detect.encoder_model import DETECTOR as ENCODER
from yoake.detect.encoder_model import is_bare
from yoake.detect.model import SERVING, SHADOW, pointed, read_model
from yoake.detect.shadow import Shadowed
from yoake.detect.text.fold import kernels_of_folding
from yoake.detect.together import Together
from yoake.errors import BadInput, Refused
from yoake.tables.posts import posts_batch

DEFAULT = "lexicon"
LEARNED = "linear"
_PROBE = posts_batch([{"network": "probe", "native_id": "1", "text": "受け子募集 日給5万 DM"}])
SHIPPED_MODEL = Path(__file__).parent / "models" / "shipped"  # rebuilt by `python -m yoake.learn.shipped`


def load(model: Path | None = None, overlay: Path | None = None) -> Detector:
    """The detector of a model folder, or the shipped one: the lexicon, together with the learned model where it lies.

    Args:
        model: a model folder (model.toml with detector, version, format = 1; perhaps categories/); None: the shipped one.
        overlay: a folder of category folders laid over the shipped ones; may be missing.

    Raises:
        Refused: the model is missing, cut, of another format or for a detector that is not installed.
    """
    first_use.share(kernels_of_folding())  # reading the categories folds already
    if model is None:
        if (SHIPPED_MODEL / "model.toml").is_file():
            return beside_lexicon(SHIPPED_MODEL, overlay)
        return cast(Detector, shelf.take(detectors, DEFAULT)(None, overlay))
    name = ENCODER if is_bare(model) else read_model(model).detector
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


def must_compile() -> bool:
    """Whether loading the judge compiles its kernels first: once on a machine, about a minute."""
    return first_use.is_due("lexicon")  # the step that ends last


def beside_lexicon(model: Path, overlay: Path | None = None) -> Detector:
    """The judge that a model of the store makes: itself together with the lexicon. Raises Refused as `load` does."""
    learned = load(model, overlay)
    if learned.name == DEFAULT:  # a lexicon of its own takes the place of the shipped one
        return learned
    listed = shelf.take(detectors, DEFAULT)(None, overlay)
    first_use.share({"learned": partial(learned.judge, _PROBE), "lexicon": partial(listed.judge, _PROBE)})
    added = overlay is not None and overlay.is_dir() and any(overlay.iterdir())
    return Together(listed, learned, listed.categories, load_categories()[0] if added else None)


def in_service(store: Path, overlay: Path | None = None) -> Detector:
    """The judge that the pointer `serving` of the store names; the shipped one when it is not set. Raises Refused."""
    ref = pointed(store, SERVING)
    return beside_lexicon(store / ref, overlay) if ref else load(None, overlay)


def on_duty(store: Path, overlay: Path | None = None) -> Detector:
    """The judge in service, with the model that the pointer `shadow` names looking on.

    A shadow that cannot be loaded stops nobody: the judge is then `Shadowed` with a `problem` and without its shadow.

    Raises:
        Refused: the model in service cannot be loaded.
    """
    serving = in_service(store, overlay)
    try:
        ref = pointed(store, SHADOW)
        return Shadowed(serving, beside_lexicon(store / ref, overlay), ref) if ref else serving
    except Refused as problem:
        return Shadowed(serving, None, "", str(problem))


def service_ref(store: Path) -> str:
    """What is in service, as `<name>/<version>`: a model of the store, or shipped/<version>."""
    ref = pointed(store, SERVING)
    if ref:
        return ref
    return f"shipped/{read_model(SHIPPED_MODEL).version}" if (SHIPPED_MODEL / "model.toml").is_file() else "shipped/-"


def generation_on_duty(overlay: Path | None, store: Path) -> str:
    """`generation` of everything `on_duty` reads: categories, pointers, and the folders the pointers name."""
    told = [generation(overlay)]
    for pointer in (SERVING, SHADOW):
        try:
            ref = pointed(store, pointer)
            told.append(f"{ref} {generation(None, store / ref) if ref else ''}")
        except Refused as problem:
            told.append(str(problem))
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]


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
