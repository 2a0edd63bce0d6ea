"""The learned judge: kernels against plain twins, sums that add up, folders that are refused, labels off the shelf."""

from __future__ import annotations

import math
import pickle
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given

from tests.detect.test_category import RECORD_ONLY_TOML, write
from tests.detect.worlds import holds, posts, steady, texts
from tests.learn.worlds import lines
from yoake.detect.category import SHIPPED
from yoake.detect.detectors.lexicon import Lexicon
from yoake.detect.detectors.linear import Linear
from yoake.detect.kernels import linear as kernel
from yoake.detect.kernels.gate import gate_sums
from yoake.detect.linear_model import columns
from yoake.detect.serving import load
from yoake.detect.text.fold import read
from yoake.detect.together import Together
from yoake.errors import Refused
from yoake.learn.corpus import Corpus, Row
from yoake.learn.store import save
from yoake.learn.training import Settings, train
from yoake.tables.findings import LEAST_BESIDE, queued

BITS = 10
DAMPING = 7.0


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from datetime import date

    rows = [Row(str(r["text"]), () if r["label"] == "none" else (str(r["label"]),), str(r["group"])) for r in lines()]
    rows += [Row(f"壺を買いませんか {i} {'いろは'[i % 3]}", ("pottery",), f"p{i}") for i in range(12)]
    place = tmp_path_factory.mktemp("model")
    save(train(Corpus(rows), settings=Settings(bits=14)), place, day=date(2026, 11, 20))
    return place


def mix(value: int) -> int:
    """Bucket of a hash, step by step."""
    value = (value ^ value >> 15) * 0x85EBCA6B & 0xFFFFFFFF
    value = (value ^ value >> 13) * 0xC2B2AE35 & 0xFFFFFFFF
    return value >> 32 - BITS


SCRIPTS = (
    "[a-z\u00c0-\u024f\u1e00-\u1eff\ue000]+",
    "[0-9]+",
    "[ぁ-ゖ]+",
    "[ァ-ヾ]+",
    "[一-\u9fff々]+",
    "[\uac00-\ud7a3]+",
)


def hashed(run: str, space: int) -> int:
    value = (space + 1) * 0x9E3779B1 & 0xFFFFFFFF
    for char in run:
        value = (value ^ ord(char)) * 16777619 & 0xFFFFFFFF
    return mix(value)


def runs(folded: str, field: int, longest: int) -> list[tuple[int, int, int]]:
    """(bucket, first, after) of every run and word of one field."""
    found = []
    plain = re.sub("[0-9]", "0", folded)
    for i in range(len(folded)):
        for n in range(1, min(longest, len(folded) - i) + 1):
            found.append((hashed(folded[i] if n == 1 else plain[i : i + n], field), i, i + n))
    for word in re.finditer("|".join(SCRIPTS), plain):
        found.append((hashed(word[0], field + 3), *word.span()))
    return found


@given(texts, texts)
@steady
def test_kernels_equal_their_slow_twins(text: str, profile: str) -> None:
    chance = np.random.default_rng(1)
    idf = chance.uniform(1, 5, 1 << BITS).astype(np.float32)
    weights = chance.normal(size=(1 << BITS, 2)).astype(np.float32)
    folded = [read(pa.array([value], pa.string())) for value in (text, profile, "")]
    found = [runs(column.text(0), field, 4) for field, column in enumerate(folded)]
    counts = Counter(at for listed in found for at, _, _ in listed)
    values = {at: (1 + math.log(n)) * float(idf[at]) for at, n in counts.items()}
    norm = math.sqrt(sum(value * value for value in values.values()) + DAMPING)
    got = kernel.sums(*columns(folded), BITS, 4, np.zeros(1, np.int64), idf, weights, DAMPING)
    gate = gate_sums(*columns(folded), BITS, 4, np.ascontiguousarray(weights[:, 0]))
    if not counts:
        assert np.isnan(got).all()
        assert np.isnan(gate).all()
        return
    slowly = sum(n * float(weights[at, 0]) for at, n in counts.items()) / math.sqrt(sum(counts.values()))
    assert gate[0] == pytest.approx(slowly, abs=1e-9)
    for label in (0, 1):
        assert got[0, label] == pytest.approx(
            sum(v * float(weights[at, label]) for at, v in values.items()) / norm, abs=1e-9
        )
    here, labels = np.zeros(2, np.int64), np.array([1, 0])
    starts, given = kernel.attribute(*columns(folded), BITS, 4, here, labels, idf, weights, DAMPING)
    assert given[: starts[3]].sum() == pytest.approx(got[0, 1], abs=1e-9)
    shares = [given[starts[i] : starts[i + 1]] for i in (3, 4, 5)]
    assert sum(share.sum() for share in shares) == pytest.approx(got[0, 0], abs=1e-9)
    for listed, share in zip(found, shares, strict=True):
        slow = np.zeros(len(share))
        for at, first, after in listed:
            slow[first:after] += values[at] * float(weights[at, 0]) / (norm * counts[at] * (after - first))
        assert share == pytest.approx(slow, abs=1e-9)
    starts, buckets, tf = kernel.features(*columns(folded), BITS, 4)
    assert dict(zip(buckets.tolist(), tf.tolist(), strict=True)) == pytest.approx(
        {at: 1 + math.log(n) for at, n in counts.items()}
    )
    assert starts.tolist() == [0, len(counts)]


def test_finds_adds_up_and_explains(folder: Path) -> None:
    fields = {"text": "大阪 ア イ ス 手 押 し 詳細はＤＭで", "profile": "", "parent_text": ""}
    detector = load(folder)
    best, *_ = detector.judge(posts(fields["text"])).to_pylist()
    assert (best["category"], queued(best), best["detector"]) == ("drug_ad", True, "linear")
    holds(best, fields)
    assert detector.judge(posts("今日は鍋にします", "", "👍")).num_rows == 0


@given(texts)
@steady
def test_every_sum_adds_up_on_odd_text(text: str) -> None:
    fields = {"text": text + "受け子募集 DM待ってます", "profile": text, "parent_text": ""}
    for finding in DEFAULT.judge(posts(fields)).to_pylist():
        holds(finding, fields)


DEFAULT = load()


@pytest.mark.parametrize("text", ["", "👍", "\u202e\u200f", "あ" * 1_000_000, "#闇バイト " * 10_000, "\ufffd" * 50])
def test_odd_posts(folder: Path, text: str) -> None:
    for finding in Linear(folder).judge(posts(text)).to_pylist():
        assert len(finding["spans"]) <= 6


def test_a_label_off_the_shelf_is_never_reported(folder: Path) -> None:
    detector = Linear(folder)
    assert "pottery" in detector.model.labels
    said = (
        detector.judge(posts("壺を買いませんか 3 ろ", "壺を買いませんか 受け子募集 DM待ってます"))
        .column("category")
        .to_pylist()
    )
    assert set(said) <= set(detector.categories)


def test_a_record_only_label_is_never_reported(folder: Path, tmp_path: Path) -> None:
    text = posts("壺を買いませんか 3 ろ")
    write(tmp_path / "sought" / "pottery")
    assert "pottery" in Linear(folder, tmp_path / "sought").judge(text).column("category").to_pylist()
    write(tmp_path / "recorded" / "pottery", RECORD_ONLY_TOML, None)
    assert "pottery" not in Linear(folder, tmp_path / "recorded").judge(text).column("category").to_pylist()


def test_same_findings_however_the_batch_is_cut_and_after_pickling(folder: Path) -> None:
    detector = Linear(folder)
    batch = posts(*[str(row["text"]) for row in lines(40, seed=9)])
    whole = detector.judge(batch).to_pylist()
    again = pickle.loads(pickle.dumps(detector))
    parts = [{**f, "row": f["row"] + at} for at in range(0, 40, 7) for f in again.judge(batch.slice(at, 7)).to_pylist()]
    assert whole == parts
    assert len(pickle.dumps(detector)) < 2_000_000


def test_training_twice_gives_the_same_version(folder: Path, tmp_path: Path) -> None:
    from datetime import date

    rows = [Row(str(r["text"]), () if r["label"] == "none" else (str(r["label"]),), str(r["group"])) for r in lines()]
    one, two = (save(train(Corpus(rows), settings=Settings(bits=12)), tmp_path / n, day=date(2026, 1, 1)) for n in "ab")
    assert one.version == two.version
    assert (tmp_path / "a" / "weights.npz").read_bytes() == (tmp_path / "b" / "weights.npz").read_bytes()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda f: (f / "weights.npz").write_bytes((f / "weights.npz").read_bytes()[:-9]), "cut or changed"),
        (lambda f: (f / "weights.npz").unlink(), "no readable weights"),
        (lambda f: _swap(f, "layout = 2", "layout = 1"), "this program reads 2"),
        (lambda f: _swap(f, 'folding = "', 'folding = "x'), "another folding"),
        (lambda f: _swap(f, '"drug_ad"', '"drug_add"'), "changed by hand"),
    ],
)
def test_a_model_that_cannot_be_trusted_is_refused(folder: Path, tmp_path: Path, spoil: Any, reason: str) -> None:
    place = tmp_path / "m"
    shutil.copytree(folder, place)
    spoil(place)
    with pytest.raises(Refused, match=reason) as raised:
        load(place)
    assert str(place) in str(raised.value)
    assert "again" in str(raised.value) or "anew" in str(raised.value)


def _swap(folder: Path, old: str, new: str) -> None:
    file = folder / "model.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_together_keeps_what_either_queues_one_finding_a_category(folder: Path) -> None:
    lexicon, linear = Lexicon(), Linear(folder)
    both = Together(lexicon, linear, lexicon.categories)
    examples = [e.text for c in lexicon.categories.values() for e in c.examples] + [str(r["text"]) for r in lines(30)]
    batch = posts(*examples)
    found = both.judge(batch).to_pylist()
    assert len({(f["row"], f["category"]) for f in found}) == len(found)
    assert [(f["row"], -f["score"]) for f in found] == sorted((f["row"], -f["score"]) for f in found)
    kept = {f["row"] for f in found if queued(f)}
    for detector in (lexicon, linear):
        assert {f["row"] for f in detector.judge(batch).to_pylist() if queued(f)} <= kept
    for f in found:
        text = examples[f["row"]]
        holds(f, {"text": text, "profile": "", "parent_text": ""})
    assert any(span["cue"] != "wording" for f in found if f["detector"] == "linear" for span in f["spans"])


def test_beside_what_queues_a_post_the_weakest_findings_are_left_out() -> None:
    """Of a post that is not queued everything is told."""
    lexicon = Lexicon()
    batch = posts(*[example.text for one in lexicon.categories.values() for example in one.examples])
    found = DEFAULT.judge(batch).to_pylist()
    kept = {f["row"] for f in found if queued(f)}
    told = {(f["row"], f["category"]) for f in found}
    listed = [f for f in lexicon.judge(batch).to_pylist() if f["score"] < LEAST_BESIDE]
    assert any(f["row"] in kept for f in listed)
    assert not any(f["row"] in kept and f["score"] < LEAST_BESIDE for f in found)
    assert any(f["row"] in kept and f["grade"] == "low" for f in found)
    assert any(f["row"] not in kept and (f["row"], f["category"]) in told for f in listed)


def test_a_word_added_by_a_deployment_passes_the_gate(tmp_path: Path) -> None:
    words = tmp_path / "drug_ad" / "phrases.tsv"
    words.parent.mkdir()
    head = "cue\tphrase\tweight\tlang\tfirst_seen\tsource\tnote\n"
    words.write_text(f"{head}substance\tほげふが玉\t9\tja\t2026\taccepted\t\n")
    text = "きょうのばんごはんはほげふが玉でした"
    assert load().judge(posts(text)).num_rows == 0
    found = load(overlay=tmp_path).judge(posts("しずかな夜", text)).to_pylist()
    assert [(f["row"], f["category"]) for f in found] == [(1, "drug_ad")]


def test_whoever_is_at_risk_is_seen_from_a_lower_threshold() -> None:
    rows = [Row(str(r["text"]), () if r["label"] == "none" else (str(r["label"]),), str(r["group"])) for r in lines()]
    model = train(Corpus(rows), settings=Settings(bits=14, at_risk=("drug_ad",))).model
    assert 0.2 <= model.queue_at_risk <= model.queue


def test_without_a_shipped_model_the_lexicon_serves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("yoake.detect.serving.SHIPPED_MODEL", tmp_path)
    assert load().name == "lexicon"
    assert SHIPPED.is_dir()
