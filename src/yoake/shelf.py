"""A shelf: a folder whose files are the registry. One public object a file, the file name is its name.

A file names its object in `__all__` (exactly one entry). Third parties add theirs through the entry-point group
`yoake.<shelf>` (for example `yoake.connectors`). `yoake shelves` prints them all.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any

from yoake.errors import BadInput


def names(shelf: ModuleType) -> list[str]:
    """Names on the shelf (a package), sorted; nothing is imported."""
    own = {m.name for m in pkgutil.iter_modules(shelf.__path__) if not m.name.startswith("_")}
    return sorted(own | {e.name for e in entry_points(group=_group(shelf))})


def take(shelf: ModuleType, name: str) -> Any:
    """The object called `name`. Raises BadInput, naming what is there, when the shelf has no such file."""
    if any(m.name == name for m in pkgutil.iter_modules(shelf.__path__)):
        module = import_module(f"{shelf.__name__}.{name}")
        (public,) = module.__all__
        return getattr(module, public)
    for entry in entry_points(group=_group(shelf), name=name):
        return entry.load()
    raise BadInput(
        shelf.__name__.rpartition(".")[2].removesuffix("s"), name, f"known names are {', '.join(names(shelf))}"
    )


def _group(shelf: ModuleType) -> str:
    return f"yoake.{shelf.__name__.rpartition('.')[2]}"
