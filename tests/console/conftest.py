"""A signed-in browser, in English so that sentences can be compared."""

from __future__ import annotations

import pytest
from django.test import Client

from yoake.casework.people.models import User


@pytest.fixture
def browser(analyst: User) -> Client:
    client = Client(HTTP_ACCEPT_LANGUAGE="en")
    client.force_login(analyst)
    return client
