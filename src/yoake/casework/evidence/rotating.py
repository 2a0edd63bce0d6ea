"""Another master key: every case's key is wrapped anew; and what remains to do when a master key is lost."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from yoake.casework.audit.actions import record
from yoake.casework.cases.models import Post
from yoake.casework.cases.preserving import note_change
from yoake.casework.evidence.destroying import destroy
from yoake.casework.evidence.disk import alone_with
from yoake.casework.evidence.keys import key_file, listed, masters, new_master, relist_all, unwrap, wrap, write_masters
from yoake.casework.evidence.models import Evidence, MasterKey
from yoake.errors import Refused

KEY_LOST = "key_lost"  # why evidence is erased that nobody can read any more
State = Evidence.State


def lost_masters() -> set[str]:
    """Names of master keys that evidence or the database needs and the file does not have."""
    return _needed() - masters().keys()


def _needed() -> set[str]:
    living = MasterKey.objects.filter(retired_at=None).values_list("name", flat=True)
    return {*_alive().values_list("master", flat=True).distinct(), *living}


def rotate_master(now: datetime) -> int:
    """Makes a new master key, wraps every case's key with it, and drops the old one; returns how many were wrapped.

    Killed at any moment it leaves keys that can be read: the file keeps the old key until everything is wrapped anew,
    in the database and in the list. Done again it goes on.

    Raises Refused when a key that is needed is not in the file.
    """
    if lost := lost_masters():
        raise Refused(
            f"the evidence key {', '.join(sorted(lost))} is missing: restore its file first, or give it up with --lost"
        )
    name, key = new_master()
    with alone_with(key_file()):
        write_masters({**masters(), name: key})
    with transaction.atomic():
        old = list(MasterKey.objects.select_for_update().filter(retired_at=None))
        fresh = MasterKey.objects.create(name=name, made_at=now)
        known, n = masters(), 0
        for row in _alive().select_for_update(of=("self",)).exclude(master=name):
            uid = str(row.uid)
            row.key, row.master = wrap(unwrap(bytes(row.key), uid, known[row.master]), uid, key), name
            row.save(update_fields=["key", "master"])
            n += 1
        MasterKey.objects.filter(pk__in=[one.pk for one in old]).update(retired_at=now)
        record("evidence_key_rotated", actor="command", subject=f"evidence_key:{fresh.pk}", at=now, wrapped=n)
    relist_all(_alive().iterator())
    with alone_with(key_file()):  # what somebody else who rotates at the same time made stays
        needed = _needed()
        write_masters({name: key, **{one: kept for one, kept in masters().items() if one in needed}})
    return n


def give_up_lost(now: datetime) -> int:
    """What was wrapped by a lost master key is erased, and captured anew where the post is still here; returns how many.

    What was exported before stays whole; what the audit holds stays too.
    """
    lost = lost_masters()
    MasterKey.objects.filter(name__in=lost).update(retired_at=now, lost=True)
    rows = list(_alive().filter(master__in=lost).values_list("pk", "case__post_id"))
    for pk, post_id in rows:
        with transaction.atomic():
            post = Post.objects.select_for_update(of=("self",)).filter(pk=post_id).first()
            row = Evidence.objects.select_for_update(of=("self",)).get(pk=pk)
            destroy(row, KEY_LOST, now)
            if post is not None:
                note_change(post, now)
    with transaction.atomic():
        record("evidence_key_lost", actor="command", subject="evidence_key:0", at=now, erased=len(rows))
    return len(rows)


def again(now: datetime) -> int:
    """Destroys what a restored database brought back and the list says was destroyed; returns how many that were.

    A key that the list does not have (an older copy of it was restored) is written into it.
    """
    last = {uid: name for uid, name, _wrapped in listed()}
    back = [row for row in _alive().iterator() if last.get(str(row.uid)) == ""]
    for row in back:
        with transaction.atomic():
            destroy(row, "destroyed_before", now)
            record("evidence_erased", actor="worker", subject=f"evidence:{row.pk}", at=now, why="destroyed_before")
    relist_all(row for row in _alive().iterator() if str(row.uid) not in last)
    return len(back)


def _alive() -> QuerySet[Evidence]:
    return Evidence.objects.exclude(state=State.ERASED)
