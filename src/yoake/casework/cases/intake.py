"""Taking in a page: posts people must see, removals, findings, counts and cursor in ONE transaction.

Stored is a post that is queued (some finding is mid or high), and a new version of a post that is stored already; and,
where reading pictures is switched on with a daily number for it, so many short posts with a picture and a weak cue, for
as long as it takes to read the picture. Of all others only counts remain. On the practice desk the posts that teach something are queued too. A page that was taken in twice changes nothing but the counts, and because the cursor
is written in the same transaction, a page is taken in twice only when a person sets a cursor back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from yoake.casework.audit.actions import record
from yoake.casework.cases.categories import categories
from yoake.casework.cases.clocks import hasten, set_clock
from yoake.casework.cases.echoes import without_stopped_parent
from yoake.casework.cases.folds import come_out
from yoake.casework.cases.hold_keys import note_keys
from yoake.casework.cases.keeping import erased_hash, plan_erasure
from yoake.casework.cases.looks import PICTURES, WEAK_PICTURES, plan, plan_looks, use, worth_reading
from yoake.casework.cases.models import Account, Case, Finding, Post, PostVersion
from yoake.casework.cases.prefectures import prefecture_of
from yoake.casework.cases.queries import recorded_only
from yoake.casework.cases.ranking import rank_anew, rank_of, severity
from yoake.casework.cases.schedule import ask_source_anew, back_by_stream, gone_by_stream
from yoake.casework.cases.search import index_case
from yoake.casework.cases.second import lapse_reviews
from yoake.casework.cases.stopped import must_not_be_stopped, stopped_among
from yoake.casework.sources.actions import count, keep_lease, note_skipped
from yoake.casework.sources.models import Source
from yoake.collect import practice
from yoake.collect.connector import Page
from yoake.collect.items import item_of
from yoake.detect.text.minors import says_minor
from yoake.errors import BadInput
from yoake.tables.findings import LOW, queued
from yoake.tables.posts import uid_of

_BODY = ("elements", "items", "nearest", "explanation", "counter", "spans")


@dataclass
class Taken:
    """What a page brought, for the progress line."""

    posts: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    opened: list[int] = field(default_factory=list)  # ids of cases opened
    notes: list[dict[str, Any]] = field(default_factory=list)  # audit lines, written last: their lock is everybody's


def intake(source: Source, token: str, page: Page, findings: pa.RecordBatch, now: datetime | None = None) -> Taken:
    """Takes one judged page in. Raises Refused when the source's lease was lost; then nothing was written."""
    now = now or timezone.now()
    taken = Taken(posts=page.posts.num_rows)
    found = _by_row(findings)
    queue = {row for row, of_row in found.items() if any(queued(finding) for finding in of_row)}
    if source.practice:
        queue |= _lessons(page.posts)
    unread = _worth_reading(source, page.posts, found, queue)
    with transaction.atomic():
        # Everybody locks in one order: source, posts, cases, audit. Otherwise a person who decides meets a deadlock.
        changes: dict[str, Any] = {"last_page_at": now, "state": Source.State.RUNNING, "problem": ""}
        if read_something(page):
            changes["failures"] = 0
        if page.cursor is not None:
            changes["cursor"] = page.cursor
        if page.seen_until is not None:
            changes["seen_until"] = page.seen_until
        keep_lease(source, token, now, **changes)
        if unread:  # before the posts: whoever holds this row never waits for one of them
            unread = unread[: use(WEAK_PICTURES, len(unread), settings.ENVIRONMENT.pictures_weak_per_day, now)]
        removed = page.removed.to_pylist()
        stored = _lock_stored(page.posts.column("uid").to_pylist(), removed)
        if page.posts.num_rows:
            _take_posts(source, page.posts, stored, found, queue, frozenset(unread), now, taken)
        if removed:
            _take_removals(removed, stored, now, taken)
        taken.counts["posts"] += page.posts.num_rows
        for row, of_row in found.items():
            if row not in queue:
                taken.counts.update(f"low:{f['category']}" for f in of_row if f["grade"] == LOW and not f["shadow"])
        taken.counts.update(f"skipped:{skip.reason}" for skip in page.skipped)
        count(source, now, taken.counts)
        note_skipped(source, now, page.skipped)
        for note in taken.notes:
            record(**note, at=now)
    return taken


def read_something(page: Page) -> bool:
    """Whether a page brought anything; an empty one only shows that the other side is connected."""
    return bool(page.posts.num_rows or page.removed.num_rows or page.skipped)


def add_version(
    post: Post, row: dict[str, Any], findings: Iterable[dict[str, Any]], *, entered_by: int = 0
) -> PostVersion:
    """Stores what a post says now, with its findings, and makes it the current version. Raises Refused for a stopped post.

    Of a reply to one that was stopped, the words of that one are left out. What people of an organisation typed
    (`entered_by`) is theirs, until a network says the same.
    """
    must_not_be_stopped(row, post)
    row, findings = without_stopped_parent(row, findings)
    version, _made = PostVersion.objects.get_or_create(
        post=post,
        content_hash=row["content_hash"],
        defaults={
            "organisation_id": entered_by if entered_by and row["text"] else None,
            "seen_at": row["seen_at"],
            "author_name": row["author_name"],
            "profile": row["profile"],
            "text": row["text"],
            "parent_id": row["parent_id"],
            "parent_text": row["parent_text"],
            "root_id": row["root_id"],
            "lang": row["lang"][:100],
            "labels": row["labels"],
            "images": row["images"],
        },
    )
    if version.organisation_id is not None and not entered_by:
        version.organisation = None
        version.save(update_fields=["organisation"])
    add_findings(version, findings)
    note_keys(post, [version])
    post.current = version
    post.save(update_fields=["current", "keyed"])
    return version


def add_findings(version: PostVersion, findings: Iterable[Mapping[str, Any]]) -> None:
    """Stores what detectors said of a version; what the same detector version said before stays as it is."""
    Finding.objects.bulk_create(
        (
            Finding(
                version=version,
                category=finding["category"],
                hotline_class=finding["class"],
                score=finding["score"],
                grade=finding["grade"],
                detector=finding["detector"],
                detector_version=finding["version"],
                shadow=finding["shadow"],
                base=finding["base"],
                rest=finding["rest"],
                frame=finding["frame"],
                body={key: finding[key] for key in _BODY},
            )
            for finding in findings
        ),
        ignore_conflicts=True,
    )


def store_post(row: dict[str, Any]) -> Post:
    """The Post of a row (schema POSTS), made if need be, with its account. Raises Refused for what was stopped."""
    must_not_be_stopped(row)
    account = _account_of(row)
    post, _made = Post.objects.get_or_create(
        uid=row["uid"],
        defaults={
            "network": row["network"],
            "native_id": row["native_id"],
            "url": row["url"],
            "account": account,
            "posted_at": row["posted_at"],
            "first_seen_at": row["seen_at"],
        },
    )
    if post.erased_at is not None:  # it was erased as out of scope, and now says something else
        post.erased_at, post.native_id, post.url, post.account = None, row["native_id"], row["url"], account
        post.save(update_fields=["erased_at", "native_id", "url", "account"])
    return post


def _account_of(row: dict[str, Any]) -> Account | None:
    """Whoever wrote the post of a row, made if need be; a new handle replaces the old one."""
    if not (row["author_id"] or row["author_handle"]):
        return None
    account, made = Account.objects.get_or_create(
        network=row["network"],
        native_id=(row["author_id"] or row["author_handle"])[:300],
        defaults={"handle": row["author_handle"][:300], "name": row["author_name"][:300]},
    )
    if not made and row["author_handle"] and account.handle != row["author_handle"][:300]:
        account.handle = row["author_handle"][:300]
        account.save(update_fields=["handle"])
    return account


def adopt(row: dict[str, Any]) -> Post | None:
    """The post that people entered by the very address under which a network now shows it: it becomes the network's.

    From then on tip, hand, search and stream speak of one Post. Only what people entered is taken: a feed that brought
    a page would bring it again.
    """
    if not row["url"] or row["network"] in ("web", "hand", "practice"):
        return None
    try:
        uid = uid_of("web", item_of(row["url"]).url)
    except BadInput:
        return None
    entered = Post.objects.select_for_update(of=("self",)).filter(uid=uid).first()
    if entered is None or entered.cases.exclude(source=None).exists():
        return None
    if entered.erased_at is None:
        entered.account, entered.posted_at = _account_of(row), entered.posted_at or row["posted_at"]
    name_post(entered, row["network"], row["native_id"], entered.url)
    return Post.objects.select_related("current", "account").get(pk=entered.pk)


def name_post(entered: Post, network: str, native_id: str, url: str) -> None:
    """A post that people entered is from now on the network's own (its row is locked): checks can ask the network."""
    entered.uid, entered.network = uid_of(network, native_id), network
    if entered.erased_at is None:
        entered.native_id, entered.url = native_id, url
        note_keys(entered, entered.versions.all())
    entered.save(update_fields=["uid", "network", "native_id", "url", "account", "posted_at", "keyed"])
    for case in Case.objects.filter(post=entered):
        index_case(case)
    ask_source_anew(entered)


def weigh(case: Case, findings: Iterable[Mapping[str, Any]]) -> None:
    """Sets what the inbox orders by (a case has its post and `opened_at`) from the findings that are not in shadow."""
    known = categories()
    open_findings = [f for f in findings if not f["shadow"]]
    case.category, case.grade, case.score, case.at_risk = "", "", 0.0, False
    if open_findings:
        strongest = max(
            open_findings,
            key=lambda f: (queued(f) and _at_risk(known, f["category"]), severity(f["category"]) * f["score"]),
        )
        case.category, case.grade, case.score = strongest["category"], strongest["grade"], strongest["score"]
        case.at_risk = queued(strongest) and _at_risk(known, strongest["category"])
    if case.at_risk:
        case.folded_into = None
    case.rank = rank_of(case.category, case.score, case.opened_at, gone=bool(case.post.gone_state))


def by_a_minor(version: PostVersion | None) -> bool:
    """Whether what an author says here shows that they are under 18."""
    return version is not None and says_minor(version.text, version.profile)


def _at_risk(known: dict[str, Any], slug: str) -> bool:
    return slug in known and bool(known[slug].at_risk)


def _lessons(posts: pa.RecordBatch) -> set[int]:
    """Practice posts a learner must see though the detector finds nothing: those whose model answer explains something."""
    answers = [practice.answer(native_id) for native_id in posts.column("native_id").to_pylist()]
    return {row for row, answer in enumerate(answers) if answer is not None and answer.ja}


def _worth_reading(
    source: Source, posts: pa.RecordBatch, found: Mapping[int, list[dict[str, Any]]], queue: set[int]
) -> list[int]:
    """Rows of posts that are not queued and whose pictures are worth a look; a few of a page at most."""
    environment = settings.ENVIRONMENT
    if source.practice or not (environment.pictures and environment.pictures_weak_per_day):
        return []
    rows = [row for row in found if row not in queue]
    told = posts.take(pa.array(rows, pa.int32())).to_pylist()
    return [row for row, post in zip(rows, told, strict=True) if worth_reading(post, found[row])]


def _by_row(findings: pa.RecordBatch) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = {}
    for finding in findings.to_pylist():
        found.setdefault(finding["row"], []).append(finding)
    return found


def _lock_stored(uids: list[str], removed: list[dict[str, Any]]) -> dict[str, Post]:
    """The stored posts a page is about, by uid, locked in the order of their keys: two or three look-ups a page."""
    wanted = {*uids, *(uid_of(row["network"], row["native_id"]) for row in removed if row["kind"] == "post")}
    authors = {row["native_id"] for row in removed if row["kind"] == "account"}
    about = Q(uid__in=wanted)
    if authors:
        about |= Q(account__native_id__in=authors)
    if not wanted and not authors:
        return {}
    keys = list(Post.objects.filter(about).order_by().values_list("pk", flat=True))
    if not keys:
        return {}
    locked = Post.objects.select_for_update(of=("self",)).select_related("current", "account")
    return {post.uid: post for post in locked.filter(pk__in=keys).order_by("pk")}


def _take_posts(
    source: Source,
    posts: pa.RecordBatch,
    stored: dict[str, Post],
    found: dict[int, list[dict[str, Any]]],
    queue: set[int],
    unread: frozenset[int],
    now: datetime,
    taken: Taken,
) -> None:
    uids = posts.column("uid").to_pylist()
    wanted = [row for row, uid in enumerate(uids) if row in queue or row in unread or uid in stored]
    rows = posts.take(pa.array(wanted, pa.int32())).to_pylist()
    stopped = stopped_among(rows)
    for row, post_row in zip(wanted, rows, strict=True):
        of_row = found.get(row, [])
        if post_row["uid"] in stopped:
            taken.counts["stopped"] += 1
            continue
        post = stored.get(post_row["uid"])
        if post is not None and post.gone_state and post.erased_at is None:  # written anew after it was deleted
            _back(post, taken, now)
        if post is None and (entered := adopt(post_row)) is not None:
            post = stored[post_row["uid"]] = entered
        if post is None:
            post = stored[post_row["uid"]] = store_post(post_row)
            if not _same(post, post_row["content_hash"]):  # another patrol may have stored it a moment ago
                version = add_version(post, post_row, of_row)
                if row in unread:
                    taken.counts["pictures_to_read"] += 1
                    plan(version, (PICTURES,), now, source.pk)
                    plan_erasure(post, now)
        elif _same(post, post_row["content_hash"]):
            taken.counts["again"] += 1
        elif post.erased_at is not None and (row not in queue or recorded_only(post)):
            continue  # erased, and still nothing in it that may be kept: stays erased
        else:
            taken.counts["edited"] += 1
            taken.notes.append({"kind": "post_changed", "actor": f"patrol:{source.pk}", "subject": f"post:{post.pk}"})
            post = stored[post_row["uid"]] = store_post(post_row)
            taken.notes += revise(post, post_row, of_row, now)
        if row in queue and post.erased_at is None:
            taken.counts["queued"] += 1
            open_case(source, post, of_row, now, taken)


def _same(post: Post, content_hash: str) -> bool:
    if post.current is None:
        return False
    return post.current.content_hash in (content_hash, erased_hash(content_hash))


def new_case(
    post: Post, organisation_id: int, findings: Iterable[Mapping[str, Any]], now: datetime, **about: Any
) -> Case:
    """The one way a case opens: weighed, with its clock, place and the sign of a minor, to be found and looked at.

    The caller holds the post's row, knows that the organisation has no case of it, and writes the audit line.
    """
    case = Case(post=post, organisation_id=organisation_id, opened_at=now, **about)
    weigh(case, findings)
    set_clock(case, now)
    case.prefecture = prefecture_of(post.current)
    case.minor = by_a_minor(post.current)
    case.save()
    index_case(case)
    plan_erasure(post, now)
    plan_looks(post, now)
    return case


def open_case(source: Source, post: Post, findings: Iterable[Mapping[str, Any]], now: datetime, taken: Taken) -> None:
    """Opens the case of the source's organisation, unless it has one; the caller writes the notes in `taken`.

    Of one that people had entered before it is noted that a patrol met it too: how much is missed is estimated from that.
    """
    findings = list(findings)
    case = Case.objects.filter(post=post, organisation_id=source.organisation_id).first()
    if case is not None:
        entered = case.origin == Case.Origin.HAND and not source.practice
        if entered and any(queued(finding) for finding in findings):
            Case.objects.filter(pk=case.pk, met_at=None).update(met_at=now)
        return
    lesson = source.practice and not any(queued(finding) for finding in findings)
    origin = Case.Origin.LESSON if lesson else Case.Origin.PATROL
    case = new_case(post, source.organisation_id, findings, now, source=source, practice=source.practice, origin=origin)
    taken.opened.append(case.pk)
    taken.notes.append(
        {
            "kind": "case_opened",
            "actor": f"patrol:{source.pk}",
            "organisation": source.organisation_id,
            "subject": f"case:{case.pk}",
            "category": case.category,
            "grade": case.grade,
        }
    )


def revise(
    post: Post, row: dict[str, Any], findings: list[dict[str, Any]], now: datetime, *, entered_by: int = 0
) -> list[dict[str, Any]]:
    """A stored post says something new: a version is added, and its cases follow. Returns the audit lines to write.

    A waiting case is ordered by the strongest it ever said: an author cannot hide a post by editing it. A decision of
    "not in scope" or "cannot tell" held for what the post said then: if what it says now is queued, or somebody of the
    organisation `entered_by` entered it, a person looks again. A decision "in scope" stands, and the case page shows
    that the post changed.
    """
    seen_before = by_a_minor(post.current)
    add_version(post, row, findings, entered_by=entered_by)
    young = by_a_minor(post.current) and not seen_before  # a flag that a person cleared stays so until new words say it
    notes: list[dict[str, Any]] = []
    for case in Case.objects.select_for_update(of=("self",)).filter(post=post).order_by("pk"):
        case.changed_at = now
        come_out(case)  # what it says now was compared with nothing
        if case.state == Case.State.WAITING:
            newest = Case(post=post, opened_at=case.opened_at)
            weigh(newest, findings)
            if (newest.at_risk, newest.rank) >= (case.at_risk, case.rank):
                weigh(case, findings)
                hasten(case, now)
        else:
            standing = case.decisions.filter(undoes=None, undone_by=None).order_by("-at", "-id").first()
            again = standing is None or standing.verdict != "in_scope"
            if again and (any(queued(f) for f in findings) or case.organisation_id == entered_by):
                case.state = Case.State.WAITING
                weigh(case, findings)
                set_clock(case, now)
                lapse_reviews([case], now)  # they were about what it said before
                notes.append(
                    {
                        "kind": "case_reopened",
                        "actor": "intake",
                        "organisation": case.organisation_id,
                        "subject": f"case:{case.pk}",
                    }
                )
        case.prefecture = prefecture_of(post.current) or case.prefecture
        case.minor = case.minor or young
        case.save()
        index_case(case)
    plan_erasure(post, now)
    if Case.objects.filter(post=post, state=Case.State.WAITING).exists():
        plan_looks(post, now)
    return notes


def _take_removals(rows: list[dict[str, Any]], stored: dict[str, Post], now: datetime, taken: Taken) -> None:
    """Most removals are of posts nobody stored; only those that are cost anything."""
    for row in rows if stored else ():
        if row["kind"] == "post":
            post = stored.get(uid_of(row["network"], row["native_id"]))
            meant = [post] if post is not None else []
        else:
            author = (row["network"], row["native_id"])
            meant = [p for p in stored.values() if p.account and (p.account.network, p.account.native_id) == author]
        for post in meant:
            _remove(post, row, now, taken)


_OF_ACCOUNT = ("deactivated", "suspended", "account_suspended", "private")  # of a stream, or of a check


def _remove(post: Post, row: dict[str, Any], now: datetime, taken: Taken) -> None:
    if row["state"] == "back":
        if post.gone_state in _OF_ACCOUNT:  # what the author deleted does not come back
            _back(post, taken, now)
        return
    if post.gone_state and (post.gone_state not in _OF_ACCOUNT or row["kind"] == "account"):
        return
    if not post.gone_state:
        taken.counts["removed"] += 1
        post.gone_at = row["removed_at"] or now
    post.gone_state = row["state"]
    post.save(update_fields=["gone_state", "gone_at"])
    rank_anew(post)
    gone_by_stream(post, row["state"], row["removed_at"] or now)
    taken.notes.append({"kind": "post_gone", "actor": "intake", "subject": f"post:{post.pk}", "state": row["state"]})


def _back(post: Post, taken: Taken, now: datetime) -> None:
    post.gone_state, post.gone_at = "", None
    post.save(update_fields=["gone_state", "gone_at"])
    rank_anew(post)
    back_by_stream(post, now)
    taken.notes.append({"kind": "post_back", "actor": "intake", "subject": f"post:{post.pk}"})
