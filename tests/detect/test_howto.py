"""The code on the how-to pages runs as printed."""

from __future__ import annotations

import json
import pickle
import re
import sys
from pathlib import Path

import pytest

from tests.detect.worlds import posts
from yoake import shelf
from yoake.detect import detectors
from yoake.detect.category import load_categories
from yoake.detect.serving import load
from yoake.tables.findings import queued

HOWTO = Path(__file__).resolve().parents[2] / "docs" / "howto"


def blocks(page: str, mark: str) -> dict[str, str]:
    """Code blocks of a page by the name in the comment before them."""
    text = (HOWTO / page).read_text("utf-8")
    return dict(re.findall(rf"<!-- {mark}: (\S+) -->\n```\w+\n(.*?)```", text, re.DOTALL))


def test_category_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name, content in blocks("category.md", "file").items():
        file = tmp_path / "categories" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, "utf-8")
    categories, problems = load_categories(tmp_path / "categories")
    assert problems == []
    detector = load(overlay=tmp_path / "categories")
    for example in categories["rare_animal_sale"].examples:
        found = {f["category"] for f in detector.judge(posts(example.text)).to_pylist() if queued(f)}
        assert found == ({example.label} - {"none"}), json.dumps(example.text, ensure_ascii=False)
    monkeypatch.chdir(tmp_path)
    exec(compile(blocks("category.md", "run")["rare_animal_sale"], "category.md", "exec"), {})
    assert "可能性があります。" in capsys.readouterr().out


def test_detector_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content in blocks("detector.md", "file").items():
        (tmp_path / name).write_text(content, "utf-8")
    monkeypatch.setattr(detectors, "__path__", [*detectors.__path__, str(tmp_path)])
    assert "price_menu" in shelf.names(detectors)
    model = tmp_path / "model"
    model.mkdir()
    (model / "model.toml").write_text('detector = "price_menu"\nversion = "1"\nformat = 1\n')
    detector = load(model)
    batch = posts("0.5g 3000 1g 5000 3グラム 12000", "今日は1gも減らない", "雨")
    findings = detector.judge(batch)
    assert [(f["row"], f["grade"]) for f in findings.to_pylist()] == [(0, "mid"), (1, "low")]
    assert findings.to_pylist()[0]["spans"][0]["text"] == "0.5g"
    assert pickle.loads(pickle.dumps(detector)).judge(batch).equals(findings)
    sys.modules.pop("yoake.detect.detectors.price_menu")
