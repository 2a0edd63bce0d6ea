"""`yoake train`, `yoake evaluate`, `yoake score --model`: from labelled lines to findings."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.running import yoake
from tests.learn.worlds import lines, write


def test_train_evaluate_score(tmp_path: Path) -> None:
    data, out = write(tmp_path / "rows.jsonl", lines()), tmp_path / "model"
    with data.open("a") as more:
        more.write("oops\n")
    ran = yoake(tmp_path, "train", "--data", str(data), "--out", str(out), "--json", timeout_s=180)
    assert ran.returncode == 0, ran.stderr
    summary = json.loads(ran.stdout)
    assert (summary["rows"], summary["refused"]) == (90, 1)
    assert "line 91: not JSON" in ran.stderr
    assert {"model.toml", "weights.npz", "card.md"} == {file.name for file in out.iterdir()}
    fresh = write(tmp_path / "fresh.jsonl", lines(60, seed=8))
    ran = yoake(tmp_path, "evaluate", "--model", str(out), "--data", str(fresh), "--json", timeout_s=180)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert found["rows"] == 60
    assert set(found["per_label"]) == {"drug_ad", "criminal_recruitment"}
    assert found["per_label"]["drug_ad"].keys() == {"precision", "recall", "f1", "ap", "threshold", "n"}
    assert found["per_label"]["drug_ad"]["n"] == 20
    assert found["macro"]["f1"] > 0.9
    assert set(found["recall_at_fpr"]) == {"1e-4", "1e-3", "1e-2"}
    low, high = found["ci95"]["macro"]["f1"]
    assert 0 <= low <= found["macro"]["f1"] <= high <= 1
    assert {"micro", "fp_per_10k", "ece", "groups"} <= found.keys()
    ran = yoake(
        tmp_path,
        "score",
        "--model",
        str(out),
        given='{"id": 1, "text": "札幌 受け子募集 DM待ってます"}\n',
        timeout_s=120,
    )
    answer = json.loads(ran.stdout)
    assert answer["queue"]
    assert answer["findings"][0]["detector"] == "linear"


def test_refusals(tmp_path: Path) -> None:
    none = write(tmp_path / "none.jsonl", [{"text": "a", "label": "none"}])
    ran = yoake(tmp_path, "train", "--data", str(none), "--out", str(tmp_path / "m"), timeout_s=120)
    assert (ran.returncode, "no label" in ran.stderr) == (2, True)
    ran = yoake(tmp_path, "train", "--data", str(none), "--out", str(tmp_path), timeout_s=120)
    assert (ran.returncode, "--out" in ran.stderr) == (2, True)
