from __future__ import annotations

import re
from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import orjson
import pyarrow as pa

from yoake.collect.columns import zone_of
from yoake.collect.connector import Context, Known, Liveness, Page, Skip
from yoake.collect.jobs import posting_of_feed, postings_of_page
from yoake.collect.manners import LoginWall, Manners, RobotsSayNo, pause
from yoake.collect.markup import NotXml, elements, local, unpacked
from yoake.collect.net import Busy, Denied, Net, Response, Stamp, TooLong, Unreached
from yoake.collect.sitemaps import BYTES, DEEPEST, Entry, entries, root_of, since
from yoake.collect.web import GONE, NETWORK, PAGE_BYTES, address_of, check_pages, item_url, read_anew
from yoake.errors import BadInput, Refused, TryLater
from yoake.tables.posts import posts_batch, removals_batch

__all__ = ["JobPosting"]

_SOONEST_S: Final = 600.0
_FETCH_S: Final = 20.0  # of a whole sitemap; the patrol must show life within half a minute
_SITEMAPS: Final = 1_000  # of one round
_ENTRIES: Final = 500_000
_PAGE_JOBS: Final = 500  # of a feed that make one page
_AWAY: Final = 20  # pages in a row that fail before the site counts as away
_FAILING: Final = 100  # pages of one round that are asked for again at its end
_FEED_ROOTS: Final = ("source", "jobs")


class JobPosting:
    """Offers of a job board: schema.org JobPosting in the pages that its sitemap names, or its XML feed of jobs.

    Works in rounds: the sitemap is read, then every page that changed since the last round, oldest change first. The
    cursor holds the round's beginning, the last one's, and the page at which it stands.
    """

    title = {"ja": "求人サイト（JobPosting・求人フィード）", "en": "Job board (JobPosting, XML feed of jobs)"}
    live = True
    job_board = True
    cursor_of = ("url", "only")

    @dataclass(frozen=True)
    class Options:
        """Settings of a source that is a job board.

        Args:
            url: a sitemap, a sitemap index, an XML feed of jobs, a page with JobPosting, or the front page of a site
                whose robots.txt names its sitemaps.
            every_s: seconds between the beginnings of two rounds; at least 600.
            only: part of the addresses of pages to read, such as /jobs/; empty: every page of the sitemap.
            days: the first round reads pages that changed in so many days.
            delay_s: seconds between two requests; a longer Crawl-delay of the site goes before it.
            time_zone: whose days and times without an offset are; empty: such times are left out.
            user_agent: a name to ask under, for a site run by suspects; empty: our own, with the contact.
            proxy: name of the secret that holds the address of an HTTP proxy to ask through; empty: none.
        """

        url: str = ""
        every_s: float = 21_600.0
        only: str = ""
        days: int = 30
        delay_s: float = 1.0
        time_zone: str = "Asia/Tokyo"
        user_agent: str = ""
        proxy: str = ""

    def pages(self, options: Options, cursor: str | None, net: Net) -> Generator[Page, None, None]:
        """The jobs of the board, then what is new, round after round."""
        if not options.every_s >= _SOONEST_S:
            raise BadInput("every_s", options.every_s, f"at least {_SOONEST_S:.0f} seconds: be kind to the site")
        if options.days < 0 or not options.delay_s >= 0:
            raise BadInput("days, delay_s", (options.days, options.delay_s), "not less than nothing")
        place = _Place.at(cursor)
        round_ = _Round(options, place, net.disguised(user_agent=options.user_agent, proxy=options.proxy))
        while True:
            if not place.began:
                left_s = min(place.read_at + options.every_s - net.now().timestamp(), options.every_s)
                if (yield from pause(net, left_s, place.cursor())):
                    return
            if (yield from round_.run()):
                return

    def check(self, refs: Sequence[str], options: Options, net: Net) -> list[Liveness]:
        """Asks for each job's page."""
        return self.check_known([Known(ref) for ref in refs], options, net)

    def check_known(self, known: Sequence[Known], options: Options, net: Net) -> list[Liveness]:
        """Asks for each job's page, if it changed; compares the posting there with the known version."""
        disguised = net.disguised(user_agent=options.user_agent, proxy=options.proxy)
        return check_pages(known, disguised, _one_of(options), delay_s=options.delay_s)

    def read(self, ref: str, options: Options, net: Net) -> pa.RecordBatch:
        """One offer as its page shows it now; no row when it is not there."""
        disguised = net.disguised(user_agent=options.user_agent, proxy=options.proxy)
        row = read_anew(ref, disguised, _one_of(options), delay_s=options.delay_s)
        return posts_batch([row] if row else [])

    def context(self, ref: str, options: Options, net: Net) -> Context:
        """Nothing: a job board has neither threads nor profiles."""
        return Context(posts_batch([]), posts_batch([]))


@dataclass
class _Place:
    """Where the reading of a board stands; its fields are the cursor."""

    read_at: float = 0.0  # when the last round began that ended
    since: str = ""  # the same, as sitemaps compare it
    began: str = ""  # when the round at hand began; "" between rounds
    changed: str = ""  # the page at which it stands
    url: str = ""
    again: list[str] = field(default_factory=list)  # pages that failed, for the end of the round
    body: str = ""  # of a feed: which one is being read
    row: int = 0  # and how many jobs of it were
    kind: str = ""  # what the address held when it was read last, if it was XML
    etag: str = ""  # of what was read to its end
    modified: str = ""

    @classmethod
    def at(cls, cursor: str | None) -> _Place:
        try:
            place = cls(**orjson.loads(cursor)) if cursor is not None else cls()
            texts = (
                place.since,
                place.began,
                place.changed,
                place.url,
                place.body,
                place.kind,
                place.etag,
                place.modified,
            )
            if not all(isinstance(text, str) for text in texts):
                raise TypeError
            place.read_at, place.row = float(place.read_at), int(place.row)
            if place.began:
                datetime.fromisoformat(place.began)
        except (ValueError, TypeError):
            raise BadInput("cursor", cursor, "what a page of this board said last") from None
        return place

    def cursor(self) -> str:
        """Resumes after what was read."""
        return orjson.dumps(asdict(self)).decode()


class _Round:
    """One round through a board."""

    def __init__(self, options: JobPosting.Options, place: _Place, net: Net) -> None:
        self._options, self._place, self._net = options, place, net
        self._manners = Manners(net, delay_s=options.delay_s)
        self._zone: ZoneInfo | None = zone_of(options.time_zone)
        self._skipped: list[Skip] = []

    def run(self) -> Generator[Page, None, bool]:
        """The pages of a round, from where it stands. True when the patrol stops meanwhile."""
        place, url = self._place, self._options.url
        if not place.began:
            place.began = self._net.now().isoformat()
        stamp = Stamp() if place.url or place.again or place.row else Stamp(place.etag, place.modified)
        if (yield from self._manners.rest(url, place.cursor())):
            return True
        response = self._fetch(url, stamp)
        new = Stamp()
        if response.status != 304:
            place.kind, body = self._look(response)
            kind = place.kind
            if kind in _FEED_ROOTS:
                if (yield from self._feed(body, response)):
                    return True
            elif (yield from self._site(kind, response)):
                return True
            new = Stamp.of(response) if kind in (*_FEED_ROOTS, "urlset") else Stamp()
        else:
            new = stamp
        began = datetime.fromisoformat(place.began)
        place.read_at, place.since, place.began = began.timestamp(), since(began), ""
        place.changed = place.url = place.body = ""
        place.again, place.row, place.etag, place.modified = [], 0, new.etag, new.modified
        yield self._page([], [], began)
        return False

    def _fetch(self, url: str, stamp: Stamp) -> Response:
        response = self._manners.get(url, headers=stamp.headers(), timeout_s=_FETCH_S, limit_bytes=BYTES)
        if response.status in GONE:
            raise Refused(f"{url} answers {response.status}: check the address of the sitemap or feed.")
        if response.status != 200 and not (response.status == 304 and stamp.headers()):
            raise TryLater(f"{url} answers {response.status}; trying again later.", after_s=300)
        return response

    def _look(self, response: Response) -> tuple[str, bytes]:
        body = unpacked(response.body, BYTES)
        kind = root_of(body, response.headers.get("content-type", ""), response.url)
        if not kind and (self._place.kind or re.search(r"\.xml(\.gz)?$", urlsplit(self._options.url).path)):
            # An error page that claims to be an answer: no round, else what changed meanwhile would never be read.
            raise TryLater(f"{response.url} is HTML where a sitemap or feed was; trying again later.", after_s=600)
        if kind not in ("", "urlset", "sitemapindex", *_FEED_ROOTS):
            raise Refused(f"{response.url} is neither a sitemap nor a feed of jobs (it begins with {kind[:40]}).")
        return kind, body

    # A site: sitemaps to pages, pages to jobs.

    def _site(self, kind: str, response: Response) -> Generator[Page, None, bool]:
        """What was fetched is a sitemap, the front page of a site whose robots.txt names them, or a single page."""
        place, found, read = self._place, list[Entry](), [0]
        if kind:
            if (yield from self._gather(response.url, found, 1, read, response)):
                return True
        else:
            named = self._manners.sitemaps(response.url) if urlsplit(response.url).path in ("", "/") else []
            found += [] if named else [Entry("", response.url)]
            for url in named:
                if (yield from self._gather(url, found, 1, read)):
                    return True
        earliest = place.since or (since(datetime.fromisoformat(place.began) - timedelta(days=self._options.days)))
        wanted = sorted({entry for entry in found if not entry.changed or entry.changed >= earliest})
        left = [entry for entry in wanted if not place.url or entry > (place.changed, place.url)]
        if (yield from self._job_pages(left, last=False)):
            return True
        return (yield from self._job_pages([Entry("", url) for url in place.again], last=True))

    def _job_pages(self, wanted: list[Entry], *, last: bool) -> Generator[Page, None, bool]:
        """Jobs of pages. One that fails is asked for again at the round's end (`last`: that is now), then counted.

        Raises what the last page says when _AWAY in a row fail: then it is the site, and reading goes on later before
        the first of them.
        """
        place, failed = self._place, list[str]()  # pages in a row
        for entry in wanted:
            if (yield from self._manners_rest(entry, place.cursor())):
                return True
            try:
                rows, removed, skips = self._job_page(entry)
            except (Busy, Unreached):
                raise
            except (TryLater, Denied, LoginWall) as error:
                failed.append(entry.url)
                if len(failed) == _AWAY and not last:
                    raise
                if last or len(place.again) + len(failed) > _FAILING:
                    reason = "page_failed" if isinstance(error, TryLater) else "not_let_in"
                    self._skipped.append(Skip(reason, entry.url[:120]))
                continue
            if last:
                place.again = [url for url in place.again if url != entry.url and url not in failed]
            else:
                place.again += failed[: _FAILING - len(place.again)]
                place.changed, place.url = entry
            failed = []
            self._skipped += skips
            yield self._page(rows, removed, self._net.now())
        place.again = [] if last else [*place.again, *failed][:_FAILING]
        return False

    def _manners_rest(self, entry: Entry, cursor: str) -> Generator[Page, None, bool]:
        try:
            return (yield from self._manners.rest(entry.url, cursor))
        except (RobotsSayNo, BadInput):
            return False  # told when it is fetched

    def _job_page(self, entry: Entry) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[Skip]]:
        where = entry.url[:120]
        try:
            response = self._manners.get(entry.url, limit_bytes=PAGE_BYTES)
        except RobotsSayNo:
            return [], [], [Skip("robots", where)]
        except (Denied, LoginWall):
            raise
        except (Refused, BadInput):
            return [], [], [Skip("bad_url", where)]
        except TooLong:
            return [], [], [Skip("too_long", where)]
        now = self._net.now()
        if response.status in GONE:
            return [], [_removal(item_url(entry.url, "") or entry.url, now)], []
        if response.status != 200 or not response.body:
            raise TryLater(f"{entry.url} answers {response.status} and nothing else; trying again later.", after_s=60)
        rows, notes = postings_of_page(response, self._zone, now)
        return rows, [], [Skip(note, where, kept=bool(rows) and note != "no_id") for note in notes]

    def _gather(
        self, url: str, found: list[Entry], depth: int, read: list[int], response: Response | None = None
    ) -> Generator[Page, None, bool]:
        """Entries of a sitemap, and of those it names, into `found`; pages of other sites are left out."""
        read[0] += 1
        if depth > DEEPEST or read[0] > _SITEMAPS or len(found) >= _ENTRIES:
            self._skipped.append(Skip("too_many", url[:120]))
            return False
        cursor = self._place.cursor()
        try:
            if response is None:
                if (yield from self._manners.rest(url, cursor)):
                    return True
                response = self._fetch(url, Stamp())
            body, said = unpacked(response.body, BYTES), response.headers.get("content-type", "")
            kind = root_of(body, said, response.url)
            listed = list(entries(body, said, response.url))
        except (Refused, BadInput, NotXml, TooLong) as error:
            if depth == 1 and not isinstance(error, RobotsSayNo):
                raise
            reason = "robots" if isinstance(error, RobotsSayNo) else "sitemap_failed"
            self._skipped.append(Skip(reason, url[:120]))  # one of many: the others are read
            return False
        mine = [entry for entry in listed if _site_of(entry.url) == _site_of(self._options.url)]
        elsewhere = len(listed) - len(mine)
        inner = mine if kind == "sitemapindex" else []
        if kind != "sitemapindex":
            found += [entry for entry in mine if self._options.only in entry.url][: _ENTRIES - len(found)]
        if elsewhere:
            self._skipped.append(Skip("other_site", f"{elsewhere} of {url}"[:120]))
        for entry in inner:
            if entry.changed and self._place.since and entry.changed < self._place.since:
                continue
            yield Page(cursor=cursor)
            if (yield from self._gather(entry.url, found, depth + 1, read)):
                return True
        return False

    # A feed of jobs.

    def _feed(self, body: bytes, response: Response) -> Generator[Page, None, bool]:
        place, known = self._place, sha256(body).hexdigest()[:16]
        if place.body != known:
            place.body, place.row = known, 0  # another one than was begun: from its beginning
        row, rows = 0, []
        for event, element in elements(body, response.headers.get("content-type", ""), response.url):
            if event == "start" or local(element) != "job":
                continue
            row += 1
            if row > place.row:
                job, notes = posting_of_feed(element, self._options.url, self._zone, self._net.now())
                rows += [job] if job is not None else []
                self._skipped += [Skip(note, f"job {row}", kept=job is not None) for note in notes]
            element.clear()
            if len(rows) == _PAGE_JOBS:
                place.row = row
                yield self._page(rows, [], self._net.now())
                rows = []
                if self._net.stopping:
                    return True
        place.row = row
        yield self._page(rows, [], self._net.now())
        return False

    def _page(self, rows: list[dict[str, Any]], removed: list[dict[str, Any]], seen_until: datetime) -> Page:
        skipped, self._skipped = tuple(self._skipped), []
        return Page(
            posts_batch(rows), removals_batch(removed), skipped, self._place.cursor(), seen_until.astimezone(UTC)
        )


def _one_of(options: JobPosting.Options) -> Callable[[Response, str, datetime], dict[str, Any] | None]:
    """How one offer is found on its page."""
    zone = zone_of(options.time_zone)

    def read(response: Response, ref: str, now: datetime) -> dict[str, Any] | None:
        rows = postings_of_page(response, zone, now)[0]
        row = next((row for row in rows if row["native_id"] == address_of(ref)), rows[0] if len(rows) == 1 else None)
        return {**row, "native_id": ref} if row is not None else None

    return read


def _removal(url: str, now: datetime) -> dict[str, Any]:
    return {"kind": "post", "network": NETWORK, "native_id": url, "state": "removed", "removed_at": now}


def _site_of(url: str) -> str:
    try:
        host = (urlsplit(url).hostname or "").removeprefix("www.")
        return f"{host}:{urlsplit(url).port or ''}" if re.match("https?://", url) else ""
    except ValueError:
        return ""
