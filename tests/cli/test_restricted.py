"""What the commands say of connectors whose service restricts such use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.running import Up, free_port, prepared, yoake

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared(tmp_path_factory, tmp_path_factory.mktemp("restricted") / "data")


@pytest.mark.parametrize("words", ["x_search?queries=test", "x_search"])
def test_patrol_refuses_with_one_sentence(data: Path, words: str) -> None:
    ran = yoake(data, "patrol", words, timeout_s=120)
    assert ran.returncode == 4
    assert "x_search stays off until an administrator records on its page that the service permits this" in ran.stderr
    assert ran.stderr.count("\n") == 1
    again = yoake(data, "patrol", "x_search", timeout_s=120, LANG="ja_JP.UTF-8")
    assert again.returncode == 4
    assert "許可" in again.stderr
    assert "X's developer terms" not in again.stderr


def test_whoever_starts_everything_is_told(tmp_path: Path) -> None:
    with Up(tmp_path / "data", free_port(), YOAKE_SOURCES="x_search practice") as up:
        up.wait_for("x_search stays off until an administrator records", 60)
        up.wait_for("ready after", 60)
        assert up.stop() == 0
    assert up.said.count("x_search stays off") == 1


def test_shelves_mark_what_needs_a_permission_and_what_is_a_job_board(tmp_path: Path) -> None:
    told = json.loads(yoake(tmp_path / "data", "shelves", "--json").stdout)["connectors"]
    marked = {thing["name"]: thing for thing in told}
    assert "X's developer terms" in marked["x_search"]["restricted"]
    assert marked["x_search"]["searches"]
    assert {name for name, thing in marked.items() if thing["job_board"]} == {"job_posting"}
    assert marked["jsonl"]["restricted"] == ""
    plain = yoake(tmp_path / "data", "shelves").stdout.splitlines()
    (line,) = [line for line in plain if line.strip().startswith("x_search")]
    assert line.endswith("[needs a permission] [searched by words]")
    (line,) = [line for line in plain if line.strip().startswith("job_posting")]
    assert line.endswith("[job board]")
