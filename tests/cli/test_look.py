"""Commands that only look: help, version, shelves, doctor; and the pages of the reference that repeat them."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests import needs
from tests.cli import reference
from tests.cli.running import free_port, prepared, yoake
from tests.servers.judge import JudgeServer
from yoake import __version__

ROOT = Path(__file__).resolve().parents[2]


def test_version(tmp_path: Path) -> None:
    ran = yoake(tmp_path, "--version")
    assert ran.returncode == 0
    assert ran.stdout.strip().endswith(__version__)


def test_help_names_every_command_and_writes_nothing(tmp_path: Path) -> None:
    ran = yoake(tmp_path / "data", "--help")
    for command in ("doctor", "patrol", "score", "shelves", "up", "user", "web", "worker"):
        assert re.search(rf"^  {command} ", ran.stdout, re.MULTILINE)
    assert not re.search(r"^  (words|progress|ground) ", ran.stdout, re.MULTILINE)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "speaks", [{"LANG": "ja_JP.UTF-8"}, {"LANG": "en_US.UTF-8", "LC_ALL": "ja_JP.UTF-8"}, {"YOAKE_LANGUAGE": "ja"}]
)
def test_help_in_japanese(tmp_path: Path, speaks: dict[str, Any]) -> None:
    for words in ([], ["up"], ["patrol"], ["user", "add"], ["doctor"]):
        ran = yoake(tmp_path, *words, "--help", **speaks)
        assert re.search(r"[ぁ-ん]", ran.stdout), ran.stdout
        assert "オプション" in ran.stdout, ran.stdout


def test_help_in_english_when_asked_for(tmp_path: Path) -> None:
    ran = yoake(tmp_path, "--help", LANG="ja_JP.UTF-8", YOAKE_LANGUAGE="en")
    assert "Options:" in ran.stdout
    assert not re.search(r"[ぁ-ん]", ran.stdout)


def test_unknown_commands_and_options_are_usage_errors(tmp_path: Path) -> None:
    for words in (["nix"], ["words"], ["ground"], ["../up"], ["up", "--nix"], ["doctor", "more"]):
        ran = yoake(tmp_path, *words)
        assert ran.returncode == 2
        assert "Traceback" not in ran.stderr


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    ran = yoake(tmp_path, "doctor", YOAKE_PORT="http")
    assert ran.returncode == 2
    assert "YOAKE_PORT" in ran.stderr
    assert "'http'" in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_shelves(tmp_path: Path) -> None:
    told = json.loads(yoake(tmp_path / "data", "shelves", "--json").stdout)
    assert {"connectors", "detectors", "engines", "duties", "categories", "recipients", "figures"} <= set(told)
    names = {shelf: {thing["name"] for thing in things} for shelf, things in told.items()}
    assert {"bluesky_jetstream", "bluesky_firehose", "jsonl", "practice"} <= names["connectors"]
    assert {"inline", "processes"} <= names["engines"]
    assert {"criminal_recruitment", "coerced_applicant", "drug_ad"} <= names["categories"]
    assert all(thing["title"] for things in told.values() for thing in things)
    plain = yoake(tmp_path / "data", "shelves", LANG="ja_JP.UTF-8").stdout
    assert all(name in plain for on_shelf in names.values() for name in on_shelf)
    assert "練習" in plain
    assert not (tmp_path / "data").exists()


def test_every_shelf_is_listed() -> None:
    """A folder whose docstring says that it is a shelf is printed by `yoake shelves`."""
    from yoake.cli.shelves import OF_FILES

    package = ROOT / "src" / "yoake"
    found = {
        "yoake." + ".".join(init.parent.relative_to(package).parts)
        for init in package.rglob("__init__.py")
        if init.read_text().startswith('"""The shelf of')
    }
    assert found == set(OF_FILES)


@pytest.fixture(scope="module")
def with_practice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared(tmp_path_factory, tmp_path_factory.mktemp("doctor") / "data", "practice")


def checks(data: Path, expected: int, **more: Any) -> dict[str, dict[str, str]]:
    ran = yoake(data, "doctor", "--json", port=18000, **more)
    assert ran.returncode == expected, ran.stdout + ran.stderr
    told = json.loads(ran.stdout)
    assert told["ok"] == (expected == 0)
    by_name: dict[str, dict[str, str]] = {}
    for check in told["checks"]:
        if by_name.get(check["check"], {}).get("state", "ok") == "ok":
            by_name[check["check"]] = check
    return by_name


def test_doctor_finds_nothing_wrong(with_practice: Path) -> None:
    found = checks(with_practice, 0)
    assert {
        "data",
        "key",
        "port",
        "postgresql",
        "database",
        "categories",
        "models",
        "audit",
        "source",
        "second_look",
        "clock",
    } == set(found)
    assert {check["state"] for check in found.values()} == {"ok"}
    plain = yoake(with_practice, "doctor", port=18000)
    assert plain.returncode == 0
    assert plain.stdout.count("[ok]") == len(plain.stdout.splitlines())


def test_doctor_before_the_first_start(tmp_path: Path) -> None:
    found = checks(tmp_path / "data", 4)
    assert found["database"]["state"] == "wrong"
    assert "yoake up" in found["database"]["do"]


def test_doctor_sees_each_fault(with_practice: Path) -> None:
    key = with_practice / "key" / "yoake.key"
    category = with_practice / "categories" / "mine"
    category.mkdir()
    (category / "category.toml").write_text("nonsense")
    key.chmod(0o644)
    faults = (
        "UPDATE sources_source SET state = 'paused', problem = 'it said no'; "
        "DROP TRIGGER audit_entry_no_update; "  # whoever holds the file can
        "UPDATE audit_entry SET actor = 'somebody' WHERE id = 1"
    )
    with changed(with_practice, faults):
        found = checks(with_practice, 4, YOAKE_BIND="0.0.0.0")
    key.chmod(0o600)
    (category / "category.toml").unlink()
    category.rmdir()
    wrong = {name: check for name, check in found.items() if check["state"] == "wrong"}
    assert set(wrong) == {"exposure", "key", "categories", "audit", "source"}
    assert "YOAKE_TLS_CERT" in wrong["exposure"]["what"]
    assert "chmod 600" in wrong["key"]["do"]
    assert "mine" in wrong["categories"]["what"]
    assert "entry 1" in wrong["audit"]["what"]
    assert "it said no" in wrong["source"]["what"]


def test_an_engine_that_is_nowhere_is_named_before_anything_runs(with_practice: Path) -> None:
    found = checks(with_practice, 4, YOAKE_ENGINE="inlien")
    wrong = {name: check["what"] for name, check in found.items() if check["state"] == "wrong"}
    assert set(wrong) == {"engine"}  # the rest is looked at all the same
    assert wrong["engine"] == "YOAKE_ENGINE is 'inlien': one of inline, processes"
    for words in (["up"], ["up", "--prepare"], ["patrol"]):
        ran = yoake(with_practice, *words, port=free_port(), YOAKE_ENGINE="inlien")
        assert ran.returncode == 2, ran.stdout
        assert "YOAKE_ENGINE is 'inlien'" in ran.stderr
        assert "ready" not in ran.stdout


@pytest.mark.parametrize(
    ("variable", "value"), [("YOAKE_DATABASE_URL", "sqlite:////hunter2"), ("YOAKE_CONTACT", "警察")]
)
def test_a_setting_that_cannot_be_is_one_sentence(tmp_path: Path, variable: str, value: str) -> None:
    ran = yoake(tmp_path / "data", "doctor", port=18000, **{variable: value})  # type: ignore[arg-type]
    assert ran.returncode == 2
    assert variable in ran.stderr
    assert "Traceback" not in ran.stderr
    assert "hunter2" not in ran.stderr


def test_doctor_warns(with_practice: Path) -> None:
    warnings = "UPDATE sources_source SET state = 'waiting', problem = 'it is away', seen_until = '2999-01-01 00:00:00'"
    with changed(with_practice, warnings):
        found = checks(with_practice, 0, YOAKE_BIND="0.0.0.0", YOAKE_PROXY="127.0.0.1")
    warned = {name for name, check in found.items() if check["state"] == "warning"}
    assert warned == {"exposure", "source", "clock"}
    assert "YOAKE_ALLOWED_HOSTS" in found["exposure"]["do"]
    assert "it is away" in found["source"]["what"]


def test_doctor_knows_an_old_and_a_damaged_database(with_practice: Path) -> None:
    with changed(with_practice, "DELETE FROM django_migrations WHERE app = 'cases'"):
        assert checks(with_practice, 4)["database"]["state"] == "wrong"
    with changed(with_practice, "SELECT 1"):
        (with_practice / "db" / "yoake.sqlite3").write_bytes(b"SQLite format 3\0" + b"garbage" * 1000)
        assert "backup" in checks(with_practice, 4)["database"]["do"]


def looks(data: Path, expected: int, **more: Any) -> list[dict[str, str]]:
    ran = yoake(data, "doctor", "--json", port=18000, **more)
    assert ran.returncode == expected, ran.stdout + ran.stderr
    return [check for check in json.loads(ran.stdout)["checks"] if check["check"] == "second_look"]


def test_doctor_tells_each_second_look(with_practice: Path, tmp_path: Path) -> None:
    off = looks(with_practice, 0)
    assert [check["state"] for check in off] == ["ok"] * 3
    assert all(check["what"].endswith(": off.") for check in off)
    key = tmp_path / "key"
    key.write_text("sk-hunter2")
    with JudgeServer(key="sk-hunter2") as server:
        on = {"YOAKE_JUDGE_URL": server.url, "YOAKE_JUDGE_MODEL": "a-model", "YOAKE_JUDGE_KEY_FILE": str(key)}
        (judge,) = [check for check in looks(with_practice, 0, **on) if "a-model" in check["what"]]
        assert judge["state"] == "ok"
        assert "0 of 500 calls" in judge["what"]
        key.write_text("sk-wrong")
        (judge,) = [check for check in looks(with_practice, 4, **on) if check["state"] != "ok"]
        assert (judge["state"], "401" in judge["what"], "sk-wrong" in judge["what"]) == ("wrong", True, False)
    (judge,) = [check for check in looks(with_practice, 0, **on) if check["state"] != "ok"]
    assert (judge["state"], "refuses the connection" in judge["what"]) == ("warning", True)


def test_doctor_tells_what_pictures_need(with_practice: Path, tmp_path: Path) -> None:
    (pictures,) = [c for c in looks(with_practice, 4, YOAKE_PICTURES="yes", PATH=str(tmp_path)) if c["state"] != "ok"]
    assert "apt-get install tesseract-ocr" in pictures["what"]
    needs.need("tesseract")
    told = looks(with_practice, 0, YOAKE_PICTURES="yes", YOAKE_PICTURES_WEAK_PER_DAY="20")
    assert any("0 of 20" in check["what"] for check in told)


class changed:  # noqa: N801 - reads as words
    """The database with statements run on it, put back afterwards."""

    def __init__(self, data: Path, statement: str) -> None:
        self.file, self.statement = data / "db" / "yoake.sqlite3", statement

    def __enter__(self) -> None:
        connection = sqlite3.connect(self.file)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        self.before = self.file.read_bytes()
        connection = sqlite3.connect(self.file)
        with connection:
            connection.executescript(self.statement)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()

    def __exit__(self, *_problem: object) -> None:
        self.file.write_bytes(self.before)


def test_the_page_of_commands_is_what_help_says() -> None:
    assert (ROOT / "docs" / "reference" / "commands.md").read_text() == reference.commands_page(), (
        "run: python -m tests.cli.reference"
    )
