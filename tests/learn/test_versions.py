"""The store of models: adding, pointing, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.detect.worlds import posts
from tests.learn.models import lexicon_model, narrow_model
from yoake.detect.detector import Detector
from yoake.detect.model import SERVING, SHADOW, pointed
from yoake.detect.serving import generation_on_duty, in_service, load, on_duty, service_ref
from yoake.detect.shadow import Shadowed
from yoake.errors import BadInput, Refused
from yoake.learn import versions

RECRUITING = "受け子募集 日給10万円 即日即金 詳しくはテレグラムで"
DRUGS = "野菜🥦あります 手押し 都内 アイスも DMください"


def said(detector: Detector, text: str) -> list[str]:
    return list(detector.judge(posts(text)).column("category").to_pylist())


@pytest.fixture
def store(tmp_path: Path) -> Path:
    place = tmp_path / "models"
    versions.add(place, lexicon_model(tmp_path / "one", "1"), "tokyo")
    versions.add(place, narrow_model(tmp_path / "two", "2"), "tokyo")
    return place


def test_versions_are_listed_with_their_facts(store: Path) -> None:
    assert [found.ref for found in versions.versions(store)] == ["tokyo/1", "tokyo/2"]
    found = versions.version(store, "tokyo/1")
    assert (found.detector, found.facts["rows"], found.card[:12]) == ("lexicon", 7, "# Model card")
    assert list(versions.versions(store / "nowhere")) == []


def test_a_version_is_added_once_and_only_if_it_loads(store: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="not in the store yet"):
        versions.add(store, tmp_path / "one", "tokyo")
    broken = lexicon_model(tmp_path / "broken", "3")
    (broken / "categories" / "trial").mkdir(parents=True)
    with pytest.raises(Refused):
        versions.add(store, broken, "tokyo")
    assert [found.ref for found in versions.versions(store)] == ["tokyo/1", "tokyo/2"]
    assert not list(store.glob("*/.*"))


@pytest.mark.parametrize("name", ["", "Tokyo", "a/b", "..", "serving", "shipped", "x" * 21, "é"])
def test_names_that_cannot_be(store: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="small letters"):
        versions.add(store, lexicon_model(tmp_path / "m", "9"), name)


def test_links_are_not_followed_into_the_store(store: Path, tmp_path: Path) -> None:
    folder = lexicon_model(tmp_path / "m", "9")
    (folder / "secret").symlink_to("/etc/hostname")
    with pytest.raises(BadInput, match="plain files"):
        versions.add(store, folder, "tokyo")


def test_the_hash_changes_with_every_file(store: Path) -> None:
    folder = store / "tokyo" / "1"
    before = versions.digest(folder)
    (folder / "card.md").write_text("other")
    assert versions.digest(folder) != before


def test_pointers_say_what_serves(store: Path) -> None:
    assert (pointed(store, SERVING), service_ref(store).partition("/")[0]) == ("", "shipped")
    assert in_service(store).version == load().version
    versions.point(store, SERVING, "tokyo/2")
    assert service_ref(store) == "tokyo/2"
    assert "criminal_recruitment" not in said(in_service(store), RECRUITING)
    assert "drug_ad" in said(in_service(store), DRUGS)
    versions.point(store, SERVING, "")
    assert "criminal_recruitment" in said(in_service(store), RECRUITING)


@pytest.mark.parametrize("content", ["", "tokyo", "../../etc", "tokyo/1\ntokyo/2", "\x00"])
def test_a_pointer_that_holds_something_else_is_refused(store: Path, content: str) -> None:
    (store / SERVING).write_text(content)
    with pytest.raises(Refused, match="repair or remove"):
        in_service(store)
    with pytest.raises(Refused):
        service_ref(store)


def test_a_pointer_to_nothing_is_refused(store: Path) -> None:
    versions.point(store, SERVING, "tokyo/7")
    with pytest.raises(Refused, match="tokyo/7"):
        in_service(store)


def test_every_move_is_a_new_generation(store: Path, tmp_path: Path) -> None:
    overlay = tmp_path / "categories"
    seen = {generation_on_duty(overlay, store)}
    for pointer, ref in ((SERVING, "tokyo/1"), (SHADOW, "tokyo/2"), (SHADOW, ""), (SERVING, "tokyo/2")):
        versions.point(store, pointer, ref)
        seen.add(generation_on_duty(overlay, store))
    (store / "tokyo" / "2" / "card.md").write_text("changed")
    seen.add(generation_on_duty(overlay, store))
    (store / SERVING).write_text("broken")
    seen.add(generation_on_duty(overlay, store))
    assert len(seen) == 6  # no shadow again is what was before it
    steady = generation_on_duty(overlay, store)
    (store / "tokyo" / "1" / "card.md").write_text("nobody points here")
    assert generation_on_duty(overlay, store) == steady


# --- shadow ---------------------------------------------------------------------------------------------------------


def test_what_the_shadow_says_is_marked_and_queues_nothing(store: Path) -> None:
    versions.point(store, SERVING, "tokyo/2")
    versions.point(store, SHADOW, "tokyo/1")
    found = on_duty(store).judge(posts(RECRUITING, "今日は鍋にします", DRUGS)).to_pylist()
    of = [(f["row"], f["category"], f["shadow"]) for f in found]
    assert (0, "criminal_recruitment", True) in of
    assert (0, "criminal_recruitment", False) not in of
    assert {(2, "drug_ad", True), (2, "drug_ad", False)} <= set(of)  # said by both: two findings
    assert all((f["version"] == "tokyo/1") == f["shadow"] for f in found)
    assert [f["row"] for f in found] == sorted(f["row"] for f in found)
    for row in (0, 2):
        scores = [f["score"] for f in found if f["row"] == row]
        assert scores == sorted(scores, reverse=True)


def test_the_shadow_changes_nothing_of_what_serves(store: Path) -> None:
    alone = in_service(store).judge(posts(RECRUITING, DRUGS)).to_pylist()
    versions.point(store, SHADOW, "tokyo/2")
    beside = on_duty(store).judge(posts(RECRUITING, DRUGS)).to_pylist()
    assert [f for f in beside if not f["shadow"]] == alone
    assert on_duty(store).version != load().version


def test_a_broken_shadow_stops_nobody(store: Path) -> None:
    versions.point(store, SHADOW, "tokyo/7")
    detector = on_duty(store)
    assert isinstance(detector, Shadowed)
    assert "tokyo/7" in detector.problem
    assert detector.ref == ""
    assert detector.judge(posts(RECRUITING)).to_pylist() == detector.serving.judge(posts(RECRUITING)).to_pylist() != []
