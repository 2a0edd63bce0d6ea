"""Search: cases by the words of their posts, whatever became of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from yoake.casework.cases.filters import Filter
from yoake.casework.cases.search import LONGEST_QUESTION
from yoake.casework.cases.searching import STATES, Found, search
from yoake.casework.people.queries import Actor
from yoake.console import marks, views
from yoake.console.inbox import DESKS, Due, due_of
from yoake.console.page import number, page, staff_page
from yoake.console.words import sentence
from yoake.errors import BadInput

EXCERPT = 120  # characters of the text that a result shows


@dataclass(frozen=True)
class Hit:
    """A field in which words of the question stand: stretches of it, each marked or not."""

    field: str
    pieces: list[tuple[str, bool]]


@dataclass(frozen=True)
class Result:
    """One found case as the page shows it."""

    found: Found
    text: list[tuple[str, bool]]
    elsewhere: list[Hit]  # in author, handle, address, note
    due: Due | None


@require_safe
@staff_page
def show(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The search page: a question, filters, what was found."""
    asked, now = request.GET.get("q", "").strip(), timezone.now()
    desk = request.GET.get("desk", "live")
    desk = desk if desk in DESKS else "live"
    state = request.GET.get("state", "")
    state = state if state in STATES else ""
    chosen = Filter.of(request.GET.dict())
    problem, results, following = "", [], 0
    try:
        answer = search(
            actor,
            asked,
            chosen=chosen,
            state=state,
            practice=DESKS[desk],
            before=number(request.GET.get("before", "")),
            now=now,
        )
        results, following = [_shown(one, now) for one in answer.found], answer.following
    except BadInput as error:
        problem = sentence(error)
    selects = views.choices(actor, chosen, practice=DESKS[desk], now=now)
    again = {"q": asked, "state": state, **chosen.values, **({"desk": desk} if desk != "live" else {})}
    states = [
        ("", gettext("waiting and decided")),
        ("waiting", gettext("waiting only")),
        ("done", gettext("decided only")),
    ]
    chips = _chips({k: v for k, v in again.items() if v}, chosen, dict(states).get(state, "") if state else "", selects)
    return page(
        request,
        actor,
        "yoake/search.html",
        {
            "desk": desk,
            "place": "search",
            "asked": asked,
            "state": state,
            "states": states,
            "selects": selects,
            "flags": [(name, said, getattr(chosen, name)) for name, said in views.FLAGS.items()],
            "chips": chips,
            "results": results,
            "problem": problem,
            "longest": LONGEST_QUESTION,
            "further": urlencode({k: v for k, v in {**again, "before": following}.items() if v}) if following else "",
            "earlier": bool(request.GET.get("before")),
        },
        status=400 if problem else 200,
    )


def _chips(again: dict[str, str], chosen: Filter, state: str, selects: list[views.Choice]) -> list[tuple[str, str]]:
    """What narrows the search, one pair each: the words, and the address without it."""
    rest = {name: value for name, value in again.items() if name not in chosen.values}
    without = [
        (said, urlencode({**rest, **Filter.of_query(left).values})) for said, left in views.in_words(chosen, selects)
    ]
    return [*([(state, urlencode({k: v for k, v in again.items() if k != "state"}))] if state else []), *without]


def _shown(one: Found, now: datetime) -> Result:
    text = cut(one.fields["text"], one.places.get("text", []))
    others = [Hit(name, cut(one.fields[name], spans)) for name, spans in one.places.items() if name != "text"]
    return Result(one, text, others, due_of(one.case, now))


def cut(text: str, spans: list[tuple[int, int]], length: int = EXCERPT) -> list[tuple[str, bool]]:
    """At most `length` code points from a little before the first hit, on one line, cut where hits begin and end."""
    start = max(0, min(spans[0][0] - length // 4, len(text) - length)) if spans else 0
    start, end = marks.whole(text, start, min(len(text), start + length))
    cuts: list[tuple[str, bool]] = [("… ", False)] if start else []
    at = start
    for span in sorted(marks.whole(text, *span) for span in spans):
        first, last = max(span[0], at), min(span[1], end)
        if first < last:
            cuts += [(text[at:first], False), (text[first:last], True)]
            at = last
    cuts += [(text[at:end], False), (" …" if end < len(text) else "", False)]
    return [(" ".join(piece.splitlines()) if "\n" in piece else piece, hit) for piece, hit in cuts if piece]
