"""X's API version 2: posts to rows, questions within its limits, and what it says of a post that is gone.

Source: the public API document (docs.x.com/x-api): posts lookup, recent search, filtered stream, users, data dictionary,
rate limits, response codes, edit posts.
"""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson

from yoake.collect.clean import claimed_time, is_id, whole_text
from yoake.collect.connector import Context, Known, Liveness
from yoake.collect.net import Busy, Denied, Net, Response
from yoake.errors import BadInput, Refused, TryLater
from yoake.tables.posts import posts_batch

NETWORK: Final = "x"
API: Final = "https://api.x.com"
RESTRICTED: Final = {
    "ja": "Xの開発者規約は、利用者の監視や、警察など公的機関へのデータ提供を制限しています。"
    "Xへの利用申請でこの用途を説明し、認められてから使ってください。",
    "en": "X's developer terms restrict surveillance of its users and passing data to public bodies such as the police. "
    "Describe this use in your application to X, and begin when X has allowed it.",
}
FIELDS: Final[Mapping[str, str]] = {
    "tweet.fields": "attachments,author_id,conversation_id,created_at,edit_history_tweet_ids,entities,lang,note_tweet,"
    "possibly_sensitive,referenced_tweets,withheld",
    "expansions": "author_id,attachments.media_keys,referenced_tweets.id,referenced_tweets.id.author_id,"
    "referenced_tweets.id.attachments.media_keys",
    "user.fields": "description,name,protected,username",
    "media.fields": "alt_text,media_key,type,url",
}
_ANSWER_BYTES: Final = 8_000_000
_LOOKUP: Final = 100  # ids of one question
_PARENTS: Final = 10  # how far up a thread is followed
_RECENT: Final = 20  # how many of an author's newest posts are shown
_FEW: Final = 20
_SENSITIVE: Final = "nsfw"  # the label of what author or network call sensitive: in practice, adult
_CAPPED_S: Final = 6 * 3600.0  # how long a spent cap is left alone; X does not say when it begins anew
_LONGEST_WAIT: Final = timedelta(minutes=16)
_HERE: Final = ("JP", "XX", "XY")  # withheld in Japan, everywhere, or (XY) at the order of a right's holder
_EPOCH_MS: Final = 1_288_834_974_657  # ids count milliseconds from here
_ID = re.compile(r"[1-9]\d{0,19}")


class Invalid(BadInput):
    """X does not take a question; `parameters` are those it names, `problem` is all it says."""

    def __init__(self, parameters: Iterable[str], told: str, problem: Mapping[str, Any] | None = None) -> None:
        self.parameters, self.told, self.problem = frozenset(parameters), told, problem or {}
        super().__init__("question", ", ".join(sorted(self.parameters)) or "unknown", told)


def is_post_id(value: object) -> bool:
    """Whether this can be the id of a post or account."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def id_at(at: datetime) -> str:
    """An id as a post of this time would have: ids say their time, in milliseconds."""
    return str(max(1, (int(at.timestamp() * 1000) - _EPOCH_MS) << 22))


def time_of(ident: str) -> datetime:
    """When a post of this id was written, to the millisecond."""
    return datetime.fromtimestamp(((int(ident) >> 22) + _EPOCH_MS) / 1000, UTC)


def url_of(ident: str) -> str:
    """The address of a post that holds whatever its author is called."""
    return f"https://x.com/i/web/status/{ident}"


class NotThere(TryLater):
    """X has no such endpoint for this app."""


class Included:
    """What an answer carries beside its posts, by id."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        told = answer.get("includes")
        found = told if isinstance(told, dict) else {}
        self.posts = _by(found.get("tweets"), "id")
        self.users = _by(found.get("users"), "id")
        self.media = _by(found.get("media"), "media_key")


def post_of(post: object, included: Included, now: datetime) -> tuple[dict[str, Any] | None, list[str]]:
    """A post to a row of POSTS and the notes on it, or None and why it is none.

    Args:
        post: object Post; of a repost, what was reposted is read.
        included: the rest of its answer.
        now: bounds the claimed time; becomes `seen_at`.

    An edit has an id of its own: the id of its first version names the post, and `url` leads to the version that was read.
    """
    if not isinstance(post, dict):
        return None, ["unknown_record"]
    if (original := _referenced(post, "retweeted")) is not None:
        post = included.posts.get(original)
        if post is None:
            return None, ["no_original"]
    ident, author = post.get("id"), post.get("author_id")
    if not isinstance(ident, str) or not is_post_id(ident) or not isinstance(author, str) or not is_post_id(author):
        return None, ["no_id"]
    told, notes = _words(post), list[str]()
    if told is None:
        return None, ["no_text"]
    user = included.users.get(author, {})
    parent = _referenced(post, "replied_to") or ""
    above = _words(included.posts.get(parent, {})) or ""
    row = {
        "network": NETWORK,
        "native_id": history_of(post)[0],
        "url": url_of(ident),
        "author_id": author,
        "author_handle": _name(user.get("username")),
        "author_name": whole_text(_name(user.get("name")), notes),
        "profile": whole_text(_plain(user.get("description")), notes),
        "text": whole_text(told, notes),
        "parent_id": parent,
        "parent_text": whole_text(above, notes),
        "root_id": post["conversation_id"] if is_post_id(post.get("conversation_id")) else "",
        "lang": lang if isinstance(lang := post.get("lang"), str) and is_id(lang, 20) and lang != "und" else "",
        "labels": [_SENSITIVE] if post.get("possibly_sensitive") is True else [],
        "images": _images(post, included, notes),
        "posted_at": claimed_time(post.get("created_at"), now, notes),
        "seen_at": now,
    }
    return row, list(dict.fromkeys(notes))


def history_of(post: Mapping[str, Any]) -> list[str]:
    """The ids of a post's versions, the first one first; its own id where it tells none."""
    told = post.get("edit_history_tweet_ids")
    found = [ident for ident in told if is_post_id(ident)] if isinstance(told, list) else []
    return sorted(found, key=int) or [str(post["id"])]


def _words(post: Mapping[str, Any]) -> str | None:
    """The whole text as a reader sees it: long texts too, links as where they lead, without those to its own pictures."""
    note = post.get("note_tweet")
    source = note if isinstance(note, dict) and isinstance(note.get("text"), str) else post
    text, entities = source.get("text"), source.get("entities")
    if not isinstance(text, str):
        return None
    urls = entities.get("urls") if isinstance(entities, dict) else None
    for url in urls[: 5 * _FEW] if isinstance(urls, list) else ():
        short, leads = (url.get("url"), url.get("expanded_url")) if isinstance(url, dict) else (None, None)
        if isinstance(short, str) and short.startswith("https://t.co/") and isinstance(leads, str) and is_id(leads):
            text = text.replace(short, "" if "media_key" in url else leads)
    return _plain(text).strip()


def _plain(text: object) -> str:
    """X escapes &, < and > in texts, and nothing else."""
    return html.unescape(re.sub(r"&(?!amp;|lt;|gt;)", "&amp;", text)) if isinstance(text, str) else ""


def _name(value: object) -> str:
    return value if isinstance(value, str) and is_id(value, 300) else ""


def _images(post: Mapping[str, Any], included: Included, notes: list[str]) -> list[dict[str, Any]]:
    attached = post.get("attachments")
    keys = attached.get("media_keys") if isinstance(attached, dict) else None
    found = []
    for key in keys[:_FEW] if isinstance(keys, list) else ():
        media = included.media.get(key, {}) if isinstance(key, str) else {}
        if media.get("type", "photo") != "photo":
            continue
        ref, alt = media.get("url"), media.get("alt_text")
        if not isinstance(ref, str) or not ref.startswith("https://") or not is_id(ref):
            notes.append("bad_image")
            continue
        text = whole_text(alt, notes) if isinstance(alt, str) else ""
        found.append({"ref": ref, "alt": text, "mime": "", "size_bytes": None})
    return found


def _referenced(post: Mapping[str, Any], kind: str) -> str | None:
    told = post.get("referenced_tweets")
    for one in told if isinstance(told, list) else ():
        if isinstance(one, dict) and one.get("type") == kind and is_post_id(one.get("id")):
            return str(one["id"])
    return None


def _by(things: object, key: str) -> dict[str, dict[str, Any]]:
    listed = things if isinstance(things, list) else []
    return {thing[key]: thing for thing in listed if isinstance(thing, dict) and isinstance(thing.get(key), str)}


class X:
    """Questions to the API.

    Args:
        api: its address.
        bearer: the app's bearer token; sent to this host alone.
        net: the outside world.
    """

    def __init__(self, api: str, bearer: str, net: Net) -> None:
        self.api, self.net = api.rstrip("/"), net
        self.headers = {"Authorization": f"Bearer {bearer}"}
        self._window_of = (
            f"x window {hashlib.sha256(bearer.encode()).hexdigest()[:16]}"  # all sources of an app share it
        )

    def waits(self, path: str) -> bool:
        """Whether the requests of this endpoint are spent for now."""
        return self._left_s(path) > 0

    def _left_s(self, path: str) -> float:
        """Seconds until the endpoint's window of requests begins anew; 0 where some are left."""
        until: float | None = self.net.hosts.quota(f"{self._window_of} {path}")
        return max(0.0, until - self.net.now().timestamp()) if until is not None else 0.0

    def ask(self, path: str, params: Mapping[str, str | int] | None = None, *, limit: str = "") -> dict[str, Any]:
        """One question; partial errors stay in its answer. `limit`: whose requests it counts among, when not `path`.

        Raises:
            TryLater: requests or posts are spent, or X is in trouble.
            Refused: X does not let this app in.
            Invalid: X does not understand the question.
        """
        if (left_s := self._left_s(limit or path)) > 0:
            raise TryLater("X asks to wait (requests of this window are spent).", after_s=left_s)
        try:
            answer = self.net.get(
                f"{self.api}{path}", params=params, headers=self.headers, timeout_s=15, limit_bytes=_ANSWER_BYTES
            )
        except (Busy, Denied) as no:
            raise explained(no) from None
        self._window(limit or path, answer.headers)
        return self.judged(answer)

    def change(self, path: str, told: Any, params: str = "") -> dict[str, Any]:
        """One POST of JSON; as `ask` otherwise."""
        headers = {**self.headers, "Content-Type": "application/json"}
        try:
            answer = self.net.post(f"{self.api}{path}{params}", orjson.dumps(told), headers=headers, timeout_s=15)
        except (Busy, Denied) as no:
            raise explained(no) from None
        return self.judged(answer)

    def judged(self, answer: Response) -> dict[str, Any]:
        """The object that X answered; else what the status means."""
        if answer.status in (200, 201):
            found = answer.json()
            if not isinstance(found, dict):
                raise TryLater("X answered with something that is no object; try again later.", after_s=600)
            return found
        problem = problem_of(answer.body)
        if answer.status in (400, 422) and problem:
            raise Invalid(*_complaint(problem), problem)
        if answer.status == 402:
            raise Refused(
                f"X answered 402: this app's credits are spent ({_said(problem)}); see its developer console."
            )
        kind = NotThere if answer.status == 404 else TryLater
        raise kind(f"X answered with status {answer.status} ({_said(problem)}); try again later.", after_s=60)

    def _window(self, path: str, headers: Mapping[str, str]) -> None:
        """Notes when to ask again, where no request is left."""
        left, reset = headers.get("x-rate-limit-remaining", ""), headers.get("x-rate-limit-reset", "")
        if left == "0" and re.fullmatch(r"\d{9,11}", reset):
            now = self.net.now()
            until = min(datetime.fromtimestamp(int(reset), UTC), now + _LONGEST_WAIT).timestamp()
            self.net.hosts.use_quota(f"{self._window_of} {path}", lambda _: (until, _LONGEST_WAIT.total_seconds()))


def explained(no: Busy | Denied) -> TryLater | Refused:
    """What X says to a status that means no: a cap that is spent, a stream that is open already, an app without access."""
    problem = problem_of(no.body)
    kind = str(problem.get("type", "")).rpartition("/")[2]
    if isinstance(no, Denied):
        told = Denied(f"{no} X says: {_said(problem)}.") if problem else no
        told.status = no.status
        return told
    if kind == "usage-capped":
        period = str(problem.get("period", "its period"))[:20]
        return TryLater(
            f"X says that the cap of posts ({period}) is used up; set posts_per_month to what your plan has.",
            after_s=_CAPPED_S,
        )
    if problem.get("connection_issue") == "TooManyConnections":
        return TryLater(
            "X says that this app's stream is open already; trying again later. One app has one stream: give a second "
            "source a key of its own.",
            after_s=max(60.0, no.after_s),
        )
    return no


def problem_of(body: bytes) -> dict[str, Any]:
    """An answer of problem+json; empty where it is none."""
    with suppress(orjson.JSONDecodeError):
        if isinstance(found := orjson.loads(body), dict):
            return found
    return {}


def _said(problem: Mapping[str, Any]) -> str:
    """What a problem says of itself, short."""
    words = [problem.get("title"), problem.get("reason"), problem.get("detail")]
    told = ": ".join(dict.fromkeys(word for word in words if isinstance(word, str)))
    return "".join(c for c in told if c.isprintable())[:200].rstrip(". ") or "without saying why"


def _complaint(problem: Mapping[str, Any]) -> tuple[list[str], str]:
    """Which parameters X complains of, and how."""
    errors = problem.get("errors")
    names: list[str] = []
    told = [_said(problem)]
    for error in errors if isinstance(errors, list) else ():
        if isinstance(error, dict):
            names += error["parameters"] if isinstance(error.get("parameters"), dict) else []
            told.append(str(error.get("message", "")))
    return names, "".join(c for c in (told[-1] or told[0]) if c.isprintable())[:300]


class Posts:
    """Posts by id: whether they are up, and what surrounds them.

    Args:
        x: the API.
    """

    def __init__(self, x: X) -> None:
        self._x, self._net = x, x.net

    def check(self, known: Sequence[Known]) -> list[Liveness]:
        """Liveness of each post, in the order asked."""
        wanted = [one for one in dict.fromkeys(one.ref for one in known) if is_post_id(one)]
        found: dict[str, dict[str, Any]] = {}
        errors: dict[str, dict[str, Any]] = {}
        trouble = ""
        included = Included({})
        try:
            found, errors, included = self._lookup(wanted)
            newest = {ref: history_of(post)[-1] for ref, post in found.items()}
            later = [ident for ref, ident in newest.items() if ident != found[ref]["id"]]
            if later:  # X answered with the version that was asked for
                versions, gone, more = self._lookup(later)
                found = {ref: versions.get(newest[ref], found[ref]) for ref in found}
                errors |= {ref: gone[ident] for ref, ident in newest.items() if ident in gone}
                for kind in ("posts", "users", "media"):
                    getattr(included, kind).update(getattr(more, kind))
        except (TryLater, Refused, Invalid) as error:
            trouble = str(error)
        return [self._liveness(one, found.get(one.ref), errors.get(one.ref), included, trouble) for one in known]

    def context(self, ref: str) -> Context:
        """Parents, profile and newest posts around a post; empty when it is gone. Raises TryLater or Refused."""
        nothing = Context(posts_batch([]), posts_batch([]))
        now = self._net.now()
        if not is_post_id(ref):
            return nothing
        row = self._row(ref)
        if row is None:
            return nothing
        parents: list[dict[str, Any]] = []
        above = row
        while above["parent_id"] and len(parents) < _PARENTS:
            upper = self._row(above["parent_id"])
            if upper is None:
                break
            parents.insert(0, upper)
            above = upper
        path = f"/2/users/{row['author_id']}/tweets"
        query: dict[str, str | int] = {**FIELDS, "max_results": _RECENT, "exclude": "retweets"}
        answer = self._x.ask(path, query, limit="/2/users/:id/tweets")
        included, data = Included(answer), answer.get("data")
        recent = [post_of(post, included, now)[0] for post in (data if isinstance(data, list) else ())]
        return Context(
            posts_batch(parents), posts_batch([one for one in recent if one]), row["profile"], row["author_name"]
        )

    def read(self, ref: str) -> dict[str, Any] | None:
        """The newest version of a post as a row of POSTS; None when it is not there. Raises TryLater or Refused."""
        if not is_post_id(ref):
            return None
        found, _, _ = self._lookup([ref])
        newest = history_of(found[ref])[-1] if ref in found else ref
        return self._row(newest)

    def _row(self, ident: str) -> dict[str, Any] | None:
        found, _, included = self._lookup([ident])
        return post_of(found[ident], included, self._net.now())[0] if ident in found else None

    def _lookup(self, idents: Sequence[str]) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]], Included]:
        """Posts and errors by the id that was asked for, and what came with them."""
        found: dict[str, dict[str, Any]] = {}
        errors: dict[str, dict[str, Any]] = {}
        included = Included({})
        for start in range(0, len(idents), _LOOKUP):
            part = idents[start : start + _LOOKUP]
            answer = self._x.ask("/2/tweets", {"ids": ",".join(part), **FIELDS})
            posts = _by(answer.get("data"), "id")
            for ident in part:
                here = posts.get(ident) or next((p for p in posts.values() if ident in history_of(p)), None)
                if here is not None:
                    found[ident] = here
            told = answer.get("errors")
            for error in told if isinstance(told, list) else ():
                # an error about what a post refers to names the section "includes"
                if isinstance(error, dict) and error.get("section", "data") == "data":
                    errors[str(error.get("resource_id") or error.get("value"))] = error
            more = Included(answer)
            for kind in ("posts", "users", "media"):
                getattr(included, kind).update(getattr(more, kind))
        return found, errors, included

    def _liveness(
        self,
        known: Known,
        post: dict[str, Any] | None,
        error: dict[str, Any] | None,
        included: Included,
        trouble: str,
    ) -> Liveness:
        now = self._net.now()
        if not is_post_id(known.ref):
            return Liveness(known.ref, "unchecked", now, "this is not the id of a post on X")
        if trouble:
            return Liveness(known.ref, "unreachable", now, trouble)
        if error is not None or post is None:
            state, note = _gone(error)
            return Liveness(known.ref, state, now, note)
        row, _ = post_of(post, included, now)
        told, newest = row["text"] if row else "", history_of(post)[-1]
        batch = posts_batch([row]) if row else None
        mark = batch.column("content_hash")[0].as_py() if batch is not None else ""
        state, note = _withheld(post)
        if state == "up" and len(history_of(post)) > 1:
            same = known.stamp == newest if known.stamp else (known.content_hash == mark and told != "")
            state, note = ("up", note) if same else ("edited", f"version {newest} is shown now")
        return Liveness(known.ref, state, now, note, mark, newest)


def _withheld(post: Mapping[str, Any]) -> tuple[str, str]:
    """Whether X shows a post in Japan."""
    told = post.get("withheld")
    codes = told.get("country_codes") if isinstance(told, dict) else None
    listed = [code for code in codes if isinstance(code, str)] if isinstance(codes, list) else []
    if any(code in _HERE for code in listed):
        return "removed_by_provider", f"X withholds it in {', '.join(listed)[:80]}"
    return "up", f"X withholds it in {', '.join(listed)[:80]}" if listed else ""


def _gone(error: Mapping[str, Any] | None) -> tuple[str, str]:
    """What X's error about one post means; it seldom says by whom a post was removed, and that is not guessed."""
    if error is None:
        return "unreachable", "X answered without a word about this post"
    detail, kind = str(error.get("detail", "")).lower(), str(error.get("type", "")).rpartition("/")[2]
    if "suspended" in detail:
        return "account_suspended", "X says that the account is suspended"
    if kind == "not-authorized-for-resource":
        if "protected" in detail:
            return "private", "the account is protected"
        # It may come back, and may be seen by whom the account lets in: a person looks.
        return "unchecked", "X does not show it, for the account is protected or suspended, and does not say which"
    if kind == "resource-not-found":
        return "removed", "X does not have it; it does not say who removed it"
    return "unreachable", f"X says: {_said(error)}"
