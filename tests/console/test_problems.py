"""What the rooms say that know only English, in the reader's language."""

from __future__ import annotations

import re
import time
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from string import Formatter

import pytest
from django.utils import translation

from tests.house.messages import outside
from yoake import shelf
from yoake.collect import connectors
from yoake.collect.keys import Keys
from yoake.collect.trouble import away, refuse
from yoake.console import words
from yoake.console.connectors import about_of, settings_of
from yoake.console.problems import of_connector
from yoake.console.setting_names import has_name
from yoake.errors import BadInput, YoakeError

JAPANESE = re.compile("[ぁ-ゖァ-ヶ]")
SENTENCES = outside()
NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize("name", shelf.names(connectors))
def test_a_connector_and_its_settings_are_told_in_japanese(name: str) -> None:
    kind = shelf.take(connectors, name)
    with translation.override("ja"):
        about, language = of_connector(about_of(kind))
        assert (bool(JAPANESE.search(about)), language) == (True, "ja")
        for setting in settings_of(kind):
            assert JAPANESE.search(setting.help), f"{setting.name}: {setting.help}"
            assert setting.help_lang == "ja"
            assert has_name(setting.name), f"{setting.name}: name it in console/setting_names.py"
            assert setting.label != setting.name
    with translation.override("en"):
        assert of_connector(about_of(kind)) == (about_of(kind), "en")
        assert all(setting.help and setting.help_lang == "en" for setting in settings_of(kind))


def test_settings_to_which_a_cursor_belongs_are_settings() -> None:
    anew = {}
    for name in shelf.names(connectors):
        kind = shelf.take(connectors, name)
        anew[name] = {setting.name for setting in settings_of(kind) if setting.begins_anew}
        assert anew[name] == set(getattr(kind, "cursor_of", ()))
        assert anew[name] <= {field.name for field in fields(kind.Options)}
    assert anew["mastodon"] == {"instance"}


def test_sentences_of_every_kind_are_found() -> None:
    """Plain, a pattern, a piece of one, from a name of the module, from a function."""
    assert {
        "X ended the stream for its own reasons; trying again.",
        "{host} asks to wait ({reason}); trying again in {after_s} s.",
        "too many requests",
        "a name of small letters, digits and _; the secret itself stands in its file",
        "set {variable}{upper}",
    } <= SENTENCES.keys()
    assert len(SENTENCES) > 150


@pytest.mark.parametrize("sentence", SENTENCES)
def test_every_sentence_of_the_outside_is_told_in_japanese(sentence: str) -> None:
    names = [name for _, name, *_ in Formatter().parse(sentence) if name]
    pieces = {name: f"{'x' * (n + 1)}7" for n, name in enumerate(names)}
    said = sentence.format(**pieces)
    with translation.override("ja"):
        told = words.problem_text(said)
        assert not told.startswith("詳細（英語）"), told
        assert JAPANESE.search(told) or re.search("[一-鿿]", told), told
        assert all(piece in told for piece in pieces.values()), told
    with translation.override("en"):
        assert words.problem_text(said).rstrip(".").lower() == said.rstrip(".").lower()


def _raised(status: int, **headers: str) -> YoakeError:
    with pytest.raises(YoakeError) as raised:
        refuse("h.example", status, headers, NOW)
    return raised.value


def _secret() -> YoakeError:
    with pytest.raises(YoakeError) as raised:
        Keys(Path("/nowhere"))("x_bearer")
    return raised.value


def test_errors_as_they_are_raised() -> None:
    told = {
        _raised(
            401
        ): "h.example の応答は 401 で、この環境からの利用を許可していません。運営者に利用条件を確かめてください。",
        _raised(429, **{"retry-after": "90"}): (
            "h.example から待つように求められました（リクエストが多すぎます）。90秒後にもう一度試します。"
        ),
        away("h.example", ConnectionRefusedError()): "h.example：接続を拒否されました。後でもう一度試します。",
        away("h.example", TimeoutError()): "h.example が応答しません。後でもう一度試します。",
        _secret(): (
            "鍵「x_bearer」がありません。鍵だけを /nowhere/x_bearer に書いて権限を0600にするか、"
            "環境変数 YOAKE_SECRET_X_BEARER を設定してください。"
        ),
        BadInput("every_s", 3, "at least 600 seconds: be kind to the site"): (
            "「間隔（秒）」の値 3 は使えません。サイトに負担をかけないよう、600秒以上にしてください。"
        ),
        BadInput("queries", "a: b", "X does not take this question: no such operator"): (
            "「検索語」の値 'a: b' は使えません。Xがこの検索を受け付けません：no such operator。"
        ),
    }
    with translation.override("ja"):
        assert {words.problem_text(str(error)): said for error, said in told.items()} == {s: s for s in told.values()}


def test_what_nobody_translated_has_a_word_before_it() -> None:
    with translation.override("ja"):
        assert words.problem_text("the board is away") == "詳細（英語）：the board is away"
        assert words.problem_text("") == ""
    with translation.override("en"):
        assert words.problem_text("the board is away") == "The board is away."


def test_what_a_host_says_cannot_keep_a_page_waiting() -> None:
    began = time.monotonic()
    with translation.override("ja"):
        for said in ("{host} answered " * 5000, "a is b: " * 400, "h; trying again later. (" * 160, "%(x)s {0} " * 99):
            assert words.problem_text(said).startswith("詳細（英語）")
    assert time.monotonic() - began < 5
