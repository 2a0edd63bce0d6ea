"""Which numbers must be hidden so that no hidden one can be worked out from those that are shown.

The numbers are whole, not below 0, and some are sums of others. Whoever reads knows the shown ones, the sums, and that a shown 0 is
a 0 (so that a hidden count is at least 1). What they can conclude about a hidden number is the range between the smallest and the
largest value that fits all this; it is found by integer programming (HiGHS, through scipy). A hidden number is protected where
its range holds at least `WIDTH` values. While one is not, the cheapest further number that stands in a sum with it is hidden.
This is cell suppression with an audit as in Hundepool et al., Statistical Disclosure Control (2012), chapter 4; the greedy choice is ours.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

THRESHOLD: Final = (
    5  # counts from 1 to 4 are small: what they count may be known to somebody (suppressing.py says why 5)
)
WIDTH: Final = THRESHOLD - 1  # values that must remain possible: as many as there are small ones
NEAR: Final = 40  # hidden numbers that are looked at together before all that hang together

Key = tuple[str, ...]


@dataclass
class _Change:
    """By how much hidden numbers can differ together so that all sums stay as they are."""

    by: dict[Key, int]
    fewest: int = 0  # times that it fits; below 0: the other way round
    most: int = 0
    holds: bool = True
    shown: int = 0  # how many of these numbers are shown: then it is not possible any more


@dataclass
class Numbers:
    """Numbers by their keys, which are sums of which, and what is hidden.

    `silent` ones stand nowhere (the rest of a share, what a sum has beyond its shown parts); they are hidden from the start and may be 0.
    """

    values: dict[Key, int] = field(default_factory=dict)
    least: dict[Key, int] = field(default_factory=dict)  # what a reader knows of a hidden one
    sums: list[tuple[Key, tuple[Key, ...]]] = field(default_factory=list)
    hidden: set[Key] = field(default_factory=set)
    silent: set[Key] = field(default_factory=set)
    _of: dict[Key, list[int]] = field(default_factory=dict)
    _changes: dict[Key, list[_Change]] = field(default_factory=dict)
    _helpless: set[Key] = field(default_factory=set)
    _stuck: dict[Key, list[Key]] = field(default_factory=dict)  # beside which others a number could not move

    def add_sum(self, whole: Key, parts: Iterable[Key]) -> None:
        """Says that a number is the sum of others; equal numbers are a sum of one. The values must bear it out.

        Raises:
            ValueError: they do not; that is a mistake of the caller.
        """
        told = tuple(parts)
        if self.values[whole] != sum(self.values[one] for one in told):
            raise ValueError(f"{whole} is not the sum of {told}")
        for one in (whole, *told):
            self._of.setdefault(one, []).append(len(self.sums))
        self.sums.append((whole, told))
        if whole in self.hidden:  # what was possible for the parts is possible still: the sum goes along
            for change in {id(change): change for part in told for change in self._changes.get(part, ())}.values():
                if whole not in change.by and (more := sum(change.by.get(part, 0) for part in told)):
                    change.by[whole] = more
                    self._changes.setdefault(whole, []).append(change)

    def protect(self, may_hide: Collection[Key]) -> None:
        """Hides further numbers, of those that may be, until every hidden one is protected or nothing is left to hide.

        What cannot be protected because others have shown it already stays as it is.
        """
        allowed = {key for key in may_hide if self.values[key] > 0}
        chosen: set[Key] = set()
        self._helpless.clear()
        self._stuck.clear()
        self._look_again()
        todo = self._groups()
        while todo:
            near: set[Key] = set()
            news: set[Key] = set()
            for key in (key for group in todo for key in self._weak(group)):
                near.add(key)
                if any(one in news for n in self._of[key] for one in self._in(n)):
                    continue  # perhaps that is enough: look again first
                if (more := self._next(key, allowed)) is None:
                    self._helpless.add(key)
                else:
                    news.add(more)
                    self._hide(more)
            chosen |= news
            todo = self._groups(near)
        self._show_again(chosen)

    def _show_again(self, chosen: set[Key]) -> None:
        """Shows what turned out not to be needed, the largest first."""
        for key in sorted(chosen, key=lambda one: (-self.values[one], one)):
            near = {one for n in self._of[key] for one in self._in(n)} - {key}
            self._show(key)
            # In a large group only what is known to be possible counts: it is not worth the time to ask again.
            if any(self._weak(group, ask=len(group) <= NEAR) for group in self._groups(near)):
                self._hide(key)

    def _hide(self, key: Key) -> None:
        self.hidden.add(key)
        for change in self._changes.get(key, ()):
            change.shown -= 1

    def _show(self, key: Key) -> None:
        self.hidden.discard(key)
        for change in self._changes.get(key, ()):
            change.shown += 1

    def _in(self, n: int) -> Iterator[Key]:
        whole, parts = self.sums[n]
        yield whole
        yield from parts

    def _groups(self, near: Collection[Key] | None = None, among: Collection[Key] | None = None) -> list[list[Key]]:
        """Hidden numbers (or those of them that are named) that hang together by sums; only groups near some numbers, if given."""
        member = self.hidden if among is None else set(among)
        groups, seen = [], set()
        for start in sorted(member if near is None else member.intersection(near)):
            if start in seen:
                continue
            seen.add(start)
            group, todo = [], [start]
            while todo:
                key = todo.pop()
                group.append(key)
                for n in self._of.get(key, ()):
                    for one in self._in(n):
                        if one in member and one not in seen:
                            seen.add(one)
                            todo.append(one)
            groups.append(sorted(group))
        return groups

    def _next(self, key: Key, allowed: set[Key]) -> Key | None:
        """The cheapest number to hide beside a weak one: small, and in few sums where it would again stand alone."""
        alone = [n for n in self._of.get(key, ()) if sum(one in self.hidden for one in self._in(n)) == 1]
        seen, ring = {key}, [key]
        sums: Sequence[int] = alone or self._of.get(key, ())
        while ring:
            fit = {one for n in sums for one in self._in(n) if one in allowed and one not in self.hidden}
            fit = {one for one in fit if self._helps(one, allowed)}
            if fit:
                return min(fit, key=lambda one: (self._cost(one), one))
            ring = sorted(
                {one for at in ring for n in self._of.get(at, ()) for one in self._in(n) if one in self.hidden} - seen
            )
            seen.update(ring)
            sums = [n for one in (*seen,) for n in self._of.get(one, ())]
        return None

    def _helps(self, key: Key, allowed: set[Key]) -> bool:
        """Whether no sum would give it away at once: in each, something else is hidden or can be."""
        return all(
            any(one != key and (one in self.hidden or one in allowed) for one in self._in(n)) for n in self._of[key]
        )

    def _cost(self, key: Key) -> int:
        alone = sum(not any(one in self.hidden for one in self._in(n)) for n in self._of[key])
        return self.values[key] * (1 + alone)

    def _weak(self, group: list[Key], *, ask: bool = True) -> list[Key]:
        """Some of a group that are not protected; none where all are (those that cannot be helped are passed over).

        The cheap ways come first: what stands alone in a sum is known; what an earlier solution has shown to be possible is possible.
        """
        asked = [key for key in group if key not in self._helpless and (key not in self.silent or self._small(key))]
        if given_away := self._given_away(group).intersection(asked):
            return sorted(given_away)
        todo = [key for key in asked if not self._is_wide(key)]
        if not todo or not ask:
            return todo
        if len(group) > NEAR:
            todo = [key for key in todo if not self._can_move_near(key)]
        if not todo:
            return []
        reach = _Reach(self, group)
        for sign in (1, -1) * 2:  # perhaps many at once
            ends = {key: self._seen_ends(key) for key in todo}
            if wanted := {key: (low, high) for key, (low, high) in ends.items() if high - low < WIDTH - 1}:
                self._learn(reach(wanted, sign))
        for key in todo:
            if not self._can_move(key, reach):
                return [key]
        return []

    def _can_move(self, key: Key, reach: _Reach) -> bool:
        """Whether enough values of a number are possible while no other hidden ones differ from what they are."""
        for sign in (1, -1):
            ends = self._seen_ends(key)
            if ends[1] - ends[0] < WIDTH - 1:
                self._learn(reach({key: ends}, sign))
        return self._is_wide(key)

    def _can_move_near(self, key: Key) -> bool:
        """The same among those nearest to it, which are asked again only once others are hidden there."""
        if self._is_wide(key):
            return True
        near = self._near(key)
        if self._stuck.get(key) == near or self._can_move(key, _Reach(self, near)):
            return self._stuck.get(key) != near
        self._stuck[key] = near
        return False

    def _is_wide(self, key: Key) -> bool:
        """Whether earlier solutions show enough values of a number."""
        low, high = self._seen_ends(key)
        return high - low >= WIDTH - 1

    def _near(self, key: Key) -> list[Key]:
        """The hidden numbers of its group that are nearest to one, by sums: `NEAR` or a few more."""
        found, at = {key: None}, 0
        while len(found) < NEAR:
            for n in self._of[list(found)[at]]:
                found |= dict.fromkeys(one for one in self._in(n) if one in self.hidden)
            at += 1
        return list(found)

    def _small(self, key: Key) -> bool:
        return 1 <= self.values[key] < THRESHOLD

    def _given_away(self, group: Collection[Key]) -> set[Key]:
        """What follows by subtraction alone, one after the other."""
        open_, known = set(group), set()
        todo = list(dict.fromkeys(n for key in group for n in self._of.get(key, ())))
        while todo:
            left = [one for one in set(self._in(todo.pop())) if one in open_]
            if len(left) == 1:
                open_.discard(left[0])
                known.add(left[0])
                todo += self._of[left[0]]
        return known

    def _seen_ends(self, key: Key) -> tuple[int, int]:
        """The smallest and the largest value that earlier solutions show to be possible, with what is hidden now."""
        if key not in self._of:
            return 0, WIDTH  # in no sum: nothing is known of it
        low = high = 0
        for change in self._changes.get(key, ()):
            if not change.shown:
                ends = change.fewest * change.by[key], change.most * change.by[key]
                low, high = min(low, *ends), max(high, *ends)
                if high - low >= WIDTH - 1:
                    break
        return self.values[key] + low, self.values[key] + high

    def _learn(self, change: dict[Key, int]) -> None:
        """Keeps a change of hidden numbers that leaves all sums as they are, in pieces that hang together."""
        for piece in self._groups(change, among=change):
            found = _Change({key: change[key] for key in piece})
            self._fit(found)
            for key in piece:
                self._changes.setdefault(key, []).append(found)

    def _look_again(self) -> None:
        """Forgets changes that sums forbid which were added since."""
        every = {id(change): change for told in self._changes.values() for change in told}.values()
        for change in every:
            self._fit(change)
            change.shown = len(change.by.keys() - self.hidden)
            for n in {n for key in change.by for n in self._of[key]}:
                whole, parts = self.sums[n]
                change.holds &= change.by.get(whole, 0) == sum(change.by.get(part, 0) for part in parts)
        self._changes = {key: [change for change in told if change.holds] for key, told in self._changes.items()}

    def _fit(self, change: _Change) -> None:
        """Says how often a change fits, so that nothing falls below what it is at least."""
        by = change.by.items()
        change.most = min((self._room(key) // -n for key, n in by if n < 0), default=WIDTH)
        change.fewest = -min((self._room(key) // n for key, n in by if n > 0), default=WIDTH)

    def _room(self, key: Key) -> int:
        return self.values[key] - self.least.get(key, 0)


class _Reach:
    """Asks for values of a group that fit all sums and lie as far off as wanted."""

    def __init__(self, numbers: Numbers, group: list[Key]) -> None:
        from scipy.optimize import LinearConstraint
        from scipy.sparse import csr_array

        self._group = group
        self._place = place = {key: n for n, key in enumerate(group)}
        sums = sorted({n for key in group for n in numbers._of[key]})
        at, of, signs = [], [], []
        for row, n in enumerate(sums):
            for k, key in enumerate(numbers._in(n)):
                if key in place:
                    at.append(row)
                    of.append(place[key])
                    signs.append(-1 if k else 1)
        matrix = csr_array((np.array(signs, float), (at, of)), shape=(len(sums), len(group)))
        self._true = np.array([numbers.values[key] for key in group], float)
        self._least = np.array([numbers.least.get(key, 0) for key in group], float)
        right = matrix @ self._true  # what the shown ones leave to the hidden ones
        self._exactly = LinearConstraint(matrix, right, right)

    def __call__(self, wanted: dict[Key, tuple[int, int]], sign: int) -> dict[Key, int]:
        """Makes the wanted ones together as small (1) or as large (-1) as can be, no farther than needed beyond what they can be.

        Returns:
            By how much numbers differ from the true ones then; empty where nothing but these was found.
        """
        from scipy.optimize import Bounds, milp

        cost, lowest, highest = np.zeros(len(self._group)), self._least.copy(), np.full(len(self._group), np.inf)
        for key, (low, high) in wanted.items():
            n = self._place[key]
            cost[n] = sign
            if sign > 0:
                lowest[n] = max(lowest[n], high - WIDTH + 1)
            else:
                highest[n] = low + WIDTH - 1
        whole = np.ones(len(self._group))
        answer = milp(cost, constraints=self._exactly, bounds=Bounds(lowest, highest), integrality=whole)
        if answer.x is None:
            return {}
        change = np.rint(answer.x - self._true).astype(int)
        return {self._group[n]: int(change[n]) for n in np.flatnonzero(change)}
