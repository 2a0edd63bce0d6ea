"""Machine code of other sources is never run: each version of the kernels has a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import yoake

CODE = "from yoake.detect import kernels; from numba.core import config; print(config.CACHE_DIR)"


def folder_of(source: Path, base: Path) -> Path:
    """Where a process that imports the kernels of `source` keeps its machine code."""
    ran = subprocess.run(
        [sys.executable, "-c", CODE],
        env={**os.environ, "PYTHONPATH": str(source), "NUMBA_CACHE_DIR": str(base)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return Path(ran.stdout.strip())


def installation(place: Path) -> Path:
    """A copy of the package as far as the kernels' cache needs it."""
    kernels = Path(yoake.__file__).parent / "detect" / "kernels"
    copied = place / "yoake" / "detect" / "kernels"
    copied.mkdir(parents=True)
    (place / "yoake" / "__init__.py").touch()
    (place / "yoake" / "detect" / "__init__.py").touch()
    shutil.copy(kernels / "__init__.py", copied)
    (copied / "one.py").write_text("ONE = 1\n")
    return place


def test_a_change_of_any_kernel_gives_a_new_folder_and_takes_the_old_one_away(tmp_path: Path) -> None:
    source, base = installation(tmp_path / "here"), tmp_path / "base"
    before = folder_of(source, base)
    assert before.parent == base
    assert folder_of(source, base) == before
    (source / "yoake" / "detect" / "kernels" / "one.py").write_text("ONE = 2\n")
    after = folder_of(source, base)
    assert after != before
    assert list(base.iterdir()) == [after]


def test_another_installation_keeps_its_folder(tmp_path: Path) -> None:
    base = tmp_path / "base"
    one = folder_of(installation(tmp_path / "one"), base)
    other = folder_of(installation(tmp_path / "other"), base)
    assert one != other
    assert sorted(base.iterdir()) == sorted([one, other])


def test_without_a_setting_it_lies_beside_the_kernels(tmp_path: Path) -> None:
    source = installation(tmp_path / "here")
    env = {key: value for key, value in os.environ.items() if key != "NUMBA_CACHE_DIR"}
    ran = subprocess.run(
        [sys.executable, "-c", CODE],
        env={**env, "PYTHONPATH": str(source)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert Path(ran.stdout.strip()).parent == source / "yoake" / "detect" / "kernels" / "__pycache__"
