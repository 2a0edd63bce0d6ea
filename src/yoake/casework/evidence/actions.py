"""Capturing, sealing, erasing, taking out. What a case became decides; `follow` reads it and does what is due."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from django.db import transaction
from django.utils import timezone

from yoake.casework.audit.actions import record
from yoake.casework.cases.acting import locked, note
from yoake.casework.cases.holds import must_be_free
from yoake.casework.cases.keeping import held_back
from yoake.casework.cases.models import Case, Decision, Post, PostVersion
from yoake.casework.cases.preserving import note_change
from yoake.casework.cases.queries import RECORD_ONLY, kept_as_record, recorded_only
from yoake.casework.cases.second import is_blind, review_of
from yoake.casework.cases.trials import must_be_real
from yoake.casework.evidence.bagging import CASE, SEAL, packed, payload_of
from yoake.casework.evidence.bags import STAMP, encrypt_to, manifest_of
from yoake.casework.evidence.boxes import read_box, write_box
from yoake.casework.evidence.destroying import clean, destroy
from yoake.casework.evidence.keys import give_key, key_of
from yoake.casework.evidence.models import Evidence
from yoake.casework.evidence.pictures import why_none
from yoake.casework.evidence.queries import KEPT, MAY, decision_in_force, sealed_of
from yoake.casework.evidence.records import case_record, version_record
from yoake.casework.people.queries import Actor
from yoake.casework.registers.queries import PUBLIC_KEY, body_of, must_be_verified
from yoake.errors import BadInput, Refused

UNDECIDED: Final = timedelta(hours=72)  # after which a supervisor is asked, and asked again
PICTURES_WAITED: Final = timedelta(minutes=10)  # from the decision; then it is sealed with what could be fetched
LET_GO: Final = "let_go"  # why evidence is erased of which a supervisor said so
_BEGUN: Final = datetime.min
State = Evidence.State


def follow(case_id: int, now: datetime) -> datetime | None:
    """Lets evidence follow what became of a case: captures, seals, erases. Done a second time it changes nothing.

    A key is made and committed before anything is written under it: whatever a capture leaves that is killed or rolled
    back belongs to a row that is known, and goes with it.

    Returns:
        When to look again, where sealing waits for pictures; else None.

    Raises:
        Refused: the master key is not there, or a file was changed. Nothing is written then.
    """
    while (until := _follow(case_id, now)) is _BEGUN:
        pass
    return until


def _follow(case_id: int, now: datetime) -> datetime | None:
    """One step, in one transaction; _BEGUN when another one is to follow."""
    with transaction.atomic():
        Post.objects.select_for_update(of=("self",)).filter(cases=case_id).first()
        case = (
            Case.objects.select_for_update(of=("self",))
            .select_related("post", "post__account", "organisation", "source")
            .filter(pk=case_id)
            .first()
        )
        if case is None or case.practice or case.post.erased_at is not None or recorded_only(case.post):
            return None
        row = Evidence.objects.select_for_update(of=("self",)).filter(case=case).first()
        standing = decision_in_force(case)
        verdict = standing.verdict if standing is not None else ""
        if verdict in (Decision.Verdict.NOT_IN_SCOPE, Decision.Verdict.DUPLICATE) or kept_as_record(case, standing):
            if row is not None and not held_back(case.post, now).exists():
                _erase(row, case, verdict if verdict != Decision.Verdict.IN_SCOPE else RECORD_ONLY, now)
            return None
        if row is None or row.state == State.ERASED:
            if row is not None and row.erased_why == LET_GO and verdict != Decision.Verdict.IN_SCOPE:
                return None
            _begin(row, case, now)
            return _BEGUN
        files = _captured(row, case, standing, now)
        if standing is None or verdict != Decision.Verdict.IN_SCOPE:
            if row.ask_at is None:  # a decision was taken back
                row.ask_at = now + UNDECIDED
                row.save(update_fields=["ask_at"])
            return None
        if row.decision_id == standing.pk:
            return None
        until = standing.at + PICTURES_WAITED
        if row.fetched_at is None and now < until:
            return until
        _seal(row, case, standing, files, now)
    return None


@dataclass(frozen=True)
class Fetched:
    """What the network gave for one version: files by name, and codes for what it did not."""

    files: Mapping[str, bytes]  # raw/1.json, raw/1.body, pictures/1-1.png
    told: Mapping[str, str]  # raw: kept …; "1-1": kept, or why not


def keep_fetched(row_id: int, version_id: int, fetched: Fetched, now: datetime) -> bool:
    """Adds what was fetched for a version to provisional evidence; False when it is not wanted any more."""
    with transaction.atomic():
        case = _case_of(row_id)
        row = Evidence.objects.select_for_update(of=("self",)).filter(pk=row_id).first()
        if case is None or row is None or case.post.erased_at is not None:
            return False
        if row.state != State.PROVISIONAL:  # sealed without
            return False
        key = key_of(row)
        files = read_box(row, key)
        write_box(row, key, {**files, **fetched.files})
        row.fetched = {**row.fetched, **fetched.told}
        newest = row.versions[-1] if row.versions else 0
        if version_id == newest:  # else the post was edited meanwhile: its newest version is fetched too
            row.fetched_at, row.due_at = now, None
        row.claimed_until, row.problem = None, ""
        row.save(update_fields=["box", "fetched", "fetched_at", "due_at", "claimed_until", "problem"])
        note_change(case.post, now)  # sealing may wait for it
        if not fetched.files:
            return True
        kept = sum(code == KEPT for name, code in fetched.told.items() if name != "raw")
        record(
            "evidence_fetched", actor="worker", organisation=case.organisation_id, subject=f"case:{case.pk}", at=now,
            pictures=kept, raw=fetched.told.get("raw", ""),
        )  # fmt: skip
    return True


def keep_stamp(row_id: int, digest: str, octets: bytes, at: datetime, by: str, now: datetime) -> bool:
    """Puts a time stamp beside the manifest it is about; False when something else is sealed by now."""
    with transaction.atomic():
        case = _case_of(row_id)
        row = Evidence.objects.select_for_update(of=("self",)).filter(pk=row_id, state=State.SEALED).first()
        if case is None or row is None or row.digest != digest:
            return False
        key = key_of(row)
        write_box(row, key, {**read_box(row, key), STAMP: octets})
        row.stamped_at, row.stamped_by, row.due_at, row.claimed_until, row.problem = at, by, None, None, ""
        row.save(update_fields=["box", "stamped_at", "stamped_by", "due_at", "claimed_until", "problem"])
        record(
            "evidence_stamped", actor="worker", organisation=case.organisation_id, subject=f"case:{case.pk}", at=now,
            manifest=digest,
        )  # fmt: skip
    return True


def keep_on(actor: Actor, case_id: int, now: datetime | None = None) -> Evidence:
    """Keeps what nobody decided for another 72 hours; then somebody is asked again."""
    now = now or timezone.now()
    actor.must(MAY)
    with transaction.atomic():
        case, row = _asked(actor, case_id, now)
        row.ask_at = now + UNDECIDED
        row.save(update_fields=["ask_at"])
        note("evidence_kept", actor, case, now)
    return row


def let_go(actor: Actor, case_id: int, now: datetime | None = None) -> Evidence:
    """Erases what was captured of a case that nobody decided; it is not captured again unless it is decided in scope."""
    now = now or timezone.now()
    actor.must(MAY)
    with transaction.atomic():
        case, row = _asked(actor, case_id, now)
        if held_back(case.post, now).exists():
            raise Refused("a legal hold is on this case: what was captured stays")
        destroy(row, LET_GO, now)
        note("evidence_erased", actor, case, now, why=LET_GO)
    return row


def orphans(now: datetime) -> int:
    """Evidence whose case is gone (joined to another, or its whole desk) goes; returns how many."""
    gone = list(Evidence.objects.filter(case=None).exclude(state=State.ERASED)[:100])
    for row in gone:
        with transaction.atomic():
            destroy(row, "case_gone", now)
            record("evidence_erased", actor="worker", subject=f"evidence:{row.pk}", at=now, why="case_gone")
    return len(gone)


def bag(
    actor: Actor,
    case_id: int,
    recipient_key: str | None = None,
    language: str = "ja",
    now: datetime | None = None,
    *,
    body: str = "",
) -> bytes:
    """The sealed evidence of a case as a bag in a ZIP, with a cover sheet; that it was taken out is recorded.

    Args:
        actor: whose staff number stands on the cover sheet. Who may act takes a bag out for a `body` alone, who may `evidence`
            also an open one, or one for a key that they were given.
        case_id: the case.
        recipient_key: public key of the recipient (age1…, ssh-…): the ZIP is encrypted for them alone, as an age file.
        language: of the cover sheet, ja or en.
        now: the time; the clock's when left out.
        body: slug of a body of the registers; the key that an administrator confirmed for it is taken.

    Raises:
        BadInput: the organisation has no such case, there is no such body, or this is no public key.
        Refused: nothing is sealed, somebody else holds the post, the first judgement must not be seen yet, a file was
            changed since it was sealed, or nobody confirmed a key of the body.
    """
    now = now or timezone.now()
    actor.must("act" if body else MAY)
    if body:
        recipient_key = must_be_verified(body_of(actor.organisation_id, body), PUBLIC_KEY)
    with transaction.atomic():
        case = locked(actor, case_id)
        must_be_real(case)
        must_be_free(actor, post=case.post, now=now)
        row = sealed_of(case)
        if row is None:
            raise Refused("nothing of this case is sealed: evidence is sealed once it is decided in scope")
        if is_blind(actor, review_of(case)):
            raise Refused("this case waits for your own judgement; its evidence shows another person's")
        made = packed(row, case, actor, language, now)
        if recipient_key is not None:
            made = encrypt_to(made, recipient_key)
        note(
            "evidence_exported", actor, case, now, manifest=row.digest, sha256=sha256(made).hexdigest(),
            recipient=sha256(recipient_key.strip().encode()).hexdigest()[:16] if recipient_key is not None else "",
        )  # fmt: skip
    return made


# --- steps of follow --------------------------------------------------------------------------------------------------


def _begin(row: Evidence | None, case: Case, now: datetime) -> None:
    if row is not None:
        clean(row)  # what is captured anew has another key, and another name
    row = Evidence(case=case, pk=row.pk if row is not None else None, captured_at=now, ask_at=now + UNDECIDED)
    give_key(row, now)
    row.save()


def _captured(row: Evidence, case: Case, standing: Decision | None, now: datetime) -> dict[str, bytes]:
    """What is inside, with every version of the post that this organisation may read, and no picture that must not be kept."""
    key = key_of(row)
    files = before = read_box(row, key)
    own = case.post.versions.filter(organisation=None) | case.post.versions.filter(organisation=case.organisation)
    versions = {one.pk: one for one in own.order_by("seen_at", "pk")}
    fresh = [one for pk, one in versions.items() if pk not in row.versions]
    if row.state == State.SEALED and (standing is None or row.decision_id == standing.pk):
        fresh = []  # sealed, and nobody judged anything else
    elif fresh:
        files = _opened(row, files)
    for one in fresh:
        row.versions.append(one.pk)
        files = {**files, f"versions/{len(row.versions)}.json": version_record(case, one, now)}
    if fresh:
        row.due_at, row.fetched_at, row.attempts = now, None, 0
    files = _without_forbidden(row, case, standing, versions, files)
    if files.keys() != before.keys():
        write_box(row, key, files)
        row.save()
    if fresh:
        record(
            "evidence_captured", actor="worker", organisation=case.organisation_id, subject=f"case:{case.pk}", at=now,
            versions=len(row.versions), captured=manifest_digest(files),
        )  # fmt: skip
    return files


def _without_forbidden(
    row: Evidence,
    case: Case,
    standing: Decision | None,
    versions: Mapping[int, PostVersion],
    files: dict[str, bytes],
) -> dict[str, bytes]:
    """What was not known when a picture was fetched may be known now: then it goes, and the code says why."""
    decided = standing.category if standing is not None else ""
    for n, pk in enumerate(row.versions, 1):
        kept = [name for name in files if name.startswith(f"pictures/{n}-")]
        if not kept or pk not in versions or (why := why_none(case, versions[pk], decided)) in ("", "off"):
            continue
        files = _opened(row, {name: octets for name, octets in files.items() if name not in kept})
        row.fetched = {**row.fetched, **{name[9:].partition(".")[0]: why for name in kept}}
    return files


def _opened(row: Evidence, files: dict[str, bytes]) -> dict[str, bytes]:
    """Something must change inside: the seal does not hold any more, and what is inside is sealed anew."""
    if row.state != State.SEALED:
        return files
    row.state, row.digest, row.stamped_by, row.files = State.PROVISIONAL, "", "", 0
    row.sealed_at = row.stamped_at = row.decision = None
    return {name: octets for name, octets in files.items() if name != CASE and not name.startswith(SEAL)}


def _seal(row: Evidence, case: Case, standing: Decision, files: Mapping[str, bytes], now: datetime) -> None:
    inside = {name: octets for name, octets in files.items() if not name.startswith(SEAL)}
    sealed = {**inside, CASE: case_record(row, case, standing, now)}
    write_box(row, key_of(row), sealed)
    row.state, row.sealed_at, row.decision, row.ask_at = State.SEALED, now, standing, None
    row.digest, row.files = manifest_digest(sealed), len(sealed)
    row.stamped_at, row.stamped_by = None, ""
    row.due_at, row.claimed_until, row.attempts, row.problem = now, None, 0, ""  # for the time stamp
    entry = record(
        "evidence_sealed", actor="worker", organisation=case.organisation_id, subject=f"case:{case.pk}", at=now,
        manifest=row.digest, files=row.files, decision=standing.pk,
    )  # fmt: skip
    row.entry = entry.pk
    row.save()


def manifest_digest(files: Mapping[str, bytes]) -> str:
    """The sha256 of the manifest of what is inside: what the audit chain holds."""
    return sha256(manifest_of(payload_of(files))).hexdigest()


def _erase(row: Evidence, case: Case, why: str, now: datetime) -> None:
    if row.state != State.ERASED:
        destroy(row, why, now)
        record(
            "evidence_erased", actor="worker", organisation=case.organisation_id, subject=f"case:{case.pk}", at=now,
            why=why,
        )  # fmt: skip


def _asked(actor: Actor, case_id: int, now: datetime) -> tuple[Case, Evidence]:
    case = locked(actor, case_id)
    row = Evidence.objects.select_for_update(of=("self",)).filter(case=case).exclude(state=State.ERASED).first()
    if row is None:
        raise BadInput("case", case_id, "there is no evidence of such a case in your organisation")
    if row.ask_at is None or row.ask_at > now:
        raise Refused("nobody is asked about this case: it is decided, or its 72 hours are not over")
    return case, row


def _case_of(row_id: int) -> Case | None:
    """The case of evidence, with its post and itself locked, in the order everybody locks."""
    found = Evidence.objects.filter(pk=row_id).values_list("case_id", "case__post_id").first()
    if found is None or found[0] is None:
        return None
    Post.objects.select_for_update(of=("self",)).filter(pk=found[1]).first()
    return Case.objects.select_for_update(of=("self",)).select_related("post").filter(pk=found[0]).first()
