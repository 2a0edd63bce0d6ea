"""A searching service in memory: `with AppView() as server:`; see SOURCE.md."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.collect.loopback import http_server, respond

Json = dict[str, Any]
PASSWORD = "bluesky_app_password-of-the-tests"
NOON = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)


class Fault(Exception):
    """An XRPC error."""

    def __init__(self, status: int, error: str) -> None:
        self.status, self.error = status, error
        super().__init__(status, error)


class AppView:
    """A service of invented people. Time there is `now`, which every new post moves on."""

    def __init__(self, *, public: bool = False) -> None:
        self.now = NOON
        self.public = public  # whether search answers without an account
        self.passwords = {"patrol.example": PASSWORD}
        self.sessions: set[str] = set()
        self.signed_in = 0
        self.asked: list[tuple[str, dict[str, list[str]]]] = []
        self.answer: Callable[[BaseHTTPRequestHandler], bool] | None = None  # a fault: answers instead, when it says so
        self.people: dict[str, Json] = {}
        self.views: dict[str, Json] = {}
        self.odd: Json = {}
        self.tombstones: set[str] = set()  # accounts that the directory knows as deleted
        self.shuffled = False  # pages twice and out of order
        self._number = 0
        self._lock = threading.RLock()

    def person(self, handle: str, *, name: str = "", about: str = "") -> str:
        """An account; gives its DID."""
        did = f"did:plc:{len(self.people):0>24}"
        self.people[did] = {"did": did, "handle": handle, "displayName": name, "description": about}
        return did

    def post(self, did: str, text: str, *, reply: str = "", created: datetime | None = None, **more: Any) -> str:
        """A post; gives its AT-URI."""
        with self._lock:
            self.now += timedelta(seconds=1)
            self._number += 1
            uri = f"at://{did}/app.bsky.feed.post/r{self._number}"
            record: Json = {
                "$type": "app.bsky.feed.post",
                "text": text,
                "createdAt": _iso(created or self.now),
                "langs": ["ja"],
                **more,
            }
            if reply:
                link = {"uri": reply, "cid": "bafyreib"}
                record["reply"] = {"root": link, "parent": link}
            author = {key: value for key, value in self.people[did].items() if key != "description"}
            self.views[uri] = {
                "uri": uri, "cid": "bafyreia", "author": author, "record": record, "labels": [],
                "indexedAt": _iso(self.now), "replyCount": 0, "repostCount": 0, "likeCount": 0,
            }  # fmt: skip
            return uri

    def _route(self, method: str, query: dict[str, list[str]], token: str) -> Json:
        if method == "app.bsky.feed.searchPosts":
            if not self.public and token not in self.sessions:
                raise Fault(400, "ExpiredToken") if token else Fault(401, "AuthMissing")
            return self._search({key: values[0] for key, values in query.items()})
        if method == "app.bsky.feed.getPosts":
            if len(query["uris"]) > 25:
                raise Fault(400, "InvalidRequest")
            return {"posts": [self.views[uri] for uri in query["uris"] if uri in self.views]}
        if method == "app.bsky.feed.getPostThread":
            if query["uri"][0] not in self.views:
                raise Fault(400, "NotFound")
            return {"thread": self._thread(query["uri"][0], int(query["parentHeight"][0]))}
        if method == "app.bsky.actor.getProfile":
            if query["actor"][0] not in self.people:
                raise Fault(400, "InvalidRequest")
            return self.people[query["actor"][0]]
        if method == "app.bsky.feed.getAuthorFeed":
            views = [view for view in self.views.values() if view["author"]["did"] == query["actor"][0]]
            return {"feed": [{"post": view} for view in sorted(views, key=_sort_at, reverse=True)]}
        if method == "com.atproto.repo.getRecord":
            raise Fault(400, "RecordNotFound")
        raise Fault(501, "MethodNotImplemented")

    def _thread(self, uri: str, height: int) -> Json:
        if uri not in self.views:
            return {"$type": "app.bsky.feed.defs#notFoundPost", "uri": uri, "notFound": True}
        view = self.views[uri]
        node: Json = {"$type": "app.bsky.feed.defs#threadViewPost", "post": view}
        if height and "reply" in view["record"]:
            node["parent"] = self._thread(view["record"]["reply"]["parent"]["uri"], height - 1)
        return node

    def _search(self, query: dict[str, str]) -> Json:
        most, start = int(query["limit"]), int(query.get("cursor", "0"))
        if not 1 <= most <= 100 or query["sort"] != "latest":
            raise Fault(400, "InvalidRequest")
        since, until = query.get("since", ""), query.get("until", "9")
        found = [
            view | self.odd
            for view in self.views.values()
            if all(word in view["record"]["text"] for word in query["q"].split())
            and ("lang" not in query or query["lang"] in view["record"]["langs"])
            and _iso(_time(since)) <= _sort_at(view) < until
        ]
        found.sort(key=_sort_at, reverse=True)
        page = found[start : start + most]
        told: Json = {"posts": [*reversed(page), *page] if self.shuffled else page, "hitsTotal": len(found)}
        return {**told, "cursor": str(start + most)} if len(found) > start + most else told

    def _sign_in(self, body: Json) -> Json:
        if self.passwords.get(body["identifier"]) != body["password"]:
            raise Fault(401, "AuthenticationRequired")
        self.signed_in += 1
        token = f"session-{self.signed_in}"
        self.sessions = {token}
        return {"accessJwt": token, "refreshJwt": "x", "handle": body["identifier"], "did": "did:plc:patrol"}

    def __enter__(self) -> Self:
        self._running = ExitStack()
        self.url = self._running.enter_context(http_server(self._serve))
        self.port = urlsplit(self.url).port or 0
        return self

    def __exit__(self, *_error: object) -> None:
        self._running.close()

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        body = json.loads(handler.rfile.read(int(handler.headers.get("Content-Length") or 0)) or b"null")
        method, query = parts.path.removeprefix("/xrpc/"), parse_qs(parts.query)
        self.asked.append((method, query))
        if self.answer is not None and self.answer(handler):
            return
        token = handler.headers.get("Authorization", "").removeprefix("Bearer ")
        status = 200
        try:
            with self._lock:
                if parts.path.startswith("/did:"):  # the directory of accounts: nobody is registered there
                    dead = parts.path[1:] in self.tombstones
                    status, told = 410 if dead else 404, {"message": "DID not available" if dead else "not registered"}
                elif method == "com.atproto.server.createSession":
                    told = self._sign_in(body)
                else:
                    told = self._route(method, query, token)
        except Fault as fault:
            status, told = fault.status, {"error": fault.error, "message": "no"}
        respond(handler, status, json.dumps(told).encode(), Content_Type="application/json")


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text) if text else datetime(1970, 1, 1, tzinfo=UTC)


def _sort_at(view: Json) -> str:
    return str(min(view["record"]["createdAt"], view["indexedAt"]))
