"""Patrol and worker of the walk, under a time that can be moved: `python -m tests.e2e.walk_worker`.

Reads a line of JSON, does it, answers with a line of JSON. One process for all of it, because to start one costs seconds;
a process of its own, because the browser's driver and Django's database do not share a thread.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.e2e.moved import follow_moved_time

DUTIES = ("seal", "capture", "context", "check", "send", "follow_requests", "outcomes", "prove")
ENOUGH, PATROL = threading.Event(), list[threading.Thread]()


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yoake.config.settings")
    follow_moved_time(Path(os.environ["YOAKE_DATA"]))
    import django

    django.setup()
    known: dict[str, Callable[..., dict[str, Any]]] = {"prepare": prepare, "patrol": patrol, "rest": rest, "work": work}
    print("{}", flush=True)
    for line in sys.stdin:
        told = json.loads(line)
        print(json.dumps(known[told.pop("do")](**told)), flush=True)
    ENOUGH.set()


def prepare(pds: dict[str, Any], office: dict[str, str], smtp: int) -> dict[str, Any]:
    """What an administrator set up before: a source, a letterhead, two senders, a provider and the police of a place."""
    import pyrage
    from django.utils import timezone

    from tests.e2e.seed import PASSWORD
    from tests.outbox_world import sender_on
    from yoake.casework.people.actions import add_user, found_organisation
    from yoake.casework.people.models import Organisation, User
    from yoake.casework.people.queries import actor_of, system
    from yoake.casework.registers.actions import add_body, confirm, fill_in
    from yoake.casework.sources.models import Source
    from yoake.casework.wording.actions import set_letterhead

    Source.objects.update(enabled=False)  # those of `seed`, which no patrol reads
    command = system("command")
    office_of = found_organisation(command, "架空県警察 生活安全課", Organisation.Kind.POLICE)
    for name, called, role in (
        ("mori", "森", "analyst"),
        ("hayashi", "林", "supervisor"),
        ("oka", "岡", "administrator"),
    ):
        user, _ = add_user(command, name, office_of, role, password=PASSWORD)
        later = timezone.now() + timedelta(days=365)
        User.objects.filter(pk=user.pk).update(last_name=called, second_factor_from=later)
    hayashi, oka = (actor_of(User.objects.get(username=name)) for name in ("hayashi", "oka"))
    set_letterhead(hayashi, "架空県警察", "Kaku Prefectural Police", "000-000-0110")
    Source.objects.create(
        organisation_id=office_of.pk, name="Bluesky Firehose", connector="bluesky_firehose",
        options={"endpoint": pds["firehose"], "api": pds["url"], "plc": pds["plc"]}, cursor=str(pds["from"]),
    )  # fmt: skip
    sender_on(oka, "bluesky", {"service": pds["url"], **office}, name="架空県警察 生活安全")
    mail = {"address": "desk@office.example", "host": "127.0.0.1", "port": str(smtp), "security": "none"}
    sender_on(oka, "email", mail, name="依頼の窓口")
    add_body(hayashi, "example_host", "network", "架空サーバー", "Example Host", hosts="host.example")
    key = str(pyrage.x25519.Identity.generate().to_public())
    for slug, ways in (
        ("example_host", {"email": "abuse@host.example", "terms": "規約第9条の2 犯罪の実行者の募集を禁ずる。"}),
        ("police_osaka", {"address": "〒000-0000\n架空県架空市一丁目1番", "public_key": key}),
    ):
        for way, value in ways.items():
            confirm(oka, fill_in(hayashi, slug, way, value).pk, "架空の案内ページ", "2026-11-01")
    return {}


def patrol(posts: int) -> dict[str, Any]:
    """Begins to patrol the live source; returns, when so many posts passed, the cases that were opened."""
    from yoake.casework.cases.models import Case
    from yoake.casework.sources.models import Source
    from yoake.pipeline.line import Progress
    from yoake.pipeline.line import patrol as patrol_of

    source, passed = Source.objects.get(connector="bluesky_firehose"), threading.Event()

    def tell(progress: Progress) -> None:
        if progress.posts >= posts:
            passed.set()

    PATROL.append(threading.Thread(target=patrol_of, args=(source, ENOUGH), kwargs={"engine": "inline", "tell": tell}))
    PATROL[0].start()
    if not passed.wait(60):
        raise RuntimeError("the posts did not pass within a minute")
    return {"cases": list(Case.objects.filter(source=source).order_by("pk").values_list("pk", flat=True))}


def rest() -> dict[str, Any]:
    """Ends the patrol: what becomes of the post is found by looking again, not told by the stream."""
    ENOUGH.set()
    PATROL[0].join()
    return {}


def work(rounds: int = 30) -> dict[str, Any]:
    """The worker's duties until nothing is due; returns how often one had something to do, by name."""
    from django.utils import timezone

    from yoake import shelf
    from yoake.pipeline import duties

    did: dict[str, int] = {}
    for _ in range(rounds):
        done = {name: shelf.take(duties, name)(timezone.now()) for name in DUTIES}
        for name, n in done.items():
            did[name] = did.get(name, 0) + n
        if not any(done.values()):
            return did
    raise RuntimeError(f"there is always something due: {did}")


if __name__ == "__main__":
    main()
