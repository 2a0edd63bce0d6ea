"""`python -m bench.warn`: how long after its approval a warning stands under the post.

Real parts: a Bluesky server on loopback, a service that shows its threads, a database file, and `yoake worker` in a process of
its own, with its own poll. Warnings are approved one after another at random moments; each is measured from the approval's
transaction to the receipt's. Between them lie the worker's poll, the look whether the post is still up, the replies under it, and
the reply itself. The sender's cool-down is off: it is meant to make people wait, and says nothing about the program.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.pipeline.soak_outbox import ROOT, python
from tests.servers.pds import Pds, install
from tests.servers.threads_of_pds import threads_of

HOSTS = 3  # outside they are three: the account's server, the service that shows threads, the directory

PREPARE = """
import django, json, sys; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from tests.outbox_world import sender_on
from tests.warn_world import warnable, with_head
from yoake.casework.people.models import Membership, Organisation, User
from yoake.casework.people.queries import actor_of
from yoake.casework.sources.models import Source
from yoake.casework.warn.actions import draft_warning
told = json.loads(sys.argv[1])
office = Organisation.objects.create(name="bench")
def person(role):
    user = User.objects.create_user(role, password="a long pass phrase 17")
    Membership.objects.create(user=user, organisation=office, role=role)
    return actor_of(user)
analyst, supervisor, administrator = person("analyst"), person("supervisor"), person("administrator")
with_head(supervisor)
source = Source.objects.create(organisation=office, name="bluesky", connector="bluesky_firehose", options=told["options"], enabled=True)
sender = sender_on(administrator, "bluesky", told["sender"])
for one in told["posts"]:
    case = warnable(analyst, source, network="bluesky", **one)
    draft_warning(analyst, case.pk, "bluesky", sender_id=sender.pk)
"""

APPROVE = """
import django, json, random, sys, time; django.setup()
from yoake.casework.outbox.actions import approve
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.people.models import User
from yoake.casework.people.queries import actor_of
chance, actor, took = random.Random(1), actor_of(User.objects.get(username="analyst")), []
time.sleep(8)  # the worker starts
for item in OutboxItem.objects.order_by("pk"):
    time.sleep(chance.uniform(0.0, 4.0))
    approve(actor, item.pk, item.bound)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        item = OutboxItem.objects.get(pk=item.pk)
        if item.state not in ("draft", "approved", "sending"):
            break
        time.sleep(0.05)
    if item.state != "sent":
        sys.exit(f"{item.state} {item.stopped_why} {item.problem}")
    took.append((item.sent_at - item.approved_at).total_seconds())
print(json.dumps(took))
"""


def measure(items: int) -> list[float]:
    """Seconds from approval to receipt of each warning, sorted."""
    install()
    with Pds() as pds, tempfile.TemporaryDirectory(prefix="yoake-warn-") as folder:
        (Path(folder) / "db").mkdir()
        office, authors = pds.writer(), [pds.writer() for _ in range(items)]
        posts = [
            {"native_id": one.post("野菜あります").uri, "author_id": one.did, "text": "野菜あります"} for one in authors
        ]
        environment = {
            **os.environ,
            "YOAKE_DATA": folder,
            "YOAKE_ALLOW_PRIVATE_NETWORKS": "yes",
            "YOAKE_HOST_LIMITS": f"127.0.0.1={2 * HOSTS}",  # what three hosts get together
            "DJANGO_SETTINGS_MODULE": "yoake.config.settings",
            "PYTHONPATH": str(ROOT),
        }
        with threads_of(pds, office) as view:
            told: dict[str, Any] = {
                "posts": posts,
                "options": {"endpoint": pds.firehose_url, "api": pds.url, "plc": pds.plc_url},
                "sender": {"service": pds.url, "handle": office.handle, "password": "only-for-tests", "view": view},
            }
            python(PREPARE, json.dumps(told), environment=environment)
            worker = subprocess.Popen([sys.executable, "-m", "yoake", "worker"], env=environment, cwd=ROOT)
            try:
                took: list[float] = json.loads(python(APPROVE, environment=environment))
            finally:
                worker.terminate()
                worker.wait(20)
    return sorted(took)


def main() -> int:
    """Prints p50, p95 and the longest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=40)
    took = measure(parser.parse_args().items)
    p50, p95 = took[len(took) // 2], took[min(len(took) - 1, int(len(took) * 0.95))]
    print(f"approval to delivered warning, {len(took)}: p50 {p50:.2f} s, p95 {p95:.2f} s, longest {took[-1]:.2f} s")
    return 0 if p95 < 5 else 1


if __name__ == "__main__":
    sys.exit(main())
