"""`yoake finetune`, and `yoake evaluate` and `yoake score --model` with text models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import needs
from tests.cli.running import yoake
from tests.detect.encoders import onnx_model
from tests.learn.worlds import lines, write
from yoake.errors import YoakeError
from yoake.learn.corpus import read_corpus
from yoake.learn.finetune import finetune

AD = "札幌 受け子募集 DM待ってます"


def test_evaluate_and_score_with_an_onnx_model(tmp_path: Path) -> None:
    model = onnx_model(tmp_path / "m")
    rows = [{"text": "受け子募集", "label": "criminal_recruitment"}, {"text": "草を手押し", "label": "drug_ad"}]
    rows += [{"text": f"今日は鍋にします{'あいう'[i]}", "label": "none"} for i in range(3)]
    data = write(tmp_path / "rows.jsonl", rows)  # type: ignore[arg-type]
    ran = yoake(tmp_path, "evaluate", "--model", str(model), "--data", str(data), "--json", timeout_s=120)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert (found["rows"], found["macro"]["f1"], found["fp_per_10k"]) == (5, 1.0, 0.0)
    assert set(found["per_label"]) == {"criminal_recruitment", "drug_ad", "pottery"}
    given = "".join(json.dumps({"id": i, "text": row["text"]}) + "\n" for i, row in enumerate(rows))
    ran = yoake(tmp_path, "score", "--model", str(model), given=given, timeout_s=120)
    assert ran.returncode == 0, ran.stderr
    answers = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [answer["queue"] for answer in answers] == [True, True, False, False, False]
    assert {finding["detector"] for answer in answers for finding in answer["findings"]} == {"encoder"}


def test_a_detector_that_gives_no_probabilities_cannot_be_evaluated(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "model.toml").write_text('detector = "lexicon"\nversion = "1"\nformat = 1\n')
    data = write(tmp_path / "rows.jsonl", lines(3))
    ran = yoake(tmp_path, "evaluate", "--model", str(tmp_path / "m"), "--data", str(data))
    assert (ran.returncode, "no probability for each label" in ran.stderr) == (4, True)


@pytest.mark.slow
def test_finetune_evaluate_score(tmp_path: Path) -> None:
    needs.need_encoder()
    from tests.learn import text_models

    base, out, data = text_models.base(tmp_path / "base"), tmp_path / "model", write(tmp_path / "d.jsonl", lines(150))
    with data.open("a") as more:
        more.write("oops\n")
    command = ["finetune", "--base", str(base), "--data", str(data), "--out", str(out), "--learning-rate", "0.002"]
    ran = yoake(tmp_path, *command, "--epochs", "12", "--onnx", "--json", timeout_s=400, OMP_NUM_THREADS="1")
    assert ran.returncode == 0, ran.stderr
    summary = json.loads(ran.stdout)
    assert (summary["rows"], summary["refused"], summary["without_text"]) == (150, 1, 0)
    assert summary["held_out"] == 30
    said = [line for line in ran.stderr.splitlines() if line.strip()]
    assert len(said) == 2, ran.stderr  # the bad line and how many there are; the libraries are quiet
    assert "line 151: not JSON" in said[0]
    fresh = write(tmp_path / "fresh.jsonl", lines(45, seed=8))
    ran = yoake(tmp_path, "evaluate", "--model", str(out), "--data", str(fresh), "--json", timeout_s=180)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert (found["rows"], found["version"]) == (45, summary["version"])
    assert found["macro"]["f1"] > 0.9
    given = json.dumps({"id": 1, "text": AD}) + "\n"
    ran = yoake(tmp_path, "score", "--model", str(out), given=given, timeout_s=120)
    assert ran.returncode == 0, ran.stderr
    answer = json.loads(ran.stdout)
    assert answer["queue"]
    assert answer["findings"][0]["detector"] == "encoder"


def _folder(place: Path, *names: str) -> Path:
    place.mkdir()
    for name in names:
        (place / name).write_text("{}")
    return place


def test_a_missing_package_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('no torch here')")
    base = _folder(tmp_path / "base", "config.json", "model.safetensors")
    data = write(tmp_path / "rows.jsonl", lines())
    command = ["finetune", "--base", str(base), "--data", str(data), "--out", str(tmp_path / "m")]
    ran = yoake(tmp_path, *command, timeout_s=120, PYTHONPATH=str(tmp_path))
    assert ran.returncode == 4
    assert "make encoder" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1
    assert yoake(tmp_path, "finetune", "--help", PYTHONPATH=str(tmp_path)).returncode == 0


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ((), "a folder with config.json"),
        (("config.json", "pytorch_model.bin"), "is a pickle, which can run code"),
        (("config.json",), "has no weights"),
    ],
)
def test_a_base_that_cannot_be_used_is_refused(tmp_path: Path, files: tuple[str, ...], reason: str) -> None:
    base, corpus = _folder(tmp_path / "base", *files), read_corpus([write(tmp_path / "rows.jsonl", lines())])
    with pytest.raises(YoakeError, match=reason) as raised:
        finetune(base, corpus)
    assert str(base) in str(raised.value)


def test_where_it_may_be_written(tmp_path: Path) -> None:
    base, data = _folder(tmp_path / "base", "config.json"), write(tmp_path / "rows.jsonl", lines())
    full = _folder(tmp_path / "full", "thesis.txt")
    for out, reason in ((base, "another folder than --base"), (full, "holds a model and nothing else")):
        ran = yoake(tmp_path, "finetune", "--base", str(base), "--data", str(data), "--out", str(out), timeout_s=120)
        assert (ran.returncode, reason in ran.stderr) == (2, True), ran.stderr


def test_without_pytorch_its_tests_are_skipped_or_where_it_is_required_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs, "find_spec", lambda _name: None)
    for told in ("", "all"):
        monkeypatch.setenv("YOAKE_TEST_REQUIRE", told)
        with pytest.raises(pytest.skip.Exception, match="make encoder"):
            needs.need_encoder()
    monkeypatch.setenv("YOAKE_TEST_REQUIRE", "all encoder")
    assert needs.required("all")
    with pytest.raises(pytest.fail.Exception, match="make encoder"):
        needs.need_encoder()
