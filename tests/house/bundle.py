"""`python -m tests.house.bundle`: every wheel Yoake needs, in one folder, for a PC without internet (`make bundle`).

The folder holds the wheels of requirements.lock (checked against its hashes), our own wheel from dist/, and two pages that say how to
install. Then it is tried: an environment made from nothing but the folder answers `yoake --version`.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUNDLE = ROOT / "bundle"
DIST = ROOT / "dist"
LOCK = ROOT / "requirements.lock"
PIP = ("-m", "pip", "--disable-pip-version-check", "--quiet")

ENGLISH = """Yoake without internet
======================

This folder was made for {system}, Python {python}. Copy it whole to the other PC, which needs that
Python with venv, and run there, in this folder:

    python3 -m venv yoake
    yoake/bin/pip install --no-index --find-links . yoake psycopg
    yoake/bin/yoake up

On Windows (untried): py -m venv yoake, then yoake\\Scripts\\pip and yoake\\Scripts\\yoake.
From a checkout of Yoake: copy this folder into it as bundle/, and run make run.
"""
JAPANESE = """インターネットのないパソコンへの導入
====================================

このフォルダーは {system}、Python {python} 用です。フォルダーごと導入先へコピーし（導入先には同じ版の
Python と venv が必要です）、このフォルダーの中で次を実行してください。

    python3 -m venv yoake
    yoake/bin/pip install --no-index --find-links . yoake psycopg
    yoake/bin/yoake up

Windows では（動作未確認）py -m venv yoake のあと、yoake\\Scripts\\pip と yoake\\Scripts\\yoake を使います。
夜明けのソースコード一式がある場合は、このフォルダーをその中に bundle/ としてコピーし、make run を実行してください。
"""


def make(bundle: Path = BUNDLE) -> None:
    """Fills the folder; wheels of an earlier run that no longer belong there go."""
    (own,) = DIST.glob("yoake-*.whl")
    shutil.rmtree(bundle, ignore_errors=True)
    bundle.mkdir()
    run(
        sys.executable,
        *PIP,
        "download",
        "--require-hashes",
        "--only-binary",
        ":all:",
        "-r",
        str(LOCK),
        "-d",
        str(bundle),
    )
    shutil.copy2(own, bundle)
    words = {
        "system": f"{platform.system()} {platform.machine()}",
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
    }
    (bundle / "README.txt").write_text(ENGLISH.format(**words), encoding="utf-8")
    (bundle / "README.ja.txt").write_text(JAPANESE.format(**words), encoding="utf-8")


def check(bundle: Path = BUNDLE) -> str:
    """Installs from nothing but the folder; returns what `yoake --version` says there."""
    with tempfile.TemporaryDirectory(prefix="yoake-bundle-") as folder:
        venv.create(folder, with_pip=True)
        programs = Path(folder) / ("Scripts" if sys.platform == "win32" else "bin")
        run(str(programs / "python"), *PIP, "install", "--no-index", "--find-links", str(bundle), "yoake", "psycopg")
        return run(str(programs / "yoake"), "--version").strip()


def run(*command: str) -> str:
    """Runs a program; its output, or an error with what it said."""
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise SystemExit(f"{' '.join(command)}\n{ran.stdout}{ran.stderr}")
    return ran.stdout


if __name__ == "__main__":
    make()
    version = check()
    wheels = list(BUNDLE.glob("*.whl"))
    size = sum(wheel.stat().st_size for wheel in wheels) / 1e6
    print(f"bundle/: {len(wheels)} wheels, {size:.0f} MB; installed without an index into a new environment: {version}")
