"""A place the learned model points at has a name in both languages."""

from __future__ import annotations

from django.utils.translation import override

from yoake.console.words import cue_name


def test_wording_has_a_name() -> None:
    with override("ja"):
        assert cue_name("criminal_recruitment", "wording") == "これまでの例に似た書き方"
    with override("en"):
        assert cue_name("criminal_recruitment", "wording") == "worded like known examples"
