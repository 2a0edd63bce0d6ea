"""The hot loops, compiled by numba: one kernel a file, no objects, no strings, arrays in and arrays out.

Each kernel has a slow plain twin in `tests/detect/naive.py`; twin tests hold the two together. Kernels release the
GIL and cache their machine code beside the source (or in NUMBA_CACHE_DIR), so that a second process starts quickly.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import Final

from numba.core import config

_PREFIX: Final = "kernels-"


def _keep_apart() -> None:
    """Gives the machine code of these very sources a folder of its own.

    numba asks only whether the file of a kernel changed; a kernel that calls one of another file would go on with the old
    code of that one after an update. Folders of other sources are removed: whoever still runs them has his code in memory.
    """
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for file in sorted(here.glob("*.py")):
        digest.update(file.read_bytes())
    base = Path(config.CACHE_DIR) if config.CACHE_DIR else here / "__pycache__"
    # another installation may keep its code in the same base: its folders are not ours to remove
    own = f"{_PREFIX}{hashlib.sha256(bytes(here)).hexdigest()[:8]}-"
    folder = base / f"{own}{digest.hexdigest()[:16]}"
    if folder.is_dir() and os.access(folder, os.W_OK):
        config.CACHE_DIR = str(folder)
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return  # numba finds a place of its own, in the user's cache
    config.CACHE_DIR = str(folder)
    for other in base.glob(f"{own}*"):
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)


_keep_apart()
