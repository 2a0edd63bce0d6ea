"""What is alike: keyed signatures of texts, the numbers by which candidates are found, and how alike two texts are.

Measured by `python -m bench.near`; the figures are in docs/decisions/0009-near-duplicates.md. Likeness is the share of runs of
three folded characters that two texts have in common, without addresses, digits and blanks.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import pyarrow as pa
from django.conf import settings

from yoake.detect.kernels import minhash
from yoake.detect.text.fold import fold, fold_text

SUGGESTED: Final = 0.5  # from this likeness on two cases are shown as similar
CONFIRMED: Final = 0.8  # from this on long texts fold by themselves
LONG: Final = 40  # folded characters but digits and blanks; shorter texts are only suggested
FRAME: Final = 3  # letters, kana and kanji that may stand before or behind what two texts both say
MINIMA: Final = 64
BANDS: Final = 16  # of four minima: pairs of .7 are missed once in eighty, pairs of .3 found once in eight
_RUN: Final = 3  # characters
_LONGEST: Final = 20_000  # code points that are read; what stands behind that makes no copy out of what is none
_URL: Final = re.compile(r"https?://\S+|www\.\S+")
_TAG: Final = re.compile(r"[@#][^\s@#]+")  # handles and tags, which copies change
_WORDS: Final = re.compile(r"[^\W\d_]+")
# Words that turn what a text says: whoever quotes, warns, reports or declines repeats an offer nearly word for word.
_TURNING: Final = re.compile(
    "注意|警戒|警告|詐欺|犯罪|違法|逮捕|捕ま|通報|警察|危険|怪し|偽|嘘|騙|だまさ|被害|啓発|絶対に|断っ|断り|断る|無視|引っかか|ひっかか"
    "|釣られ|応募し|やめ|辞め|ダメ|だめ|駄目|禁止|ません|ない|無い|なかっ|じゃね|という投稿|こういう|こんな|みたいな|来た|きた|届い|見かけ|流れて"
    '|[「」『』“”"]|scam|fake|fraud|beware|warning|report|illegal|don.?t|not |never|lừa đảo|cảnh báo|golpe|cuidado|诈骗|小心|警惕|사기|조심'
)


@dataclass(frozen=True)
class Signed:
    """A text as the search sees it."""

    runs: Any  # uint64 (n,), distinct and rising: keyed hashes; never stored
    minima: Any  # uint32 (MINIMA,)
    length: int  # folded characters but digits and blanks


def sign(texts: Sequence[str]) -> list[Signed]:
    """The signatures of texts; about 15 microseconds each."""
    folded = fold(pa.array([_URL.sub(" ", text[:_LONGEST]) for text in texts], pa.string()))
    hashes, starts, lengths = minhash.runs(folded.codes, folded.classes, folded.rows, _RUN, _key("runs"))
    least = minhash.minima(hashes, starts, *_functions())
    return [Signed(hashes[starts[i] : starts[i + 1]], least[i], int(lengths[i])) for i in range(len(texts))]


def packed(minima: Any) -> bytes:
    """Minima as they are stored: four octets each, little-endian."""
    return bytes(minima.astype("<u4").tobytes())


def unpacked(stored: Sequence[bytes | memoryview]) -> Any:
    """The same read again: uint32 (n, MINIMA)."""
    return np.frombuffer(b"".join(bytes(one) for one in stored), "<u4").reshape(-1, MINIMA)


def bands(signed: Signed, organisation_id: int) -> list[int]:
    """The numbers by which a signature is found; a text without any run has none."""
    return bands_of(signed.minima[None, :], organisation_id)[0] if len(signed.runs) else []


def bands_of(signatures: Any, organisation_id: int) -> list[list[int]]:
    """The same for many signatures (uint32 (n, MINIMA)) of one organisation."""
    return [list(map(int, row)) for row in minhash.bands(signatures, BANDS, _key(f"bands {organisation_id}"))]


def likeness(one: Signed, other: Signed) -> float:
    """What two texts share of their runs, 0 to 1."""
    return float(minhash.jaccard(one.runs, other.runs))


def may_mean_else(one: str, other: str) -> bool:
    """Whether one of two texts that are alike may repeat the other to warn of it, to ask about it or to decline.

    That is: a word that turns what is said stands in it more often, or words of its own stand before or behind what both say.
    """
    one, other = (fold_text(_URL.sub(" ", text[:_LONGEST])) for text in (one, other))
    if sorted(_TURNING.findall(one)) != sorted(_TURNING.findall(other)):
        return True
    one, other = ("".join(_WORDS.findall(_TAG.sub(" ", text))) for text in (one, other))
    shared = _runs(one) & _runs(other)
    return any(_around(text, shared) > FRAME for text in (one, other))


def _runs(text: str) -> set[str]:
    return {text[i : i + _RUN] for i in range(len(text) - _RUN + 1)}


def _around(text: str, shared: set[str]) -> int:
    """How many characters stand before the first run that both have, or behind the last one: the larger number."""
    places = [i for i in range(len(text) - _RUN + 1) if text[i : i + _RUN] in shared]
    return max(places[0], len(text) - _RUN - places[-1]) if places else len(text)


@lru_cache(maxsize=1)
def _functions() -> tuple[Any, Any]:
    chance = np.random.default_rng(5)
    factors = chance.integers(0, 1 << 63, MINIMA, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    return factors, chance.integers(0, 1 << 63, MINIMA, dtype=np.uint64)


@lru_cache(maxsize=64)
def _key(what: str) -> Any:
    """A key of its own for each use, from the secret key: who has only the database can try out no text."""
    digest = hmac.new(settings.SECRET_KEY.encode(), f"near-duplicates {what}".encode(), hashlib.sha256).digest()
    return np.frombuffer(digest[:16], "<u8").copy()
