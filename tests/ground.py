"""Loaded before everything else (`-p tests.ground` in pyproject.toml), because Django reads its settings early.

Every test process gets a data folder of its own; nothing of the person who runs the tests is read or written.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

KEPT = ("YOAKE_TEST_REQUIRE", "YOAKE_KEEP_SCREENS", "YOAKE_DATABASE_URL")

DATA = tempfile.TemporaryDirectory(prefix="yoake-tests-")
for name in [name for name in os.environ if name.startswith("YOAKE_") and name not in KEPT]:
    del os.environ[name]
os.environ["YOAKE_DATA"] = DATA.name
os.environ["YOAKE_ALLOW_PRIVATE_NETWORKS"] = "yes"  # the servers of the tests are on loopback
os.environ["YOAKE_REVIEW_SHARE"] = "0"  # no lot decides what a test sees; the tests of the lot set their own
os.environ["YOAKE_HOST_LIMITS"] = "*=0"  # and are asked as fast as they answer; the tests of limits set their own
(Path(DATA.name) / "db").mkdir()
