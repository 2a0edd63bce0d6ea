"""A Misskey server in memory: `with Misskey() as server:`; see SOURCE.md."""

from __future__ import annotations

import json
import queue
import re
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

from tests.collect.loopback import respond

Json = dict[str, Any]
TOKEN = "token-of-the-tests"
WRITER = "writer-of-the-tests"
WRITES = "read:account write:notes write:report-abuse"
NOON = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
_JSON = "application/json; charset=utf-8"
BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"


class Fault(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, code: str) -> None:
        self.status, self.code = status, code
        super().__init__(status, code)


@dataclass
class Stream:
    """One open connection: its channels, the notes it watches, and what it still has to send."""

    channels: dict[str, tuple[str, Json]] = field(default_factory=dict)
    watched: list[str] = field(default_factory=list)
    out: queue.Queue[bytes | str | None] = field(default_factory=queue.Queue)


class Misskey:
    """A server of invented people. Time there is `now`, which every new note moves on.

    Args:
        tokens: access tokens and their permissions.
        open_to_all: whether timelines are shown to those who are not signed in.
    """

    def __init__(self, *, tokens: dict[str, str] | None = None, open_to_all: bool = True) -> None:
        self.tokens = {TOKEN: "read:account"} if tokens is None else tokens
        self.open_to_all = open_to_all
        self.now = NOON
        self.asked: list[tuple[str, Json]] = []
        self.answer: Callable[[BaseHTTPRequestHandler], bool] | None = None  # a fault: answers instead, when it says so
        self.user_of: dict[str, str] = {}  # whose a token is; the first user's where nothing stands here
        self.reports: list[Json] = []
        self.deaf = False  # the stream brings nothing any more, though notes are written
        self.newest_first = False  # some versions answer `sinceId` the other way round
        self.refuse_streams = 0
        self.users: dict[str, Json] = {}
        self.notes: dict[str, Json] = {}
        self.streams: list[Stream] = []
        self.connections = 0
        self._lock = threading.RLock()
        self._number = 0
        self._token = ""

    # --- what happens there ---------------------------------------------------------------------------------------------

    def user(self, name: str, *, host: str | None = None, nick: str = "", description: str = "", **more: Any) -> str:
        """An account; gives its id. With `host`, one of another server."""
        with self._lock:
            ident = self._id(self.now)
            self.users[ident] = {
                "id": ident,
                "name": nick or None,
                "username": name,
                "host": host,
                "avatarUrl": f"{self.url}/identicon/{name}",
                "avatarBlurhash": None,
                "isBot": False,
                "isCat": False,
                "onlineStatus": "unknown",
                "badgeRoles": [],
                "description": description or None,
                "fields": [],
                "isSuspended": False,
                **more,
            }
            return ident

    def note(
        self,
        user: str,
        text: str | None,
        *,
        reply_to: str | None = None,
        renote: str | None = None,
        late_s: float = 0,
        quiet: bool = False,
        **more: Any,
    ) -> str:
        """A note; gives its id. `late_s`: written so long ago and only now here; `quiet`: the stream misses it."""
        with self._lock:
            self.now += timedelta(milliseconds=500)
            at = self.now - timedelta(seconds=late_s)
            ident, author = self._id(at), self.users[user]
            note: Json = {
                "id": ident,
                "createdAt": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "userId": user,
                "user": {key: author[key] for key in LITE},
                "text": text,
                "cw": None,
                "visibility": "public",
                "localOnly": False,
                "reactionAcceptance": None,
                "renoteCount": 0,
                "repliesCount": 0,
                "reactionCount": 0,
                "reactions": {},
                "reactionEmojis": {},
                "fileIds": [],
                "files": [],
                "replyId": reply_to,
                "renoteId": renote,
                "clippedCount": 0,
                **more,
            }
            if reply_to:
                note["reply"] = self.notes[reply_to]
            if renote:
                note["renote"] = self.notes[renote]
            if tags := re.findall(r"#(\w+)", text or ""):
                note["tags"] = [tag.lower() for tag in tags]
            if author["host"]:
                note.setdefault("uri", f"https://{author['host']}/notes/{ident}")
            self.notes[ident] = note
            if not quiet:
                self._publish(note)
            return ident

    def delete(self, ident: str) -> None:
        """Delete a note: told to those who watch it."""
        with self._lock:
            del self.notes[ident]
            at = self.now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            self.tell(ident, "deleted", {"deletedAt": at})

    def tell(self, ident: str, kind: str, body: Json) -> None:
        """Tell those who watch a note what happened to it."""
        message = json.dumps({"type": "noteUpdated", "body": {"id": ident, "type": kind, "body": body}})
        for stream in self.streams:
            if ident in stream.watched and not self.deaf:
                stream.out.put(message)

    def uri(self, ident: str) -> str:
        """The ActivityPub id of a note."""
        return str(self.notes[ident].get("uri") or f"{self.url}/notes/{ident}")

    def inject(self, message: str | bytes) -> None:
        """Send anything to every connection."""
        with self._lock:
            for stream in self.streams:
                stream.out.put(message)

    def drop_streams(self) -> None:
        """End every connection."""
        with self._lock:
            for stream in self.streams:
                stream.out.put(None)

    def _id(self, at: datetime) -> str:
        self._number += 1
        return _base36(int(at.timestamp() * 1000) - 946_684_800_000, 8) + "node" + _base36(self._number, 4)

    def _publish(self, note: Json) -> None:
        if self.deaf:
            return
        for stream in self.streams:
            for ident, (channel, params) in stream.channels.items():
                if _on_channel(note, channel, params):
                    body = {"id": ident, "type": "note", "body": note}
                    stream.out.put(json.dumps({"type": "channel", "body": body}, ensure_ascii=False))

    # --- serving --------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle(self) -> None:
                with suppress(OSError):
                    head = self.connection.recv(65_536, socket.MSG_PEEK)
                    if b"upgrade: websocket" in head.lower():
                        outer._sockets.handler(self.connection, self.client_address)
                    else:
                        super().handle()

            def do_POST(self) -> None:
                outer._serve(self)

            def do_GET(self) -> None:
                outer._object(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._http = _Quiet(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        # Its own port is not used: connections come from the HTTP server, which hands them over before it reads.
        self._sockets: Server = serve(
            self._talk, "127.0.0.1", 0, compression=None, process_request=self._greet, close_timeout=1
        )
        self._threads = [
            threading.Thread(target=lambda: self._http.serve_forever(poll_interval=0.01)),
            threading.Thread(target=self._sockets.serve_forever),
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.drop_streams()
        self._http.shutdown()
        self._sockets.shutdown()
        for thread in self._threads:
            thread.join()
        self._http.server_close()

    def _greet(self, connection: ServerConnection, request: Request) -> Response | None:
        if self.refuse_streams:
            return connection.respond(HTTPStatus(self.refuse_streams), "")
        bearer = request.headers.get("Authorization", "")
        if bearer and self.tokens.get(bearer.removeprefix("Bearer ")) != "read:account":
            return connection.respond(HTTPStatus.UNAUTHORIZED, "")
        return None if request.path.startswith("/streaming") else connection.respond(HTTPStatus.NOT_FOUND, "")

    def _talk(self, connection: ServerConnection) -> None:
        self.connections += 1
        stream = Stream()
        with self._lock:
            self.streams.append(stream)
        listening = threading.Thread(target=self._listen, args=(connection, stream), daemon=True)
        listening.start()
        with suppress(ConnectionClosed):
            while (message := stream.out.get()) is not None:
                connection.send(message)
        with self._lock:
            self.streams.remove(stream)

    def _listen(self, connection: ServerConnection, stream: Stream) -> None:
        with suppress(ConnectionClosed):
            for message in connection:
                told = json.loads(message)
                kind, body = told.get("type"), told.get("body", {})
                with self._lock:
                    if kind == "connect":
                        stream.channels[body["id"]] = (body["channel"], body.get("params") or {})
                        if body.get("pong"):
                            stream.out.put(json.dumps({"type": "connected", "body": {"id": body["id"]}}))
                    elif kind in ("subNote", "s", "sr"):
                        stream.watched.append(body["id"])
                    elif kind in ("unsubNote", "un"):
                        stream.watched.remove(body["id"])
        stream.out.put(None)

    def _object(self, handler: BaseHTTPRequestHandler) -> None:
        """A note in ActivityPub."""
        note = self.notes.get(handler.path.removeprefix("/notes/"))
        found = {"id": self.uri(note["id"]), "type": "Note"} if note else {}
        respond(handler, 200 if note else 404, json.dumps(found).encode(), Content_Type=_JSON)

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        body: Json = json.loads(handler.rfile.read(int(handler.headers.get("Content-Length") or 0)) or b"{}")
        endpoint = handler.path.removeprefix("/api/")
        self.asked.append((endpoint, body))
        if self.answer is not None and self.answer(handler):
            return
        try:
            token = body.get("i") or handler.headers.get("Authorization", "").removeprefix("Bearer ")
            if token and token not in self.tokens:
                raise Fault(401, "AUTHENTICATION_FAILED")
            with self._lock:
                self._token = token
                status, found = 200, self._answer(endpoint, body, bool(token))
                status = 204 if found is None else 200
        except Fault as fault:
            error = {"message": "An error.", "code": fault.code, "id": "0b5f1631-7c1a-41a6-b399-cce335f34d85"}
            status, found = fault.status, {"error": {**error, "kind": "client"}}
        told = b"" if status == 204 else json.dumps(found, ensure_ascii=False).encode()
        respond(handler, status, told, Content_Type=_JSON)

    def _own(self, permission: str) -> str:
        """Whose the token is; it must have the permission, and the account must not be suspended."""
        if not self._token:
            raise Fault(401, "CREDENTIAL_REQUIRED")
        if permission not in self.tokens[self._token].split():
            raise Fault(403, "PERMISSION_DENIED")
        own = self.user_of.get(self._token) or next(iter(self.users), "")
        if self.users[own]["isSuspended"]:
            raise Fault(403, "YOUR_ACCOUNT_SUSPENDED")
        return own

    def _write(self, endpoint: str, body: Json) -> Any:
        if endpoint == "i":
            return self.users[self._own("read:account")]
        if endpoint == "notes/create":
            own = self._own("write:notes")
            if body.get("replyId") and body["replyId"] not in self.notes:
                raise Fault(400, "NO_SUCH_REPLY_TARGET")
            more = {key: body[key] for key in ("visibility", "visibleUserIds") if key in body}
            ident = self.note(own, body["text"], reply_to=body.get("replyId"), **more)
            return {"createdNote": self.notes[ident]}
        if endpoint == "notes/delete":
            note = self.notes.get(body["noteId"])
            if note is None:
                raise Fault(400, "NO_SUCH_NOTE")
            if note["userId"] != self._own("write:notes"):
                raise Fault(400, "ACCESS_DENIED")
            self.delete(body["noteId"])
            return None
        if endpoint == "users/report-abuse":
            own = self._own("write:report-abuse")
            if body["userId"] not in self.users:
                raise Fault(400, "NO_SUCH_USER")
            self.reports.append({"by": own, "userId": body["userId"], "comment": body["comment"]})
            return None
        found = [note for note in self.notes.values() if self.uri(note["id"]) == body["uri"]]
        if not found:
            raise Fault(400, "NO_SUCH_OBJECT")
        return {"type": "Note", "object": found[0]}

    def _answer(self, endpoint: str, body: Json, signed_in: bool) -> Any:
        public = [note for note in self.notes.values() if note["visibility"] in ("public", "home")]
        if endpoint in ("notes/local-timeline", "notes/global-timeline"):
            kind = endpoint.removeprefix("notes/").removesuffix("-timeline")
            if not self.open_to_all and not signed_in:
                raise Fault(400, "LTL_DISABLED" if kind == "local" else "GTL_DISABLED")
            return self._page([one for one in public if _on_channel(one, f"{kind}Timeline", {})], body)
        if endpoint == "notes/search-by-tag":
            return self._page([one for one in public if _on_channel(one, "hashtag", {"q": body["query"]})], body)
        if endpoint in ("i", "ap/show", "notes/create", "notes/delete", "users/report-abuse"):
            return self._write(endpoint, body)
        if endpoint == "notes/replies":
            return self._page([one for one in public if one["replyId"] == body["noteId"]], body)
        if endpoint == "users/notes":
            theirs = [one for one in self.notes.values() if one["userId"] == body["userId"]]
            own = signed_in and (self.user_of.get(self._token) or next(iter(self.users), "")) == body["userId"]
            seen = [one for one in theirs if own or one["visibility"] in ("public", "home")]
            return self._page([one for one in seen if body.get("withReplies") or not one["replyId"]], body)
        if endpoint == "users/show" and "username" in body:
            named = (body["username"], body.get("host"))
            known = [one for one in self.users.values() if (one["username"], one["host"]) == named]
            if not known:
                raise Fault(404, "NO_SUCH_USER")
            return known[0]
        if endpoint == "users/show":
            user = self.users.get(body["userId"])
            if user is None or user["isSuspended"]:
                raise Fault(404, "NO_SUCH_USER")
            return user
        if endpoint not in ("notes/show", "notes/conversation"):
            raise Fault(404, "UNKNOWN_API_ENDPOINT")
        note = self.notes.get(body["noteId"])
        if note is None:
            raise Fault(400, "NO_SUCH_NOTE")
        if self.users[note["userId"]].get("requireSigninToViewContents") and not signed_in:
            raise Fault(400, "SIGNIN_REQUIRED")
        if endpoint == "notes/show":
            if note["visibility"] in ("followers", "specified"):
                return {**note, "text": None, "cw": None, "isHidden": True}
            return note
        above: list[Json] = []
        while note is not None and note["replyId"] is not None:
            note = self.notes.get(note["replyId"])
            if note is not None:
                above.append(note)
        return above[: body.get("limit", 10)]

    def _page(self, notes: list[Json], body: Json) -> list[Json]:
        limit = body.get("limit", 10)
        if not 1 <= limit <= 100:
            raise Fault(400, "INVALID_PARAM")
        since, until = body.get("sinceId", ""), body.get("untilId", "~")
        found = sorted((one for one in notes if since < one["id"] < until), key=lambda one: str(one["id"]))
        ascending = "sinceId" in body and "untilId" not in body and not self.newest_first
        return found[:limit] if ascending else found[::-1][:limit]


LITE = ("id", "name", "username", "host", "avatarUrl", "avatarBlurhash", "isBot", "isCat", "onlineStatus", "badgeRoles")


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves is part of the tests."""


def _on_channel(note: Json, channel: str, params: Json) -> bool:
    if note["visibility"] != "public":
        return False
    if channel == "localTimeline":
        return note["user"] is None or note["user"]["host"] is None
    if channel == "hashtag":
        tags = note.get("tags", [])
        return any(all(tag.lower() in tags for tag in wanted) for wanted in params["q"])
    return channel == "globalTimeline"


def _base36(value: int, width: int) -> str:
    shown = ""
    for _ in range(width):
        value, digit = divmod(value, 36)
        shown = BASE36[digit] + shown
    return shown
