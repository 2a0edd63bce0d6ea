"""Threads' keyword search in memory: `with Threads() as server:`; see SOURCE.md."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.collect.loopback import http_server, respond

Json = dict[str, Any]
TOKEN = "threads_token-of-the-tests"
NOON = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)


class Threads:
    """A network of invented people. Time there is `now`, which every new post moves on."""

    def __init__(self) -> None:
        self.now = NOON
        self.asked: list[dict[str, str]] = []
        self.media: list[Json] = []
        self.error: tuple[int, Json] | None = None  # status and error object of the next answers
        self.usage = 3
        self.answer: Callable[[BaseHTTPRequestHandler], bool] | None = None  # a fault: answers instead, when it says so
        self.twice = False  # pages twice and out of order
        self.odd: Json = {}
        self._number = 0

    def post(self, username: str, text: str | None, *, step_s: float = 1.0, **more: Any) -> str:
        """A post; gives its code."""
        self.now += timedelta(seconds=step_s)
        self._number += 1
        code = f"DA{self._number:09}"
        told = {
            "id": str(17_900_000_000_000_000 + self._number),
            "text": text,
            "media_type": "TEXT_POST",
            "permalink": f"https://www.threads.com/@{username}/post/{code}",
            "timestamp": self.now.strftime("%Y-%m-%dT%H:%M:%S+0000"),
            "username": username,
            "has_replies": False,
            "is_quote_post": False,
            "is_reply": False,
            **more,
        }
        self.media.append({key: value for key, value in told.items() if value is not None})
        return code

    def _search(self, query: dict[str, str]) -> Json:
        low, high = int(query.get("since", "0")), int(query.get("until", "99999999999"))
        found = [
            one
            for one in self.media
            if query["q"] in one.get("text", "")
            and low <= int(datetime.fromisoformat(one["timestamp"]).timestamp()) < high
        ]
        found.sort(key=lambda one: str(one["timestamp"]), reverse=True)
        page = found[: int(query.get("limit", "25"))]
        if self.twice:
            page = [*reversed(page), *page]
        fields = set(query["fields"].split(","))
        return {"data": [{key: one[key] for key in one if key in fields} | self.odd for one in page]}

    def __enter__(self) -> Self:
        self._running = ExitStack()
        self.url = self._running.enter_context(http_server(self._serve)) + "/v1.0"
        self.port = urlsplit(self.url).port or 0
        return self

    def __exit__(self, *_error: object) -> None:
        self._running.close()

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        self.asked.append(query)
        if self.answer is not None and self.answer(handler):
            return
        status, told = 200, {}
        if handler.headers.get("Authorization") != f"Bearer {TOKEN}":
            status, told = 400, problem(190, "Invalid OAuth access token - Cannot parse access token")
        elif self.error is not None:
            status, told = self.error
        elif parts.path != "/v1.0/keyword_search":
            status, told = 404, problem(2500, "Unknown path components")
        elif "q" not in query:
            status, told = 400, problem(100, "The parameter q is required")
        else:
            told = self._search(query)
        usage = json.dumps({"call_count": self.usage, "total_time": 1, "total_cputime": 1})
        kind = "application/json; charset=UTF-8"
        respond(handler, status, json.dumps(told).encode(), Content_Type=kind, X_App_Usage=usage)


def problem(code: int, message: str, **more: Any) -> Json:
    """An error as the Graph API writes it."""
    told = {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "AbCdEf", **more}
    return {"error": told}
