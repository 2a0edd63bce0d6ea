"""The Japanese catalogue is whole."""

from __future__ import annotations

import re

import polib
import pytest

from tests.house.messages import CATALOGUE, PACKAGE, collect, copied, missing
from tests.needs import need


def test_every_message_is_translated() -> None:
    assert missing() == []


def test_the_compiled_catalogue_is_that_of_the_words() -> None:
    catalogue = polib.pofile(str(PACKAGE / CATALOGUE), wrapwidth=0)
    assert (PACKAGE / CATALOGUE).with_suffix(".mo").read_bytes() == catalogue.to_binary()


def test_placeholders_are_kept() -> None:
    pattern = re.compile(r"%\(\w+\)[sd]|%[sd]|\{[\w!:.]*\}")
    for entry in polib.pofile(str(PACKAGE / CATALOGUE)):
        said = entry.msgstr_plural.get(0, "") if entry.msgid_plural else entry.msgstr
        wanted = {re.sub(r"[!:][^}]*", "", found) for found in pattern.findall(entry.msgid_plural or entry.msgid)}
        given = {re.sub(r"[!:][^}]*", "", found) for found in pattern.findall(said)}
        assert given == wanted, entry.msgid


def test_one_word_for_one_thing_and_full_width_marks() -> None:
    """A reader meets each thing under one name (docs/glossary.md), and Japanese marks beside Japanese words."""
    other_names = "案件|カテゴリ(?!ー)|待ち行列|二要素目|収集元|検知|スコア|助言者|実務デスク|ブラウザ(?!ー)|フォルダ(?!ー)|助けが必要"
    half_width = "(?<=[ぁ-んァ-ヶ一-龥ー])[(:]|[):](?=[ぁ-んァ-ヶ一-龥])(?<![%][(]id[)])"
    apart = r"[)][sd] [件回分人日]"
    for entry in polib.pofile(str(PACKAGE / CATALOGUE)):
        said = entry.msgstr_plural.get(0, "") if entry.msgid_plural else entry.msgstr
        plain = re.sub(r"%\(\w+\)", "%", said)  # a placeholder's own parentheses
        assert not re.search(f"{other_names}|{half_width}", plain), (entry.msgid, said)
        assert not re.search(apart, said), (entry.msgid, said)


@pytest.mark.slow
def test_collecting_again_finds_nothing_new() -> None:
    need("gettext")
    here = {(e.msgctxt, e.msgid) for e in polib.pofile(str(PACKAGE / CATALOGUE)) if not e.obsolete}
    with copied() as package:
        collect(package)
        now = {(e.msgctxt, e.msgid) for e in polib.pofile(str(package / CATALOGUE)) if not e.obsolete}
    assert now == here, "run `make messages` and translate what is new"
