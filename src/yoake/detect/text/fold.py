"""Folding: one spelling for many disguises, with an exact map back to the original.

What is folded, in this order (every step has a table test in tests/detect/test_fold.py):

1. Single characters: compatibility forms (ＤＭ, ｱﾙﾊﾞｲﾄ, ㍿, ①, 🅳🅼, 𝐃𝐌, ᴅᴍ), case, accents; katakana becomes hiragana.
   Zero-width characters, bidi controls, variation selectors and skin tones go; か + ゛ becomes が.
2. A text written one character a line, all of it: the line breaks go.
3. Look-alike kana and kanji, decided by their neighbours: 力一ド -> かーど, ロ座 -> 口座, 人ロ -> 人口; 二人, 一カ所 stay.
4. Emoji that stand for words: beside Japanese the word follows the emoji, which stays (it can be a cue): 📦運搬 -> 📦荷物運搬.
5. ー after a kanji or letter where it says nothing: 高収入ーー -> 高収入.
6. Separators inside spelled-out words: 受 け 子, 闇.バ.イ.ト, D M, 日 給 5 万, 受★け★子. Elsewhere a run of blanks stays as
   one blank.
7. Letters of other scripts inside a Latin word (LІNE with a Ukrainian І), digits that stand for letters (t3l3gram), and
   signs that stand for a zero in an amount (1oo万); heeey -> hey.
8. Stretched vowels: バイトォォー -> ばいと, やばーーーい -> やばい. A single inner ー stays (かーど is not かど).
9. Key words (readings.tsv) in any spelling, with separators inside or stretched: やみばいと, ウケ子, 高収/入, 5ignal.

Folding is idempotent, linear in the text, and the same for posts and for the phrases looked for in them.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import pyarrow as pa

from yoake.detect.kernels import characters as kernel
from yoake.detect.kernels.fold import fold_utf8
from yoake.detect.kernels.reading import read as kernel_read
from yoake.detect.kernels.respell import respell
from yoake.detect.text import look_alikes
from yoake.detect.text.readings import spellings

_KANA: Final = kernel.KANA
_RULES: Final = b"6"  # raise with every change of the kernels that can change a folded text

_DROPPED: Final = [
    *(0x00AD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180E, 0x3164, 0xFEFF, 0xFFA0),
    *(*range(0x09), *range(0x0E, 0x20), 0x7F),  # control characters that no reader sees
    *(*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), *range(0xE0000, 0xE0100)),
]
_MARKS: Final = [
    *(*range(0x0300, 0x0370), *range(0x1AB0, 0x1B00), *range(0x1DC0, 0x1E00), *range(0x20D0, 0x2100)),
    *(*range(0xFE00, 0xFE10), *range(0xFE20, 0xFE30), *range(0x180B, 0x180E), *range(0xE0100, 0xE01F0)),
    *range(0x1F3FB, 0x1F400),  # skin tones
]
_BLANKS: Final = [0x09, 0x20, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000, 0x2800]
_BREAKS: Final = [0x0A, 0x0B, 0x0C, 0x0D, 0x85, 0x2028, 0x2029]
_JOINTS: Final = "./\\_|│┃¦*・·•‧∙⋅＿-‐‑+=^'`"  # what people put between the letters of a word to hide it
_WAVES: Final = "~〜〰―─—━"

# Squared, circled and small letters that Unicode gives no compatibility form.
_LETTERS: Final = (
    {0x1F150 + i: chr(97 + i) for i in range(26)}  # 🅐 negative circled
    | {0x1F170 + i: chr(97 + i) for i in range(26)}  # 🅰 negative squared
    | {0x1F1E6 + i: chr(97 + i) for i in range(26)}  # 🇦 regional indicators
    | {ord(small): letter for small, letter in zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnoprstuvwyz", strict=True)}
    | {first + i: str(i + 1) for first in (0x2776, 0x2780, 0x278A) for i in range(10)}  # ❶ ➀ ➊
    | {0x24EB + i: str(i + 11) for i in range(10)}  # ⓫
    | {0x24F5 + i: str(i + 1) for i in range(10)}  # ⓵
    | {0x24FF: "0", 0x1F10B: "0", 0x1F10C: "0", 0x2044: "/", 0x2215: "/", 0x30A0: "=", 0x1F12F: "c"}
)
_LEET: Final = "0o 1i 3e 4a 5s 7t 8b 9g"  # digits inside Latin words; 1 after a vowel is an l (kernels.latin.undo_leet)
# Emoji that stand for a word, and the word. Those that name goods in the slang of dealers stay as they are: they are cues.
_SAID: Final = {
    "お金": "💰💴💵💶💷💸", "荷物": "📦", "車": "🚗🚙🚘🚐", "銀行": "🏦", "カード": "💳", "電話": "📞☎", "携帯": "📱📲",
    "DM": "📩📨📧✉", "警察": "👮🚓🚔", "写真": "📷📸", "通帳": "📒",
}  # fmt: skip
_VOICED: Final = (
    "かが きぎ くぐ けげ こご さざ しじ すず せぜ そぞ ただ ちぢ つづ てで とど はば ひび ふぶ へべ ほぼ うゔ ゝゞ",
    "はぱ ひぴ ふぷ へぺ ほぽ",
)
_SOUNDS: Final = (
    "あかがさざただなはばぱまやらわゃぁゎゕ",
    "いきぎしじちぢにひびぴみりゐぃ",
    "うくぐすずつづぬふぶぷむゆるゅぅゔ",
    "えけげせぜてでねへべぺめれゑぇゖ",
    "おこごそぞとどのほぼぽもよろをょぉ",
)


@dataclass(frozen=True, slots=True)
class Folded:
    """A folded column. All positions are code points of the original row."""

    codes: Any  # int32 (n,): folded code points of all rows, one row after the other
    starts: Any  # int32 (n,): where the original of each character begins; never falls inside a row
    ends: Any  # int32 (n,): one past where it ends; > starts
    classes: Any  # uint8 (n,): KANJI ... JOINT of kernels.characters
    rows: Any  # int64 (rows + 1,): characters rows[r] to rows[r + 1] are those of row r

    def __len__(self) -> int:
        return len(self.rows) - 1

    def text(self, row: int) -> str:
        """The folded text of a row."""
        codes = self.codes[self.rows[row] : self.rows[row + 1]]
        return str(codes.astype("<u4").tobytes().decode("utf-32-le"))


def fold(column: Any) -> Folded:
    """Folds a string column (pa.StringArray, or anything Arrow casts to it; null reads as "")."""
    offsets, octets = utf8(column)
    if offsets[0] == offsets[-1]:  # nothing in any row: profiles and parents of most batches
        none = np.zeros(0, np.int32)
        return Folded(none, none, none, np.zeros(0, np.uint8), np.zeros(len(offsets), np.int64))
    return Folded(*respell(*fold_utf8(offsets, octets, tables()), spellings()))


def read(column: Any) -> Folded:
    """Folds a column to what a learned model reads: no joints inside words, ids and endless repeats as one (kernels.reading).

    Words that are listed are looked for without: a sign by itself between two marks is no part of its neighbours.
    """
    folded = fold(column)
    return Folded(*kernel_read(folded.codes, folded.starts, folded.ends, folded.classes, folded.rows))


def kernels_of_folding() -> dict[str, Callable[[], object]]:
    """Steps for `first_use.share`: the kernels of folding, each by itself."""
    nothing, no_rows = np.zeros(0, np.int32), np.zeros(2, np.int64)
    return {
        "folding": lambda: fold_utf8(*utf8(pa.array([""])), tables()),
        "respelling": lambda: respell(nothing, nothing, nothing, np.zeros(0, np.uint8), no_rows, spellings()),
    }


def fold_text(text: str) -> str:
    """The folded form of one text: what phrases are compared in."""
    return fold(pa.array([text], pa.string())).text(0)


def utf8(column: Any) -> tuple[Any, Any]:
    """Offsets (int32, rows + 1) and octets (uint8) of a string column, read-only and without a copy where possible."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if column.type != pa.string():
        column = column.cast(pa.string())
    if column.null_count:
        column = column.fill_null("")
    _, offset_buffer, text_buffer = column.buffers()
    if len(column) == 0 or offset_buffer is None:
        return _read_only(np.zeros(len(column) + 1, np.int32)), _read_only(np.zeros(0, np.uint8))
    offsets = np.frombuffer(offset_buffer, np.int32)[column.offset : column.offset + len(column) + 1]
    octets = np.zeros(0, np.uint8) if text_buffer is None else np.frombuffer(text_buffer, np.uint8)
    # One type for numba whatever the buffer: aligned, contiguous, read-only. Anything else would compile a second kernel.
    return _read_only(np.require(offsets, requirements=["A", "C"])), _read_only(octets)


def fingerprint() -> str:
    """Short hash of the folding: its rules, and its tables, which depend on the Unicode version that Python carries."""
    digest = hashlib.sha256(_RULES)
    for table in (*tables(), *spellings()):
        digest.update(np.ascontiguousarray(table).data)
    return digest.hexdigest()[:8]


def _read_only(array: Any) -> Any:
    if array.flags.writeable:
        array = array.view()
        array.flags.writeable = False
    return array


def _pairs(text: str) -> list[tuple[int, int]]:
    return [(ord(pair[0]), ord(pair[1])) for pair in text.split()]


def _hiragana(code: int) -> int:
    return code - 0x60 if 0x30A1 <= code <= 0x30F6 or code in (0x30FD, 0x30FE) else code


def _class_of(code: int) -> int:
    """Class of a code point that is already folded to itself, or of a katakana."""
    char = chr(code)
    if 0x3041 <= code <= 0x3096 or code in (0x309D, 0x309E):
        return kernel.HIRAGANA
    if 0x30A1 <= code <= 0x30FA or code in (0x30FD, 0x30FE):
        return kernel.KATAKANA
    if code == kernel.CHOONPU:
        return kernel.PROLONGED
    if (
        code in (0x3005, 0x3006, 0x3007)
        or 0x3400 <= code <= 0x9FFF
        or 0xF900 <= code <= 0xFAFF
        or 0x20000 <= code <= 0x3FFFF
    ):
        return kernel.KANJI
    if char.isascii() and char.isdigit():
        return kernel.DIGIT
    if (code < 0x530 and unicodedata.category(char)[0] == "L") or char in _FOREIGN:
        return kernel.LETTER
    if code in _BLANKS:
        return kernel.SPACE
    if code in _BREAKS:
        return kernel.BREAK
    if char in _JOINTS:
        return kernel.JOINT
    if char in _WAVES:
        return kernel.WAVE
    return kernel.OTHER


def _expand(code: int) -> list[int]:
    """Table entries (class << SHIFT | code) of one code point; [] when it is dropped."""
    if code in _LETTERS:
        return [entry for char in _LETTERS[code] for entry in _expand(ord(char))]
    if code in (0x3099, 0x309B, 0xFF9E):
        return [kernel.VOICED << kernel.SHIFT]
    if code in (0x309A, 0x309C, 0xFF9F):
        return [kernel.SEMIVOICED << kernel.SHIFT]
    if code in _BREAKS:
        return [kernel.BREAK << kernel.SHIFT | 0x0A]
    if code in _BLANKS:
        return [kernel.SPACE << kernel.SHIFT | 0x20]
    char = chr(code)
    if 0xAC00 <= code <= 0xD7A3 or char in _JOINTS or char in _WAVES:  # Hangul syllables stay whole
        return [_class_of(code) << kernel.SHIFT | code]
    wide = unicodedata.normalize("NFKC", char)
    if wide[0] == " " or len(wide) > 6:  # a free-standing accent; one sign for a whole Arabic phrase
        wide = char
    parts: list[int] = []
    for part in wide.casefold():
        if _hiragana(ord(part)) != ord(part) or 0x30A1 <= ord(part) <= 0x30FA:
            parts.append(kernel.KATAKANA << kernel.SHIFT | _hiragana(ord(part)))
            continue
        # accents go: é -> e, but never the dots of kana
        plain = unicodedata.normalize("NFD", part)
        plain = plain[0] if ord(plain[0]) < 0x530 and all(ord(mark) in _MARK_SET for mark in plain[1:]) else part
        if (
            part != char
            and ord(plain) != code
            and (ord(plain) in _LETTERS or unicodedata.normalize("NFKC", plain) != plain)
        ):
            parts += _expand(ord(plain))
            continue
        if ord(plain) in _MARK_SET:
            continue
        if plain in ("\u3099", "\u309a"):
            kind = kernel.VOICED if plain == "\u3099" else kernel.SEMIVOICED
            parts.append(kind << kernel.SHIFT)
            continue
        if ord(plain) in _BLANKS:
            parts.append(kernel.SPACE << kernel.SHIFT | 0x20)
            continue
        parts.append(_class_of(ord(plain)) << kernel.SHIFT | ord(plain))
    return parts


_MARK_SET: Final = frozenset(_MARKS)
_FOREIGN: Final = frozenset(map(chr, look_alikes.letter_twins()[:, 0].tolist()))


@cache
def tables() -> kernel.Tables:
    """What the kernel looks up; built once a process (about 0.1 s)."""
    table = np.arange(0x110000, dtype=np.uint32)  # unlisted code points stay themselves: class OTHER
    table[0xD800:0xE000] = 0xFFFD
    for first, last in ((0x3400, 0x9FFF), (0x20000, 0x3FFFF)):
        table[first : last + 1] |= kernel.KANJI << kernel.SHIFT
    grow_at, grow = [0], []
    spans = (
        (0, 0x3400),
        (0xA000, 0xABFF),
        (0xF900, 0x10000),
        (0x10400, 0x104FF),
        (0x1D400, 0x1D800),
        (0x1E900, 0x1E95F),
    )
    more = ((0x1F000, 0x1F300), (0x1FBF0, 0x1FC00), (0x2F800, 0x2FA20), (0x1DF00, 0x1E100), (0x118A0, 0x118E0))
    for first, after in spans + more:
        for code in range(first, after):
            parts = _expand(code)
            if len(parts) == 1:
                table[code] = parts[0]
            elif not parts:
                table[code] = kernel.DROP << kernel.SHIFT
            else:
                assert len(parts) <= kernel.CHARACTERS_PER_BYTE * len(chr(code).encode()), hex(code)
                table[code] = kernel.EXPAND << kernel.SHIFT | (len(grow_at) - 1)
                grow += parts
                grow_at.append(len(grow))
    table[_DROPPED] = kernel.DROP << kernel.SHIFT
    table[_MARKS] = kernel.MARK << kernel.SHIFT
    said = {ord(emoji): [_expand(ord(char))[0] for char in word] for word, listed in _SAID.items() for emoji in listed}
    for code, word in said.items():
        assert len(word) < kernel.CHARACTERS_PER_BYTE * len(chr(code).encode()), hex(code)
        table[code] = kernel.SAID << kernel.SHIFT | code
    vowels = np.zeros(0xC0, np.uint8)
    for sound, kana in enumerate(_SOUNDS, 1):
        for char in kana:
            vowels[ord(char) - _KANA] = sound
    for char in "あいうえお":
        vowels[ord(char) - _KANA] += 8
    for char in "ぁぃぅぇぉ":
        vowels[ord(char) - _KANA] += 16
    voiced = np.zeros((2, 0xC0), np.int32)
    for which, pairs in enumerate(_VOICED):
        for plain, dotted in _pairs(pairs):
            voiced[which, plain - _KANA] = dotted
    leet = np.zeros(128, np.int32)
    for digit, meant in _pairs(_LEET):
        leet[digit] = meant
    kana_twin = np.zeros((0xC0, 2), np.int32)
    kanji_at = np.zeros(kernel.KANJI_AFTER - kernel.KANJI_FIRST, np.uint8)
    kanji_twin = []
    for kanji, katakana in _pairs(look_alikes.TWINS):
        twin = _hiragana(katakana)
        flags = kernel.RARE * (chr(kanji) in look_alikes.RARE) | kernel.NUMBER * (chr(kanji) in look_alikes.NUMBERS)
        kanji_twin.append((kanji, twin, flags))
        kanji_at[kanji - kernel.KANJI_FIRST] = len(kanji_twin)
        if chr(katakana) in look_alikes.BOTH:
            kana_twin[twin - _KANA, 0] = kanji
    for flag, listed in ((kernel.ENDS, look_alikes.ENDS), (kernel.COUNTS, look_alikes.COUNTS)):
        for char in listed:
            kana_twin[_hiragana(ord(char)) - _KANA, 1] |= flag
    has = np.zeros(0x110000, np.uint32)  # properties, by folded code point
    has[_KANA : _KANA + 0xC0] |= np.where(vowels >= 8, kernel.VOWEL, 0).astype(np.uint32)
    has[_KANA : _KANA + 0xC0] |= np.where(vowels >= 16, kernel.SMALL, 0).astype(np.uint32)
    has[kernel.CHOONPU] |= kernel.VOWEL
    has[_KANA : _KANA + 0xC0] |= np.where(kana_twin[:, 0] > 0, kernel.TWIN, 0).astype(np.uint32)
    has[[kanji for kanji, _, _ in kanji_twin]] |= kernel.TWIN
    has[_codes(kernel.RINGS)] |= kernel.RING
    kinds, codes = table >> kernel.SHIFT, table & kernel.CODE
    table |= np.where(kinds <= kernel.JOINT, has[codes], 0)
    table |= np.where((kinds == kernel.LETTER) & (codes >= 0x100), kernel.FOREIGN, 0).astype(np.uint32)
    return kernel.Tables(
        table,
        kernel.links(),
        np.array(grow_at, np.int32),
        np.array(grow, np.int32),
        vowels,
        voiced,
        kana_twin,
        kanji_at,
        np.array([pair[1:] for pair in kanji_twin], np.int32),
        np.array(_pairs(look_alikes.COUNTERS), np.int32),
        _codes(look_alikes.COUNTED),
        _codes(look_alikes.BEFORE_COUNTS),
        _codes(look_alikes.ONES),
        look_alikes.letter_twins(),
        _codes(_WAVES),
        np.array(sorted(said), np.int32),
        np.cumsum([0] + [len(said[code]) for code in sorted(said)]).astype(np.int32),
        np.array([entry for code in sorted(said) for entry in said[code]], np.int32),
        leet,
    )


def _codes(text: str) -> Any:
    return np.array([ord(char) for char in text], np.int32)
