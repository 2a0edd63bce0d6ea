"""Words in a post that are meant for a program that judges it: "ignore all instructions", a forged turn of a dialogue.

Such words change no verdict here. They are shown to people, because nobody writes them by accident.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import pyarrow as pa

from yoake.detect.category_keys import FIELDS
from yoake.detect.text.field_text import FieldText
from yoake.detect.text.fold import fold
from yoake.detect.text.phrases import PhraseMatcher

CUE: Final = "instruction_to_a_program"
_MOST: Final = 5  # places of one post

_PHRASES: Final = (
    "指示を無視",
    "指示は無視",
    "指示を無効",
    "指示に従わ",
    "命令を無視",
    "プロンプトを無視",
    "ルールを無視して",
    "指示を忘れ",
    "システムプロンプト",
    "システムメッセージ",
    "あなたは{AI|人工知能|言語モデル|アシスタント|モデレーター|判定者}",
    "AI{への|に対する}指示",
    "AIは{安全|無害|問題なし|対象外}と{判定|判断|回答|答え}",
    "{安全|無害|問題なし|問題ない|対象外|該当なし}と{判定|判断|回答|出力|分類}{して|せよ|しろ|すること|してください}",
    "スコア{を|は}{0|ゼロ|0.0}に",
    "空の{リスト|配列|JSON}を{返|出力}",
    "この投稿は{判定|審査|検査}しないで",
    "ignore {all|any|the|your|previous|prior} instructions",
    "ignore all {previous|prior|the above} instructions",
    "ignore {the|all the} {above|previous} {instructions|text|prompt}",
    "ignore everything above",
    "disregard {all|any|the|your} {previous|prior|above} instructions",
    "disregard {the above|all instructions|your instructions}",
    "forget {your|all|previous|all previous} instructions",
    "override {your|the} instructions",
    "new instructions:",
    "system prompt",
    "system message",
    "you are {now an|an} AI",
    "you are a {language model|helpful assistant|content moderator}",
    "as an AI language model",
    "note to {the|any} {AI|model|moderator|classifier}",
    "{respond|answer|reply|output} only with",
    "{respond|answer|reply} with an empty",
    "{output|return} {an empty|empty} {list|array|JSON}",
    "{classify|label|rate|mark} this {post|text|message} as {safe|harmless|benign|none}",
    "this {post|text|message} is {safe|harmless|benign} and {must|should} not be",
    "set the score to {0|zero}",
    "end of {post|data|the post|the data}",
    "忽略{以上|之前|前面|所有}{指令|指示|的指令|的指示}",
    "무시하{고|세요} 지시",
    "이전 지시를 무시",
    "ignore as instruções",
    "bỏ qua hướng dẫn",
)
# Marks by which language models tell who speaks; nobody needs them in a post.
_TURNS: Final = re.compile(
    r"<\|[a-z_]{2,20}\|>|</?(?:start|end)_of_turn>|\[/?INST\]|<</?SYS>>|</?(?:system|assistant|s)>"
    r"|^[ \t]*#{0,3}\s*(?:system|assistant)\s*[:：]",
    re.IGNORECASE | re.MULTILINE,
)


def instructions(post: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Places in a post (row of POSTS) that speak to a program: spans in reading order, weight 0, none inside another."""
    found: list[dict[str, Any]] = []
    for field in FIELDS:
        original = post[field] or ""
        if not original:
            continue
        column = fold(pa.array([original], pa.string()))
        text, hits = FieldText(original, column, 0), _matcher().find(column)
        places = {text.place(s, e) for s, e in zip(hits.starts.tolist(), hits.ends.tolist(), strict=True)}
        places |= {match.span() for match in _TURNS.finditer(original)}
        end = -1
        for start, after in sorted(places, key=lambda place: (place[0], -place[1])):
            if start >= end:
                spot = {"field": field, "start": start, "end": after, "text": original[start:after]}
                found.append({**spot, "cue": CUE, "weight": 0.0})
                end = after
    return found[:_MOST]


@cache
def _matcher() -> PhraseMatcher:
    spellings = [spelling for phrase in _PHRASES for spelling in _spellings(phrase)]
    return PhraseMatcher(list(dict.fromkeys(spellings)))


def _spellings(phrase: str) -> list[str]:
    """All that alternatives in braces stand for, as in a category's phrases.tsv."""
    head, brace, rest = phrase.partition("{")
    if not brace:
        return [phrase]
    chosen, _, tail = rest.partition("}")
    return [head + one + after for one in chosen.split("|") for after in _spellings(tail)]
