"""On the host of the public page there is nothing else, whatever a proxy passes on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings as configured
from django.test import Client

pytestmark = pytest.mark.django_db
PUBLIC, DESK = "letters.example", "desk.example"


@pytest.fixture(autouse=True)
def two_hosts(settings: Any) -> None:
    settings.ALLOWED_HOSTS = [PUBLIC, DESK]
    settings.ENVIRONMENT = replace(
        configured.ENVIRONMENT, public_url=f"https://{PUBLIC}", allowed_hosts=(DESK,), language="en"
    )


def status(host: str, address: str, method: str = "get") -> int:
    return int(getattr(Client(headers={"host": host}), method)(address).status_code)


def test_strangers_find_the_page_and_its_files() -> None:
    assert status(PUBLIC, "/a/") == 200
    assert status(PUBLIC, "/a") == 301, "what letters say leads to it"
    assert status(PUBLIC, "/a/", "post") == 200
    assert status(PUBLIC, "/static/yoake/desk.css", "head") == 200


@pytest.mark.parametrize(
    "address",
    ["/", "/sign-in/", "/live/", "/case/1/", "/a/../sign-in/", "//sign-in/", "/A/", "/a/x", "/static", "/static/../sign-in/", "/robots.txt"],
)  # fmt: skip
def test_and_nothing_of_the_desk(address: str) -> None:
    for method in ("get", "post"):
        answer = getattr(Client(headers={"host": PUBLIC}), method)(address)
        assert (answer.status_code, answer.content, dict(answer.cookies)) == (404, b"Not found.", {})


@pytest.mark.parametrize("host", [PUBLIC.upper(), f"{PUBLIC}:8443", f"{PUBLIC}."])
def test_however_the_host_is_written(host: str) -> None:
    assert (status(host, "/sign-in/"), status(host, "/a/")) == (404, 200)


def test_the_desk_is_where_it_was(settings: Any) -> None:
    assert status(DESK, "/sign-in/") == 200
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, allowed_hosts=(PUBLIC, DESK))
    assert status(PUBLIC, "/sign-in/") == 200, "the operator named it for both"
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, public_url="", allowed_hosts=(DESK,))
    assert status(PUBLIC, "/sign-in/") == 200, "no public page"
