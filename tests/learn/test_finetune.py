"""Fine-tuning two-layer models made on the spot: what is learned, what is written, what is refused."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import needs
from tests.detect.worlds import holds, posts
from tests.learn import text_models
from tests.learn.worlds import lines, write
from yoake.detect.detectors.encoder import Encoder
from yoake.detect.encoder_model import is_bare, read_encoder
from yoake.detect.linear_model import sigmoid
from yoake.detect.serving import load
from yoake.errors import BadInput, Refused
from yoake.learn.corpus import Corpus, Row, read_corpus
from yoake.learn.evaluation import evaluate
from yoake.learn.finetune import Settings, Tuned, finetune
from yoake.learn.finetuned import check_onnx, check_out, save
from yoake.tables.findings import queued

QUICK = Settings(epochs=12, learning_rate=2e-3)
DAY = date(2026, 11, 20)
AD = "札幌 受け子募集 DM待ってます"


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    needs.need_encoder()
    import torch

    was = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(was)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return text_models.base(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pots: list[dict[str, object]] = [
        {"text": f"{'いろは'[i % 3]} 壺を買う {i}", "label": "pottery", "group": f"p{i}"} for i in range(24)
    ]
    return write(tmp_path_factory.mktemp("rows") / "rows.jsonl", lines(150) + pots)


@pytest.fixture(scope="module")
def tuned(base: Path, rows: Path) -> Tuned:
    return finetune(base, read_corpus([rows]), QUICK)


@pytest.fixture(scope="module")
def folder(tuned: Tuned, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("tuned") / "model"
    save(tuned, place, day=DAY)
    return place


def test_learns_what_can_be_told_apart(tuned: Tuned, folder: Path) -> None:
    assert tuned.labels == ("criminal_recruitment", "drug_ad", "pottery")
    assert max(tuned.history) == tuned.history[tuned.best - 1] > 0.95
    fresh = Corpus([Row(str(r["text"]), () if r["label"] == "none" else (str(r["label"]),)) for r in lines(60, seed=8)])
    detector = Encoder(folder)
    found = evaluate(fresh, detector.labels, detector.probabilities(fresh.posts()), rounds=0)
    assert found["macro"]["f1"] > 0.9
    assert found["ece"] < 0.1


def test_nothing_held_out_was_learned_from(tuned: Tuned) -> None:
    held = set(tuned.corpus.groups[tuned.held].tolist())
    learned = np.setdiff1d(np.arange(len(tuned.corpus.rows)), tuned.held)
    assert not held & set(tuned.corpus.groups[learned].tolist())
    assert 0.1 < len(tuned.held) / len(tuned.corpus.rows) < 0.3


def test_whole_writers_are_held_out(base: Path, rows: Path) -> None:
    corpus = read_corpus([rows])
    corpus = Corpus([replace(row, writer="abcd"[i % 4], group=f"{i}") for i, row in enumerate(corpus.rows)])
    corpus.groups = np.arange(len(corpus.rows))
    tuned = finetune(base, corpus, replace(QUICK, epochs=1))
    assert len({corpus.rows[i].writer for i in tuned.held}) == 1
    assert "held-out writers" in (_saved(tuned, base.parent / "writers") / "model.toml").read_text()


def _saved(tuned: Tuned, place: Path) -> Path:
    save(tuned, place, day=DAY)
    return place


def test_the_written_folder_says_what_it_is(tuned: Tuned, folder: Path) -> None:
    assert {"model.toml", "card.md", "config.json", "model.safetensors", "tokenizer.json"} <= {
        file.name for file in folder.iterdir()
    }
    told = read_encoder(folder)
    assert told.labels == tuned.labels
    assert (told.queue, told.single, told.reads) == (tuned.queue, False, "nfkc")
    card = (folder / "card.md").read_text()
    assert told.version in card
    assert "rows.jsonl" in card
    assert "`tiny` (bert" in card
    config = json.loads((folder / "config.json").read_text())
    assert config["id2label"] == {"0": "criminal_recruitment", "1": "drug_ad", "2": "pottery"}
    for file in folder.iterdir():
        assert str(folder.parent.parent).encode() not in file.read_bytes(), f"{file.name} names this machine's folders"


def test_judges_with_places_that_add_up(folder: Path) -> None:
    detector = load(folder)
    post = {"text": AD, "profile": "友達と映画", "parent_text": "猫が箱から出てこない"}
    best, *_ = detector.judge(posts(post)).to_pylist()
    assert (best["category"], queued(best), best["detector"]) == ("criminal_recruitment", True, "encoder")
    holds(best, post)
    assert any(span["weight"] > 0 and set(span["text"]) & set("受子募集") for span in best["spans"])
    assert not [f for f in detector.judge(posts("試合は延長で負けた")).to_pylist() if queued(f)]
    assert "pottery" not in detector.judge(posts("いろは 壺を買う")).column("category").to_pylist()
    for text in ("", "👍", "\u202e\u200f", "受け子" * 30_000):
        for finding in detector.judge(posts(text)).to_pylist():
            holds(finding, {"text": text, "profile": "", "parent_text": ""})


def test_same_findings_however_the_batch_is_cut_and_after_pickling(folder: Path) -> None:
    detector = Encoder(folder)
    batch = posts(*[str(row["text"]) for row in lines(24, seed=9)])
    whole = detector.judge(batch).to_pylist()
    assert whole
    again = pickle.loads(pickle.dumps(detector))
    parts = [{**f, "row": f["row"] + at} for at in range(0, 24, 7) for f in again.judge(batch.slice(at, 7)).to_pylist()]
    assert whole == parts


def test_fine_tuning_twice_gives_the_same_version(base: Path, rows: Path, tmp_path: Path) -> None:
    corpus, settings = read_corpus([rows]), replace(QUICK, epochs=2)
    versions = {save(finetune(base, corpus, settings), tmp_path / name, day=DAY) for name in "ab"}
    assert len(versions) == 1
    other = finetune(base, corpus, replace(settings, seed=5))
    assert save(other, tmp_path / "a", day=DAY) not in versions
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_stops_when_the_held_out_rows_get_no_better(base: Path, rows: Path) -> None:
    tuned = finetune(base, read_corpus([rows]), Settings(epochs=40, learning_rate=0.9, batch=8))
    assert len(tuned.history) < 40
    assert tuned.best <= len(tuned.history) - 2


def test_onnx_judges_as_pytorch_does_and_without_it(tuned: Tuned, folder: Path, tmp_path: Path) -> None:
    save(tuned, tmp_path / "m", day=DAY, onnx=True)
    texts = [str(row["text"]) for row in lines(12, seed=4)] + ["", AD * 9]
    one, other = (Encoder(place).probabilities(posts(*texts)) for place in (folder, tmp_path / "m"))
    assert one == pytest.approx(other, abs=1e-3)
    assert read_encoder(tmp_path / "m").version != read_encoder(folder).version
    assert b"finetuned.py" not in (tmp_path / "m" / "model.onnx").read_bytes()
    (tmp_path / "m" / "model.safetensors").unlink()  # what judges is the ONNX file
    code = (
        "import sys; from pathlib import Path; from yoake.detect.serving import load; from tests.detect.worlds import holds, posts\n"
        "print(load(Path(sys.argv[1])).judge(posts(sys.argv[2])).num_rows > 0, 'torch' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "m"), AD], capture_output=True, text=True, check=False
    )
    assert ran.stdout.split() == ["True", "False"], ran.stderr


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (
            lambda f: (f / "model.safetensors").write_bytes((f / "model.safetensors").read_bytes()[:-9]),
            "cut or changed",
        ),
        (lambda f: (f / "config.json").unlink(), "no config.json"),
        (lambda f: (f / "model.safetensors").unlink(), "no weights"),
    ],
)
def test_a_model_that_cannot_be_trusted_is_refused(folder: Path, tmp_path: Path, spoil: Any, reason: str) -> None:
    import shutil

    place = tmp_path / "m"
    shutil.copytree(folder, place)
    spoil(place)
    with pytest.raises(Refused, match=reason):
        load(place)


# ---------------------------------------------------------------- models of others


def test_a_classifier_of_others_judges_as_its_own_library_says(tmp_path: Path) -> None:
    import torch
    import transformers

    for problem, name in (("multi_label_classification", "multi"), ("single_label_classification", "single")):
        place = text_models.classifier(
            tmp_path / name, problem_type=problem, id2label={0: "none", 1: "drug_ad", 2: "x"}, label2id={}
        )
        assert is_bare(place)
        net = transformers.AutoModelForSequenceClassification.from_pretrained(place)
        tokens = transformers.AutoTokenizer.from_pretrained(place)
        with torch.inference_mode():
            said = net.eval()(**tokens(AD, return_tensors="pt")).logits[0].double().numpy()
        expected = sigmoid(said) if name == "multi" else np.exp(said) / np.exp(said).sum()
        detector = load(place)
        assert detector.labels == ("drug_ad", "x")  # type: ignore[attr-defined]
        assert detector.probabilities(posts(AD))[0] == pytest.approx(expected[1:], abs=1e-4)  # type: ignore[attr-defined]


def test_a_base_is_no_judge(base: Path) -> None:
    with pytest.raises(Refused, match="has learned no labels: fine-tune it first"):
        load(base)


def test_damaged_weights_of_others_are_refused(tmp_path: Path) -> None:
    place = text_models.classifier(tmp_path / "m")
    octets = (place / "model.safetensors").read_bytes()
    (place / "model.safetensors").write_bytes(octets[: len(octets) // 2])
    with pytest.raises(Refused, match="cannot be loaded"):
        load(place)
    with pytest.raises(Refused, match="cannot be loaded"):
        finetune(place, Corpus([Row(f"{chr(0x3042 + i)}草", ("a",) if i % 2 else ()) for i in range(20)]))


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path) -> None:
    place = text_models.classifier(tmp_path / "m", vocab_size=9)
    with pytest.raises(Refused, match="tokens, its model knows 9"):
        load(place)


def test_tokenizers_without_offsets_and_models_without_padding(rows: Path, tmp_path: Path) -> None:
    corpus, settings = read_corpus([rows]), replace(QUICK, epochs=2)
    for make in (text_models.japanese, text_models.writing):
        tuned = finetune(make(tmp_path / make.__name__), corpus, settings)
        assert tuned.reader.most == 64
        assert max(len(tuned.reader.ids(one.text * 50, "")[0]) for one in corpus.rows) > 64
        place = _saved(tuned, tmp_path / "m")
        text = "受け子募集" * 90
        for finding in load(place).judge(posts(text, "受け子募集")).to_pylist():
            assert ("文字だけ" in finding["explanation"]["ja"]) == (finding["row"] == 0)
            holds(finding, {"text": text, "profile": "", "parent_text": ""})
    with pytest.raises(BadInput, match=r"tokenizer\.json"):
        check_onnx(tmp_path / "japanese")


def test_program_code_of_a_model_is_never_run(tmp_path: Path) -> None:
    place = text_models.classifier(tmp_path / "m")
    config = json.loads((place / "config.json").read_text())
    config |= {
        "model_type": "own_kind",
        "auto_map": {"AutoConfig": "code.C", "AutoModelForSequenceClassification": "code.M"},
    }
    (place / "config.json").write_text(json.dumps(config))
    (place / "code.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    with pytest.raises(Refused, match="program code of its own, which is never run"):
        load(place)
    assert not (tmp_path / "ran").exists()


# ---------------------------------------------------------------- what cannot be learned


@pytest.mark.parametrize(
    ("listed", "reason"),
    [
        ([("a", ())], "no label"),
        ([("a", ("x",)), ("b", ("x",))], "only x"),
        ([("a", ("x",)), ("b", ())], "several groups"),
    ],
)
def test_rows_without_a_task_are_refused(base: Path, listed: list[tuple[str, tuple[str, ...]]], reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        finetune(base, Corpus([Row(*one) for one in listed]))


def test_a_device_that_is_not_there_is_refused(base: Path, rows: Path) -> None:
    import torch

    if torch.cuda.is_available():
        assert finetune(base, read_corpus([rows]), replace(QUICK, epochs=1, device="cuda")).device == "cuda"
        return
    with pytest.raises(BadInput, match="no CUDA device"):
        finetune(base, read_corpus([rows]), replace(QUICK, device="cuda"))


def test_a_training_that_runs_away_is_refused(base: Path, rows: Path) -> None:
    with pytest.raises(Refused, match="lower --learning-rate"):
        finetune(base, read_corpus([rows]), Settings(epochs=3, learning_rate=1e30))


def test_a_folder_with_other_things_is_not_replaced(folder: Path, tmp_path: Path) -> None:
    check_out(tmp_path / "new")
    check_out(folder)
    (tmp_path / "model.toml").write_text("")
    check_out(tmp_path)
    (tmp_path / "thesis.docx").write_text("")
    with pytest.raises(BadInput, match="holds a model and nothing else"):
        check_out(tmp_path)
