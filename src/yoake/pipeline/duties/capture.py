"""Fetches what evidence has of a post beside its words: what the network itself answers, and the pictures that may be kept."""

from __future__ import annotations

import logging
from datetime import datetime
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError, OperationalError

from yoake import shelf
from yoake.casework.cases.holds import held_elsewhere
from yoake.casework.cases.looks import use
from yoake.casework.cases.models import Case, PostVersion
from yoake.casework.cases.schedule import asked_source
from yoake.casework.due import claim_due, put_off
from yoake.casework.evidence.actions import Fetched, keep_fetched
from yoake.casework.evidence.canonical import canonical, moment
from yoake.casework.evidence.models import Evidence
from yoake.casework.evidence.pictures import MOST_PICTURES, kind_of, why_none
from yoake.casework.evidence.queries import KEPT, decision_in_force
from yoake.casework.sources.models import Source
from yoake.collect import connectors
from yoake.collect.connector import Connector
from yoake.collect.items import ReadsOnePost
from yoake.detect.picture import MOST_BYTES, TYPES
from yoake.errors import BadInput, Refused, TryLater
from yoake.pipeline import mishaps
from yoake.pipeline.line import options_of
from yoake.pipeline.mishaps import put_off_for_a_person, put_off_unforeseen
from yoake.pipeline.outside import outside
from yoake.pipeline.pictures import Fetcher
from yoake.pipeline.recording import Recorder

__all__ = ["capture"]

log = logging.getLogger("yoake.worker")
_ROUND: Final = 5  # rows at once: a claim lasts five minutes, and a host may take its time
_TRIES: Final = 4  # over about twenty minutes; then evidence has what there is


def capture(now: datetime) -> int:
    """Fetches for evidence that is due at `now`; returns how many rows were worked on."""
    claimed = claim_due(Evidence, now, limit=_ROUND, state=Evidence.State.PROVISIONAL)
    for row in claimed:
        try:
            _fetch(row, now)
        except TryLater as problem:
            put_off(row, now, str(problem)[:300])
        except OperationalError:
            raise  # the database is away: the worker waits, and the claim ends by itself
        except (DatabaseError, Refused, OSError) as problem:
            put_off_for_a_person(row, now, problem)
        except Exception as problem:
            put_off_unforeseen(row, now, problem)
    return len(claimed)


def _fetch(row: Evidence, now: datetime) -> None:
    if not row.versions or row.case_id is None:
        Evidence.objects.filter(pk=row.pk).update(due_at=None, claimed_until=None)
        return
    version = PostVersion.objects.select_related("post", "post__account").filter(pk=row.versions[-1]).first()
    case = Case.objects.select_related("post", "source").filter(pk=row.case_id).first()
    if version is None or case is None or version.post.erased_at is not None:
        Evidence.objects.filter(pk=row.pk).update(due_at=None, claimed_until=None)
        return
    files: dict[str, bytes] = {}
    told: dict[str, str] = {}
    last, source = row.attempts >= _TRIES, asked_source(case)
    if held_elsewhere(Case.objects.filter(pk=case.pk), case.organisation_id, now, outward=True).exists():
        if not last:
            raise TryLater("another body asks to keep hands off", after_s=60)
        # That somebody asks so is told nobody outside: it looks like a host that was not asked.
        told = {"raw": "not_asked", **{f"{len(row.versions)}-{n}": "not_asked" for n in _numbers(version)}}
        keep_fetched(row.pk, version.pk, Fetched(files, told), now)
        return
    _raw(case, source, files, told, last=last)
    _pictures(case, version, source, len(row.versions), files, told, last=last)
    keep_fetched(row.pk, version.pk, Fetched(files, told), now)


def _raw(case: Case, source: Source | None, files: dict[str, bytes], told: dict[str, str], *, last: bool) -> None:
    """What the network answers when it is asked for the post, octet for octet."""
    net = Recorder(outside())
    try:
        told["raw"] = _ask(case, source, net) or (KEPT if net.answers else "no_way")
    except TryLater:
        if not last:
            raise
        told["raw"] = "unreachable"
    except (Refused, BadInput):
        told["raw"] = "refused"
    except OperationalError:
        raise
    except Exception as problem:
        if not last:
            raise
        mishaps.log.error("asking for the post of case %s as evidence failed: %s", case.pk, mishaps.told(problem))
        told["raw"] = "unreachable"
    for n, answer in enumerate(net.answers, 1):
        about = {"url": answer.url, "status": answer.status, "headers": dict(answer.headers), "at": moment(answer.at)}
        files[f"raw/{n}.json"] = canonical({"schema": "yoake.answer/1", **about})
        files[f"raw/{n}.body"] = answer.body


def _ask(case: Case, source: Source | None, net: Recorder) -> str:
    """Asks the post's source for it; why not, as a code, where it cannot be asked."""
    ref = case.post.native_id
    if source is None or not ref:
        return "no_source"
    if not source.enabled or source.practice or source.state == Source.State.PAUSED:
        return "source_off"
    connector: Connector = shelf.take(connectors, source.connector)()
    if getattr(connector, "restricted", None):  # its few questions are for finding and checking
        return "no_way"
    host = (urlsplit(case.post.url).netloc or case.post.network).lower()
    budget = f"checks:{sha256(host.encode()).hexdigest()[:30]}"  # as the duty `check` counts them
    if not use(budget, 1, settings.ENVIRONMENT.checks_per_host, net.as_net.now()):
        return "not_asked"
    options = options_of(connector, source)
    if isinstance(connector, ReadsOnePost):
        connector.read(ref, options, net.as_net)
    else:
        connector.check([ref], options, net.as_net)
    if net.answers and net.answers[-1].status >= 500:
        raise TryLater(f"{host} answered status {net.answers[-1].status}", after_s=60)
    return ""


def _pictures(
    case: Case,
    version: PostVersion,
    source: Source | None,
    order: int,
    files: dict[str, bytes],
    told: dict[str, str],
    *,
    last: bool,
) -> None:
    if not version.images:
        return
    standing = decision_in_force(case)
    why = "gone" if case.post.gone_state else why_none(case, version, standing.category if standing else "")
    fetch = Fetcher(source)
    row: dict[str, Any] = {
        "network": case.post.network,
        "native_id": case.post.native_id,
        "images": version.images,
    }
    for number in _numbers(version):
        name = f"{order}-{number}"
        try:
            octets = None if why else _picture(fetch, row, number)
            told[name] = why or (KEPT if octets is not None else "not_there")
            if octets is not None:
                files[f"pictures/{name}.{kind_of(octets)}"] = octets
        except TryLater:
            if not last:
                raise
            told[name] = "unreachable"
        except Refused:
            told[name] = "refused"
        except BadInput as problem:
            told[name] = str(problem.value)[:30]
        except OperationalError:
            raise
        except Exception as problem:  # whatever a stranger's picture does to a connector, the others are kept
            if not last:
                raise
            mishaps.log.error("fetching picture %s of case %s failed: %s", name, case.pk, mishaps.told(problem))
            told[name] = "unreachable"


def _numbers(version: PostVersion) -> range:
    return range(1, len(version.images) + 1)


def _picture(fetch: Fetcher, row: dict[str, Any], number: int) -> bytes | None:
    image = row["images"][number - 1]
    if number > MOST_PICTURES:
        raise BadInput("picture", "too_many", "the first pictures of a post")
    if image.get("mime") and image["mime"] not in TYPES:
        raise BadInput("picture", "wrong_type", "a picture")
    if (image.get("size_bytes") or 0) > MOST_BYTES:
        raise BadInput("picture", "too_big", "a picture")
    octets = fetch(row, number)
    if octets is not None and not kind_of(octets):
        raise BadInput("picture", "wrong_type", "a picture")
    return octets
