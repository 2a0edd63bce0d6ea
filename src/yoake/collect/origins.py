"""Questions about a post of the fediverse: is it still up, and what surrounds it?

The server where it was written knows; every other has a copy that may have missed a deletion. That server is asked in the
language it speaks, as the post's id shows: Mastodon's API, Misskey's, or ActivityPub itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from yoake.collect.clean import whole_text
from yoake.collect.connector import Context, Liveness, unanswered
from yoake.collect.fediverse import Place, host_of, place_of
from yoake.collect.mastodon import Mastodon, profile_of, status_of
from yoake.collect.misskey import Misskey, note_of, profile_of_user
from yoake.collect.net import Net
from yoake.errors import BadInput, Refused, TryLater
from yoake.tables.posts import posts_batch

_PARENTS: Final = 10  # how far up a thread is followed
_RECENT: Final = 20  # how many of an author's newest posts are shown
_ACTIVITY: Final = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams", application/activity+json'
_ANSWER_BYTES: Final = 2_000_000

State = tuple[str, str]  # state and note of a Liveness
_GONE: Final = ("removed", "the server does not have it any more; it does not say who deleted it")


class Origins:
    """Asks the servers where posts were written.

    Args:
        own: the instance of the source; a token it has goes to it alone.
        others: whether other servers are asked too; else only `own`.
        net: the outside world.
    """

    def __init__(self, own: Mastodon | Misskey, *, others: bool, net: Net) -> None:
        self._own, self._others, self._net = own, others, net
        self._away: dict[str, TryLater] = {}  # server to what it said: one that is away is not asked for every post

    def check(self, refs: Sequence[str]) -> list[Liveness]:
        """Liveness of each post, in the order asked."""
        return [self._liveness(ref) for ref in refs]

    def context(self, ref: str) -> Context:
        """Parents, profile and newest posts around a post. Raises TryLater or Refused when nobody answers."""
        place = place_of(ref)
        if place is None:
            return Context(posts_batch([]), posts_batch([]))
        server = self._server(place)
        if isinstance(server, Mastodon):
            return self._around_status(server, place.id)
        if isinstance(server, Misskey):
            return self._around_note(server, place.id)
        return self._around_copy(ref)

    def _liveness(self, ref: str) -> Liveness:
        place = place_of(ref)
        if place is None:
            return Liveness(ref, "unchecked", self._net.now(), "this is not the address of a post")
        try:
            state, note = self._state(ref, place)
        except (TryLater, Refused, BadInput) as error:  # BadInput: an address that a post claims, not one of ours
            return unanswered(ref, error, self._net.now())
        return Liveness(ref, state, self._net.now(), note)

    def _server(self, place: Place) -> Mastodon | Misskey | None:
        """The server of a post, in the language it speaks; None when it speaks another, or is not to be asked."""
        if host_of(place.base) == self._own.host:
            return self._own
        if not self._others or not place.kind:
            return None
        return (Mastodon if place.kind == "mastodon" else Misskey)(place.base, "", self._net)

    def _state(self, ref: str, place: Place) -> State:
        if host_of(place.base) != self._own.host and not self._others:
            return self._copy_state(ref)
        if place.base in self._away:
            raise self._away[place.base]
        try:
            try:
                return self._home_state(ref, place)
            except TryLater as error:
                self._away[place.base] = error
                raise
        except Refused:  # it answers only to servers it trusts: what does the copy on the source's own instance say?
            return self._copy_state(ref)

    def _home_state(self, ref: str, place: Place) -> State:
        server, found = self._server(place), None
        if isinstance(server, Mastodon) and place.kind == "mastodon":
            found = _status_state(server, place)
        elif isinstance(server, Misskey) and place.kind == "misskey":
            found = server.state(place.id)
        return found or self._object_state(ref)

    def _object_state(self, ref: str) -> State:
        """What the post's own address says, in ActivityPub."""
        answer = self._net.get(ref, headers={"Accept": _ACTIVITY}, timeout_s=15, limit_bytes=_ANSWER_BYTES)
        if answer.status in (404, 410):
            return _GONE
        if answer.status != 200:
            raise TryLater(f"{host_of(ref)} answered with status {answer.status}.", after_s=60)
        found = answer.json()
        if not isinstance(found, dict) or not isinstance(found.get("type"), str):
            raise TryLater(f"{host_of(ref)} does not answer in ActivityPub.", after_s=3600)
        if found["type"] == "Tombstone":
            return _GONE
        updated = found.get("updated")
        return ("edited", f"edited at {updated}"[:60]) if isinstance(updated, str) else ("up", "")

    def _copy_state(self, ref: str) -> State:
        """What the copy on the source's own instance says: that it is there decides, that it is not does not."""
        if not isinstance(self._own, Mastodon) or not self._own.signed_in:
            return (
                "unreachable",
                "its own server does not say, or is not asked; a Mastodon token would let us ask for a copy",
            )
        copy = self._copy(ref)
        if copy is None:
            return "unreachable", f"its own server does not say, and {self._own.host} has no copy"
        return _shown(copy, f"as the copy on {self._own.host} says")

    def _copy(self, ref: str) -> dict[str, Any] | None:
        """The copy on the source's own Mastodon instance, with its ids; only who has a token may ask for it."""
        if not isinstance(self._own, Mastodon) or not self._own.signed_in:
            return None
        status, found = self._own.object("/api/v2/search", q=ref, type="statuses", resolve="true", limit=1)
        copies = found.get("statuses") if status == 200 and isinstance(found, dict) else None
        for copy in copies if isinstance(copies, list) else ():
            if isinstance(copy, dict) and ref in (copy.get("uri"), copy.get("url")):
                return copy
        return None

    # --- context ------------------------------------------------------------------------------------------------------

    def _around_copy(self, ref: str) -> Context:
        copy = self._copy(ref)
        if copy is None:
            raise Refused(
                f"{host_of(ref)} cannot be asked for a thread, and {self._own.host} has no copy of this post."
            )
        assert isinstance(self._own, Mastodon)
        return self._around_status(self._own, str(copy.get("id")))

    def _around_status(self, server: Mastodon, ident: str) -> Context:
        status, found = server.object(f"/api/v1/statuses/{ident}")
        account = found.get("account") if status == 200 and isinstance(found, dict) else None
        if not isinstance(account, dict):
            return _nothing(server.host, status, found)
        _, thread = server.object(f"/api/v1/statuses/{ident}/context")
        above = thread.get("ancestors") if isinstance(thread, dict) else None
        _, recent = server.object(
            f"/api/v1/accounts/{account.get('id')}/statuses", limit=_RECENT, exclude_reblogs="true"
        )
        notes: list[str] = []
        name = account.get("display_name")
        return Context(
            posts_batch(self._statuses(above, server.host)[-_PARENTS:]),
            posts_batch(self._statuses(recent, server.host)[:_RECENT]),
            profile_of(account, notes),
            whole_text(name, notes) if isinstance(name, str) else "",
        )

    def _statuses(self, found: object, host: str) -> list[dict[str, Any]]:
        rows = [status_of(one, host, self._net.now())[0] for one in (found if isinstance(found, list) else ())]
        return [row for row in rows if row is not None]

    def _around_note(self, server: Misskey, ident: str) -> Context:
        status, found = server.ask("notes/show", noteId=ident)
        user = found.get("user") if status == 200 and isinstance(found, dict) else None
        if not isinstance(found, dict) or not isinstance(user, dict):
            return _nothing(server.host, status, found)
        rows: list[dict[str, Any]] = []
        if isinstance(found.get("replyId"), str):
            _, above = server.ask("notes/conversation", noteId=ident, limit=_PARENTS)  # nearest first
            rows = self._notes(above, server.base)[::-1]
        person = {"userId": str(user.get("id"))}
        _, profile = server.ask("users/show", **person)
        _, recent = server.ask("users/notes", limit=_RECENT, withReplies=True, withRenotes=False, **person)
        notes: list[str] = []
        told = profile if isinstance(profile, dict) and "error" not in profile else user
        name = told.get("name")
        return Context(
            posts_batch(rows),
            posts_batch(self._notes(recent, server.base)[:_RECENT]),
            profile_of_user(told, notes),
            whole_text(name, notes) if isinstance(name, str) else "",
        )

    def _notes(self, found: object, home: str) -> list[dict[str, Any]]:
        rows = [note_of(one, home, self._net.now())[0] for one in (found if isinstance(found, list) else ())]
        return [row for row in rows if row is not None]


def _status_state(server: Mastodon, place: Place) -> State | None:
    """What Mastodon's API says; None where nothing of the kind answers."""
    status, found = server.object(f"/api/v1/statuses/{place.id}")
    if status == 200 and isinstance(found, dict) and "content" in found:
        return _shown(found)
    if status not in (404, 410) or not isinstance(found, dict):
        return None
    if place.numbered:
        status, account = server.object(f"/api/v1/accounts/{place.author}")
    else:
        status, account = server.object("/api/v1/accounts/lookup", acct=place.author)
    if status == 200 and isinstance(account, dict) and account.get("suspended") is True:
        return "account_suspended", "the account is suspended, or was deleted by its owner: both look the same there"
    if status in (404, 410) and isinstance(account, dict):
        return "removed", "the account no longer exists"
    return _GONE


def _shown(status: dict[str, Any], note: str = "") -> State:
    """The state of a status that an API shows."""
    account = status.get("account")
    if isinstance(account, dict) and account.get("suspended") is True:
        return "account_suspended", note
    if status.get("visibility", "public") not in ("public", "unlisted"):
        return "private", note
    edited = status.get("edited_at")
    if isinstance(edited, str):
        return "edited", "; ".join(part for part in (f"edited at {edited[:40]}", note) if part)
    return "up", note


def _nothing(host: str, status: int, found: object) -> Context:
    """The empty context of a post that is gone. Raises TryLater when the server said something else."""
    if status in (400, 404, 410) and isinstance(found, dict):
        return Context(posts_batch([]), posts_batch([]))
    raise TryLater(f"{host} answered with status {status} instead of a post; try again later.", after_s=60)
