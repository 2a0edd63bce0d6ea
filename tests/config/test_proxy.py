"""With a proxy named, nobody else gets a page."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings as configured
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from yoake.config.proxy import OnlyThroughProxy


@pytest.mark.parametrize(
    ("proxy", "peer", "status"),
    [
        ("", "192.0.2.9", 200),
        ("192.0.2.1", "192.0.2.1", 200),
        ("192.0.2.1", "192.0.2.2", 403),
        ("192.0.2.1", "127.0.0.1", 403),
        ("192.0.2.1", "", 403),
        ("127.0.0.1", "::1", 200),
        ("127.0.0.1", "::ffff:127.0.0.1", 200),
        ("127.0.0.1", "192.0.2.1", 403),
    ],
)
def test_only_the_proxy_gets_through(settings: Any, proxy: str, peer: str, status: int) -> None:
    settings.ENVIRONMENT = replace(configured.ENVIRONMENT, proxy=proxy)

    def page(_request: HttpRequest) -> HttpResponse:
        return HttpResponse("page")

    assert OnlyThroughProxy(page)(RequestFactory().get("/", REMOTE_ADDR=peer)).status_code == status
