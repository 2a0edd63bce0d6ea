"""Fetches pictures of posts for whoever reads them, through the guarded way out; nothing is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from yoake import shelf
from yoake.casework.sources.models import Source
from yoake.collect import connectors
from yoake.collect.connector import Connector, KeepsPictures
from yoake.collect.net import Net, TooLong
from yoake.collect.web import NETWORK
from yoake.detect.picture import MOST_BYTES, TYPES
from yoake.errors import BadInput, Refused, TryLater
from yoake.pipeline.line import options_of
from yoake.pipeline.outside import outside

_TIMEOUT_S: Final = 15.0
_UNTYPED: Final = ("", "application/octet-stream", "binary/octet-stream")


class Fetcher:
    """Brings the pictures of one post, from their addresses or through the connector that brought the post.

    Args:
        source: of the post; None: only pictures with an address of their own can be fetched, and none of a web page.
    """

    def __init__(self, source: Source | None) -> None:
        self.source = source
        self.net = outside()

    def __call__(self, row: Mapping[str, Any], number: int) -> bytes | None:
        """Octets of picture `number` (from 1) of a post (row of POSTS); None when it is not there any more.

        Raises TryLater when its host is away, BadInput when it cannot be fetched at all.
        """
        ref = row["images"][number - 1]["ref"]
        try:
            if ref.startswith(("https://", "http://")):
                if (
                    self.source is None and row["network"] == NETWORK
                ):  # nobody knows any more under which name it was asked
                    raise BadInput("picture", "no_source", "a picture whose source is known")
                return self._from_address(ref)
            return self._from_connector(row["native_id"], ref)
        except TooLong:
            raise BadInput("picture", "too_big", f"a picture of at most {MOST_BYTES:,} bytes") from None
        except Refused:
            raise BadInput("picture", "refused", "a picture that its host hands out") from None

    def _from_address(self, url: str) -> bytes | None:
        answer = self._way_out().get(url, timeout_s=_TIMEOUT_S, limit_bytes=MOST_BYTES)
        if answer.status >= 500:
            raise TryLater(f"a picture could not be fetched (status {answer.status}); trying again later.", after_s=60)
        if answer.status != 200:
            return None
        said = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if said not in TYPES and said not in _UNTYPED:
            raise BadInput("picture", "wrong_type", "a picture")
        return answer.body

    def _way_out(self) -> Net:
        """A source that is asked under another name, or through a proxy, hides who looks at its pictures too."""
        if self.source is None:
            return self.net
        try:
            told = options_of(shelf.take(connectors, self.source.connector)(), self.source)
        except BadInput as problem:
            raise Refused(f"the settings of source {self.source.name} cannot be read: {problem}") from None
        return self.net.disguised(user_agent=getattr(told, "user_agent", ""), proxy=getattr(told, "proxy", ""))

    def _from_connector(self, ref: str, image: str) -> bytes | None:
        if self.source is None:
            raise BadInput("picture", "no_source", "a picture whose source is known")
        connector: Connector = shelf.take(connectors, self.source.connector)()
        options = options_of(connector, self.source)
        if not isinstance(connector, KeepsPictures):
            raise BadInput("picture", "no_way", "a picture that its connector can fetch")
        return connector.picture(ref, image, options, self.net, limit_bytes=MOST_BYTES)
