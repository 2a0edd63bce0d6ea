"""A model folder: `model.toml` says which detector reads it; what else it holds is the detector's business.

A deployment keeps its models in a store, `$YOAKE_DATA/models/<name>/<version>/`. Two files beside them are pointers, one
line `<name>/<version>` each: `serving` names the model on duty, `shadow` one that only looks on. Without `serving` the
shipped model is on duty.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from yoake.errors import Refused

FORMAT: Final = 1
SERVING: Final = "serving"
SHADOW: Final = "shadow"
_REF: Final = re.compile(r"[a-z][a-z0-9_-]{0,19}/[A-Za-z0-9][A-Za-z0-9._-]{0,31}")


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
    except (ValueError, RecursionError) as problem:  # not UTF-8, not TOML, digits or brackets by the thousand
        raise Refused(f"{file} is damaged ({problem}): copy the model folder again, or {todo}") from None
    if keys.get("format") != FORMAT:
        raise Refused(f"{file} has format {keys.get('format')!r}, this program reads {FORMAT}: update Yoake, or {todo}")
    detector, version = keys.get("detector"), keys.get("version")
    if not isinstance(detector, str) or not detector or not isinstance(version, str) or not version:
        raise Refused(f"{file} is cut: it must give detector and version; copy the model folder again, or {todo}")
    return Model(folder, detector, version)


def is_ref(ref: str) -> bool:
    """Whether this can be the name of a model in the store: `<name>/<version>`."""
    return _REF.fullmatch(ref) is not None


def pointed(store: Path, pointer: str) -> str:
    """What a pointer of the store names (`<name>/<version>`); "" when it is not set.

    Raises:
        Refused: the pointer holds something else.
    """
    try:
        ref = (store / pointer).read_text("utf-8").strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as problem:
        raise Refused(f"the pointer {store / pointer} cannot be read ({problem}): repair or remove it") from None
    if not is_ref(ref):
        raise Refused(f"the pointer {store / pointer} does not hold one line <name>/<version>: repair or remove it")
    return ref


def to_toml(keys: dict[str, Any], path: str = "") -> str:
    """TOML of plain values, tables and lists of tables; enough for model.toml."""
    plain = {k: v for k, v in keys.items() if not isinstance(v, dict) and not _tables(v)}
    lines = [
        f"{_key(name)} = {json.dumps(value, ensure_ascii=False)}\n"
        for name, value in plain.items()
        if value is not None
    ]
    for name, value in keys.items():
        where = f"{path}{_key(name)}"
        if isinstance(value, dict):
            lines.append(f"\n[{where}]\n{to_toml(value, where + '.')}")
        elif _tables(value):
            lines += [f"\n[[{where}]]\n{to_toml(item, where + '.')}" for item in value]
    return "".join(lines)


def _tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _key(name: str) -> str:
    plain = name.replace("_", "").replace("-", "")
    return name if plain.isascii() and plain.isalnum() else json.dumps(name, ensure_ascii=False)
