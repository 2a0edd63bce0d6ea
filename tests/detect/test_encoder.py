"""The text-model detector on ONNX models: loading, judging, sums, places, cuts, and what is refused."""

from __future__ import annotations

import itertools
import json
import math
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.detect.encoders import BASE, LABELS, PLAIN, WORTH, onnx_model, tokenizer, worth, write_toml
from tests.detect.test_category import RECORD_ONLY_TOML, write
from tests.detect.worlds import holds, posts, steady, texts
from yoake.detect import occlusion
from yoake.detect.detectors.encoder import Encoder
from yoake.detect.encoder_model import described, read_encoder
from yoake.detect.encoder_running import Reading, RunningEncoder
from yoake.detect.linear_model import sigmoid
from yoake.detect.model import to_toml
from yoake.detect.serving import load
from yoake.detect.text.field_text import FieldText
from yoake.detect.text.fold import fold
from yoake.errors import Refused
from yoake.tables.findings import queued

AD = "札幌で受け子募集中。DMして"


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return onnx_model(tmp_path_factory.mktemp("encoder") / "model")


def test_a_bare_folder_judges_and_its_sums_add_up(folder: Path) -> None:
    detector = load(folder)
    assert detector.name == "encoder"
    (finding,) = [f for f in detector.judge(posts(AD)).to_pylist() if f["category"] == "criminal_recruitment"]
    holds(finding, {"text": AD, "profile": "", "parent_text": ""})
    assert finding["base"] == BASE[0]
    assert finding["score"] == pytest.approx(sigmoid(worth(AD)[0]))
    assert queued(finding)
    assert "受け子" in "".join(span["text"] for span in finding["spans"])
    assert "受け子" in finding["explanation"]["ja"]
    assert "文字だけ" not in finding["explanation"]["ja"]
    # every character is worth what the model adds for it, so places and rest can be reckoned
    assert finding["rest"] + sum(span["weight"] for span in finding["spans"]) == pytest.approx(4.0)
    assert finding["spans"][0]["weight"] == pytest.approx(4.0)


def test_what_speaks_against_it_weighs_less_than_nothing(folder: Path) -> None:
    text = "受け子子子募集中。 今日は鍋にします"
    (finding,) = [f for f in load(folder).judge(posts(text)).to_pylist() if f["category"] == "criminal_recruitment"]
    assert {span["weight"] > 0 for span in finding["spans"] if "鍋" in span["text"]} == {False}
    assert load(folder).judge(posts("今日は鍋にします")).num_rows == 0


def test_fields_are_read_when_the_folder_says_so(folder: Path, tmp_path: Path) -> None:
    post = {"text": "DMして", "profile": "受け子闇", "parent_text": "草を手押し"}
    assert Encoder(folder).judge(posts(post)).num_rows == 0  # the text alone
    keys = {"fields": ["text", "profile", "parent_text"]}
    detector = Encoder(onnx_model(tmp_path / "m", keys=keys))
    found = {f["category"]: f for f in detector.judge(posts(post)).to_pylist()}
    for slug, field in (("criminal_recruitment", "profile"), ("drug_ad", "parent_text")):
        holds(found[slug], post)
        assert found[slug]["score"] == pytest.approx(sigmoid(worth("".join(post.values()))[LABELS.index(slug)]))
        assert {span["field"] for span in found[slug]["spans"] if span["weight"] > 0.5} == {field}


def test_one_softmax_or_a_sigmoid_each(folder: Path, tmp_path: Path) -> None:
    said = worth(AD)
    assert Encoder(folder).probabilities(posts(AD))[0] == pytest.approx(sigmoid(said))
    config = {"id2label": {"0": "criminal_recruitment", "1": "drug_ad", "2": "none"}}
    single = Encoder(onnx_model(tmp_path / "m", config=config))
    softmax = np.exp(said) / np.exp(said).sum()
    assert single.labels == ("criminal_recruitment", "drug_ad")  # the third output means nothing
    assert single.probabilities(posts(AD))[0] == pytest.approx(softmax[:2], rel=1e-3)
    for finding in single.judge(posts(AD)).to_pylist():
        holds(finding, {"text": AD, "profile": "", "parent_text": ""})
        assert finding["category"] != "none"


def test_labels_calibration_and_thresholds_of_model_toml(tmp_path: Path) -> None:
    keys = {
        "labels": ["drug_ad", "criminal_recruitment", "x"], "problem": "multi_label", "queue": 0.2, "high": 0.9999,
        "calibration": [[0, 1], [1.0, 0.5], [0, 1]],
    }  # fmt: skip
    detector = Encoder(onnx_model(tmp_path / "m", keys=keys))
    assert detector.version.startswith("by-hand-")
    raw = worth("受受受")
    (finding,) = [f for f in detector.judge(posts("受受受")).to_pylist() if f["category"] == "drug_ad"]
    assert (finding["score"], finding["grade"]) == (pytest.approx(sigmoid(raw[0])), "mid")
    assert detector.probabilities(posts("受受受"))[0, 1] == pytest.approx(sigmoid(1 + raw[1] / 2))


def test_only_what_is_on_the_shelf_is_reported(folder: Path, tmp_path: Path) -> None:
    text = posts("壺壺", "受け子 壺")
    assert set(Encoder(folder).judge(text).column("category").to_pylist()) == {"criminal_recruitment"}
    write(tmp_path / "sought" / "pottery")
    assert "pottery" in Encoder(folder, tmp_path / "sought").judge(text).column("category").to_pylist()
    write(tmp_path / "recorded" / "pottery", RECORD_ONLY_TOML, None)
    assert "pottery" not in Encoder(folder, tmp_path / "recorded").judge(text).column("category").to_pylist()


def test_same_findings_however_the_batch_is_cut_and_after_pickling(folder: Path) -> None:
    detector = Encoder(folder)
    rows = [f"{AD}{'あ' * (i % 13)}{'草' * (i % 3)}{'鍋' * (i % 4)}" for i in range(20)]
    whole = detector.judge(posts(*rows)).to_pylist()
    assert whole
    again = pickle.loads(pickle.dumps(detector))
    batch = posts(*rows)
    parts = [{**f, "row": f["row"] + at} for at in range(0, 20, 7) for f in again.judge(batch.slice(at, 7)).to_pylist()]
    assert whole == parts
    assert len(pickle.dumps(detector)) < 2_000_000


def test_a_model_replaced_while_it_served_is_refused(tmp_path: Path) -> None:
    place = onnx_model(tmp_path / "m")
    packed = pickle.dumps(Encoder(place))
    write_toml(place, {"calibration": [[1, 1]] * 3})
    with pytest.raises(Refused, match="replaced while it served"):
        pickle.loads(packed).judge(posts(AD))


@given(texts, texts)
@steady
def test_every_sum_adds_up_on_odd_text(text: str, profile: str) -> None:
    fields = {"text": text + "受け子募集", "profile": profile, "parent_text": ""}
    for finding in ODD.judge(posts(fields)).to_pylist():
        holds(finding, fields)


@pytest.fixture(scope="module", autouse=True)
def _odd(tmp_path_factory: pytest.TempPathFactory) -> None:
    global ODD
    keys = {"fields": ["text", "profile", "parent_text"], "reads": "nfkc"}
    ODD = Encoder(onnx_model(tmp_path_factory.mktemp("odd") / "m", keys=keys))


ODD: Encoder


@pytest.mark.parametrize(
    "text", ["", "👍", "\u202e\u200f", "\u200b" * 9, "あ" * 1_000_000, "#闇バイト " * 10_000, "\ufffd" * 50]
)
def test_odd_posts(text: str) -> None:
    for finding in ODD.judge(posts({"text": text, "profile": text})).to_pylist():
        holds(finding, {"text": text, "profile": text, "parent_text": ""})
        assert len(finding["spans"]) <= 6


def test_disguises_are_read_as_what_they_are(tmp_path: Path) -> None:
    detector = Encoder(onnx_model(tmp_path / "m", keys={"reads": "nfkc"}))
    text = "⼦\u200b受\u200bけ⼦"  # KANGXI RADICAL CHILD, zero-width spaces
    (finding,) = detector.judge(posts(text)).to_pylist()
    assert finding["score"] == pytest.approx(sigmoid(worth("子受け子")[0]))
    holds(finding, {"text": text, "profile": "", "parent_text": ""})


def test_a_long_post_is_cut_and_the_explanation_says_so(folder: Path, tmp_path: Path) -> None:
    text = AD + "い" * 200 + "壺受受受受"
    detector = Encoder(folder)  # 64 places, two of them marks
    (finding,) = detector.judge(posts(text)).to_pylist()
    assert finding["score"] == pytest.approx(sigmoid(worth(AD)[0]))
    assert "はじめの62文字だけ" in finding["explanation"]["ja"]
    assert "first 62 characters" in finding["explanation"]["en"]
    assert all(span["end"] <= 62 for span in finding["spans"])
    keys = {"max_tokens": 24, "fields": ["text", "profile", "parent_text"]}
    short = Encoder(onnx_model(tmp_path / "m", keys=keys))
    (finding,) = short.judge(posts({"text": AD, "parent_text": "な" * 90})).to_pylist()
    assert "返信先の投稿は、はじめの部分だけ" in finding["explanation"]["ja"]
    assert "文字だけ" not in finding["explanation"]["ja"]  # the text fits beside a quarter of the context
    reading = RunningEncoder(read_encoder(tmp_path / "m")).read(AD * 9, "な" * 9, "に" * 90)
    assert (reading.parent_text, reading.profile) == ("に" * 4, "")
    assert AD.startswith(reading.text[:8])
    assert len(reading.text) == 24 - 3 - 4


def test_models_of_a_fixed_shape(tmp_path: Path, folder: Path) -> None:
    rows = [AD, AD + "草押", AD * 3, "いろ"]
    free = Encoder(folder).probabilities(posts(*rows))
    for shape in ((1, 64), (4, 64), ("rows", 64), (2, "tokens")):
        place = onnx_model(tmp_path / str(shape), shape=shape)
        assert Encoder(place).probabilities(posts(*rows)) == pytest.approx(free)
        assert Encoder(place).judge(posts(*rows)).num_rows == Encoder(folder).judge(posts(*rows)).num_rows
    assert len(RunningEncoder(read_encoder(onnx_model(tmp_path / "s", shape=(1, 16)))).read(AD * 9).text) == 14


# ---------------------------------------------------------------- places


@given(texts, texts, st.integers(0, 60))
@steady
def test_pieces_leave_no_gap_and_add_up(text: str, parent: str, length: int) -> None:
    original = (text, "", parent)
    folded = [fold(posts({"text": text, "parent_text": parent}).column(n)) for n in ("text", "profile", "parent_text")]
    fields = [FieldText(one, column, 0) for one, column in zip(original, folded, strict=True)]
    reading = Reading(text[:length], "", parent)
    found = occlusion.pieces(fields, folded, reading)
    assert len(found) <= 30
    for number in (0, 2):
        of_field = [piece for piece in found if piece.field == number]
        if not of_field:
            continue
        assert (of_field[0].first, of_field[0].start, of_field[-1].end) == (0, 0, len(reading[number]))
        for one, other in itertools.pairwise(of_field):
            assert (one.after, one.end) == (other.first, other.start)
            assert one.end > one.start
    if not found:
        return
    shorter = occlusion.shortened(found, reading)
    assert len(shorter) == 2 * (len(found) - 1)
    for i in range(len(found) - 1):  # what comes and what is left are the whole post
        first, rest = shorter[i], shorter[len(found) - 1 + i]
        for number in {piece.field for piece in found}:
            assert first[number] + rest[number] == reading[number]
    chance = np.random.default_rng(len(text))
    said, whole = chance.normal(size=len(shorter)).tolist(), float(chance.normal())
    shares = occlusion.shares(found, fields, -1.5, said, whole)
    assert sum(float(share.sum()) for share in shares) == pytest.approx(whole + 1.5)
    assert [len(share) for share in shares] == [len(field.plain) for field in fields]


def test_two_places_that_each_suffice_share_what_they_are_worth() -> None:
    text = "受け子です。今日は。受け子です"
    columns = [fold(posts(text).column(n)) for n in ("text", "profile", "parent_text")]
    fields = [FieldText(part, column, 0) for part, column in zip((text, "", ""), columns, strict=True)]
    found = occlusion.pieces(fields, columns, Reading(text, "", ""))

    def judge(part: Reading) -> float:  # one is enough
        return 3.0 if "受け子" in part.text else -3.0

    shorter = [judge(part) for part in occlusion.shortened(found, Reading(text, "", ""))]
    share = occlusion.shares(found, fields, -3.0, shorter, 3.0)[0]
    assert share[:6].sum() == pytest.approx(3.0)
    assert share[-6:].sum() == pytest.approx(3.0)


# ---------------------------------------------------------------- refusals


def trained(place: Path) -> Path:
    """A folder as `yoake finetune --onnx` leaves it."""
    onnx_model(place)
    told = {
        "labels": list(LABELS), "problem": "multi_label", "max_tokens": 64, "reads": "nfkc", "fields": ["text"],
        "calibration": [[0.0, 1.0]] * 3, "queue": 0.4, "high": 0.9,
    }  # fmt: skip
    (place / "model.toml").write_text(to_toml({**described(place, told), "date": "2026-11-20"}))
    return place


def test_a_whole_folder_is_taken(tmp_path: Path) -> None:
    detector = load(trained(tmp_path / "m"))
    assert detector.judge(posts(AD)).num_rows == 1
    assert detector.version.split("-")[0] == read_encoder(tmp_path / "m").version
    (tmp_path / "m" / "card.md").write_text("notes")
    assert load(tmp_path / "m").version == detector.version


def test_a_folder_that_lost_its_model_toml_is_refused(tmp_path: Path) -> None:
    place = trained(tmp_path / "m")
    (place / "card.md").write_text("notes")
    (place / "model.toml").unlink()
    with pytest.raises(Refused, match=r"no readable model\.toml"):
        load(place)


def _swap(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda f: (f / "model.onnx").write_bytes((f / "model.onnx").read_bytes()[:-9]), "cut or changed"),
        (lambda f: (f / "tokenizer.json").write_text("{}"), "tokenizer.json is cut or changed"),
        (lambda f: (f / "tokenizer.json").unlink(), "no tokenizer.json"),
        (lambda f: (f / "model.onnx").unlink(), "no weights"),
        (lambda f: (f / "vocab.txt").write_text("x"), "does not belong to it, vocab.txt"),
        (lambda f: _swap(f / "model.toml", "layout = 1", "layout = 2"), "this program reads 1"),
        (lambda f: _swap(f / "model.toml", "queue = 0.4", "queue = 0.1"), "changed by hand"),
        (lambda f: _swap(f / "model.toml", "sha256 = ", "sha = "), "damaged"),
    ],
)
def test_a_model_that_cannot_be_trusted_is_refused(tmp_path: Path, spoil: Any, reason: str) -> None:
    place = trained(tmp_path / "m")
    spoil(place)
    with pytest.raises(Refused, match=reason) as raised:
        load(place)
    assert str(place) in str(raised.value)
    assert "again" in str(raised.value) or "anew" in str(raised.value)


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"labels": ["a", "b"]}, "names 2 labels"),
        ({"labels": ["a", "a", "b"]}, "each name once"),
        ({"labels": []}, "one for each output"),
        ({"problem": "regression"}, "one of multi_label, single_label"),
        ({"max_tokens": 3}, "from 8 to 8192"),
        ({"reads": "aloud"}, "one of as_is, nfkc"),
        ({"fields": ["profile"]}, '"text", and perhaps'),
        ({"calibration": [[0, 1]]}, "for each label a pair"),
        ({"calibration": [[0, -1]] * 3}, "share not below 0"),
        ({"queue": 0.5}, "both, above 0"),
        ({"queue": 0.9, "high": 0.5}, "queue below high"),
        ({"detector": "encoder", "format": 2}, "this program reads 1"),
    ],
)
def test_a_mistake_in_model_toml_is_named(tmp_path: Path, keys: dict[str, Any], reason: str) -> None:
    place = onnx_model(tmp_path / "m", keys=keys)
    with pytest.raises(Refused, match=reason) as raised:
        load(place).judge(posts(AD))
    assert str(place) in str(raised.value)


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({}, "does not name its outputs"),
        ({"id2label": {"1": "a"}}, "does not name its outputs"),
        ({"problem_type": "regression", "num_labels": 3}, "names no label"),
    ],
)
def test_a_config_that_says_too_little_is_refused(tmp_path: Path, config: dict[str, Any], reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        load(onnx_model(tmp_path / "m", config=config))


def test_a_damaged_onnx_file_of_others_is_refused(tmp_path: Path) -> None:
    place = onnx_model(tmp_path / "m")
    (place / "model.onnx").write_bytes((place / "model.onnx").read_bytes()[:-200])
    with pytest.raises(Refused, match="cannot be loaded"):
        load(place)
    (place / "config.json").write_text('{"id2label": ')
    with pytest.raises(Refused, match=r"config\.json is damaged"):
        load(place)


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path) -> None:
    place = onnx_model(tmp_path / "m")
    tokenizer("".join(WORTH) + PLAIN + "壱弐参").save(str(place / "tokenizer.json"))
    with pytest.raises(Refused, match="cannot be loaded"):
        load(place).judge(posts("受け子募集 弐"))


def test_an_onnx_model_for_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="takes pixels"):
        load(onnx_model(tmp_path / "m", inputs=("pixels", "attention_mask")))


def test_one_of_several_onnx_files_must_have_the_name(tmp_path: Path) -> None:
    place = onnx_model(tmp_path / "m", name="a.onnx")
    assert load(place).judge(posts(AD)).num_rows == 1
    onnx_model(place, name="b.onnx")
    with pytest.raises(Refused, match=r"call the one to use model\.onnx"):
        load(place)
    onnx_model(tmp_path / "o", name="onnx/model.onnx")
    assert load(tmp_path / "o").judge(posts(AD)).num_rows == 1


def test_pickled_weights_are_never_opened(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    (tmp_path / "pytorch_model.bin").write_bytes(pickle.dumps({}))
    with pytest.raises(Refused, match="pickle, which can run code") as raised:
        load(tmp_path)
    assert "save_pretrained" in str(raised.value)


def test_without_the_packages_one_sentence_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(Refused, match=r"yoake\[onnx\]"):
        load(folder)


PURE = """
import socket, sys
def refuse(*a, **k): raise AssertionError("a text model opened a socket")
socket.socket.connect = socket.getaddrinfo = refuse
from pathlib import Path
from yoake.detect.serving import load
from tests.detect.worlds import holds, posts
assert load(Path(sys.argv[1])).judge(posts("受け子募集")).num_rows
print(sorted({name.split(".")[0] for name in sys.modules} & {"django", "httpx", "requests", "torch", "transformers", "yoake"}))
"""


def test_an_onnx_model_needs_neither_pytorch_nor_a_network(folder: Path) -> None:
    ran = subprocess.run([sys.executable, "-c", PURE, str(folder)], capture_output=True, text=True, check=False)
    assert ran.stdout.strip() == "['yoake']", ran.stderr


def test_a_score_at_the_floor_is_the_least(folder: Path) -> None:
    for finding in Encoder(folder).judge(posts("子", "い", "募集中")).to_pylist():
        assert finding["score"] >= 0.01
        assert math.isfinite(finding["score"])
