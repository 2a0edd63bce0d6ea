"""`yoake model` and `yoake decisions`: the store from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.running import prepared, yoake
from tests.learn.models import lexicon_model, narrow_model

ROWS = [
    {"text": f"{text} {i}{chr(0x4E00 + 97 * i)}{chr(0x5E00 + 89 * i)}", "label": label, "group": f"{label}{i}"}
    for label, text in (("criminal_recruitment", "受け子募集 日給10万円 テレグラムで"), ("none", "今日は鍋にします"))
    for i in range(12)
]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = prepared(tmp_path_factory, tmp_path_factory.mktemp("model") / "data")
    for name, role in (("sato", "supervisor"), ("tanaka", "analyst")):
        assert yoake(folder, "user", "add", name, "--role", role).returncode == 0
    return folder


def test_a_model_from_folder_to_service_and_back(data: Path, tmp_path: Path) -> None:
    def said(*words: str, code: int = 0) -> dict[str, object]:
        ran = yoake(data, "model", *words, "--json")
        assert ran.returncode == code, ran.stderr
        told = json.loads(ran.stdout)
        assert isinstance(told, dict)
        return told

    added = said("add", str(narrow_model(tmp_path / "narrow")), "--name", "tokyo")
    assert added["model"] == "tokyo/narrow"
    said("add", str(lexicon_model(tmp_path / "whole", "whole")), "--name", "tokyo")
    listed = said("list")
    assert [row["model"] for row in listed["models"]] == ["tokyo/narrow", "tokyo/whole"]  # type: ignore[attr-defined]
    assert str(listed["in_service"]).startswith("shipped/")

    file = tmp_path / "benchmark.jsonl"
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS))
    assert said("benchmark", str(file), "--by", "sato")["rows"] == 24
    check = said("check", "tokyo/narrow", "--rounds", "100", code=4)
    assert (check["passed"], check["against"]) == (False, listed["in_service"])

    assert said("shadow", "tokyo/narrow")["lacking"] == ["time", "posts"]
    assert said("shadow")["shadow"] == "tokyo/narrow"
    assert said("shadow", "--off")["shadow"] is None

    refused = yoake(data, "model", "serve", "tokyo/narrow", "--by", "sato")
    assert (refused.returncode, "benchmark, shadow" in refused.stderr) == (4, True)
    assert yoake(data, "model", "serve", "tokyo/narrow", "--by", "tanaka", "--reason", "x").returncode == 4
    assert yoake(data, "model", "serve", "tokyo/narrow", "--by", "nobody", "--reason", "x").returncode == 2
    served = said("serve", "tokyo/narrow", "--by", "sato", "--reason", "a trial day")
    assert (served["in_service"], served["lacking"]) == ("tokyo/narrow", ["benchmark", "shadow"])
    posts = '{"id": "1", "text": "受け子募集 日給10万円 即日即金 テレグラムで"}\n'
    assert not json.loads(yoake(data, "score", given=posts).stdout)["queue"]  # the one in service judges
    assert said("rollback", "--by", "sato")["in_service"] == "shipped"
    assert json.loads(yoake(data, "score", given=posts).stdout)["queue"]
    assert yoake(data, "model", "rollback", "--by", "sato").returncode == 4


def test_in_words_and_in_japanese(data: Path, tmp_path: Path) -> None:
    yoake(data, "model", "add", str(lexicon_model(tmp_path / "m", "words")), "--name", "osaka")
    assert "osaka/words" in yoake(data, "model", "list").stdout
    assert "Invented." in yoake(data, "model", "card", "osaka/words").stdout
    assert yoake(data, "model", "card", "osaka/none").returncode == 2
    assert "運用中" in yoake(data, "model", "list", YOAKE_LANGUAGE="ja").stdout
    assert "No model looks on" in yoake(data, "model", "shadow").stdout


def test_what_cannot_be_added(data: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    ran = yoake(data, "model", "add", str(tmp_path / "empty"), "--name", "tokyo")
    assert (ran.returncode, ran.stderr.count("\n")) == (4, 1)
    ran = yoake(data, "model", "add", str(lexicon_model(tmp_path / "m", "x")), "--name", "Not A Name")
    assert ran.returncode == 2


def test_decisions_are_written(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    told = json.loads(yoake(data, "decisions", "--out", str(out), "--json").stdout)
    assert (told["texts"], told["hashed"], out.read_text()) == (0, 0, "")
    assert yoake(data, "decisions", "--out", str(tmp_path / "no" / "rows.jsonl")).returncode == 2
    assert yoake(data, "decisions", "--out", str(out), "--organisation", "nowhere").returncode == 2


def test_doctor_says_which_model_is_on_duty_and_what_cannot_be_loaded(data: Path) -> None:
    def told() -> list[tuple[str, str]]:
        checks = json.loads(yoake(data, "doctor", "--json").stdout)["checks"]
        return [(check["state"], check["what"]) for check in checks if check["check"] == "models"]

    pointers = [data / "models" / name for name in ("serving", "shadow")]
    (data / "models").mkdir(exist_ok=True)
    try:
        pointers[1].write_text("tokyo/gone\n")
        (looks_on, on_duty) = told()
        assert (looks_on[0], on_duty[0]) == ("warning", "ok")
        pointers[0].write_text("tokyo/gone\n")
        assert [state for state, _ in told()] == ["wrong"]
    finally:
        for pointer in pointers:
            pointer.unlink(missing_ok=True)
    assert [state for state, _ in told()] == ["ok"]
