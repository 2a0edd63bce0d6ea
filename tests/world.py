"""The test world: two organisations and three standing users, and a way to let a post arrive.

`analyst` and `supervisor` work in the same organisation; `outsider` is a supervisor of another one and must see nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from yoake.casework.cases.intake import Taken, intake
from yoake.casework.cases.models import Case
from yoake.casework.people.models import Membership, Organisation, User
from yoake.casework.people.queries import Actor, actor_of
from yoake.casework.sources.actions import release_lease, take_lease
from yoake.casework.sources.models import Source
from yoake.collect.connector import Page
from yoake.tables.findings import findings_batch
from yoake.tables.posts import posts_batch

NOON = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)  # a Friday, 12:00 in Tokyo
PASSWORD = "a long pass phrase 17"


@pytest.fixture
def police(db: None) -> Organisation:
    return Organisation.objects.create(name="架空県警察", kind=Organisation.Kind.POLICE)


@pytest.fixture
def hotline(db: None) -> Organisation:
    return Organisation.objects.create(name="架空ホットライン", kind=Organisation.Kind.HOTLINE)


def _user(name: str, organisation: Organisation, role: str) -> User:
    user = User.objects.create_user(name, password=PASSWORD, staff_number=f"S-{name[:3]}")
    Membership.objects.create(user=user, organisation=organisation, role=role)
    return user


@pytest.fixture
def analyst(police: Organisation) -> User:
    return _user("analyst", police, Membership.Role.ANALYST)


@pytest.fixture
def supervisor(police: Organisation) -> User:
    return _user("supervisor", police, Membership.Role.SUPERVISOR)


@pytest.fixture
def administrator(police: Organisation) -> User:
    return _user("administrator", police, Membership.Role.ADMINISTRATOR)


@pytest.fixture
def outsider(hotline: Organisation) -> User:
    return _user("outsider", hotline, Membership.Role.SUPERVISOR)


@pytest.fixture
def as_analyst(analyst: User) -> Actor:
    return actor_of(analyst)


@pytest.fixture
def as_supervisor(supervisor: User) -> Actor:
    return actor_of(supervisor)


@pytest.fixture
def as_administrator(administrator: User) -> Actor:
    return actor_of(administrator)


@pytest.fixture
def as_outsider(outsider: User) -> Actor:
    return actor_of(outsider)


@pytest.fixture
def live(police: Organisation) -> Source:
    return Source.objects.create(organisation=police, name="live", connector="jsonl", options={"path": "-"})


@pytest.fixture
def practice(police: Organisation) -> Source:
    return Source.objects.create(organisation=police, name="practice", connector="practice", practice=True)


def post(native_id: str = "1", text: str = "高額バイト 詳しくはDMで", **more: Any) -> dict[str, Any]:
    """A row of the schema POSTS; everything not given is empty."""
    return {"network": "test", "native_id": native_id, "text": text, "seen_at": NOON, "posted_at": NOON, **more}


def finding(
    row: int = 0, category: str = "criminal_recruitment", score: float = 0.9, grade: str = "high", **more: Any
) -> dict[str, Any]:
    """A row of the schema FINDINGS, without uid and content_hash (they come from the post)."""
    return {
        "row": row,
        "category": category,
        "class": "illegal",
        "score": score,
        "grade": grade,
        "detector": "test",
        "version": "1",
        **more,
    }


def page_of(rows: list[dict[str, Any]], **more: Any) -> Page:
    """A page of posts."""
    return Page(posts=posts_batch(rows), **more)


def arrive(
    source: Source, rows: list[dict[str, Any]], findings: list[dict[str, Any]], now: datetime = NOON, **more: Any
) -> Taken:
    """Lets posts arrive on a source with these findings, through the real intake."""
    release_lease(source, Source.objects.get(pk=source.pk).lease_token)
    token = take_lease(source, now)
    page = page_of(rows, **more)
    told = page.posts.to_pylist()
    full = [{"uid": told[f["row"]]["uid"], "content_hash": told[f["row"]]["content_hash"], **f} for f in findings]
    return intake(source, token, page, findings_batch(full), now)


@pytest.fixture
def waiting(live: Source) -> Case:
    """One case that waits on the live desk."""
    taken = arrive(live, [post()], [finding()])
    return Case.objects.get(pk=taken.opened[0])


@pytest.fixture
def many_waiting(live: Source) -> Callable[[int], list[Case]]:
    """A number of cases that wait on the live desk."""

    def make(n: int) -> list[Case]:
        rows = [post(str(i), f"高額バイト その{i} 詳しくはDMで", author_id=f"a{i}") for i in range(n)]
        taken = arrive(live, rows, [finding(i) for i in range(n)])
        return list(Case.objects.filter(pk__in=taken.opened))

    return make
