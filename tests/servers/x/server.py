"""X's API in memory: `with X() as server:`; see SOURCE.md."""

from __future__ import annotations

import json
import queue
import re
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from types import SimpleNamespace
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from oauthlib.oauth1.rfc5849 import signature

from tests.collect.loopback import http_server, respond

Json = dict[str, Any]
BEARER = "x_bearer-of-the-tests"
NOON = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
PROBLEMS = "https://api.twitter.com/2/problems/"
_LOOK_S = 0.03  # how often an open stream is looked after
_EPOCH_MS = 1_288_834_974_657


class Fault(Exception):
    """An answer that is a problem."""

    def __init__(self, status: int, title: str, detail: str, kind: str = "about:blank", **more: Any) -> None:
        self.status = status
        self.told = {"title": title, "detail": detail, "type": kind, **more}
        super().__init__(status, title)


@dataclass
class Asked:
    """A request that came in."""

    method: str
    path: str
    query: dict[str, str]
    body: Any


@dataclass
class Stream:
    """One open stream."""

    out: queue.Queue[bytes | None] = field(default_factory=queue.Queue)


def invalid(name: str, value: str, message: str) -> Fault:
    """A complaint about a parameter."""
    return Fault(
        400,
        "Invalid Request",
        "One or more parameters to your request was invalid.",
        PROBLEMS + "invalid-request",
        errors=[{"parameters": {name: [value]}, "message": message}],
    )


class X:
    """The API of a network of invented people. Time there is `now`, which every new post moves on."""

    def __init__(self) -> None:
        self.now = NOON
        self.asked: list[Asked] = []
        self.left: int | None = None  # requests left in this window; None: no limit
        self.reset = NOON + timedelta(minutes=15)
        self.capped = False
        self.cap, self.usage, self.has_usage = 1_000_000, 0, True
        self.answer: Callable[[BaseHTTPRequestHandler], bool] | None = None  # a fault: answers instead, when it says so
        self.keep_alive_s = 0.4  # the real one's is 20
        self.most_rules, self.most_streams = 25, 1
        self.users: dict[str, Json] = {}
        self.posts: dict[str, Json] = {}
        self.media: dict[str, Json] = {}
        self.gone: dict[str, str] = {}  # ids and the kind of their error
        self.rules: dict[str, Json] = {}
        self.streams: list[Stream] = []
        self.apps: dict[tuple[str, str], tuple[str, str, str]] = {}  # keys of app and token: their secrets, whose it is
        self.suspended: set[str] = set()
        self.messages: list[Json] = []
        self.connections = 0
        self.doubled = False  # search brings everything twice, in another order
        self.odd: Json = {}  # unknown fields, in every post
        self._lock = threading.RLock()
        self._number = 0

    # --- what happens there ---------------------------------------------------------------------------------------------

    def user(self, name: str, *, display: str = "", bio: str = "") -> str:
        """An account; gives its id."""
        ident = str(1_500_000_000_000_000_000 + len(self.users))
        self.users[ident] = {
            "id": ident, "username": name, "name": display or name, "description": bio, "protected": False,
        }  # fmt: skip
        return ident

    def post(self, author: str, text: str, *, at: datetime | None = None, edits: str = "", **more: Any) -> str:
        """A post; gives its id. `edits`: the id of the post whose newer version this is. `photos` of media."""
        with self._lock:
            self.now += timedelta(seconds=1)
            self._number += 1
            at = at or self.now
            ident = str(((int(at.timestamp() * 1000) - _EPOCH_MS) << 22) | (self._number & 0x3FFFFF))
            history = [*self.posts[edits]["edit_history_tweet_ids"], ident] if edits else [ident]
            post = {
                "id": ident,
                "text": text,
                "author_id": author,
                "created_at": at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z",
                "conversation_id": ident,
                "lang": "ja",
                "possibly_sensitive": False,
                **more,
            }
            self.posts[ident] = post
            for version in history:
                self.posts[version]["edit_history_tweet_ids"] = history
            self._publish(post)
            return ident

    def app_of(self, author: str) -> dict[str, str]:
        """Keys and secrets with which an account lets an app act for it."""
        keys = {name: f"{name}-of-{author}" for name in ("consumer_key", "consumer_secret", "token", "token_secret")}
        self.apps[keys["consumer_key"], keys["token"]] = (keys["consumer_secret"], keys["token_secret"], author)
        return keys

    def photo(self, url: str, alt: str = "") -> Json:
        """A picture, for `attachments`."""
        key = f"3_{len(self.media) + 1}"
        self.media[key] = {"media_key": key, "type": "photo", "url": url, "alt_text": alt}
        return {"media_keys": [key]}

    def remove(self, ident: str, kind: str = "resource-not-found") -> None:
        """A post is no longer shown."""
        self.gone[ident] = kind

    def rule(self, value: str, tag: str) -> str:
        """A rule that somebody else made."""
        self._number += 1
        ident = str(1_700_000_000_000_000_000 + self._number)
        self.rules[ident] = {"id": ident, "value": value, "tag": tag}
        return ident

    def inject(self, line: bytes | None) -> None:
        """Send a line to every stream, or end them."""
        with self._lock:
            for stream in self.streams:
                stream.out.put(line)

    def _publish(self, post: Json) -> None:
        line = self._line(post)
        if line is not None:
            self.inject(line)

    def _line(self, post: Json) -> bytes | None:
        rules = [rule for rule in self.rules.values() if matches(rule["value"], post["text"])]
        if not rules:
            return None
        told = self._told([post], self.wanted)
        told["data"] = told["data"][0]
        told["matching_rules"] = [{"id": rule["id"], "tag": rule.get("tag", "")} for rule in rules]
        return json.dumps(told).encode()

    # --- questions ------------------------------------------------------------------------------------------------------

    wanted: dict[str, str] = {}  # what the last stream asked for

    def _told(self, posts: list[Json], query: dict[str, str]) -> Json:
        fields = {"id", "text", "edit_history_tweet_ids", *query.get("tweet.fields", "").split(",")}
        user_fields = {"id", "name", "username", *query.get("user.fields", "").split(",")}
        media_fields = {"media_key", "type", *query.get("media.fields", "").split(",")}
        expansions = set(query.get("expansions", "").split(","))

        def shown(post: Json) -> Json:
            return {key: value for key, value in post.items() if key in fields} | self.odd

        told: Json = {"data": [shown(post) for post in posts]}
        linked, errors = [], []
        for post in posts:
            for one in post.get("referenced_tweets", ()) if "referenced_tweets.id" in expansions else ():
                if not isinstance(one, dict):
                    continue  # a test's nonsense
                if one["id"] in self.posts and one["id"] not in self.gone:
                    linked.append(self.posts[one["id"]])
                else:
                    errors.append(self._error(one["id"], "referenced_tweets.id", "includes"))
        authors = {post["author_id"] for post in [*posts, *linked]} if "author_id" in expansions else set()
        keys = [
            key
            for post in [*posts, *linked]
            for key in post.get("attachments", {}).get("media_keys", ())
            if key in self.media
        ]
        includes = {
            "tweets": [shown(post) for post in linked],
            "users": [{k: v for k, v in self.users[one].items() if k in user_fields} for one in sorted(authors)],
            "media": [{k: v for k, v in self.media[key].items() if k in media_fields} for key in keys],
        }
        if any(includes.values()):
            told["includes"] = {kind: things for kind, things in includes.items() if things}
        if errors:
            told["errors"] = errors
        return told

    def _error(self, ident: str, parameter: str, section: str = "data") -> Json:
        kind = self.gone.get(ident, "resource-not-found")
        allowed = kind == "resource-not-found"
        return {
            "value": ident,
            "resource_id": ident,
            "parameter": parameter,
            "resource_type": "tweet",
            "section": section,
            "title": "Not Found Error" if allowed else "Authorization Error",
            "detail": f"Could not find tweet with {parameter}: [{ident}]."
            if allowed
            else f"Sorry, you are not authorized to see the Tweet with {parameter}: [{ident}].",
            "type": PROBLEMS + kind,
        }

    def _search(self, query: dict[str, str]) -> Json:
        most = int(query.get("max_results", "10"))
        if not 10 <= most <= 100:
            raise invalid("max_results", query["max_results"], "`max_results` must be between 10 and 100.")
        if query["query"].count("(") != query["query"].count(")"):
            raise invalid("query", query["query"], "missing ')' at the end of the query (at position 9)")
        week = self.now - timedelta(days=7)
        oldest = (int(week.timestamp() * 1000) - _EPOCH_MS) << 22
        for name in ("since_id", "until_id"):
            if name in query and int(query[name]) < oldest:
                raise invalid(
                    name, query[name],
                    f"'{name}' must be a tweet id created after [TIMESTAMP]. Please use a '{name}' that is larger than {oldest}",
                )  # fmt: skip
        low = int(query.get("since_id", oldest)) if not self.doubled else 0
        high = int(query.get("until_id", "9" * 19))
        found = [
            post for ident, post in self.posts.items()
            if low < int(ident) < high and ident not in self.gone and matches(query["query"], post["text"]) and answers(query["query"], post)
            and post["edit_history_tweet_ids"][-1] == ident
        ]  # fmt: skip
        found.sort(key=lambda post: -int(post["id"]))
        page = found[:most]
        if self.doubled:
            page = [*reversed(page), *page]
        self.usage += len(page)
        if not page:
            return {"meta": {"result_count": 0}}
        meta = {"newest_id": page[0]["id"], "oldest_id": page[-1]["id"], "result_count": len(page)}
        if len(found) > most:
            meta["next_token"] = "b26v89c19zqg8o3f"
        return {**self._told(page, query), "meta": meta}

    def _lookup(self, query: dict[str, str]) -> Json:
        idents = query["ids"].split(",")
        found = [self.posts[one] for one in idents if one in self.posts and one not in self.gone]
        lost = [self._error(one, "ids") for one in idents if one not in self.posts or one in self.gone]
        told = self._told(found, query) if found else {}
        if lost:
            told["errors"] = [*lost, *told.get("errors", ())]
        return told

    def _change_rules(self, body: Json, *, dry: bool) -> Json:
        summary = dict.fromkeys(("created", "not_created", "valid", "invalid"), 0)
        if "delete" in body:
            known = [one for one in body["delete"]["ids"] if one in self.rules]
            if not dry:
                for one in known:
                    del self.rules[one]
            return {
                "meta": {"summary": {"deleted": len(known), "not_deleted": len(body["delete"]["ids"]) - len(known)}}
            }
        errors: list[Json] = []
        made: list[Json] = []
        for rule in body["add"]:
            same = next((one["id"] for one in self.rules.values() if one["value"] == rule["value"]), None)
            if same is not None:
                errors.append(
                    {"value": rule["value"], "id": same, "title": "DuplicateRule", "type": PROBLEMS + "duplicate-rules"}
                )
            elif rule["value"].count("(") != rule["value"].count(")"):
                summary["invalid"] += 1
                errors.append(
                    {
                        "value": rule["value"],
                        "details": ["missing ')' at the end of the rule (at position 9)"],
                        "title": "UnprocessableEntity",
                        "type": PROBLEMS + "invalid-rules",
                    }
                )
            elif len(self.rules) + len(made) + 1 > self.most_rules:
                raise Fault(422, "RulesCapExceeded", "Rule cap exceeded", PROBLEMS + "rule-cap")
            else:
                made.append(rule)
        if summary["invalid"]:  # one that is wrong, and none is made
            return {"meta": {"summary": {**summary, "not_created": len(body["add"])}}, "errors": errors}
        told: Json = {"data": [], "meta": {}}
        for rule in made:
            self._number += 1
            ident = str(1_600_000_000_000_000_000 + self._number)
            told["data"].append({**rule, "id": ident})
            if not dry:
                self.rules[ident] = {**rule, "id": ident}
        summary["created"] = summary["valid"] = len(made)
        summary["not_created"] = len(errors)
        told["meta"] = {"sent": self.now.isoformat(), "summary": summary}
        if errors:
            told["errors"] = errors
        return told

    # --- serving --------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._running = ExitStack()
        self.url = self._running.enter_context(http_server(self._serve, clock=lambda: self.now))
        self.port = urlsplit(self.url).port or 0
        return self

    def __exit__(self, *_error: object) -> None:
        self.inject(None)
        self._running.close()

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        method = handler.command
        parts = urlsplit(handler.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        body = json.loads(handler.rfile.read(int(handler.headers.get("Content-Length") or 0)) or b"null")
        self.asked.append(Asked(method, parts.path, query, body))
        if self.answer is not None and self.answer(handler):
            return
        headers: dict[str, str] = {}
        try:
            own = self._signed(handler)
            if not own and handler.headers.get("Authorization") != f"Bearer {BEARER}":
                raise Fault(401, "Unauthorized", "Unauthorized")
            if self.left is not None:
                spent, self.left = self.left <= 0, max(0, self.left - 1)
                headers = {
                    "x-rate-limit-limit": "450",
                    "x-rate-limit-remaining": str(self.left),
                    "x-rate-limit-reset": str(int(self.reset.timestamp())),
                }
                if spent:
                    raise Fault(429, "Too Many Requests", "Too Many Requests")
            if self.capped and parts.path.startswith("/2/tweets/search/recent"):
                raise Fault(
                    429, "UsageCapExceeded", "Usage cap exceeded: Monthly product cap", PROBLEMS + "usage-capped",
                    period="Monthly", scope="Product",
                )  # fmt: skip
            if parts.path == "/2/tweets/search/stream":
                self._stream(handler, query)
                return
            with self._lock:
                told, status = (own and self._own(own, method, parts.path, query, body)) or self._route(
                    method, parts.path, query, body
                )
        except Fault as fault:
            status, told = fault.status, fault.told
        kind = "application/problem+json" if "type" in told else "application/json; charset=utf-8"
        respond(handler, status, json.dumps(told).encode(), Content_Type=kind, **headers)

    def _signed(self, handler: BaseHTTPRequestHandler) -> str:
        """Whose OAuth 1.0a signature a request bears, checked as its library checks it; "" for none."""
        bears = handler.headers.get("Authorization", "")
        if not bears.startswith("OAuth "):
            return ""
        uri = f"{self.url}{handler.path}"
        told = dict(signature.collect_parameters(uri_query=urlsplit(uri).query, headers={"Authorization": bears}, exclude_oauth_signature=False))  # fmt: skip
        listed = signature.collect_parameters(uri_query=urlsplit(uri).query, headers={"Authorization": bears})
        request = SimpleNamespace(
            http_method=handler.command, uri=uri, params=listed, signature=told["oauth_signature"]
        )
        known = self.apps.get((told["oauth_consumer_key"], told.get("oauth_token", "")))
        if known is None or not signature.verify_hmac_sha1(request, known[0], known[1]):
            raise Fault(401, "Unauthorized", "Unauthorized")
        if known[2] in self.suspended:
            raise Fault(403, "Forbidden", "Your account is suspended and is not permitted to access this feature.")
        return known[2]

    def _own(self, own: str, method: str, path: str, query: dict[str, str], body: Any) -> tuple[Json, int] | None:
        """What an account does for itself; None: what anybody may ask."""
        if path == "/2/users/me":
            return {"data": {key: self.users[own][key] for key in ("id", "name", "username")}}, 200
        if path == "/2/tweets" and method == "POST":
            return {"data": self._write(own, body)}, 201
        if path.startswith("/2/tweets/") and method == "DELETE":
            ident = path.rpartition("/")[2]
            if ident in self.posts and self.posts[ident]["author_id"] != own:
                raise Fault(403, "Forbidden", "You are not permitted to delete this Post.")
            self.gone[ident] = "resource-not-found"
            return {"data": {"deleted": True}}, 200
        if path.startswith("/2/dm_conversations/with/"):
            other = path.split("/")[4]
            if method == "GET":
                return {
                    "data": [one for one in self.messages if {one["sender_id"], one["to"]} == {own, other}][::-1]
                }, 200
            if other not in self.users or self.users[other]["protected"]:
                raise Fault(403, "Forbidden", "You cannot send a direct message to this user.")
            self.now += timedelta(seconds=1)
            event = {"id": str(2_000_000_000 + len(self.messages)), "sender_id": own, "to": other, "text": body["text"]}
            self.messages.append({**event, "event_type": "MessageCreate", "created_at": _iso(self.now)})
            return {"data": {"dm_conversation_id": f"{own}-{other}", "dm_event_id": event["id"]}}, 201
        return None

    def _write(self, own: str, body: Json) -> Json:
        above = body.get("reply", {}).get("in_reply_to_tweet_id", "")
        if above and (above not in self.posts or above in self.gone):
            raise Fault(403, "Forbidden", "You attempted to reply to a Tweet that is deleted or not visible to you.")
        recent = [one for ident, one in self.posts.items() if one["author_id"] == own and ident not in self.gone]
        if body["text"] in [one["written"] for one in recent if "written" in one]:
            raise Fault(403, "Forbidden", "You are not allowed to create a Tweet with duplicate content.")
        more: Json = {"written": body["text"]}
        if above:
            more["referenced_tweets"] = [{"type": "replied_to", "id": above}]
            more["conversation_id"] = self.posts[above]["conversation_id"]
        shown = re.sub(r"https?://[!-~]+", "https://t.co/aaaaaaaaaa", body["text"])
        if above:
            shown = f"@{self.users[self.posts[above]['author_id']]['username']} {shown}"
        ident = self.post(own, shown.replace("&", "&amp;"), **more)
        return {"id": ident, "text": body["text"], "edit_history_tweet_ids": [ident]}

    def _route(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[Json, int]:
        if path == "/2/tweets/search/recent":
            return self._search(query), 200
        if path == "/2/tweets":
            return self._lookup(query), 200
        if path == "/2/usage/tweets" and self.has_usage:
            return {
                "data": {
                    "cap_reset_day": 1,
                    "project_cap": str(self.cap),
                    "project_id": "1",
                    "project_usage": str(self.usage),
                }
            }, 200
        if path.startswith("/2/users/") and path.endswith("/tweets"):
            author = path.split("/")[3]
            begun = query.get("start_time", "")
            found = [
                post for one, post in self.posts.items()
                if post["author_id"] == author and one not in self.gone and post["created_at"] >= begun
            ]  # fmt: skip
            page = sorted(found, key=lambda post: -int(post["id"]))[: int(query.get("max_results", "10"))]
            return {**self._told(page, query), "meta": {"result_count": len(page)}}, 200
        if path == "/2/tweets/search/stream/rules":
            if method == "GET":
                listed = list(self.rules.values())
                meta = {"sent": self.now.isoformat(), "result_count": len(listed)}
                return ({"data": listed, "meta": meta} if listed else {"meta": meta}), 200
            told = self._change_rules(body, dry=query.get("dry_run") == "true")
            wrong = any(one["type"].endswith("invalid-rules") for one in told.get("errors", ()))
            return told, 400 if wrong else 201 if "add" in body else 200
        raise Fault(404, "Not Found", "Not Found")

    def _stream(self, handler: BaseHTTPRequestHandler, query: dict[str, str]) -> None:
        with self._lock:
            if not self.rules:
                raise Fault(
                    409, "ConnectionException",
                    "You must define rules using the POST /2/tweets/search/stream/rules endpoint before connecting to "
                    "filtered stream.", PROBLEMS + "streaming-connection", connection_issue="RuleConfigurationIssue",
                )  # fmt: skip
            if len(self.streams) >= self.most_streams:
                raise Fault(
                    429, "ConnectionException", "This stream is currently at the maximum allowed connection limit.",
                    PROBLEMS + "streaming-connection", connection_issue="TooManyConnections",
                )  # fmt: skip
            self.wanted = query
            stream = Stream()
            self.connections += 1
            back = self.now - timedelta(minutes=int(query.get("backfill_minutes", "0")))
            for post in list(self.posts.values()):
                if datetime.fromisoformat(post["created_at"]) > back and (line := self._line(post)) is not None:
                    stream.out.put(line)
            self.streams.append(stream)
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json; charset=utf-8")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        silent_s = 0.0
        with suppress(OSError):
            while True:
                try:
                    line = stream.out.get(timeout=_LOOK_S)
                except queue.Empty:
                    if _has_left(handler):
                        break
                    silent_s += _LOOK_S
                    if silent_s < self.keep_alive_s:
                        continue
                    line = b""
                silent_s = 0.0
                if line is None:
                    handler.wfile.write(b"0\r\n\r\n")
                    break
                handler.wfile.write(b"%x\r\n%b\r\n\r\n" % (len(line) + 2, line))
                handler.wfile.flush()
        with self._lock:
            self.streams.remove(stream)
        handler.close_connection = True


def answers(query: str, post: Json) -> bool:
    """Whether a post answers the one that a query names with in_reply_to_tweet_id:, where it names one."""
    wanted = re.findall(r"in_reply_to_tweet_id:(\d+)", query)
    replied = [one["id"] for one in post.get("referenced_tweets", ()) if one["type"] == "replied_to"] if wanted else []
    return not wanted or wanted[0] in replied


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"


def matches(query: str, text: str) -> bool:
    """Whether all words of a query, and none it excludes, stand in a text."""
    words = [word for word in query.replace("(", " ").replace(")", " ").split() if ":" not in word and word != "OR"]
    return all(word.removeprefix("-") in text if word[0] != "-" else word[1:] not in text for word in words)


def _has_left(handler: BaseHTTPRequestHandler) -> bool:
    """Whether the client hung up."""
    try:
        return not bool(handler.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except BlockingIOError:
        return False
