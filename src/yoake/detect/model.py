"""A model folder: `model.toml` says which detector reads it; what else it holds is the detector's business."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from yoake.errors import Refused

FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Model:
    """What model.toml says."""

    folder: Path
    detector: str  # name on the shelf of detectors
    version: str


def read_model(folder: Path) -> Model:
    """Reads a model folder.

    Raises:
        Refused: it is missing, cut or of another format; the sentence says what to do.
    """
    file = folder / "model.toml"
    todo = "point the pointer `serving` to a complete model, or unset it to use the shipped detector"
    try:
        keys = tomllib.loads(file.read_text("utf-8"))
    except OSError:
        raise Refused(f"the model {folder} has no readable model.toml: {todo}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise Refused(f"{file} is damaged ({problem}): copy the model folder again, or {todo}") from None
    if keys.get("format") != FORMAT:
        raise Refused(f"{file} has format {keys.get('format')!r}, this program reads {FORMAT}: update Yoake, or {todo}")
    detector, version = keys.get("detector"), keys.get("version")
    if not isinstance(detector, str) or not detector or not isinstance(version, str) or not version:
        raise Refused(f"{file} is cut: it must give detector and version; copy the model folder again, or {todo}")
    return Model(folder, detector, version)
