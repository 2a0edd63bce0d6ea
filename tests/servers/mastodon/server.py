"""A Mastodon server in memory: `with Mastodon() as server:`; see SOURCE.md."""

from __future__ import annotations

import json
import queue
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

from tests.collect.loopback import http_server, respond

Json = dict[str, Any]
TOKEN = "token-of-the-tests"
HEARTBEAT_S = 0.2  # of server-sent events; the real one's is 15
NOON = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)


class Fault(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, error: str) -> None:
        self.status, self.error = status, error
        super().__init__(status, error)


@dataclass
class Asked:
    """A request that came in, for tests to look at."""

    method: str
    path: str
    query: dict[str, list[str]]
    token: str


@dataclass
class Stream:
    """One open stream: what it is subscribed to, and what it still has to send."""

    wants: set[tuple[str, str]] = field(default_factory=set)
    out: queue.Queue[bytes | str | None] = field(default_factory=queue.Queue)


class Mastodon:
    """A server of invented people. Time there is `now`, which every new status moves on.

    Args:
        tokens: access tokens and their scopes.
        public_preview: whether timelines are shown to those who are not signed in.
    """

    def __init__(self, *, tokens: dict[str, str] | None = None, public_preview: bool = True) -> None:
        self.tokens = {TOKEN: "read write"} if tokens is None else tokens
        self.public_preview = public_preview
        self.now = NOON
        self.asked: list[Asked] = []
        self.left: int | None = None  # requests left in this window; None: no limit
        self.reset = NOON + timedelta(minutes=5)
        self.answer: Callable[[BaseHTTPRequestHandler], bool] | None = None  # a fault: answers instead, when it says so
        self.account_of: dict[str, str] = {}  # whose a token is; the first account's where nothing stands here
        self.disabled: set[str] = set()  # accounts that the server's staff froze
        self.keys: dict[str, str] = {}  # Idempotency-Key to the status it made
        self.forgetful = False  # an hour has passed: keys mean nothing any more
        self.reports: list[Json] = []
        self.deaf = False  # the stream brings nothing any more, though statuses are written
        self.doubled = False  # lists hold everything twice, in another order
        self.refuse_streams: HTTPStatus | None = None
        self.subscribing_s = 0.0  # how long it takes until a subscription brings something
        self.accounts: dict[str, Json] = {}
        self.statuses: dict[str, Json] = {}
        self.gone: set[str] = set()
        self.streams: list[Stream] = []
        self.connections = 0
        self._clients: set[ServerConnection] = set()
        self._lock = threading.RLock()
        self._number = 0
        self._key = ""

    # --- what happens there ---------------------------------------------------------------------------------------------

    def account(self, name: str, *, host: str = "", display: str = "", note: str = "", **more: Any) -> str:
        """An account; gives its id. With `host`, one of another server."""
        with self._lock:
            ident = str(109_000_000_000_000_000 + len(self.accounts))
            base = f"https://{host}" if host else self.url
            self.accounts[ident] = {
                "id": ident,
                "username": name,
                "acct": f"{name}@{host}" if host else name,
                "display_name": display,
                "locked": False,
                "bot": False,
                "created_at": "2026-01-01T00:00:00.000Z",
                "note": f"<p>{escape(note)}</p>" if note else "",
                "url": f"{base}/@{name}",
                "uri": f"{base}/users/{name}",
                "avatar": f"{base}/avatars/missing.png",
                "avatar_static": f"{base}/avatars/missing.png",
                "header": f"{base}/headers/missing.png",
                "header_static": f"{base}/headers/missing.png",
                "followers_count": 0,
                "following_count": 0,
                "statuses_count": 0,
                "last_status_at": None,
                "emojis": [],
                "fields": [],
                **more,
            }
            return ident

    def post(
        self,
        account: str,
        text: str = "",
        *,
        html: str | None = None,
        reply_to: str | None = None,
        late_s: float = 0,
        quiet: bool = False,
        **more: Any,
    ) -> str:
        """A status; gives its id. `late_s`: written so long ago and only now here; `quiet`: the stream misses it."""
        with self._lock:
            self.now += timedelta(milliseconds=500)
            self._number += 1
            at = self.now - timedelta(seconds=late_s)
            ident = str((int(at.timestamp() * 1000) << 16) + (self._number & 0xFFFF))
            author = self.accounts[account]
            tags = list(dict.fromkeys(re.findall(r"#(\w+)", text)))
            status = {
                "id": ident,
                "created_at": _iso(at),
                "in_reply_to_id": reply_to,
                "in_reply_to_account_id": self.statuses[reply_to]["account"]["id"] if reply_to else None,
                "sensitive": False,
                "spoiler_text": "",
                "visibility": "public",
                "language": "ja",
                "uri": f"{author['uri']}/statuses/{ident}",
                "url": f"{author['url']}/{ident}",
                "replies_count": 0,
                "reblogs_count": 0,
                "favourites_count": 0,
                "edited_at": None,
                "content": self._html(text) if html is None else html,
                "reblog": None,
                "application": None,
                "account": author,
                "media_attachments": [],
                "mentions": [],
                "tags": [{"name": tag.lower(), "url": f"{self.url}/tags/{tag}"} for tag in tags],
                "emojis": [],
                "card": None,
                "poll": None,
                **more,
            }
            self.statuses[ident] = status
            if status["visibility"] == "public" and not quiet:
                self._publish("update", status, json.dumps(status, ensure_ascii=False))
            return ident

    def edit(self, ident: str, text: str) -> None:
        """Change a status."""
        with self._lock:
            self.now += timedelta(milliseconds=500)
            status = self.statuses[ident]
            status["content"], status["edited_at"] = self._html(text), _iso(self.now)
            self._publish("status.update", status, json.dumps(status, ensure_ascii=False))

    def delete(self, ident: str) -> None:
        """Delete a status."""
        with self._lock:
            status = self.statuses.pop(ident)
            self.gone.add(ident)
            self._publish("delete", status, ident)

    def suspend(self, account: str) -> None:
        """Suspend an account: its statuses are no longer shown."""
        with self._lock:
            self.accounts[account]["suspended"] = True
            for ident in [one for one, status in self.statuses.items() if status["account"]["id"] == account]:
                self.gone.add(ident)
                del self.statuses[ident]

    def uri(self, ident: str) -> str:
        """The ActivityPub id of a status."""
        return str(self.statuses[ident]["uri"])

    def inject(self, message: str | bytes) -> None:
        """Send anything to every stream."""
        with self._lock:
            for stream in self.streams:
                stream.out.put(message)

    def drop_streams(self) -> None:
        """End every stream."""
        with self._lock:
            for stream in self.streams:
                stream.out.put(None)

    def _html(self, text: str) -> str:
        shown = escape(text, quote=False).replace("\n", "<br />")
        shown = re.sub(
            r"@([\w.]+)(?:@([\w.:-]+\w))?",
            lambda found: (
                f'<span class="h-card"><a href="{self.url}/@{found[1]}" class="u-url mention">@<span>{found[1]}</span></a></span>'
            ),
            shown,
        )
        shown = re.sub(
            r"(?<![\"'])https?://([^\s<]+)",
            r'<a href="https://\1" rel="nofollow noopener"><span class="invisible">https://</span><span class="">\1</span></a>',
            shown,
        )
        shown = re.sub(
            r"#(\w+)",
            rf'<a href="{self.url}/tags/\1" class="mention hashtag" rel="tag">#<span>\1</span></a>',
            shown,
        )
        return f"<p>{shown}</p>"

    def _publish(self, event: str, status: Json, payload: str) -> None:
        if self.deaf:
            return
        local = "@" not in status["account"]["acct"]
        names = {("public", ""), ("public:local" if local else "public:remote", "")}
        for tag in status["tags"]:
            names |= {("hashtag", tag["name"])} | ({("hashtag:local", tag["name"])} if local else set())
        for stream in self.streams:
            for name, tag in sorted(stream.wants & names):
                told = {"stream": [name, tag] if tag else [name], "event": event, "payload": payload}
                stream.out.put(json.dumps(told, ensure_ascii=False))

    # --- serving --------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._running = ExitStack()
        self.url = self._running.enter_context(http_server(self._serve))
        self._socket: Server = serve(
            self._talk, "127.0.0.1", 0, compression=None, process_request=self._greet, close_timeout=1
        )
        self.streaming_url = f"ws://127.0.0.1:{self._socket.socket.getsockname()[1]}"
        self._listening = threading.Thread(target=self._socket.serve_forever)
        self._listening.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.drop_streams()
        self._socket.shutdown()
        for client in list(self._clients):
            client.close_socket()
        self._listening.join()
        self._running.close()

    def _greet(self, connection: ServerConnection, request: Request) -> Response | None:
        if self.refuse_streams is not None:
            return Response(self.refuse_streams.value, self.refuse_streams.phrase, Headers())
        if not urlsplit(request.path).path.startswith("/api/v1/streaming"):
            return Response(404, "Not Found", Headers())
        scopes = self.tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if scopes is None or not _may(scopes, "read:statuses"):
            return Response(401, "Unauthorized", Headers())
        return None

    def _talk(self, connection: ServerConnection) -> None:
        self.connections += 1
        self._clients.add(connection)
        with self._stream() as stream, suppress(ConnectionClosed):
            listening = threading.Thread(target=self._listen, args=(connection, stream), daemon=True)
            listening.start()
            while (message := stream.out.get()) is not None:
                connection.send(message)
        self._clients.discard(connection)

    def _listen(self, connection: ServerConnection, stream: Stream) -> None:
        with suppress(ConnectionClosed):
            for message in connection:
                told = json.loads(message)
                name, tag = told.get("stream", ""), told.get("tag", "").lower()
                if not re.fullmatch("(public(:local|:remote)?(:media)?|hashtag(:local)?|user)", name):
                    stream.out.put(json.dumps({"error": "Unknown stream type", "status": 400}))
                elif told.get("type") == "subscribe":
                    time.sleep(self.subscribing_s)
                    stream.wants.add((name, tag))
                else:
                    stream.wants.discard((name, tag))
        stream.out.put(None)

    @contextmanager
    def _stream(self) -> Iterator[Stream]:
        stream = Stream()
        with self._lock:
            self.streams.append(stream)
        try:
            yield stream
        finally:
            with self._lock:
                self.streams.remove(stream)

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        method = handler.command
        length = int(handler.headers.get("Content-Length") or 0)
        body = handler.rfile.read(length).decode()
        parts = urlsplit(handler.path)
        query = parse_qs(parts.query)
        if handler.headers.get("Content-Type", "").startswith("application/json"):
            told = json.loads(body or "{}")
            query |= {key: value if isinstance(value, list) else [str(value)] for key, value in told.items()}
        else:
            query |= {key.removesuffix("[]"): values for key, values in parse_qs(body).items()}
        token = handler.headers.get("Authorization", "").removeprefix("Bearer ")
        self.asked.append(Asked(method, parts.path, query, token))
        if self.answer is not None and self.answer(handler):
            return
        headers: dict[str, str] = {}
        try:
            if self.left is not None:
                spent = self.left <= 0
                self.left = max(0, self.left - 1)
                headers = {
                    "X-RateLimit-Limit": "300",
                    "X-RateLimit-Remaining": str(self.left),
                    "X-RateLimit-Reset": _iso(self.reset),
                }
                if spent:
                    raise Fault(429, "Throttled")
            if parts.path.startswith("/api/v1/streaming/"):
                self._events(handler, parts.path, query, token)
                return
            with self._lock:
                self._key = handler.headers.get("Idempotency-Key", "")
                found, more = self._answer(method, parts.path, query, token)
            status, headers = 200, headers | more
        except Fault as fault:
            status, found = fault.status, {"error": fault.error}
        kind = "application/activity+json" if parts.path.startswith("/users/") else "application/json"
        sent = json.dumps(found, ensure_ascii=False).encode()
        respond(handler, status, sent, Content_Type=f"{kind}; charset=utf-8", **headers)

    def _events(self, handler: BaseHTTPRequestHandler, path: str, query: dict[str, list[str]], token: str) -> None:
        """Server-sent events."""
        self._scope(token, "read:statuses")
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.close_connection = True
        with self._stream() as stream, suppress(OSError):
            name = path.removeprefix("/api/v1/streaming/").replace("/", ":")
            stream.wants.add((name, query.get("tag", [""])[0].lower()))
            handler.wfile.write(b":)\n")
            handler.wfile.flush()
            while True:
                try:
                    message = stream.out.get(timeout=HEARTBEAT_S)
                except queue.Empty:
                    handler.wfile.write(b":thump\n")
                    handler.wfile.flush()
                    continue
                if message is None:
                    break
                told = json.loads(message)
                handler.wfile.write(f"event: {told['event']}\ndata: {told['payload']}\n\n".encode())
                handler.wfile.flush()

    def _scope(self, token: str, scope: str) -> None:
        if token not in self.tokens:
            raise Fault(401, "The access token is invalid")
        if self._own(token) in self.disabled:
            raise Fault(403, "Your login is currently disabled")
        if not _may(self.tokens[token], scope):
            raise Fault(403, "This action is outside the authorized scopes")

    def _answer(self, method: str, path: str, query: dict[str, list[str]], token: str) -> tuple[Any, dict[str, str]]:
        if path in ("/api/v1/instance/", "/api/v1/instance", "/api/v2/instance/", "/api/v2/instance"):
            return self._instance(path), {}
        if path == "/api/v1/accounts/verify_credentials":
            self._scope(token, "read:accounts")
            return self.accounts[self._own(token)], {}
        if path == "/api/v1/accounts/lookup":
            return self._one(self.accounts, lambda one: one["acct"] == query["acct"][0].lstrip("@")), {}
        if found := re.fullmatch(r"/api/v1/accounts/(\d+)(/statuses)?", path):
            ident, theirs = found.groups()
            if theirs:
                own = token in self.tokens and self._own(token) == ident
                public = ("public", "unlisted")
                return self._page(
                    path, query, lambda one: one["account"]["id"] == ident and (own or one["visibility"] in public)
                )
            return self._one(self.accounts, lambda one: bool(one["id"] == ident)), {}
        if found := re.fullmatch(r"/api/v1/statuses/(\d+)(/context)?", path):
            return self._status(method, found[1], bool(found[2]), query, token), {}
        if path == "/api/v1/statuses" and method == "POST":
            self._scope(token, "write:statuses")
            return self.statuses[self._write({key: values[0] for key, values in query.items()}, token)], {}
        if path.rstrip("/") == "/api/v1/reports" and method == "POST":
            self._scope(token, "write:reports")
            return self._report(query, token), {}
        if path == "/api/v1/timelines/public" or path.startswith("/api/v1/timelines/tag/"):
            if token or not self.public_preview:
                self._scope(token, "read:statuses")
            tag = unquote(path.removeprefix("/api/v1/timelines/tag/")).lower() if "/tag/" in path else ""
            if tag and not any(_tagged(status, tag) for status in self.statuses.values()):
                raise Fault(404, "Record not found")
            return self._page(path, query, lambda one: _in_timeline(one, query, tag))
        if path == "/api/v2/search":
            return self._search(query, token), {}
        if found := re.fullmatch(r"/users/(\w+)/statuses/(\d+)", path):
            status = self.statuses.get(found[2])
            if status is None:
                raise Fault(404, "Not Found")
            return {"@context": "https://www.w3.org/ns/activitystreams", "id": status["uri"], "type": "Note"}, {}
        raise Fault(404, "The page you are looking for isn't here.")

    def _own(self, token: str) -> str:
        return self.account_of.get(token) or next(iter(self.accounts), "")

    def _write(self, told: dict[str, str], token: str) -> str:
        if self._key in self.keys and not self.forgetful:
            return self.keys[self._key]
        above = told.get("in_reply_to_id") or None
        if above is not None and above not in self.statuses:
            raise Fault(404, "The post you are trying to reply to does not appear to exist.")
        if len(told.get("status", "")) > 500:
            raise Fault(422, "Validation failed: Text character limit of 500 exceeded")
        more: Json = {"visibility": told.get("visibility", "public"), "language": told.get("language", "ja")}
        ident = self.post(self._own(token), told["status"], reply_to=above, **more)
        if self._key:
            self.keys[self._key] = ident
        return ident

    def _report(self, query: dict[str, list[str]], token: str) -> Json:
        ident = query["account_id"][0]
        if ident not in self.accounts:
            raise Fault(404, "Record not found")
        report = {
            "id": str(len(self.reports) + 1),
            "action_taken": False,
            "action_taken_at": None,
            "category": query.get("category", ["other"])[0],
            "comment": query.get("comment", [""])[0],
            "forwarded": query.get("forward", ["false"])[0].lower() in ("true", "1"),
            "created_at": _iso(self.now),
            "status_ids": [str(one) for one in query.get("status_ids", [])],
            "rule_ids": None,
            "target_account": self.accounts[ident],
        }
        self.reports.append({**report, "by": self._own(token)})
        return report

    def _instance(self, path: str) -> Json:
        if path.startswith("/api/v1"):
            urls = {"streaming_api": self.url}
            return {"uri": "mastodon.example", "title": "例", "version": "4.5.0", "urls": urls, "stats": {}}
        urls = {"streaming": self.streaming_url}
        return {"domain": "mastodon.example", "version": "4.5.0", "api_versions": {"mastodon": 7}} | {
            "configuration": {"urls": urls},
            "rules": [],
        }

    def _one(self, table: dict[str, Json], wanted: Callable[[Json], bool]) -> Json:
        for one in table.values():
            if wanted(one):
                return one
        raise Fault(404, "Record not found")

    def _status(self, method: str, ident: str, around: bool, query: dict[str, list[str]], token: str) -> Any:
        status = self.statuses.get(ident)
        if status is None or (status["visibility"] not in ("public", "unlisted") and token not in self.tokens):
            raise Fault(404, "Record not found")
        if around:
            above: list[Json] = []
            one: Json | None = status
            while one is not None and one["in_reply_to_id"] is not None:
                one = self.statuses.get(one["in_reply_to_id"])
                if one is not None:
                    above.insert(0, one)
            below = [one for one in self.statuses.values() if one["in_reply_to_id"] == ident]
            return {"ancestors": above, "descendants": below}
        if method == "DELETE":
            self._scope(token, "write:statuses")
            if status["account"]["id"] != self._own(token):
                raise Fault(404, "Record not found")
            self.delete(ident)
        elif method == "PUT":
            self._scope(token, "write:statuses")
            self.edit(ident, query["status"][0])
        return status

    def _page(
        self, path: str, query: dict[str, list[str]], wanted: Callable[[Json], bool]
    ) -> tuple[list[Json], dict[str, str]]:
        told = {key: values[0] for key, values in query.items()}
        limit = min(int(told.get("limit", 20)), 40)
        found = sorted((one for one in self.statuses.values() if wanted(one)), key=lambda one: -int(one["id"]))
        if "max_id" in told:
            found = [one for one in found if int(one["id"]) < int(told["max_id"])]
        if "min_id" in told:
            found = [one for one in found if int(one["id"]) > int(told["min_id"])][-limit:]
        elif "since_id" in told:
            found = [one for one in found if int(one["id"]) > int(told["since_id"])]
        found = found[:limit]
        if not found:
            return [], {}
        kept = {key: value for key, value in told.items() if key not in ("max_id", "min_id", "since_id")}
        older = urlencode({**kept, "max_id": found[-1]["id"]})
        newer = urlencode({**kept, "min_id": found[0]["id"]})
        link = f'<{self.url}{path}?{older}>; rel="next", <{self.url}{path}?{newer}>; rel="prev"'
        return [*found[::-1], *found] if self.doubled else found, {"Link": link}

    def _search(self, query: dict[str, list[str]], token: str) -> Json:
        told = {key: values[0] for key, values in query.items()}
        if told.get("resolve") in ("true", "True", "1") or told.get("offset", "0") != "0":
            self._scope(token, "read:search")
        nothing: Json = {"accounts": [], "statuses": [], "hashtags": []}
        if told.get("q", "").startswith(("https://", "http://")):
            hits = [one for one in self.statuses.values() if told["q"] in (one["uri"], one["url"])]
            return nothing | {"statuses": hits if told.get("resolve") else []}
        self._scope(token, "read:search")  # what is not signed in finds no statuses
        found = sorted(
            (one for one in self.statuses.values() if told["q"] in one["content"]), key=lambda one: -int(one["id"])
        )
        if "min_id" in told:
            found = [one for one in found if int(one["id"]) > int(told["min_id"])]
        offset, limit = int(told.get("offset", 0)), min(int(told.get("limit", 20)), 40)
        return nothing | {"statuses": found[offset : offset + limit]}


def _in_timeline(status: Json, query: dict[str, list[str]], tag: str) -> bool:
    local = "@" not in status["account"]["acct"]
    told = {key for key in ("local", "remote") if query.get(key, ["false"])[0].lower() in ("true", "1")}
    if status["visibility"] != "public" or (tag and not _tagged(status, tag)):
        return False
    return ("local" not in told or local) and ("remote" not in told or not local)


def _tagged(status: Json, tag: str) -> bool:
    return any(one["name"] == tag for one in status["tags"])


def _may(scopes: str, scope: str) -> bool:
    return scope in scopes.split() or scope.partition(":")[0] in scopes.split()


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
