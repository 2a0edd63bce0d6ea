"""Adding, changing and removing sources, taking and keeping their lease, saying how they are."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import psutil
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from yoake import shelf
from yoake.casework.audit.actions import record
from yoake.casework.due import TOKYO
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import HourCount, NgramCount, Permission, Query, Skipped, Source
from yoake.casework.sources.queries import permission_of, restriction_of
from yoake.collect import connectors
from yoake.collect.connector import Searches, Skip
from yoake.errors import BadInput, Refused


class LeaseLost(Refused):
    """Another patrol took the source over, or it was removed: whoever held it must stop, and must not touch the row."""


class NotPermitted(Refused):
    """The service restricts such use, and nobody recorded that it permits it to this organisation."""


LEASE = timedelta(seconds=30)  # a running patrol renews with every page, at least once a second
SKIPPED_KEPT = 1000
NAME_LONGEST = 60
NAMED_LONGEST = 200
TERMS_LONGEST = 4000


def add_source(
    actor: Actor,
    organisation: Organisation,
    connector: str,
    *,
    name: str = "",
    options: Mapping[str, Any] | None = None,
    practice: bool = False,
    enabled: bool = True,
) -> Source:
    """Adds a source; its options are checked against the connector's. One that is not enabled is read by hand only.

    Where the service restricts such use, the source is switched off until `record_permission` and `switch_source`.
    """
    actor.must("sources")
    if actor.organisation_id not in (0, organisation.pk):
        raise Refused("sources are added to one's own organisation only")
    name = name or connector
    checked = checked_options(connector, options or {})
    if len(name) > NAME_LONGEST:
        raise BadInput("source", name, f"a name of at most {NAME_LONGEST} characters")
    if Source.objects.filter(name=name).exists():
        raise BadInput("source", name, "a source of this name is already there")
    with transaction.atomic():
        source = Source.objects.create(
            organisation=organisation,
            connector=connector,
            name=name,
            options=checked,
            practice=practice,
            job_board=bool(getattr(shelf.take(connectors, connector), "job_board", False)),
            enabled=enabled and not lacks_permission(organisation.pk, connector),
        )
        record(
            "source_added",
            actor=actor.name,
            organisation=organisation.pk,
            subject=f"source:{source.pk}",
            connector=connector,
        )
    return source


@dataclass(frozen=True)
class Changed:
    """What a change of a source's settings did."""

    settings: tuple[str, ...]  # their names; none: all are as they were
    begins_anew: bool  # the cursor belonged to one of them and is gone


def change_source(actor: Actor, source: Source, options: Mapping[str, Any]) -> Changed:
    """Gives a source new settings, all of them, checked as when it was added; one that is left out has its default.

    A running patrol loses its lease with the next page, takes it again and goes on with the new settings: at its cursor,
    or from the beginning where the connector says that the cursor belongs to a setting that changed (`cursor_of`). A
    paused source goes on too. The audit holds which settings changed, never their values.
    """
    actor.must("sources")
    with transaction.atomic():
        mine = Source.objects.filter(organisation_id=actor.organisation_id or source.organisation_id)
        held = mine.select_for_update().filter(pk=source.pk).first()
        if held is None:
            raise BadInput("source", source.pk, "there is no such source in your organisation")
        kind = shelf.take(connectors, held.connector)
        checked = checked_options(held.connector, options)
        before, after = _in_full(kind, held.options), _in_full(kind, checked)
        changed = tuple(name for name in after if after[name] != before.get(name))
        if not changed:
            return Changed((), begins_anew=False)
        if "queries" in changed and isinstance(kind(), Searches):
            raise BadInput("option queries", after["queries"], "words are added and paused in the source's watch plan")
        anew = not set(changed).isdisjoint(getattr(kind, "cursor_of", ()))
        changes: dict[str, Any] = {"options": checked}
        if anew:
            changes |= {"cursor": None, "seen_until": None}
            Query.objects.filter(source=held).update(cursor=None)
        if held.lease_token:
            changes["lease_token"] = uuid.uuid4().hex  # see take_again
        if (
            held.state == Source.State.PAUSED
            and held.enabled
            and not lacks_permission(held.organisation_id, held.connector)
        ):
            changes |= {"state": Source.State.STOPPED, "problem": "", "failures": 0, "next_try_at": timezone.now()}
        Source.objects.filter(pk=held.pk).update(**changes)
        record(
            "source_changed",
            actor=actor.name,
            organisation=held.organisation_id,
            subject=f"source:{held.pk}",
            settings=",".join(changed)[:100],
            anew=anew,
        )
    return Changed(changed, begins_anew=anew)


def _in_full(kind: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting as it is in force."""
    full: dict[str, Any] = {}
    for field in fields(kind.Options):
        default = field.default_factory() if field.default_factory is not MISSING else field.default
        value = options.get(field.name, default)
        full[field.name] = list(value) if isinstance(value, tuple) else value
    return full


def resume_source(actor: Actor, source: Source) -> None:
    """Lets a paused source be patrolled again, after a person put right what its problem says."""
    actor.must("sources")
    must_be_permitted(source)
    with transaction.atomic():
        paused = Source.objects.filter(
            pk=source.pk, organisation_id=actor.organisation_id or source.organisation_id, state=Source.State.PAUSED
        )
        if paused.update(state=Source.State.STOPPED, problem="", failures=0, next_try_at=timezone.now()):
            record(
                "source_resumed",
                actor=actor.name,
                organisation=source.organisation_id,
                subject=f"source:{source.pk}",
            )


def switch_source(actor: Actor, source: Source, *, on: bool) -> None:
    """Switches the patrol of a source off or on; its cursor stays, so that nothing in between is lost where the network keeps it."""
    actor.must("sources")
    if on:
        must_be_permitted(source)
    with transaction.atomic():
        mine = Source.objects.filter(pk=source.pk, organisation_id=actor.organisation_id or source.organisation_id)
        if mine.exclude(enabled=on).update(enabled=on, next_try_at=timezone.now() if on else None):
            record(
                "source_switched_on" if on else "source_switched_off",
                actor=actor.name,
                organisation=source.organisation_id,
                subject=f"source:{source.pk}",
            )


def lacks_permission(organisation_id: int, connector: str) -> bool:
    """Whether the connector's service restricts such use and nobody recorded that it permits it."""
    return bool(restriction_of(connector)) and permission_of(organisation_id, connector) is None


def must_be_permitted(source: Source) -> None:
    """Raises NotPermitted while the permission of a source's service is not recorded."""
    if lacks_permission(source.organisation_id, source.connector):
        why = restriction_of(source.connector).get("en", "")
        raise NotPermitted(
            f"source {source.name} stays off until an administrator records on its page that the service permits this: {why}"
        )


def record_permission(
    actor: Actor, connector: str, *, permitted_by: str, permitted_on: date | None, terms: str, reference: str = ""
) -> Permission:
    """Records that the connector's service permits such use to the actor's organisation; replaces what was recorded.

    Its sources stay as they are: a person switches them on. The audit holds the record's id, never its words.
    """
    actor.must("sources")
    if not actor.user_id:
        raise Refused("a permission is recorded by a person, on the page of a source")
    if not restriction_of(connector):
        raise BadInput("connector", connector, "its service does not restrict such use; no permission is needed")
    told = {"permitted_by": permitted_by.strip(), "terms": terms.strip(), "reference": reference.strip()}
    for field, longest in (("permitted_by", NAMED_LONGEST), ("terms", TERMS_LONGEST), ("reference", NAMED_LONGEST)):
        if len(told[field]) > longest:
            raise BadInput(field, told[field], f"at most {longest} characters")
    if not told["permitted_by"]:
        raise BadInput("permitted_by", permitted_by, "the person or body that permitted it")
    if not told["terms"]:
        raise BadInput("terms", terms, "under which terms it is permitted")
    now = timezone.now()
    if permitted_on is None or permitted_on > timezone.localdate(now, TOKYO):
        raise BadInput("permitted_on", permitted_on, "the day of the permission, not in the future")
    with transaction.atomic():
        in_force = Permission.objects.filter(organisation_id=actor.organisation_id, connector=connector)
        in_force.filter(withdrawn_at=None).update(withdrawn_at=now, withdrawn_by_id=actor.user_id)
        permission = Permission.objects.create(
            organisation_id=actor.organisation_id,
            connector=connector,
            permitted_on=permitted_on,
            recorded_by_id=actor.user_id,
            recorded_at=now,
            **told,
        )
        Source.objects.filter(
            organisation_id=actor.organisation_id, connector=connector, state=Source.State.PAUSED, enabled=False
        ).update(state=Source.State.STOPPED, problem="", failures=0, next_try_at=None)
        _note_permission("permission_recorded", actor, permission)
    return permission


def withdraw_permission(actor: Actor, connector: str) -> None:
    """The permission holds no longer: the connector's sources of the actor's organisation are switched off at once."""
    actor.must("sources")
    with transaction.atomic():
        permission = permission_of(actor.organisation_id, connector)
        if permission is None:
            return
        Permission.objects.filter(pk=permission.pk).update(
            withdrawn_at=timezone.now(), withdrawn_by_id=actor.user_id or None
        )
        Source.objects.filter(organisation_id=actor.organisation_id, connector=connector).update(enabled=False)
        _note_permission("permission_withdrawn", actor, permission)


def _note_permission(kind: str, actor: Actor, permission: Permission) -> None:
    record(
        kind,
        actor=actor.name,
        organisation=permission.organisation_id,
        subject=f"permission:{permission.pk}",
        connector=permission.connector,
    )


def remove_source(actor: Actor, source: Source) -> None:
    """Removes a source with its counts; its cases stay. A running patrol of it stops at its next page."""
    actor.must("sources")
    with transaction.atomic():
        Source.objects.filter(pk=source.pk).delete()
        record(
            "source_removed",
            actor=actor.name,
            organisation=source.organisation_id,
            subject=f"source:{source.pk}",
            connector=source.connector,
        )


def checked_options(connector: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as the connector's Options understands them (text is turned into the field's kind). Raises BadInput."""
    known = {field.name: field for field in fields(shelf.take(connectors, connector).Options)}
    checked: dict[str, Any] = {}
    for key, value in options.items():
        if key not in known:
            raise BadInput(f"option of {connector}", key, f"known options are {', '.join(known) or 'none'}")
        checked[key] = _as_kind(key, value, str(known[key].type))
    for key, field in known.items():
        if field.default is MISSING and field.default_factory is MISSING and key not in checked:
            raise BadInput(f"option {key} of {connector}", None, "it is required")
    return checked


def _as_kind(key: str, value: Any, kind: str) -> Any:
    if not isinstance(value, str) or kind == "str":
        return list(value) if isinstance(value, tuple) else value
    try:
        if kind == "int":
            return int(value)
        if kind == "float":
            return float(value)
        if kind == "bool":
            return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[value.lower()]
    except (ValueError, KeyError):
        raise BadInput(f"option {key}", value, f"a value of kind {kind}") from None
    if kind.startswith("tuple"):
        return [part for part in value.split(",") if part]
    return value


def take_lease(source: Source, now: datetime | None = None) -> str:
    """The token that allows writing pages of this source. Raises Refused while another patrol holds it.

    A lease whose holder was a process of this machine that is gone is taken over at once; any other after it expired.
    """
    now = now or timezone.now()
    token = uuid.uuid4().hex
    with transaction.atomic():
        held = Source.objects.select_for_update().get(pk=source.pk)
        if held.lease_token and held.lease_expires_at and held.lease_expires_at > now and _alive(held.lease_holder):
            raise Refused(
                f"source {held.name} is already being patrolled (by {held.lease_holder}); stop that patrol first, "
                "or choose another source"
            )
        Source.objects.filter(pk=source.pk).update(
            lease_token=token, lease_holder=_me(), lease_expires_at=now + LEASE, state=Source.State.RUNNING
        )
    return token


def take_again(source: Source, token: str) -> str | None:
    """A new token for the patrol whose lease ended because the settings were changed; None where it was lost otherwise."""
    fresh = uuid.uuid4().hex
    mine = Source.objects.filter(pk=source.pk, lease_holder=_me()).exclude(lease_token__in=("", token))
    changes = {"lease_expires_at": timezone.now() + LEASE, "state": Source.State.RUNNING, "problem": "", "failures": 0}
    return fresh if mine.update(lease_token=fresh, next_try_at=None, **changes) else None


def keep_lease(source: Source, token: str, now: datetime, **changes: Any) -> None:
    """Renews the lease and writes `changes`; call it in the transaction of the page. Raises LeaseLost when it was lost."""
    held = Source.objects.filter(pk=source.pk, lease_token=token)
    if not held.update(lease_expires_at=now + LEASE, **changes):
        raise LeaseLost(f"source {source.name} is no longer ours: it was removed or another patrol took it over")


def release_lease(source: Source, token: str) -> None:
    """Gives the source back, also when its settings were changed since; harmless when it was lost already."""
    Source.objects.filter(Q(lease_token=token) | Q(lease_holder=_me()), pk=source.pk).update(
        lease_token="", lease_holder="", lease_expires_at=None
    )


def say_state(source: Source, state: str, problem: str = "", *, next_try_at: datetime | None = None) -> None:
    """How the source is now; a waiting one counts a failure, a running one has none."""
    failures = F("failures") + 1 if state == Source.State.WAITING else 0
    Source.objects.filter(pk=source.pk).update(state=state, problem=problem, next_try_at=next_try_at, failures=failures)


def count(source: Source, now: datetime, counts: Mapping[str, int]) -> None:
    """Adds to this hour's counts; call it in the transaction of the page (the lease makes us the only writer)."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    for name, n in counts.items():
        if n and not HourCount.objects.filter(source=source, hour=hour, name=name).update(n=F("n") + n):
            HourCount.objects.create(source=source, hour=hour, name=name, n=n)


def note_skipped(source: Source, now: datetime, skipped: Iterable[Skip]) -> None:
    """Keeps where the newest unreadable things stand."""
    newest = list(skipped)[-SKIPPED_KEPT:]
    if not newest:
        return
    Skipped.objects.bulk_create(
        Skipped(source=source, at=now, reason=skip.reason[:40], where=skip.where[:120], kept=skip.kept)
        for skip in newest
    )
    oldest_kept = Skipped.objects.filter(source=source).order_by("-id").values_list("id", flat=True)
    limit = oldest_kept[SKIPPED_KEPT : SKIPPED_KEPT + 1].first()
    if limit is not None:
        Skipped.objects.filter(source=source, id__lte=limit).delete()


def add_ngram_counts(source: Source, day: date, counts: np.ndarray[Any, np.dtype[np.uint32]]) -> None:
    """Adds hashed n-gram counts (shape [65536], uint32) to the background of a source and day."""
    with transaction.atomic():
        row, made = NgramCount.objects.select_for_update().get_or_create(
            source=source, day=day, defaults={"buckets": counts.astype("<u4").tobytes()}
        )
        if not made:
            before = np.frombuffer(bytes(row.buckets), "<u4").astype(np.uint64)
            row.buckets = np.minimum(before + counts, np.iinfo(np.uint32).max).astype("<u4").tobytes()
            row.save(update_fields=["buckets"])


def _me() -> str:
    process = psutil.Process()
    return f"{socket.gethostname()} {process.pid} {process.create_time():.0f}"


def _alive(holder: str) -> bool:
    """False only when the holder was a process of this very machine and is gone."""
    host, pid, started = holder.rsplit(" ", 2)
    if host != socket.gethostname():
        return True
    try:
        # a corrected clock moves the start time a little; another process with this number started much later
        return bool(abs(psutil.Process(int(pid)).create_time() - float(started)) <= 2)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
