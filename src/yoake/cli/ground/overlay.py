from __future__ import annotations

import os
from pathlib import Path


def overlay_folder() -> Path:
    """Where this installation's own categories stand; may be missing.

    Not from the settings: reading those makes a key file, and commands that only look write nothing.
    """
    return Path(os.environ.get("YOAKE_DATA") or "var").expanduser() / "categories"


def models_folder() -> Path:
    """Where this installation's models stand; may be missing. Not from the settings either."""
    return overlay_folder().with_name("models")
