"""With a proxy named, nobody else gets a page."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
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


_LIMITED = """
import django; django.setup()
from allauth.core import ratelimit
from django.test import RequestFactory
def allowed(client):
    request = RequestFactory().post("/", REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR="203.0.113.99, " + client)
    return ratelimit.consume(request, action="login")
print(sum(allowed("198.51.100.1") for _ in range(40)), allowed("198.51.100.2"))
"""


@pytest.mark.parametrize(("proxy", "told"), [("192.0.2.1", "30 True"), ("", "30 False")])
def test_behind_a_proxy_sign_ins_are_limited_by_who_stands_behind_it(tmp_path: Path, proxy: str, told: str) -> None:
    """One caller cannot lock everybody out; what a caller wrote into the header itself counts for nothing."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("YOAKE_")}
    ran = subprocess.run(
        [sys.executable, "-c", _LIMITED],
        env={
            **kept,
            "YOAKE_DATA": str(tmp_path),
            "YOAKE_PROXY": proxy,
            "DJANGO_SETTINGS_MODULE": "yoake.config.settings",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.stdout.strip() == told, ran.stderr
