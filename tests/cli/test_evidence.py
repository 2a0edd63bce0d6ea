"""`yoake evidence`: verify needs nothing but the file; export, check, rotate-key and rescue on a real data folder."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pyrage
import pytest

from tests.casework.test_bags import PLAIN, changed
from tests.cli.running import environment, prepared, yoake

SEED = """
import django; django.setup()
from django.utils import timezone
from tests.world import finding, page_of, post
from yoake.casework.cases.actions import decide
from yoake.casework.cases.intake import intake
from yoake.casework.cases.models import Case
from yoake.casework.people.models import Membership, Organisation, User
from yoake.casework.people.queries import actor_of
from yoake.casework.sources.actions import take_lease
from yoake.casework.sources.models import Source
from yoake.pipeline.worker import work_once
from yoake.tables.findings import findings_batch
body = Organisation.objects.create(name="架空県警察", kind="police")
user = User.objects.create_user("somebody", staff_number="S-77")
Membership.objects.create(user=user, organisation=body, role="analyst")
source = Source.objects.create(organisation=body, name="live", connector="jsonl", options={"path": "-"}, enabled=False)
now = timezone.now()
page = page_of([post(), post("2", "運び屋募集")])
told = page.posts.to_pylist()
rows = [{"uid": t["uid"], "content_hash": t["content_hash"], **finding(n)} for n, t in enumerate(told)]
intake(source, take_lease(source, now), page, findings_batch(rows), now)
case = Case.objects.order_by("pk").first()
decide(actor_of(user), case.pk, "in_scope", version_id=case.post.current_id, category_slug="drug_ad")
for _ in range(4):
    work_once(timezone.now())
print(case.pk)
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with one sealed and one provisional evidence."""
    folder = prepared(tmp_path_factory, tmp_path_factory.mktemp("evidence") / "data")
    told = {**environment(folder), "DJANGO_SETTINGS_MODULE": "yoake.config.settings", "PYTHONPATH": str(Path.cwd())}
    seeded = subprocess.run([sys.executable, "-c", SEED], env=told, capture_output=True, text=True, check=False)
    assert seeded.returncode == 0, seeded.stderr
    assert seeded.stdout.strip() == "1"
    return folder


def written(tmp_path: Path, octets: bytes) -> str:
    file = tmp_path / "bag.zip"
    file.write_bytes(octets)
    return str(file)


def test_verify_needs_neither_database_nor_key(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    ran = yoake(nowhere, "evidence", "verify", written(tmp_path, PLAIN))
    assert ran.returncode == 0, ran.stderr
    assert "The bag YKE-1-abc is whole (files: 3)." in ran.stdout
    assert "no audit entry" in ran.stdout
    assert not nowhere.exists()


def test_verify_says_what_was_changed(tmp_path: Path) -> None:
    own = {"YKE-1-abc/data/versions/1.json": b"other", "YKE-1-abc/data/\x1b[2Jwhole": b""}
    own["YKE-1-abc/data/case.json"] = b'{"captured_at": "\\u009b2J\\ud800"}'
    bad = changed(PLAIN, lambda files: files.update(own))
    ran = yoake(tmp_path / "d", "evidence", "verify", written(tmp_path, bad))
    assert ran.returncode == 4
    assert "data/versions/1.json was changed" in ran.stdout
    assert "data/\\x1b[2Jwhole is not in" in ran.stdout  # what a terminal would obey is shown, not done
    assert "captured \\x9b2J\\ud800" in ran.stdout
    told = json.loads(yoake(tmp_path / "d", "evidence", "verify", written(tmp_path, bad), "--json").stdout)
    assert told["whole"] is False


def test_what_is_no_bag_is_one_sentence(tmp_path: Path) -> None:
    ran = yoake(tmp_path / "d", "evidence", "verify", written(tmp_path, b"rubbish"))
    assert ran.returncode == 2
    assert ran.stderr.count("\n") == 1
    assert "a bag of evidence" in ran.stderr


def test_export_check_and_verify(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "bag.zip"
    ran = yoake(data, "evidence", "export", "1", "--out", str(out))
    assert ran.returncode == 0, ran.stderr
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    told = json.loads(yoake(tmp_path / "d", "evidence", "verify", str(out), "--json").stdout)
    assert (told["whole"], told["files"], told["stamp_trusted"]) == (True, 2, None)
    assert told["captured_at"] < told["sealed_at"]
    ran = yoake(data, "evidence", "check", "--json")
    assert (ran.returncode, json.loads(ran.stdout)) == (0, {"whole": True, "evidence": 2, "problems": []})
    assert json.loads(yoake(data, "audit", "verify", "--json").stdout)["whole"] is True
    ran = yoake(data, "evidence", "export", "1", "--out", str(out))
    assert (ran.returncode, "not there yet" in ran.stderr) == (2, True)


def test_export_for_a_recipient(data: Path, tmp_path: Path) -> None:
    identity = pyrage.x25519.Identity.generate()
    out, key = tmp_path / "bag.zip.age", tmp_path / "key.txt"
    key.write_text(str(identity))
    ran = yoake(data, "evidence", "export", "1", "--out", str(out), "--recipient", str(identity.to_public()))
    assert ran.returncode == 0, ran.stderr
    closed = yoake(tmp_path / "d", "evidence", "verify", str(out))
    assert (closed.returncode, "encrypted for somebody" in closed.stderr) == (2, True)
    assert yoake(tmp_path / "d", "evidence", "verify", str(out), "--identity", str(key)).returncode == 0


def test_nothing_is_exported_of_what_is_not_sealed_or_not_there(data: Path, tmp_path: Path) -> None:
    for case, code in (("2", 4), ("99", 2)):
        ran = yoake(data, "evidence", "export", case, "--out", str(tmp_path / "x"))
        assert ran.returncode == code, ran.stderr
        assert not (tmp_path / "x").exists()


def test_check_finds_a_changed_file(data: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(data, copy)
    file = max((copy / "evidence").glob("??/*.*"))
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    ran = yoake(copy, "evidence", "check")
    assert ran.returncode == 4
    assert "damaged or was changed" in ran.stdout


def test_rotate_rescue_and_a_lost_key(data: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(data, copy)
    before = (copy / "key" / "evidence.key").read_text()
    ran = yoake(copy, "evidence", "rotate-key")
    assert ran.returncode == 0, ran.stderr
    assert "wrapped anew: 2" in ran.stdout
    assert (copy / "key" / "evidence.key").read_text() != before
    assert yoake(copy, "evidence", "check").returncode == 0

    shutil.rmtree(copy / "db")  # the database is lost
    out = tmp_path / "out"
    out.mkdir()
    ran = yoake(copy, "evidence", "rescue", str(out))
    assert ran.returncode == 0, ran.stderr
    (bag,) = out.iterdir()
    assert yoake(tmp_path / "d", "evidence", "verify", str(bag)).returncode == 0

    lost = tmp_path / "lost"
    shutil.copytree(data, lost)
    (lost / "key" / "evidence.key").unlink()
    ran = yoake(lost, "evidence", "check")
    assert ran.returncode == 4
    assert "restore that file from your copy" in ran.stdout
    checks = {one["check"]: one for one in json.loads(yoake(lost, "doctor", "--json").stdout)["checks"]}
    assert checks["evidence"]["state"] == "wrong"
    assert "nobody reads what is sealed" in checks["evidence"]["what"]
    ran = yoake(lost, "evidence", "rotate-key")
    assert ran.returncode == 4
    assert "--lost" in ran.stderr
    ran = yoake(lost, "evidence", "rotate-key", "--lost", given="n\n")
    assert ran.returncode == 1
    ran = yoake(lost, "evidence", "rotate-key", "--lost", "--yes")
    assert ran.returncode == 0, ran.stderr
    assert "given up: 2" in ran.stdout
    assert json.loads(yoake(lost, "evidence", "check", "--json").stdout)["evidence"] == 0
