"""Which detector serves, when it must be loaded again, and that detection reaches nothing outside."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.detect.test_category import HEADER, write
from tests.detect.worlds import posts
from yoake.detect.category import SHIPPED
from yoake.detect.serving import generation, load
from yoake.errors import Refused

MODEL = 'detector = "lexicon"\nversion = "2026-11-20"\nformat = 1\n'


def model(folder: Path, toml: str = MODEL) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "model.toml").write_text(toml)
    return folder


def test_shipped_detector() -> None:
    detector = load()
    assert detector.name == "together"
    assert detector.version == load().version


def test_model_folder_brings_its_own_categories(tmp_path: Path) -> None:
    folder = model(tmp_path / "m")
    assert load(folder).version.startswith("2026-11-20-")
    shutil.copytree(SHIPPED / "drug_ad", folder / "categories" / "drug_ad")
    detector = load(folder)
    assert detector.judge(posts("受け子募集 DMください")).num_rows == 0 or "criminal_recruitment" not in (
        detector.judge(posts("受け子募集 DMください")).column("category").to_pylist()
    )
    assert detector.version != load().version


@pytest.mark.parametrize(
    ("toml", "reason"),
    [
        (None, "no readable model.toml"),
        (MODEL.replace("1", "2"), "this program reads 1"),
        (MODEL[: len(MODEL) // 2], "damaged"),
        ('detector = "lexicon"\nformat = 1\n', "must give detector and version"),
        (MODEL.replace("lexicon", "crystal_ball"), "known here are encoder, lexicon, linear"),
    ],
)
def test_a_model_that_cannot_serve_is_refused_with_what_to_do(tmp_path: Path, toml: str | None, reason: str) -> None:
    folder = tmp_path / "m"
    folder.mkdir()
    if toml is not None:
        model(folder, toml)
    with pytest.raises(Refused, match=reason) as raised:
        load(folder)
    assert str(folder) in str(raised.value)
    assert "serving" in str(raised.value) or "choose another" in str(raised.value)


def test_faulty_categories_in_a_model_are_refused(tmp_path: Path) -> None:
    folder = model(tmp_path / "m")
    write(folder / "categories" / "trial", "format = 1")
    with pytest.raises(Refused, match="is faulty"):
        load(folder)


def test_generation_notices_every_change(tmp_path: Path) -> None:
    assert generation(None) == generation(tmp_path / "missing") == generation(tmp_path)
    seen = {generation(tmp_path)}
    folder = write(tmp_path / "trial")
    seen.add(generation(tmp_path))
    (folder / "phrases.tsv").write_text(HEADER)
    seen.add(generation(tmp_path))
    (folder / "phrases.tsv").unlink()
    seen.add(generation(tmp_path))
    assert len(seen) == 4
    steady = generation(tmp_path)
    (tmp_path / ".half_written").mkdir()
    (tmp_path / ".half_written" / "category.toml").write_text("x")
    assert generation(tmp_path) == steady


PURE = """
import socket, sys
def refuse(*a, **k): raise AssertionError("detection opened a socket")
socket.socket.connect = refuse
from yoake.detect.serving import load
from tests.detect.worlds import posts
assert load().judge(posts("受け子募集 DMください")).num_rows
print(sorted({name.split(".")[0] for name in sys.modules} & {"django", "httpx", "requests", "websockets", "yoake"}))
"""


def test_detection_reaches_neither_django_nor_the_network() -> None:
    ran = subprocess.run([sys.executable, "-c", PURE], check=True, capture_output=True, text=True)
    assert ran.stdout.strip() == "['yoake']"
