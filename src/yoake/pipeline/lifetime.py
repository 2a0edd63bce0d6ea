"""A process that must not outlive the one that started it, on any system and however that one ended."""

from __future__ import annotations

import multiprocessing
import os
import threading


def end_with_parent() -> None:
    """Call it in a process that `multiprocessing` started: when its parent is gone, killed or not, it ends at once."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, name="watches its parent", daemon=True).start()
