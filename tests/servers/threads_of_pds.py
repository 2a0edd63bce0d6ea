"""A service that shows threads of a PDS: who answered a post, as app.bsky.feed.getPostThread tells it (there is no AppView here)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.collect.loopback import http_server, respond
from tests.servers.pds import POST, Pds, PdsError, Writer


@contextmanager
def threads_of(pds: Pds, *writers: Writer) -> Iterator[str]:
    """Its address; it knows the replies that these accounts wrote, as they stand on the PDS now."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        address = urlsplit(handler.path)
        if address.path != "/xrpc/app.bsky.feed.getPostThread":
            respond(handler, 501, b'{"error":"MethodNotImplemented"}')
            return
        uri = parse_qs(address.query)["uri"][0]
        replies = []
        for writer in writers:
            told: dict[str, Any] = {"repo": writer.did, "collection": POST, "limit": 100}
            with suppress(PdsError):  # an account that was taken down shows nothing
                told = {"records": pds.call("com.atproto.repo.listRecords", params=told)["records"]}
            for one in told.get("records", ()):
                if one["value"].get("reply", {}).get("parent", {}).get("uri") == uri:
                    replies.append(
                        {"post": {"uri": one["uri"], "author": {"did": writer.did, "handle": writer.handle}}}
                    )
        thread = {"$type": "app.bsky.feed.defs#threadViewPost", "post": {"uri": uri}, "replies": replies}
        respond(handler, 200, json.dumps({"thread": thread}).encode())

    with http_server(answer) as url:
        yield url
