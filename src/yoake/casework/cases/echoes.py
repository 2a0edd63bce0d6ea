"""What other posts repeat of a post that was stopped: the words they answer, what was said of these, what stands around.

A reply is stored with the words of the post it answers, and findings and reasons quote them. Once that post is stopped they
go wherever they stand, and a reply that arrives later is stored without them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Max, Q

from yoake.casework.cases.elements import Tied
from yoake.casework.cases.models import (
    Advice,
    Case,
    Decision,
    Finding,
    Note,
    Post,
    PostVersion,
    SecondReview,
    Surroundings,
)
from yoake.casework.cases.search import index_case
from yoake.casework.cases.stopped import key_of, stopped_among
from yoake.tables.posts import uid_of

ANSWERED: Final = "parent_text"  # the field in which the words of another post stand
_RUN: Final = 8  # code points: whoever has so many in common quotes
_QUOTING: Final = ("elements", "items", "spans")  # parts of a finding that name places
_TOLD: Final = ("explanation", "counter")  # parts that put them into sentences


def is_of(keys: Set[str], words: Iterable[str], network: str, parent_id: str, said: str) -> bool:
    """Whether these are the words of a post that was stopped: by the key of its identity, or word by word."""
    known = bool(parent_id) and key_of(uid_of(network, parent_id)) in keys
    return known or (len(said) >= _RUN and said in words)


def repeats(said: str, words: str, own: str = "") -> bool:
    """Whether somebody who said this quotes `words`, and not what also stands in the post's `own`."""
    runs = (said[at : at + _RUN] for at in range(len(said) - _RUN + 1))
    return any(run in words and run not in own for run in runs)


def without_stopped_parent(
    row: dict[str, Any], findings: Iterable[dict[str, Any]]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A row (of POSTS) and its findings as they may be stored: without the words of a post that was stopped."""
    findings = list(findings)
    if not row["parent_text"] or not answers_stopped([row]):
        return row, findings
    return {**row, ANSWERED: ""}, [{**one, **_without(one)} for one in findings]


def answers_stopped(rows: Iterable[Mapping[str, Any]]) -> set[str]:
    """The uids of those rows (of POSTS) that answer a post that was stopped: one query."""
    above = {row["uid"]: uid_of(row["network"], row["parent_id"]) for row in rows if row["parent_id"]}
    stopped = stopped_among({"uid": uid, "url": ""} for uid in set(above.values()))
    return {uid for uid, parent in above.items() if parent in stopped}


@dataclass(frozen=True)
class Echoes:
    """What was stopped, and which posts repeat it."""

    keys: Set[str]  # of what was stopped, see `stopped.key_of`
    words: Set[str]  # its texts, for replies that do not say what they answer
    posts: Set[int]
    until: int  # the newest version that was looked at


def echoing(keys: Set[str], words: Set[str], before: Echoes | None = None) -> Echoes:
    """The posts that repeat one that was stopped.

    Every answer that is stored is read for that: look once before the transaction of the stop, in which others wait, and
    give what was found to the look inside; for the same words that reads only what came meanwhile.
    """
    known = before if before is not None and (before.keys, before.words) == (keys, words) else None
    until = PostVersion.objects.aggregate(newest=Max("pk"))["newest"] or 0
    answers = PostVersion.objects.exclude(parent_text="")
    if known is not None:
        answers = answers.filter(pk__gt=known.until)
    told = answers.values_list("post_id", "post__network", "parent_id", "parent_text")
    found = {pk for pk, *said in told.iterator(chunk_size=2000) if is_of(keys, words, *said)}
    return Echoes(keys, words, found | known.posts if known is not None else found, until)


def forget_echoes(echoes: Echoes) -> list[int]:
    """Lets go what posts repeat of one that was stopped; returns which posts did. Call it in the transaction of the stop."""
    keys, words, done = echoes.keys, echoes.words, []
    _forget_surroundings(keys, words)
    for post in Post.objects.select_for_update(of=("self",)).filter(pk__in=echoes.posts).order_by("pk"):
        for version in post.versions.exclude(parent_text=""):
            if is_of(keys, words, post.network, version.parent_id, version.parent_text):
                _forget_answered(post, version)
                done.append(post.pk)
    return sorted(set(done))


def _forget_answered(post: Post, version: PostVersion) -> None:
    gone, own = version.parent_text, f"{version.text}\n{version.profile}"
    PostVersion.objects.filter(pk=version.pk).update(parent_text="")
    for finding in Finding.objects.filter(version=version).exclude(body={}):
        Finding.objects.filter(pk=finding.pk).update(body={**finding.body, **_without(finding.body)})
    for kind in (Decision, SecondReview):
        for row in kind._default_manager.filter(Q(case__post=post) & ~(Q(reason="") & Q(elements=[]))):
            elements = [
                Tied(one["name"], "", 0, 0).row() if one.get("field") == ANSWERED else one for one in row.elements
            ]
            quoted = elements != row.elements or repeats(row.reason, gone, own)
            if quoted:
                kind._default_manager.filter(pk=row.pk).update(elements=elements, reason="")
    for advice in Advice.objects.filter(case__post=post):
        if repeats(f"{advice.question}\n{advice.answer}", gone, own):
            Advice.objects.filter(pk=advice.pk).update(question="", answer="")
    notes = [note.pk for note in Note.objects.filter(case__post=post) if repeats(note.text, gone, own)]
    if notes:
        Note.objects.filter(pk__in=notes).delete()
        for case in Case.objects.filter(post=post):
            index_case(case)


def _forget_surroundings(keys: Set[str], words: Set[str]) -> None:
    """What stands around other posts goes whole where one that was stopped is among it: it can be asked for anew.

    It is kept for three days or while a post stands in scope: few rows.
    """
    gone = []
    for row in Surroundings.objects.exclude(body={}).only("pk", "body").iterator(chunk_size=500):
        said = [*row.body.get("parents", ()), *row.body.get("recent", ())]
        if any(key_of(one.get("uid", "")) in keys or one["text"] in words for one in said):
            gone.append(row.pk)
    Surroundings.objects.filter(pk__in=gone).delete()


def _without(finding: Mapping[str, Any]) -> dict[str, Any]:
    """Those parts of a finding that speak of the post it answers, without it."""
    parts = {name: finding.get(name) for name in _QUOTING}
    left = {name: _pruned(part) for name, part in parts.items() if part}
    if all(left[name] == parts[name] for name in left):
        return {}
    return {**left, **{name: {"ja": "", "en": ""} for name in _TOLD}}


def _pruned(part: Any) -> Any:
    if isinstance(part, Mapping):
        return {name: _pruned(value) for name, value in part.items()}
    if isinstance(part, list):
        return [one for one in part if not _of_parent(one)]
    return part


def _of_parent(one: Any) -> bool:
    place = one.get("span", one) if isinstance(one, Mapping) else None
    return isinstance(place, Mapping) and place.get("field") == ANSWERED
