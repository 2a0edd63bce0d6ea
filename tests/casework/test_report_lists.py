"""Reports: none that waits is lost on a list, and what leaves names no article that nobody verified."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.outbox_world import decided
from tests.report_world import confirmed, drafted, ready
from yoake.casework.cases.categories import category
from yoake.casework.cases.models import Decision
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.people.queries import Actor
from yoake.casework.report import actions, queries, routing
from yoake.casework.report.models import Report
from yoake.casework.sources.models import Source
from yoake.errors import BadInput, Refused

pytestmark = pytest.mark.django_db

OSAKA = "大阪で高額バイト 詳しくはDMで"


def test_a_report_that_nobody_acknowledged_stays_on_the_list_however_many_are_newer(
    as_analyst: Actor, as_supervisor: Actor, as_administrator: Actor, live: Source
) -> None:
    confirmed(as_administrator, "police_osaka")
    report = ready(drafted(as_analyst, decided(as_analyst, live, text=OSAKA).pk), as_supervisor)
    actions.handed_over(as_analyst, report.pk, "paper")
    later = timezone.now() + timedelta(days=16)
    item = OutboxItem.objects.get(pk=report.item_id)
    newer = []
    for n in range(60):
        item.pk, item.key, item.sent_at = None, f"{n}", later
        newer.append(
            OutboxItem(**{field.attname: getattr(item, field.attname) for field in item._meta.concrete_fields})
        )
    Report.objects.bulk_create(
        Report(item=one, organisation_id=report.organisation_id, case=report.case, recipient="x", body="x")
        for one in OutboxItem.objects.bulk_create(newer)
    )
    assert queries.count_reports(as_analyst, later) == {"late": 1, "sent": 60}
    assert queries.waiting_reports(as_analyst, later) == 1
    (first, *others) = queries.reports_of(as_analyst, now=later)
    assert (first.report.pk, first.overdue, len(others)) == (report.pk, True, 49)
    assert len(queries.reports_of(as_analyst, where="sent", start=50, now=later)) == 10


# --- what leaves -----------------------------------------------------------------------------------------------------------


def test_an_article_that_nobody_verified_leaves_in_no_report(
    as_analyst: Actor, as_administrator: Actor, live: Source
) -> None:
    confirmed(as_administrator, "police_osaka")
    case = decided(as_analyst, live, text=OSAKA)
    with pytest.raises(BadInput, match="article"):
        drafted(as_analyst, case.pk, reason="職業安定法第99条に当たるおそれがある。")
    Decision.objects.filter(case=case).update(reason="職業安定法第99条に当たるおそれがある。")
    with pytest.raises(BadInput, match="article"):  # also where the decision's own words are taken over
        drafted(as_analyst, case.pk)
    drafted(as_analyst, case.pk, reason="高額とだけ記載している。")


def test_a_report_goes_under_whichever_category_that_holds_provides_for_it(
    as_analyst: Actor, as_administrator: Actor, live: Source
) -> None:
    confirmed(as_administrator, "police_osaka")
    case = decided(as_analyst, live, "runaway_at_risk", text=OSAKA)
    with pytest.raises(Refused, match="does not provide for a report"):
        drafted(as_analyst, case.pk)
    Decision.objects.filter(case=case).update(also=["criminal_recruitment"])
    assert routing.candidates(as_analyst, case.pk)
    report = drafted(as_analyst, case.pk)
    assert report.item.body["facts"]["category"] == category("criminal_recruitment").name.ja


def test_a_package_whose_words_are_gone_says_so(
    as_analyst: Actor, as_supervisor: Actor, as_administrator: Actor, live: Source
) -> None:
    confirmed(as_administrator, "police_osaka")
    report = ready(drafted(as_analyst, decided(as_analyst, live, text=OSAKA).pk), as_supervisor)
    OutboxItem.objects.filter(pk=report.item_id).update(body={}, to={})
    with pytest.raises(Refused, match="erased"):
        actions.take_package(as_analyst, report.pk)
