"""`python -m bench.disguise`: how much of what the judge on duty finds it still finds when the same texts are disguised.

Each labelled row of examples/corpus is judged as it stands and once in each of ten disguises (seeded; every word that can
be, denser than people write). Recall: queued under one of its labels. Of the harmless rows a sample goes the same way: a
text that looks hidden must not be queued for that. The disguises are written as somebody who hides would write them, from
tables of their own: nothing here is read from `yoake.detect`.

The judge on duty has learned from these very rows, so it finds nearly all of them and the ratio is flattered. `--unseen`
trains one without some of the writers (minutes) and judges only those.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
import unicodedata
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, Final

CORPUS: Final = Path(__file__).resolve().parents[1] / "examples" / "corpus"
GOAL: Final = 0.95
HARMLESS: Final = 3_000  # rows of the sample

Disguise = Callable[[str, Random], str]

_JAPANESE: Final = "぀-ヿ㐀-鿿々ー"
_WORD: Final = re.compile(rf"[{_JAPANESE}0-9]{{2,}}|[A-Za-z]{{2,}}")
_LATIN: Final = re.compile(r"[A-Za-z]{2,}")
_SEPARATORS: Final = (" ", "　", "・", ".", "_", "/", "|", "-", "*", "。", "＿", "／", "'", "★")
_INVISIBLE: Final = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u034f\u0336\ufe0e"
_TO_KANJI: Final = dict(
    zip("カロエニトタハチミオヒメムヌーセイル", "力口工二卜夕八千三才匕乂厶又一七亻儿", strict=True)
)
_TO_KANA: Final = dict(zip("力口工二夕八千三才又一七へりべ", "カロエニタハチミオヌーセヘリベ", strict=True))
_TO_FOREIGN: Final = dict(zip("ABCEHIJKMNOPSTXYZacdehijopsxyuvg", "АВСЕНІЈКМΝОРЅТХΥΖасԁеһіјорѕхуυνɡ", strict=True))
_LEET: Final = {"o": "0", "i": "1", "l": "1", "e": "3", "a": "4", "s": "5", "t": "7", "g": "9", "b": "8"}
_ENCLOSED: Final = (0x24B6, 0x1F130, 0x1F150, 0x1F170, 0x1D400, 0x1D434, 0x1D468, 0x1D4D0, 0x1D5A0, 0x1D5D4, 0x1D670)
_ROWS: Final = ("あかさたなはまやらわがざだばぱ", "いきしちにひみりぎじぢびぴ", "うくすつぬふむゆるぐずづぶぷ",
                "えけせてねへめれげぜでべぺ", "おこそとのほもよろをごぞどぼぽ")  # fmt: skip
_VOWELS: Final = {kana: vowels for row, vowels in zip(_ROWS, ("ぁあー", "ぃいー", "ぅうー", "ぇえー", "ぉおー"), strict=True) for kana in row}  # fmt: skip
_EMOJI: Final = {
    "お金": "💰", "現金": "💴", "報酬": "💰", "荷物": "📦", "車": "🚗", "銀行": "🏦", "カード": "💳", "電話": "📞", "携帯": "📱",
    "スマホ": "📱", "DM": "📩", "メール": "📧", "警察": "👮", "飛行機": "✈️", "家": "🏠", "写真": "📷", "野菜": "🥦", "アイス": "🍦",
    "氷": "🧊", "薬": "💊", "草": "🍁", "通帳": "📒", "鍵": "🔑", "カメラ": "📷",
}  # fmt: skip
_READINGS: Final = {
    "闇": "やみ", "受け子": "うけこ", "出し子": "だしこ", "掛け子": "かけこ", "叩き": "たたき", "運び": "はこび", "裏": "うら",
    "高収入": "こうしゅうにゅう", "高額": "こうがく", "報酬": "ほうしゅう", "即日": "そくじつ", "即金": "そくきん", "日払い": "ひばらい",
    "日給": "にっきゅう", "時給": "じきゅう", "月収": "げっしゅう", "案件": "あんけん", "募集": "ぼしゅう", "急募": "きゅうぼ", "副業": "ふくぎょう",
    "口座": "こうざ", "通帳": "つうちょう", "銀行": "ぎんこう", "買取": "かいとり", "買い取り": "かいとり", "名義": "めいぎ", "契約": "けいやく",
    "携帯": "けいたい", "回線": "かいせん", "現金": "げんきん", "手渡し": "てわたし", "受け取り": "うけとり", "回収": "かいしゅう", "荷物": "にもつ",
    "書類": "しょるい", "送迎": "そうげい", "野菜": "やさい", "手押し": "ておし", "郵送": "ゆうそう", "大麻": "たいま", "覚醒剤": "かくせいざい",
    "在庫": "ざいこ", "融資": "ゆうし", "審査": "しんさ", "個人": "こじん", "借金": "しゃっきん", "返済": "へんさい", "保証": "ほしょう",
    "身分証": "みぶんしょう", "免許証": "めんきょしょう", "家族": "かぞく", "脅され": "おどされ", "詐欺": "さぎ", "強盗": "ごうとう", "逮捕": "たいほ",
    "警察": "けいさつ", "違法": "いほう", "合法": "ごうほう", "簡単": "かんたん", "誰でも": "だれでも", "稼げ": "かせげ", "稼ぎ": "かせぎ",
    "詳細": "しょうさい", "連絡": "れんらく", "仕事": "しごと", "投資": "とうし", "配当": "はいとう", "名簿": "めいぼ", "個人情報": "こじんじょうほう",
    "家出": "いえで", "泊めて": "とめて", "泊まる": "とまる", "助けて": "たすけて", "応募": "おうぼ", "面接": "めんせつ", "不問": "ふもん",
}  # fmt: skip


def disguises() -> dict[str, Disguise]:
    """Ten ways to hide a text, by name; each takes the text and a seeded source of chance, and gives the disguised text."""
    return {
        "full width": full_width,
        "separators in words": separators,
        "zero width": zero_width,
        "look-alikes": look_alikes,
        "enclosed letters": enclosed,
        "leet": leet,
        "stretched vowels": stretched,
        "emoji for words": emoji,
        "split lines": split_lines,
        "kana respelling": kana,
    }


def full_width(text: str, chance: Random) -> str:
    """ＤＭ, ５万 and, in half of the texts, ﾊﾞｲﾄ."""
    narrow = chance.random() < 0.5

    def other(char: str) -> str:
        if "!" <= char <= "~":
            return chr(ord(char) + 0xFEE0)
        return _half().get(char, char) if narrow else char

    return "".join(map(other, text))


def separators(text: str, chance: Random) -> str:
    """受 け 子, 闇・バ・イ・ト: half of the words spelled out, the others split here and there; one mark a text."""
    mark = chance.choice(_SEPARATORS)

    def split(found: re.Match[str]) -> str:
        word = found[0]
        if chance.random() < 0.5:
            return mark.join(word)
        return "".join(char + mark * (chance.random() < 0.2) for char in word[:-1]) + word[-1]

    return _WORD.sub(split, text)


def zero_width(text: str, chance: Random) -> str:
    """Invisible characters after two in five."""
    return "".join(char + chance.choice(_INVISIBLE) * (chance.random() < 0.4) for char in text)


def look_alikes(text: str, chance: Random) -> str:
    """バイ卜, ロ座, LІNE: seven in ten of the characters that have a twin."""
    found = []
    for at, char in enumerate(text):
        twin = _TO_KANJI.get(char) or _TO_KANA.get(char)
        if char in _TO_FOREIGN and any(
            c.isascii() and c.isalpha() for c in text[max(at - 1, 0) : at + 2].replace(char, "", 1)
        ):
            twin = _TO_FOREIGN[char]
        found.append(twin if twin and chance.random() < 0.7 else char)
    return "".join(found)


def enclosed(text: str, chance: Random) -> str:
    """Ⓓⓜ, 🅳🅼, 𝐃𝐌, ⑤: letters and digits in circles, squares and mathematical faces; one face a word."""

    def face(found: re.Match[str]) -> str:
        first = chance.choice(_ENCLOSED)
        return "".join(chr(first + ord(char.upper()) - 65) for char in found[0])

    text = re.sub("[A-Za-z]+", face, text)
    return re.sub("[0-9]", lambda found: chr(0x2460 + int(found[0]) - 1) if found[0] != "0" else "⓪", text)


def leet(text: str, chance: Random) -> str:
    """d1sc0rd, te1egram: at least one letter of a Latin word, at most half."""

    def hide(found: re.Match[str]) -> str:
        word = found[0]
        at = [i for i, char in enumerate(word) if char.lower() in _LEET]
        chosen = set(chance.sample(at, min(len(at), max(1, len(word) // 3))))
        return "".join(_LEET[char.lower()] if i in chosen else char for i, char in enumerate(word))

    return _LATIN.sub(hide, text)


def stretched(text: str, chance: Random) -> str:
    """やばーーい, バイトォォ, 高収入ーー, heeey: a fifth of the kana, the ends of words, vowels of Latin words."""
    found = []
    for at, char in enumerate(text):
        found.append(char)
        after = text[at + 1 : at + 2]
        vowels = _VOWELS.get(chr(ord(char) - 0x60) if "ァ" <= char <= "ヶ" else char)
        ends = not re.match(rf"[{_JAPANESE}\w]", after)
        if vowels and after not in "ーゃゅょャュョァィゥェォぁぃぅぇぉ" and chance.random() < (0.5 if ends else 0.12):
            vowel = chance.choice(vowels)
            vowel = chr(ord(vowel) + 0x60) if "ァ" <= char <= "ヶ" and vowel != "ー" else vowel
            found.append(vowel * chance.randint(2, 5))
        elif "一" <= char <= "鿿" and ends and chance.random() < 0.5:
            found.append("ー" * chance.randint(1, 4))
        elif (
            char in "aeiouAEIOU" and at and text[at - 1].isalpha() and text[at - 1].isascii() and chance.random() < 0.3
        ):
            found.append(char * chance.randint(2, 4))
    return "".join(found)


def emoji(text: str, _chance: Random) -> str:
    """📩 for DM, 📦 for 荷物: every word that has an emoji."""
    pattern = "|".join(map(re.escape, sorted(_EMOJI, key=len, reverse=True)))
    return re.sub(pattern, lambda found: _EMOJI[found[0]], text)


def split_lines(text: str, chance: Random) -> str:
    """One character a line, lines of a few characters, or line breaks inside words."""
    way = chance.random()
    if way < 0.4:
        return "\n".join(text)
    if way < 0.7:
        size = chance.randint(2, 4)
        return "\n".join(text[at : at + size] for at in range(0, len(text), size))
    return _WORD.sub(
        lambda found: "".join(char + "\n" * (chance.random() < 0.25) for char in found[0][:-1]) + found[0][-1], text
    )


def kana(text: str, chance: Random) -> str:
    """やみばいと, ウケコ, ﾔﾐﾊﾞｲﾄ: every word of the table, hiragana, katakana or half width; katakana to hiragana and back."""
    pattern = "|".join(map(re.escape, sorted(_READINGS, key=len, reverse=True)))

    def respell(found: re.Match[str]) -> str:
        word = _READINGS[found[0]]
        way = chance.random()
        if way < 0.5:
            return word
        word = "".join(chr(ord(char) + 0x60) if "ぁ" <= char <= "ゖ" else char for char in word)
        return word if way < 0.85 else "".join(_half().get(char, char) for char in word)

    text = re.sub(pattern, respell, text)
    if chance.random() < 0.3:
        text = "".join(chr(ord(char) - 0x60) if "ァ" <= char <= "ヶ" else char for char in text)
    return text


def _half() -> dict[str, str]:
    """Katakana to half width, made once."""
    if not _HALF:
        for code in range(0xFF66, 0xFF9E):
            _HALF[unicodedata.normalize("NFKC", chr(code))] = chr(code)
        for mark in "ﾞﾟ":
            for code in range(0xFF66, 0xFF9E):
                wide = unicodedata.normalize("NFKC", chr(code) + mark)
                if len(wide) == 1:
                    _HALF[wide] = chr(code) + mark
    return _HALF


_HALF: Final[dict[str, str]] = {}


def main() -> int:
    """Prints a table, or with --json one JSON object."""
    from yoake.detect.category import load_categories, sought
    from yoake.detect.serving import load

    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--unseen", nargs="?", const="A,D,J", metavar="WRITERS", help="judge rows of writers that were not learned from (A,D,J)")  # fmt: skip
    arguments.add_argument("--json", action="store_true", help="one JSON object and nothing else")
    given = arguments.parse_args()
    shelf = sought(load_categories()[0])
    writers = set(given.unseen.split(",")) if given.unseen else None
    corpus = [row for row in read_rows(shelf) if writers is None or row["writer"] in writers]
    rows, harmless = [row for row in corpus if row["wanted"]], [row for row in corpus if row["label"] == "none"]
    if not rows:
        arguments.error(f"no rows of {given.unseen} in {CORPUS}")
    harmless = Random(given.seed).sample(harmless, min(HARMLESS, len(harmless)))
    with tempfile.TemporaryDirectory() as folder:
        detector: Any = load() if writers is None else trained_without(writers, Path(folder))
        plain = found(detector, rows, [row["text"] for row in rows])
        alarms = found(detector, harmless, [row["text"] for row in harmless])
        results: dict[str, Any] = {}
        for name, disguise in disguises().items():
            chance = Random(f"{given.seed} {name}")
            hidden = [disguise(row["text"], chance) for row in rows]
            changed = [i for i, row in enumerate(rows) if hidden[i] != row["text"]]
            kept = found(detector, [rows[i] for i in changed], [hidden[i] for i in changed])
            before, after = sum(plain[i] for i in changed), sum(kept)
            results[name] = {
                "rows": len(changed), "plain": before, "disguised": after, "ratio": round(after / before, 4) if before else None,
                "harmless": sum(found(detector, harmless, [disguise(row["text"], chance) for row in harmless])),
            }  # fmt: skip
    summary = {
        "bench": "disguise", "rows": len(rows), "found_plain": sum(plain), "harmless": len(harmless),
        "harmless_plain": sum(alarms), "unseen": given.unseen, "seed": given.seed, "disguises": results,
    }  # fmt: skip
    if not given.json:
        kind = (
            f"of writers {given.unseen}, whom the judge did not see" if writers else "that the judge has learned from"
        )
        print(f"{len(rows):,} labelled rows of examples/corpus {kind}; {sum(plain):,} queued as they stand")
        print(f"{len(harmless):,} harmless rows; {sum(alarms):,} queued as they stand")
        print(
            f"  {'disguise':22} {'rows it changes':>16} {'queued plain':>13} {'disguised':>10} {'ratio':>7} {'harmless':>9}"
        )
        for name, one in results.items():
            ratio = one["ratio"]
            verdict = "" if ratio is None or ratio >= GOAL else f"  below {GOAL}"
            kept_share = "-" if ratio is None else f"{ratio:.3f}"
            print(
                f"  {name:22} {one['rows']:16,} {one['plain']:13,} {one['disguised']:10,} {kept_share:>7} {one['harmless']:9,}{verdict}"
            )
    print(json.dumps(summary, ensure_ascii=False))
    return 0


def trained_without(writers: Collection[str], folder: Path) -> Any:
    """A judge that learned from the rows of all other writers, as the shipped one did; the model lies in `folder`."""
    from yoake.detect.serving import beside_lexicon
    from yoake.learn.corpus import read_corpus
    from yoake.learn.shipped import background_halves, train_as_shipped
    from yoake.learn.store import save

    corpus = read_corpus(sorted(CORPUS.glob("writer_*.jsonl")))
    held = [i for i, row in enumerate(corpus.rows) if row.writer in writers]
    groups = set(corpus.groups[held].tolist())
    seen = corpus.part(i for i, group in enumerate(corpus.groups.tolist()) if group not in groups)
    trained = train_as_shipped(seen, background_halves(CORPUS.parents[2] / "shared" / "data"))
    save(trained, folder, day=datetime.now(UTC).date())
    return beside_lexicon(folder)


def read_rows(shelf: Collection[str]) -> list[dict[str, Any]]:
    """Rows of the corpus; `wanted` is those of their labels that are on the shelf."""
    rows = []
    for file in sorted(CORPUS.glob("writer_*.jsonl")):
        for line in file.read_text("utf-8").splitlines():
            row = json.loads(line)
            labels = {row["label"]} if isinstance(row["label"], str) else set(row["label"])
            rows.append({**row, "wanted": labels & set(shelf)})
    return rows


def found(detector: Any, rows: Sequence[dict[str, Any]], texts: Sequence[str]) -> list[bool]:
    """Whether each text is queued under one of its row's labels, a harmless one under any; profile and parent post stand as they are."""
    from yoake.tables.findings import queued
    from yoake.tables.posts import posts_batch

    out = [False] * len(rows)
    batch = [
        {"network": "bench", "native_id": str(i), "text": text, "profile": row["profile"], "parent_text": row["parent_text"],
         "seen_at": datetime(2026, 11, 20, tzinfo=UTC)}
        for i, (row, text) in enumerate(zip(rows, texts, strict=True))
    ]  # fmt: skip
    for finding in detector.judge(posts_batch(batch)).to_pylist() if batch else ():
        wanted = rows[finding["row"]]["wanted"]
        out[finding["row"]] |= queued(finding) and (not wanted or finding["category"] in wanted)
    return out


if __name__ == "__main__":
    raise SystemExit(main())
