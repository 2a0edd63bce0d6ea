"""`yoake audit`: verify names the first broken link, export hands out staff numbers and is noted itself."""

from __future__ import annotations

import json
import sqlite3
import stat
from pathlib import Path

import pytest

from tests.cli.running import prepared, yoake


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared(tmp_path_factory, tmp_path_factory.mktemp("audit") / "data")


def test_verify_and_export_and_the_first_broken_link(data: Path) -> None:
    whole = yoake(data, "audit", "verify", "--json")
    assert whole.returncode == 0, whole.stderr
    told = json.loads(whole.stdout)
    assert (told["whole"], told["guarded"], told["broken"]) == (True, True, None)
    assert told["entries"] >= 2
    assert "It ends with" in yoake(data, "audit", "verify").stdout

    out = data.parent / "audit.jsonl"
    ran = yoake(data, "audit", "export", "--out", str(out), "--json")
    assert ran.returncode == 0, ran.stderr
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert json.loads(ran.stdout)["entries"] == len(rows) == told["entries"]
    assert set(rows[0]) == {"id", "time", "staff", "kind", "subject", "facts", "hash"}
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    after = json.loads(yoake(data, "audit", "verify", "--json").stdout)
    assert after["entries"] == told["entries"] + 1, "that a file was written is noted"
    none = yoake(data, "audit", "export", "--out", str(out), "--since", "2099-01-01", "--json")
    assert json.loads(none.stdout)["entries"] == 0

    with sqlite3.connect(data / "db" / "yoake.sqlite3") as database:
        with pytest.raises(sqlite3.DatabaseError, match="never changed"):
            database.execute("UPDATE audit_entry SET actor = 'user:9' WHERE id = 2")
        for name in ("audit_entry_no_update", "audit_entry_no_delete"):
            database.execute(f"DROP TRIGGER {name}")
    open_to_all = yoake(data, "audit", "verify", "--json")
    assert (open_to_all.returncode, json.loads(open_to_all.stdout)["guarded"]) == (4, False)
    with sqlite3.connect(data / "db" / "yoake.sqlite3") as database:
        database.execute("UPDATE audit_entry SET actor = 'user:9' WHERE id = 2")
    broken = yoake(data, "audit", "verify", "--json")
    assert broken.returncode == 4
    told = json.loads(broken.stdout)
    assert (told["whole"], told["entry"]) == (False, 2)
    assert "audit entry 2 was changed" in yoake(data, "audit", "verify").stdout


def test_wrong_words_are_named(data: Path, tmp_path: Path) -> None:
    ran = yoake(data, "audit", "export", "--out", str(tmp_path / "no" / "x"))
    assert ran.returncode == 2
    assert "a file in a folder that exists" in ran.stderr
    assert yoake(data, "audit", "verify", "--newest", "0").returncode == 2
