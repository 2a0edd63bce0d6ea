"""`yoake user`: add, password, list."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.running import PASSWORD, free_port, prepared, yoake


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared(tmp_path_factory, tmp_path_factory.mktemp("user") / "data")


def people(data: Path) -> dict[str, dict[str, object]]:
    lines = yoake(data, "user", "list", "--json").stdout.splitlines()
    return {row["username"]: row for row in map(json.loads, lines)}


def test_add_list_and_new_password(data: Path) -> None:
    added = yoake(data, "user", "add", "suzuki", "--role", "supervisor", "--staff-number", "S-77", "--json")
    assert added.returncode == 0, added.stderr
    first = json.loads(added.stdout)
    assert PASSWORD.fullmatch(first["password"])
    row = people(data)["suzuki"]
    assert (row["role"], row["staff_number"], row["organisation"]) == ("supervisor", "S-77", "Our organisation")
    changed = json.loads(yoake(data, "user", "password", "suzuki", "--json").stdout)
    assert changed["password"] != first["password"]
    listed = yoake(data, "user", "list").stdout
    assert "suzuki" in listed
    assert first["password"] not in listed
    assert not PASSWORD.search(listed)


def test_another_organisation(data: Path) -> None:
    ran = yoake(data, "user", "add", "sato", "--new-organisation", "架空ホットライン")
    assert ran.returncode == 0, ran.stderr
    assert PASSWORD.search(ran.stdout)
    assert yoake(data, "user", "add", "ito", "--organisation", "架空ホットライン").returncode == 0
    assert people(data)["ito"]["organisation"] == people(data)["sato"]["organisation"] == "架空ホットライン"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["add", "admin"], "username is 'admin'"),
        (["add", "x", "--role", "king"], "role is 'king'"),
        (["add", "x", "--organisation", "nobody"], "known organisations are Our organisation"),
        (["add", "x", "--organisation", "Our organisation", "--new-organisation", "y"], "either"),
        (["password", "nobody"], "USERNAME is 'nobody'"),
        (["add"], "Missing argument"),
    ],
)
def test_wrong_words_are_named(data: Path, words: list[str], told: str) -> None:
    before = people(data)
    ran = yoake(data, "user", *words)
    assert ran.returncode == 2
    assert told in ran.stderr
    assert "Traceback" not in ran.stderr
    assert people(data) == before


def test_before_the_first_start_it_says_what_to_do(tmp_path: Path) -> None:
    for words in (["user", "list"], ["patrol"], ["worker"]):
        ran = yoake(tmp_path / "new", *words)
        assert ran.returncode == 4
        assert "yoake up" in ran.stderr


def test_a_database_that_does_not_answer_is_one_sentence(tmp_path: Path) -> None:
    away = {"YOAKE_DATABASE_URL": f"postgresql://nobody@127.0.0.1:{free_port()}/none"}
    for words, code in ((["up", "--prepare"], 5), (["doctor"], 4)):
        ran = yoake(tmp_path / "data", *words, **away)  # type: ignore[arg-type]  # names are not those of parameters
        assert ran.returncode == code, ran.stderr
        assert "does not answer" in ran.stdout + ran.stderr
        assert "Traceback" not in ran.stderr


def test_a_lost_second_factor_is_reset(data: Path) -> None:
    told = json.loads(yoake(data, "user", "reset-second-factor", "admin", "--json").stdout)
    assert told == {"username": "admin", "taken": 0}
    ran = yoake(data, "user", "reset-second-factor", "nobody")
    assert (ran.returncode, "USERNAME is 'nobody'" in ran.stderr) == (2, True)
