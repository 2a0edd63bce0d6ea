"""The rules of X's filtered stream: one source's, by their tag, made what its settings say and no other touched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from yoake.collect.x import Invalid, X
from yoake.errors import BadInput, Refused

PATH: Final = "/2/tweets/search/stream/rules"
_MOST_PAGES: Final = 20


def sync(x: X, rules: Sequence[str], tag: str) -> frozenset[str]:
    """Makes the rules with `tag` those that are wanted; gives the ids by which their posts are known.

    New rules are tried out first (dry run), so that nothing is changed for one that X does not take. When nothing
    differs, nothing is sent. A rule that exists under another tag is used as it is: X keeps each rule once.

    Raises:
        BadInput: X does not take a rule.
        Refused: the plan has no room for them, or X does not let this app in.
        TryLater: X is busy or away.
    """
    wanted = dict.fromkeys(rule.strip() for rule in rules)
    listed = _listed(x)
    there = {rule["value"]: rule["id"] for rule in listed}
    stale = [rule["id"] for rule in listed if rule.get("tag") == tag and rule["value"] not in wanted]
    new = [{"value": value, "tag": tag} for value in wanted if value not in there]
    if new:
        _add(x, new, tag, dry=True, crowded=bool(stale))
    if stale:
        x.change(PATH, {"delete": {"ids": stale}})
    made = _add(x, new, tag) if new else {}
    known = {**there, **made}
    if missing := [value for value in wanted if value not in known]:
        raise BadInput("rules", missing[0], "X did not take this rule, and did not say why")
    return frozenset(known[value] for value in wanted)


def _listed(x: X) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    more: dict[str, str | int] = {}
    for _ in range(_MOST_PAGES):
        answer = x.ask(PATH, more)
        data, meta = answer.get("data"), answer.get("meta")
        found += [
            rule
            for rule in (data if isinstance(data, list) else ())
            if isinstance(rule, dict) and isinstance(rule.get("id"), str) and isinstance(rule.get("value"), str)
        ]
        token = meta.get("next_token") if isinstance(meta, dict) else None
        if not isinstance(token, str):
            break
        more = {"pagination_token": token}
    return found


def _add(x: X, new: list[dict[str, str]], tag: str, *, dry: bool = False, crowded: bool = False) -> dict[str, str]:
    """Adds rules, or only tries; gives id by value. `crowded`: room will be made before they are added for good."""
    try:
        answer = x.change(PATH, {"add": new}, "?dry_run=true" if dry else "")
    except Invalid as no:
        kind = str(no.problem.get("type", ""))
        if kind.endswith("rule-cap"):
            if crowded:
                return {}
            raise Refused(
                f"X has no room for {len(new)} more rules in this app's plan; remove some from the source tagged {tag}."
            ) from None
        answer = dict(no.problem)
        if not isinstance(answer.get("errors"), list):
            raise BadInput("rules", new[0]["value"], f"X does not take it: {no.told}") from None
    made: dict[str, str] = {}
    data, errors = answer.get("data"), answer.get("errors")
    for error in errors if isinstance(errors, list) else ():
        if not isinstance(error, dict):
            continue
        value, details = error.get("value"), error.get("details")
        if str(error.get("type", "")).endswith("duplicate-rules") and isinstance(error.get("id"), str):
            made[str(value)] = error["id"]
            continue
        told = "; ".join(str(one) for one in details) if isinstance(details, list) else str(error.get("title"))
        raise BadInput("rules", str(value), f"X does not take this rule: {told[:300]}")
    for rule in data if isinstance(data, list) else ():
        if isinstance(rule, dict) and isinstance(rule.get("id"), str):
            made[str(rule.get("value"))] = rule["id"]
    return made
