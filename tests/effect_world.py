"""Posts that were decided, warned, requested and looked at, at times that a test names in hours: for what is counted of effects."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from yoake.casework.cases.checks import finish_check
from yoake.casework.cases.models import Case, Check, Decision, Post, PostVersion
from yoake.casework.count.figure import Scope
from yoake.casework.count.periods import Period
from yoake.casework.due import TOKYO
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.people.models import Organisation, User
from yoake.casework.request.models import Request
from yoake.casework.warn.models import WarningMessage

BEGAN = datetime(2024, 5, 13, 10, 0, tzinfo=TOKYO)  # a Monday; hours of a test count from here
NOW = BEGAN + timedelta(days=40)
MAY = Period.read("2024-05")


def at(hours: float) -> datetime:
    """So many hours after the beginning."""
    return BEGAN + timedelta(hours=hours)


@dataclass
class Effects:
    """An organisation's events, made as rows with their times; looks go through the real code."""

    organisation: Organisation
    user: User

    @property
    def scope(self) -> Scope:
        return Scope(self.organisation.pk, MAY, NOW)

    def case(self, hours: float = 0, *, post: Post | None = None, network: str = "fediverse", **of: Any) -> Case:
        """A case decided then; `post`: of another organisation's case; `of`: fields of the decision."""
        when = at(hours)
        name = uuid.uuid4().hex
        post = post or Post.objects.create(
            uid=name, native_id=name, network=network, url=f"https://{network}.example/{name}", first_seen_at=when
        )
        version, _new = PostVersion.objects.get_or_create(post=post, content_hash="0", defaults={"seen_at": when})
        practice = of.pop("practice", False)
        made = Case.objects.create(
            post=post, organisation=self.organisation, opened_at=when, state="decided", practice=practice
        )
        given = {"verdict": "in_scope", "category": "drug_ad", "hotline_class": "illegal", **of}
        Decision.objects.create(case=made, version=version, by=self.user, at=when, **given)
        return made

    def left(self, case: Case, hours: float, kind: str, state: str = "sent", **of: Any) -> OutboxItem:
        """Something that left then, unless its state says that it did not."""
        went = at(hours) if state in ("sent", "withdrawn") else None
        return OutboxItem.objects.create(
            organisation=self.organisation, case=case, post=case.post, kind=kind, channel="by_hand", way="hand", state=state,
            key=uuid.uuid4().hex, bound="0", drafted_by=self.user, drafted_at=at(hours), sent_at=went, **of,
        )  # fmt: skip

    def warn(self, case: Case, hours: float, state: str = "sent", withdrawn: float | None = None, **of: Any) -> None:
        """A warning that left then; `of`: fields of the warning."""
        taken_back = {"withdrawn_at": at(withdrawn)} if withdrawn is not None else {}
        item = self.left(case, hours, "warning", "withdrawn" if taken_back else state, **taken_back)
        given = {"category": "drug_ad", "language": "ja", "letter_digest": "ab" * 32, **of}
        WarningMessage.objects.create(item=item, organisation=self.organisation, case=case, **given)

    def ask(self, case: Case, hours: float, body: str = "example", kind: str = "removal", **of: Any) -> Request:
        """A request that left then, its clock begun; `of`: its fields, times also in hours."""
        item = self.left(case, hours, "request")
        given = {name: at(value) if isinstance(value, (int, float)) else value for name, value in of.items()}
        return Request.objects.create(
            item=item, organisation=self.organisation, case=case, kind=kind, body=body, started_at=at(hours), **given
        )

    def look(self, case: Case, hours: float, outcome: str = "up") -> None:
        """A check then, and what it saw."""
        n = Check.objects.filter(case=case).count()
        row = Check.objects.create(case=case, step=f"now.{n}", since=BEGAN, due_at=at(hours))
        assert finish_check(row, outcome, at(hours))
