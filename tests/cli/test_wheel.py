"""Without a checkout: the built wheel, in an environment of its own, runs `yoake up`."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.cli.running import Up, environment, free_port

pytestmark = [pytest.mark.slow, pytest.mark.server]

ROOT = Path(__file__).resolve().parents[2]
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `yoake` of a new environment that sees the locked packages, but not this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [*PIP, "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("yoake-*.whl")
    place = folder / "env"
    venv.create(place, with_pip=False)
    programs = place / ("Scripts" if sys.platform == "win32" else "bin")
    purelib = Path(sysconfig.get_path("purelib", "venv", vars={"base": str(place), "platbase": str(place)}))
    # a path file in a path file is not followed, so the checkout's own editable one stays outside
    (purelib / "locked.pth").write_text(sysconfig.get_path("purelib") + "\n")
    install = [*PIP, "--python", str(programs / "python"), "install", "--no-deps", "--no-index", "--force-reinstall"]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True)
    where = [str(programs / "python"), "-c", "import yoake; print(yoake.__file__)"]
    found = subprocess.run(where, check=True, capture_output=True, text=True, cwd=folder).stdout.strip()
    assert Path(found).is_relative_to(place), found
    return programs / "yoake"


def test_the_wheel_carries_its_data(installed: Path, tmp_path: Path) -> None:
    ran = subprocess.run(
        [str(installed), "shelves", "--json"],
        env=environment(tmp_path / "data"),
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    told = json.loads(ran.stdout)
    assert "criminal_recruitment" in {thing["name"] for thing in told["categories"]}
    assert "practice" in {thing["name"] for thing in told["connectors"]}


def test_the_wheel_runs(installed: Path, tmp_path: Path) -> None:
    with Up(tmp_path / "data", free_port(), (str(installed),), YOAKE_SOURCES="practice", YOAKE_LANGUAGE="ja") as up:
        up.wait_for("秒で準備ができました", 60)  # the Japanese words came along too
        assert up.status("/sign-in/") == 200
        assert up.status("/static/yoake/desk.css") == 200
        model = [str(installed), "model", "list", "--json"]
        ran = subprocess.run(
            model, env=environment(tmp_path / "data"), cwd=tmp_path, check=True, capture_output=True, text=True
        )
        assert json.loads(ran.stdout)["in_service"].startswith("shipped/")  # not asked to judge: a minute to compile it
        assert up.stop() == 0
    assert "Traceback" not in up.said
