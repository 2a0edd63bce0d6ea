"""What the log must not hold."""

from __future__ import annotations

import io
import logging

import pytest
from django.test import Client

from tests.world import PASSWORD
from yoake.casework.people.invitations import invite
from yoake.casework.people.queries import Actor
from yoake.config.logs import WithoutTokens


@pytest.mark.django_db
def test_an_invitation_is_not_written_into_the_log(as_administrator: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    handlers = [
        one
        for one in logging.getLogger().handlers
        if isinstance(one, logging.StreamHandler) and any(isinstance(kept, WithoutTokens) for kept in one.filters)
    ]
    assert handlers, "the log of the deployment has the filter"
    written = io.StringIO()
    monkeypatch.setattr(handlers[0], "stream", written)
    _invitation, token = invite(as_administrator, name="新田", role="auditor", staff_number="N-1")
    client = Client(enforce_csrf_checks=True)
    assert client.post(f"/invitation/{token}/", {"username": "nitta", "password": PASSWORD}).status_code == 403
    lax = Client()
    assert lax.post(f"/invitation/{token}/", {"username": "nitta", "password": "x", "again": "x"}).status_code == 400
    told = written.getvalue()
    assert told.count("/invitation/…/") == 2
    assert token not in told
