"""Looks whether the code of an objection stands in the profile of the account: then the objection is its author's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import OperationalError

from yoake import shelf
from yoake.casework.appeal.lodging import claims_on, look_again, next_look, proved
from yoake.casework.appeal.models import Appeal
from yoake.casework.cases.holds import held_elsewhere
from yoake.casework.cases.looks import correct_use, tomorrow, use
from yoake.casework.cases.models import Case
from yoake.casework.cases.schedule import asked_source
from yoake.casework.due import claim_due
from yoake.collect import connectors
from yoake.collect.connector import Connector
from yoake.errors import BadInput, Refused, TryLater
from yoake.pipeline import mishaps
from yoake.pipeline.checking import budget_of, host_of
from yoake.pipeline.line import options_of
from yoake.pipeline.outside import outside

__all__ = ["prove"]

_ROUND: Final = 5  # a claim lasts five minutes, and a profile may take its time
_SHARE: Final = 10  # of a host's checks of a day a tenth: strangers must not use up what the schedule needs


def prove(now: datetime) -> int:
    """Looks at the profiles that are due, each once for all objections of its account; returns how many rows were due."""
    claimed = claim_due(Appeal, now, limit=_ROUND)
    looked: set[int] = set()
    for row in claimed:
        if row.pk in looked:
            continue
        case = Case.objects.select_related("post", "source").get(pk=row.case_id)
        rows = {row.pk: row, **{one.pk: one for one in claims_on(case)}}
        looked.update(rows)
        _look(case, list(rows.values()), now)
    return len(claimed)


def _look(case: Case, rows: Sequence[Appeal], now: datetime) -> None:
    problem, until = "", next_look(max(row.at for row in rows), now)
    try:
        if not _within_budget(case, now):
            until, problem = tomorrow(now), "today's checks of this host are used up"
        elif (told := _profile(case, now)) is not None:
            there = [row for row in rows if row.proof and row.proof in told]
            for row in there:
                proved(row.pk, now)
            rows = [row for row in rows if row not in there]
    except (TryLater, Refused, BadInput) as error:
        problem = str(error)
    except OperationalError:
        raise  # the database is away: the worker waits, and the claim ends by itself
    except Exception as error:
        mishaps.log.error("looking for the code of objection %s failed: %s", rows[0].pk, mishaps.told(error))
        problem = type(error).__name__
    look_again(rows, until, problem)


def _profile(case: Case, now: datetime) -> str | None:
    """What stands in the author's profile, in capitals; None while another body holds the post."""
    if held_elsewhere(Case.objects.filter(pk=case.pk), case.organisation_id, now, outward=True).exists():
        return None  # to ask a network is an act towards the outside
    source = asked_source(case)
    if source is None or not source.enabled or source.practice:
        raise Refused("the source that would be asked is gone or switched off")
    connector: Connector = shelf.take(connectors, source.connector)()
    found = connector.context(case.post.native_id, options_of(connector, source), outside())
    return f"{found.author_name}\n{found.profile}".upper()


def _within_budget(case: Case, now: datetime) -> bool:
    """Takes one look from what is left today of the host, and of the share of it that objections have."""
    budget, limit = budget_of(host_of(case.post)), settings.ENVIRONMENT.checks_per_host
    share = f"prove:{budget.partition(':')[2]}"
    if not use(share, 1, max(1, limit // _SHARE), now):
        return False
    if use(budget, 1, limit, now):
        return True
    correct_use(share, -1, now)
    return False
