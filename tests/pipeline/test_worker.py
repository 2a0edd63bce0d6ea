"""The worker in a process of its own: killed in the middle of a look it loses nothing; a slow duty holds nobody up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.soak import fresh_postgresql
from tests.servers import judge as judged
from tests.servers.judge import JudgeServer

pytestmark = [pytest.mark.server, pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[2]

PREPARE = """
import django; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from tests.world import arrive, finding, post
from yoake.casework.people.models import Organisation
from yoake.casework.sources.models import Source
office = Organisation.objects.create(name="office")
live = Source.objects.create(organisation=office, name="live", connector="jsonl", options={"path": "-"})
arrive(live, [post()], [finding()])
"""
LOOK = """
import django, json; django.setup()
from yoake.casework.audit.models import Entry
from yoake.casework.audit.queries import first_break
from yoake.casework.cases.models import DailyUse, Erasure, Finding, SecondLook
from django.utils import timezone
from yoake.pipeline.mishaps import standing_still
print(json.dumps({
    "standing_still": [one.why for one in standing_still(timezone.now())],
    "looks": list(SecondLook.objects.values("outcome", "attempts", "problem")),
    "claimed": SecondLook.objects.exclude(claimed_until=None).count(),
    "findings": sorted(Finding.objects.values_list("detector", flat=True)),
    "kinds": list(Entry.objects.order_by("id").values_list("kind", flat=True)),
    "erasures": Erasure.objects.exclude(due_at=None).count(),
    "chain": first_break(),
}))
"""
FIVE_MINUTES_LATER = """
import django; django.setup()
from yoake.casework.cases.models import SecondLook
SecondLook.objects.update(claimed_until=None)
"""
OTHER_WORK = """
import django; django.setup()
from tests.world import NOON
from yoake.casework.cases.models import Case, Erasure, Post
post = Post.objects.create(uid="x", network="n", native_id="x", first_seen_at=NOON)
Erasure.objects.create(post=post, why="unqueued", due_at=NOON)
"""


class Worker:
    """`yoake worker` on a database of its own, with a language model on loopback."""

    def __init__(self, folder: Path, server: JudgeServer, database_url: str) -> None:
        (folder / "db").mkdir()
        self.environment = {
            **os.environ,
            "YOAKE_DATA": str(folder),
            "YOAKE_DATABASE_URL": database_url,
            "YOAKE_JUDGE_URL": server.url,
            "YOAKE_JUDGE_MODEL": "m",
            "DJANGO_SETTINGS_MODULE": "yoake.config.settings",
        }
        self.process: subprocess.Popen[bytes] | None = None

    def python(self, code: str) -> str:
        ran = subprocess.run(
            [sys.executable, "-c", code], env=self.environment, cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def seen(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.python(LOOK))
        assert found["standing_still"] == []
        return found

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "yoake", "worker"], env=self.environment, cwd=ROOT, stdin=subprocess.DEVNULL
        )

    def end(self, number: int) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(20)


@pytest.fixture
def server() -> Iterator[JudgeServer]:
    with JudgeServer(judged.hangs(60)) as running:
        yield running


@pytest.fixture
def worker(tmp_path: Path, server: JudgeServer) -> Iterator[Worker]:
    on = os.environ.get("YOAKE_DATABASE_URL", "")
    made = Worker(tmp_path, server, fresh_postgresql(on, "worker") if on else "")
    made.python(PREPARE)
    yield made
    if made.process is not None and made.process.poll() is None:
        made.end(signal.SIGKILL)


def until(true: Callable[[], bool], timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.1)


def test_killed_while_the_model_thinks(worker: Worker, server: JudgeServer) -> None:
    worker.start()
    until(lambda: len(server.questions) == 1)
    worker.end(signal.SIGKILL)
    seen = worker.seen()
    assert (seen["claimed"], seen["findings"], seen["kinds"]) == (1, ["test"], ["case_opened", "evidence_captured"])
    assert seen["looks"] == [{"outcome": "", "attempts": 1, "problem": ""}]

    server.script[0] = judged.says(judged.finding("criminal_recruitment", 0.9, "高額バイト"))
    worker.python(FIVE_MINUTES_LATER)
    worker.start()
    until(lambda: worker.seen()["looks"][0]["outcome"] == "found")
    assert worker.end(signal.SIGTERM) == 0
    seen = worker.seen()
    assert seen["findings"] == ["llm_judge", "test"]
    assert seen["kinds"] == ["case_opened", "evidence_captured", "second_look"]
    assert seen["chain"] is None
    assert len(server.questions) == 2


def test_a_slow_duty_holds_up_no_other_and_stopping_is_prompt(worker: Worker, server: JudgeServer) -> None:
    worker.start()
    until(lambda: len(server.questions) == 1)
    worker.python(OTHER_WORK)
    until(lambda: worker.seen()["erasures"] == 0)
    began = time.monotonic()
    assert worker.end(signal.SIGTERM) == 0
    assert time.monotonic() - began < 8
    assert worker.seen()["claimed"] == 1, "the look is claimed again when its claim ends"
