"""Switching a source off and on is for administrators of its own organisation."""

from __future__ import annotations

import pytest
from django.test import Client

from yoake.casework.audit.models import Entry
from yoake.casework.people.models import User
from yoake.casework.sources.models import Source

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("who", "code"), [("administrator", 302), ("supervisor", 403), ("outsider", 404)])
def test_who_may_switch(request: pytest.FixtureRequest, client: Client, live: Source, who: str, code: int) -> None:
    user: User = request.getfixturevalue(who)
    client.force_login(user)
    assert client.post(f"/source/{live.pk}/switch/", {"on": "0"}).status_code == code
    live.refresh_from_db()
    assert live.enabled == (code != 302)


def test_off_and_on_again(client: Client, live: Source, administrator: User) -> None:
    client.force_login(administrator)
    for on in ("0", "1"):
        client.post(f"/source/{live.pk}/switch/", {"on": on})
    live.refresh_from_db()
    assert live.enabled
    kinds = list(Entry.objects.filter(subject=f"source:{live.pk}").order_by("id").values_list("kind", flat=True))
    assert kinds == ["source_switched_off", "source_switched_on"]
