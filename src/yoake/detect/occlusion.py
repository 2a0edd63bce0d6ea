"""What each place of a post is worth to a judge that cannot be looked into: it is asked about the post without it.

The post is cut into a few pieces at the borders of words. The judge reads the post growing piece by piece from its
beginning, and shrinking piece by piece until only its end is left. A piece is worth the mean of what its coming changes in
the first row and its going in the second (the Shapley value over these two orders). So the pieces add up to what the whole
post says more than an empty one; of two places that each suffice, both get their half, and of two that only tell
something together, also.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from yoake.detect.encoder_running import Reading
from yoake.detect.kernels.characters import DIGIT, KANJI
from yoake.detect.text.field_text import FieldText
from yoake.detect.text.fold import Folded

_MOST: Final = 16  # pieces, about: the judge is asked twice as often
_SHORTEST: Final = 3  # folded characters
_ORDER: Final = (0, 2, 1)  # fields as a reader meets them: text, parent, profile


@dataclass(frozen=True, slots=True)
class Piece:
    """A place of a field."""

    field: int
    first: int  # folded characters of the post's field
    after: int
    start: int  # code points of the original; pieces of a field leave no gap
    end: int


def pieces(fields: Sequence[FieldText], folded: Sequence[Folded], reading: Reading) -> list[Piece]:
    """The pieces of what was read of a post, in order; none where nothing is left after folding.

    Args:
        fields: text, profile, parent of the post.
        folded: their columns.
        reading: the beginnings of the fields.
    """
    starts = [_starts(field, column, len(part)) for field, column, part in zip(fields, folded, reading, strict=True)]
    target = max(_SHORTEST, -(-sum(map(len, starts)) // _MOST))
    found: list[Piece] = []
    for number in _ORDER:
        kinds = folded[number].classes[fields[number].first : fields[number].first + len(starts[number])]
        cuts = _cuts(starts[number], kinds, target)
        places = [0, *(int(starts[number][cut]) for cut in cuts[1:-1]), len(reading[number])]
        found += [
            Piece(number, cuts[i], cuts[i + 1], places[i], places[i + 1])
            for i in range(len(cuts) - 1)
            if cuts[i + 1] > cuts[i]
        ]
    return found


def _starts(field: FieldText, column: Folded, length: int) -> Any:
    """Where each folded character of what was read begins in the original."""
    return column.starts[field.first : field.first + int(np.searchsorted(_all(field, column), length))]


def _all(field: FieldText, column: Folded) -> Any:
    return column.starts[field.first : field.first + len(field.plain)]


def _cuts(starts: Any, kinds: Any, target: int) -> list[int]:
    """Borders of pieces, 0 and the number of characters included: after `target` characters at a border of words."""
    cuts = [0]
    for i in range(1, len(starts)):
        if starts[i] <= starts[i - 1]:
            continue  # inside one original character
        border = kinds[i] != kinds[i - 1] or not KANJI <= kinds[i] <= DIGIT
        if i - cuts[-1] >= (target if border else 2 * target):
            cuts.append(i)
    return [*cuts, len(starts)]


def shortened(found: Sequence[Piece], reading: Reading) -> list[Reading]:
    """The post without its last pieces, the shortest first, then without its first ones, the longest first."""
    rows = [found[:i] for i in range(1, len(found))] + [found[i:] for i in range(1, len(found))]
    return [_only(row, reading) for row in rows]


def _only(kept: Sequence[Piece], reading: Reading) -> Reading:
    parts = []
    for number, whole in enumerate(reading):
        of_field = [piece for piece in kept if piece.field == number]
        parts.append(whole[of_field[0].start : of_field[-1].end] if of_field else "")
    return Reading(*parts)


def shares(
    found: Sequence[Piece], fields: Sequence[FieldText], base: float, said: Sequence[float], whole: float
) -> list[Any]:
    """What each folded character of the post's fields is worth: of a piece, each the same.

    Args:
        found: the pieces, one or more.
        fields: text, profile, parent of the post.
        base: log-odds of an empty post.
        said: log-odds of the shortened posts, in their order.
        whole: log-odds of the post.

    Returns:
        float64, one array a field; together whole - base.
    """
    half = len(found) - 1
    coming = np.diff([base, *said[:half], whole])
    going = -np.diff([whole, *said[half:], base])
    given = [np.zeros(len(field.plain)) for field in fields]
    for piece, worth in zip(found, (coming + going) / 2, strict=True):
        given[piece.field][piece.first : piece.after] = worth / (piece.after - piece.first)
    return given
