"""The stop key: material that must not be held (sexual content involving minors) goes at once, for everyone and for good.

Nothing holds it back: no lease, no decision, no legal hold, no time. What remains is a row with the item's address
(sealed), the time and the person, for the hand-over; and keyed hashes by which the post is known and never stored again.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from django.db import OperationalError, connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from yoake.casework.audit.actions import record
from yoake.casework.cases.acting import locked
from yoake.casework.cases.echoes import Echoes, echoing
from yoake.casework.cases.erasing import forget_echoes_everywhere, forget_everywhere, forgetting_rooms
from yoake.casework.cases.forgetting import STOPPED, forget_account
from yoake.casework.cases.keeping import entered_uids, erased_uid
from yoake.casework.cases.leases import end_lease
from yoake.casework.cases.models import (
    Advice,
    Case,
    Claim,
    Lease,
    LegalHold,
    Post,
    PostVersion,
    RemovalConsent,
    SecondReview,
    Stop,
)
from yoake.casework.cases.queries import at_address
from yoake.casework.cases.search import purge
from yoake.casework.cases.stopped import address_uid, key_of, read_list, seal, unseal, write_line
from yoake.casework.cases.surroundings import LONGEST
from yoake.casework.people.models import Organisation, User
from yoake.casework.people.queries import Actor
from yoake.collect.items import item_of
from yoake.errors import BadInput, TryLater
from yoake.tables.posts import uid_of

_TRIES: Final = 20  # to empty the write-ahead log while others read
_PAUSE_S: Final = 0.25
_LOCK_WAITED_S: Final = 20


def stop(actor: Actor, case_id: int, now: datetime | None = None) -> Stop:
    """Blanks a case for every organisation and erases all that is held of its post; this cannot be undone.

    Pressed a second time it changes nothing. The worker then cleans the database's files, see `clean`.

    Raises BadInput when the actor's organisation has no such case (an adviser: no such case put to them).
    """
    now = now or timezone.now()
    actor.must("stop")
    of_case = Post.objects.filter(cases=case_id)
    before = echoing(*_meant(_same_items(of_case)))
    with transaction.atomic():
        same = _same_items(of_case)
        echoes = echoing(*_meant(same), before)
        _lock(same.values_list("pk", flat=True), echoes.posts)
        case = locked(actor, case_id)
        if not actor.may("read") and not Advice.objects.filter(case=case).exists():
            raise BadInput("case", case_id, "there is no such case in your organisation")
        made = _stop(case.post, now, organisation_id=actor.organisation_id, user_id=actor.user_id)
        for other in same.exclude(pk=case.post_id).order_by("pk"):
            _stop(other, now, organisation_id=actor.organisation_id, user_id=actor.user_id)
        _forget_echoes(echoes, now)
        record(
            "stopped", actor=actor.name, organisation=actor.organisation_id or None, subject=f"post:{case.post_id}", at=now,
            case=case.pk,
        )  # fmt: skip
    return made


def stop_address(actor: Actor, url: str, now: datetime | None = None) -> list[Stop]:
    """Stops every post of an address, whatever brought it; one that is not stored yet is never stored.

    Raises BadInput for what is no address of an item.
    """
    now = now or timezone.now()
    actor.must("stop")
    item = item_of(url.strip())
    uids = {uid_of("web", item.url)}
    if item.network and item.native_id:
        uids.add(uid_of(item.network, item.native_id))
    meant = Post.objects.filter(uid__in=uids) | Post.objects.filter(at_address(item.url))
    before = echoing(*_meant(meant, uids))
    with transaction.atomic():
        rows = set(meant.values_list("pk", flat=True))
        echoes = echoing(*_meant(meant, uids), before)
        posts = [post for post in _lock(rows, echoes.posts) if post.pk in rows]
        made = [
            _stop(post, now, organisation_id=actor.organisation_id, user_id=actor.user_id, url=item.url)
            for post in posts
        ]
        known = {key_of(post.uid) for post in posts} | {one.address_key for one in made}
        for uid in sorted(uids):
            if key_of(uid) not in known:
                one, fresh = Stop.objects.get_or_create(
                    key=key_of(uid),
                    defaults={
                        "organisation_id": actor.organisation_id or None,
                        "by_id": actor.user_id or None,
                        "at": now,
                        "cleaned_at": now,  # nothing of it was here
                        "sealed": seal({"url": item.url, "network": item.network or "web", "native_id": ""}),
                    },
                )
                if fresh:
                    write_line(one)
                made.append(one)
        _forget_echoes(echoes, now)
        for one in made:
            record(
                "stopped", actor=actor.name, organisation=actor.organisation_id or None,
                subject=f"post:{one.post_id}" if one.post_id else f"stop:{one.pk}", at=now,
            )  # fmt: skip
    return made


def again(now: datetime | None = None) -> int:
    """Stops what a restored backup brought back; returns how many. Call it before anything of the database is shown.

    The list beside the database and the rows in it then say the same. Raises Refused when the list is damaged.
    """
    now = now or timezone.now()
    listed = read_list()
    rows = {one.key: one for one in Stop.objects.iterator()}
    for key, row in rows.items():
        if key not in listed:
            write_line(row)
    missing = {key: told for key, told in listed.items() if key not in rows}
    if not missing:
        return 0
    by_address = {told["address_key"]: key for key, told in missing.items() if told.get("address_key")}
    back: dict[int, str] = {}
    for pk, uid in Post.objects.values_list("pk", "uid").iterator(chunk_size=5000):
        key = key_of(uid)
        if key in missing or key in by_address:
            back[pk] = key if key in missing else by_address[key]
    told_of = {pk: missing[key] for pk, key in back.items()}
    keys, words = _meant(Post.objects.filter(pk__in=back))
    before = echoing(keys | set(missing), words)
    with transaction.atomic():
        echoes = echoing(before.keys, before.words, before)
        posts = [post for post in _lock(back, echoes.posts) if post.pk in back]
        for post in posts:
            _stop(post, now, told=told_of[post.pk])
        _forget_echoes(echoes, now)
        for post in posts:
            record("stopped_again", actor="worker", subject=f"post:{post.pk}", at=now)
        known = set(Stop.objects.filter(key__in=missing).values_list("key", flat=True))
        for key, told in missing.items():
            if key not in known:
                Stop.objects.get_or_create(key=key, defaults={**_columns(told), "cleaned_at": now})
    return len(back)


def forget_late_echoes(stops: Iterable[Stop], now: datetime) -> int:
    """Replies that were being taken in while somebody pressed the key lose the words too; returns how many posts that were.

    The worker does this before it cleans, and after: cleaning waits for transactions that were open.
    """
    before = echoing({one.key for one in stops}, frozenset())
    with transaction.atomic():
        return _forget_echoes(echoing(before.keys, before.words, before), now)


def cleaned(stops: Iterable[Stop], now: datetime) -> None:
    """`clean` was done after these stops."""
    rows = Stop.objects.filter(pk__in=[one.pk for one in stops])
    rows.update(due_at=None, claimed_until=None, cleaned_at=now, problem="")


def clean() -> None:
    """Takes out of the database's own files what deleted rows leave there: free space in pages, the write-ahead log.

    On SQLite the file is written anew and its log emptied; on PostgreSQL every table that holds words of posts is (its
    own write-ahead log is beyond reach, see docs/howto/stop.md). Others wait meanwhile. Call it outside a transaction.

    Raises TryLater when somebody has the database open so that it could not be done now.
    """
    try:
        if connection.vendor == "sqlite":
            _clean_sqlite()
        else:
            _clean_postgresql()
    except OperationalError as problem:
        raise TryLater(f"the database's files could not be cleaned yet ({problem})", after_s=60) from None


def sealed_facts(actor: Actor, stop_row: Stop) -> dict[str, str]:
    """What remains of a stopped item for the hand-over: url, network, native_id. Only for supervisors of its organisation."""
    actor.must("retain")
    if stop_row.organisation_id != actor.organisation_id:
        raise BadInput("stop", stop_row.pk, "nobody of your organisation stopped such a post")
    with transaction.atomic():
        record(
            "stopped_item_seen", actor=actor.name, organisation=actor.organisation_id, subject=f"stop:{stop_row.pk}",
        )  # fmt: skip
    return unseal(bytes(stop_row.sealed))


def _stop(
    post: Post,
    now: datetime,
    *,
    organisation_id: int = 0,
    user_id: int = 0,
    url: str = "",
    told: dict[str, Any] | None = None,
) -> Stop:
    """Blanks a post whose row is locked; its stop when that was done before."""
    found = Stop.objects.filter(Q(post=post) | Q(key=key_of(post.uid))).first()
    if post.stopped_at is not None and found is not None:
        return found
    item, account = post.url or url, post.account
    cases = list(Case.everything.select_for_update(of=("self",)).filter(post=post).order_by("pk"))
    forget_everywhere(post, STOPPED)
    Case.everything.filter(pk__in=[case.pk for case in cases]).update(
        state=Case.State.CLOSED, folded_into=None, assignee=None, decide_by=None, changed_at=None, prefecture=""
    )
    _end_lease(post, now)
    SecondReview.objects.filter(case__in=cases, closed_at=None).update(state=SecondReview.State.LAPSED, closed_at=now)
    LegalHold.objects.filter(case__in=cases, lifted_at=None).update(lifted_at=now, lifted_by=user_id or None)
    RemovalConsent.objects.filter(case__in=cases, consented_at=None, withdrawn_at=None).update(withdrawn_at=now)
    uid, said_so = post.uid, address_uid(item) or (uid_of("hand", post.native_id) if post.network == "hand" else "")
    post.uid = erased_uid(post)
    sealed = seal({"url": item, "network": post.network, "native_id": "" if item else post.native_id})
    post.native_id, post.url, post.account = "", "", None
    post.erased_at, post.stopped_at = post.erased_at or now, now
    post.save(update_fields=["uid", "native_id", "url", "account", "erased_at", "stopped_at"])
    forget_account(account)
    columns: dict[str, Any] = {
        "organisation_id": organisation_id or None,
        "by_id": user_id or None,
        "at": now,
        "sealed": sealed,
        "address_key": key_of(said_so) if said_so else "",
    }
    row, _made = Stop.objects.update_or_create(
        key=key_of(uid),
        defaults={**(_columns(told) if told else columns), "post": post, "due_at": now, "cleaned_at": None},
    )
    if told is None:
        write_line(row)  # before the rows are committed: a stop that fails half-way is done at the next start
    return row


def _end_lease(post: Post, now: datetime) -> None:
    """Nobody has it any more; the history says until when they had."""
    for lease in Lease.objects.filter(post=post):
        case = Case.objects.filter(post=post, organisation_id=lease.organisation_id).first()
        if case is not None:
            end_lease(case, lease.user_id, Claim.End.RELEASED, now)
    Lease.objects.filter(post=post).delete()


def _same_items(posts: QuerySet[Post]) -> QuerySet[Post]:
    """These posts, and the same items where another body typed what they say: each body has a post of its own then."""
    uids = {uid for post in posts if post.native_id for uid in entered_uids(post)}
    return Post.objects.filter(Q(pk__in=[post.pk for post in posts]) | Q(uid__in=uids))


def _meant(posts: QuerySet[Post], uids: Iterable[str] = ()) -> tuple[set[str], set[str]]:
    """By what the replies to posts are known: keys of their identities, and their texts (also as surroundings cut them)."""
    keys = {key_of(uid) for uid in (*uids, *posts.values_list("uid", flat=True))}
    said = PostVersion.objects.filter(post__in=posts.values("pk")).exclude(text="").values_list("text", flat=True)
    return keys, {cut for text in said for cut in (text, text[:LONGEST])}


def _lock(*keys: Iterable[int]) -> list[Post]:
    """Posts, locked in the order in which everybody locks them."""
    wanted = {key for some in keys for key in some}
    return list(Post.objects.select_for_update(of=("self",)).filter(pk__in=wanted).order_by("pk"))


def _forget_echoes(echoes: Echoes, now: datetime) -> int:
    posts = forget_echoes_everywhere(echoes)
    for post in posts:
        record("parent_stopped", actor="worker", subject=f"post:{post}", at=now)
    return len(posts)


def _columns(told: dict[str, Any]) -> dict[str, Any]:
    """A line of the list as columns; a restored database may be older than the person or the organisation."""
    return {
        "organisation": Organisation.objects.filter(pk=told["organisation"]).first(),
        "by": User.objects.filter(pk=told["by"]).first(),
        "at": told["at"],
        "sealed": told["sealed"],
        "address_key": told["address_key"],
    }


def _clean_sqlite() -> None:
    purge()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")  # zeroing what is deleted leaves copies in pages that were split: measured
        for _ in range(_TRIES):
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            (busy, *_pages) = cursor.fetchone()
            if not busy:
                return
            time.sleep(_PAUSE_S)
    raise TryLater("the database's log could not be emptied, because somebody is reading", after_s=10)


def _clean_postgresql() -> None:
    tables = sorted({model._meta.db_table for room in forgetting_rooms() for model in room.HOLDS})
    with connection.cursor() as cursor:
        _wait_for_earlier_transactions(cursor)
        cursor.execute(f"SET lock_timeout = '{_LOCK_WAITED_S}s'")
        try:
            for table in tables:
                cursor.execute(f"VACUUM (FULL, ANALYZE) {connection.ops.quote_name(table)}")
        finally:
            cursor.execute("RESET lock_timeout")


def _wait_for_earlier_transactions(cursor: Any) -> None:
    """Rewriting a table keeps a deleted row that a transaction begun before could still see, of any database of the server."""
    cursor.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::numeric")
    (begun_until,) = cursor.fetchone()
    for _ in range(_TRIES):
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::numeric")
        (oldest_running,) = cursor.fetchone()
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
            " AND age(backend_xmin) > age(%s::text::xid)",
            [str(int(begun_until) % 2**32)],
        )
        (reading,) = cursor.fetchone()
        if oldest_running >= begun_until and not reading:
            return
        time.sleep(_PAUSE_S)
    raise TryLater(
        "a transaction begun before the stop is still open, so PostgreSQL keeps what it may read", after_s=10
    )
