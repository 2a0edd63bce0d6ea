"""Models into service and back: the rule, who may overrule it, what is refused."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.detect.worlds import posts
from tests.learn.models import lexicon_model, narrow_model
from tests.quality_world import look_again
from tests.world import NOON, arrive, finding, post
from yoake.casework.audit.models import Entry
from yoake.casework.audit.queries import first_break
from yoake.casework.cases.actions import decide, serving_detector
from yoake.casework.cases.models import Case, Finding
from yoake.casework.people.queries import Actor, system
from yoake.casework.quality import service
from yoake.casework.quality.models import ModelChange, ModelCheck, ShadowCount
from yoake.casework.sources.models import Source
from yoake.detect.model import SERVING, SHADOW, pointed
from yoake.detect.serving import service_ref
from yoake.errors import BadInput, Refused

pytestmark = pytest.mark.django_db
COMMAND = system("command")

RECRUITING = [
    "受け子募集 日給10万円 即日即金 テレグラムで{}",
    "出し子やる人 日給20万円 詳細はシグナルで{}",
    "叩き 実行役 高額 即日 テレグラム{}",
]
DRUGS = ["野菜🥦あります 手押し 都内{}", "アイス 手押し 氷 郵送可 DM{}", "草 極上 手渡し 新宿 テレグラム{}"]
KANA = [chr(code) for code in range(0x3042, 0x3090)]  # so that no two rows are near copies
HARMLESS = ["今日は鍋にします{}", "試合は延長で負けた{}", "近所のパン屋の求人を見た{}"]


@pytest.fixture
def benchmark(tmp_path: Path, store: Path) -> Path:
    """Rows of two categories and harmless ones."""
    file, chance = tmp_path / "benchmark.jsonl", random.Random(3)
    rows = [
        {"text": f"{text.format('')} {''.join(chance.sample(KANA, 40))}", "label": label, "group": f"{label}{i}"}
        for label, texts in (("criminal_recruitment", RECRUITING), ("drug_ad", DRUGS), ("none", HARMLESS))
        for i, text in enumerate(texts * 10)
    ]
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return file


@pytest.fixture
def two(store: Path, tmp_path: Path) -> None:
    """tokyo/whole, and tokyo/narrow, which knows drug ads only."""
    service.add_model(COMMAND, lexicon_model(tmp_path / "a", "whole"), "tokyo", NOON)
    service.add_model(COMMAND, narrow_model(tmp_path / "b", "narrow"), "tokyo", NOON)


def served(actor: Actor, ref: str, reason: str = "試験のため") -> ModelChange:
    change = service.serve_model(actor, ref, reason, NOON)
    look_again()
    return change


def test_a_model_needs_benchmark_and_shadow_or_a_reason(store: Path, two: None, as_supervisor: Actor) -> None:
    with pytest.raises(Refused, match="benchmark, shadow"):
        service.serve_model(as_supervisor, "tokyo/narrow", "", NOON)
    assert pointed(store, SERVING) == ""
    change = served(as_supervisor, "tokyo/narrow", " 訓練の日だけ ")
    assert (change.lacking, change.reason, change.by_id) == (
        ["benchmark", "shadow"],
        "訓練の日だけ",
        as_supervisor.user_id,
    )
    assert pointed(store, SERVING) == "tokyo/narrow"
    entry = Entry.objects.get(kind="model_served")
    assert (entry.subject, entry.facts["lacking"], entry.actor) == (
        "model:tokyo/narrow",
        "benchmark shadow",
        as_supervisor.name,
    )
    assert len(str(entry.facts["reason_sha256"])) == 64
    assert "訓練" not in json.dumps(
        entry.facts, ensure_ascii=False
    )  # words stay in the row, the chain holds their digest
    assert first_break() is None


def test_the_detector_on_duty_follows_the_pointer(store: Path, two: None, as_supervisor: Actor) -> None:
    def finds(text: str) -> set[str]:
        return set(serving_detector().judge(posts(text)).column("category").to_pylist())

    assert "criminal_recruitment" in finds(RECRUITING[0])
    served(as_supervisor, "tokyo/narrow")
    assert "criminal_recruitment" not in finds(RECRUITING[0])
    service.roll_back(as_supervisor, "", NOON)
    look_again()
    assert "criminal_recruitment" in finds(RECRUITING[0])


def test_rolling_back_goes_back_step_by_step(store: Path, two: None, as_supervisor: Actor) -> None:
    served(as_supervisor, "tokyo/whole")
    served(as_supervisor, "tokyo/narrow")
    assert service.roll_back(as_supervisor).model == "tokyo/whole"
    assert pointed(store, SERVING) == "tokyo/whole"
    assert service.may_roll_back()
    assert service.roll_back(as_supervisor, "x").model == ""
    assert not (store / SERVING).exists()
    assert not service.may_roll_back()
    with pytest.raises(Refused, match="nothing served before"):
        service.roll_back(as_supervisor)
    served(as_supervisor, "tokyo/narrow")
    assert service.roll_back(as_supervisor).model == ""
    assert first_break() is None


def test_a_pointer_set_by_hand_is_not_rolled_back_blindly(store: Path, two: None, as_supervisor: Actor) -> None:
    served(as_supervisor, "tokyo/whole")
    (store / SERVING).write_text("tokyo/narrow\n")
    with pytest.raises(Refused, match="choose one"):
        service.roll_back(as_supervisor)


def test_back_to_the_shipped_model_needs_no_reason(store: Path, two: None, as_supervisor: Actor) -> None:
    served(as_supervisor, "tokyo/whole")
    assert service.serve_model(as_supervisor, "").lacking == []
    assert service_ref(store).startswith("shipped/")
    with pytest.raises(BadInput, match="another model"):
        service.serve_model(as_supervisor, "")


def test_only_supervisors_put_models_into_service(store: Path, two: None, as_analyst: Actor) -> None:
    with pytest.raises(Refused, match="analyst"):
        service.serve_model(as_analyst, "tokyo/whole", "because")
    with pytest.raises(Refused, match="analyst"):
        service.add_model(as_analyst, store / "tokyo" / "whole", "osaka")
    with pytest.raises(Refused, match="analyst"):
        service.check_model(as_analyst, "tokyo/whole")
    with pytest.raises(Refused, match="analyst"):
        service.shadow_model(as_analyst, "tokyo/whole")
    with pytest.raises(Refused, match="analyst"):
        service.roll_back(as_analyst)
    with pytest.raises(Refused, match="only a person"):
        service.serve_model(COMMAND, "tokyo/whole", "because")


def test_changed_files_are_not_served(store: Path, two: None, as_supervisor: Actor, tmp_path: Path) -> None:
    (store / "tokyo" / "whole" / "card.md").write_text("another card")
    with pytest.raises(Refused, match="changed after it was added"):
        served(as_supervisor, "tokyo/whole")
    lexicon_model(store / "tokyo" / "byhand", "byhand")
    with pytest.raises(Refused, match="by hand"):
        served(as_supervisor, "tokyo/byhand")
    with pytest.raises(BadInput, match="tokyo/narrow"):
        served(as_supervisor, "tokyo/nowhere")
    shown = {model.ref: (model.unchanged, bool(model.sha256)) for model in service.models_now()}
    assert shown == {"tokyo/byhand": (False, False), "tokyo/narrow": (True, True), "tokyo/whole": (False, True)}


def test_a_crash_of_the_pointer_leaves_nothing_written(store: Path, two: None, as_supervisor: Actor) -> None:
    (store / SERVING).mkdir()  # the pointer cannot be replaced
    with pytest.raises(OSError, match="serving"):
        served(as_supervisor, "tokyo/whole")
    assert not ModelChange.objects.exists()
    assert not Entry.objects.filter(kind="model_served").exists()


# --- the benchmark set ----------------------------------------------------------------------------------------------


def test_better_on_the_benchmark_set(store: Path, two: None, benchmark: Path, as_supervisor: Actor) -> None:
    found = service.register_benchmark(as_supervisor, benchmark, NOON)
    assert found.rows == 90
    served(as_supervisor, "tokyo/narrow")
    check = service.check_model(COMMAND, "tokyo/whole", 200, NOON)
    tests = {(test["name"], test["label"]): test["passed"] for test in check.figures["tests"]}
    assert tests["recall", ""]
    assert tests["better", ""]
    assert not tests["queue", ""]  # it queues twice as many: somebody must say that this is meant
    assert not check.passed
    assert service.lacking_for_service("tokyo/whole", NOON) == ["benchmark", "shadow"]
    assert Entry.objects.get(kind="model_checked").facts["benchmark"] == found.sha256


def test_worse_on_the_benchmark_set(store: Path, two: None, benchmark: Path, as_supervisor: Actor) -> None:
    service.register_benchmark(as_supervisor, benchmark, NOON)
    check = service.check_model(COMMAND, "tokyo/narrow", 200, NOON)
    assert not check.passed
    tests = {(test["name"], test["label"]): test["passed"] for test in check.figures["tests"]}
    assert not tests["recall", ""]
    assert not tests["label", "criminal_recruitment"]
    assert (check.against, check.model) == (service_ref(store), "tokyo/narrow")


def test_a_changed_benchmark_set_is_refused(store: Path, two: None, benchmark: Path, as_supervisor: Actor) -> None:
    with pytest.raises(Refused, match="yoake model benchmark"):
        service.check_model(COMMAND, "tokyo/narrow")
    service.register_benchmark(as_supervisor, benchmark, NOON)
    with (store / "benchmark.jsonl").open("a") as file:
        file.write('{"text": "ずるい行", "label": "none"}\n')
    with pytest.raises(Refused, match="not the one that was registered"):
        service.check_model(COMMAND, "tokyo/narrow")
    assert not ModelCheck.objects.exists()


def test_a_new_benchmark_set_makes_old_checks_void(
    store: Path, two: None, benchmark: Path, as_supervisor: Actor
) -> None:
    first = service.register_benchmark(as_supervisor, benchmark, NOON)
    ModelCheck.objects.create(model="tokyo/whole", against=service_ref(store), benchmark=first, passed=True, at=NOON)
    assert service.lacking_for_service("tokyo/whole", NOON) == ["shadow"]
    with benchmark.open("a") as file:
        file.write('{"text": "もう一行", "label": "none"}\n')
    service.register_benchmark(as_supervisor, benchmark, NOON)
    assert service.lacking_for_service("tokyo/whole", NOON) == ["benchmark", "shadow"]


def test_a_model_trained_on_the_benchmark_set_proves_nothing(
    store: Path, benchmark: Path, as_supervisor: Actor, tmp_path: Path
) -> None:
    sha256 = service.register_benchmark(as_supervisor, benchmark, NOON).sha256
    seen = lexicon_model(tmp_path / "m", "seen", [{"name": "benchmark.jsonl", "sha256": sha256, "rows": 90}])
    service.add_model(COMMAND, seen, "tokyo", NOON)
    with pytest.raises(Refused, match="trained on the benchmark set"):
        service.check_model(COMMAND, "tokyo/seen")
    assert service.models_now()[0].data[0]["sha256"] == sha256


@pytest.mark.parametrize(
    "content",
    [
        '{"text": "a", "label": "drug_ad"}\n',
        '{"text": "a", "label": "drug_ad"}\n{"text": "b", "label": "none"}\noops\n',
    ],
)
def test_files_that_cannot_be_a_benchmark(store: Path, tmp_path: Path, as_supervisor: Actor, content: str) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(content)
    with pytest.raises(BadInput, match="benchmark"):
        service.register_benchmark(as_supervisor, file)
    assert not (store / "benchmark.jsonl").exists()


# --- shadow ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def shadowed(live: Source, two: None, as_analyst: Actor) -> Callable[..., None]:
    """tokyo/whole looked on for three days: counts, and cases that were confirmed meanwhile."""
    service.shadow_model(COMMAND, "tokyo/whole", NOON)
    look_again()

    def saw(posts_n: int = 20_000, only_shadow: int = 2, confirmed: int = 10, missed: int = 0) -> None:
        ShadowCount.objects.create(
            source=live,
            day=NOON.date(),
            model="tokyo/whole",
            posts=posts_n,
            both=18,
            only_serving=2,
            only_shadow=only_shadow,
        )
        said: dict[str, Any] = {"shadow": True, "version": "tokyo/whole", "detector": "lexicon"}
        rows = [post(f"c{i}", f"受け子募集 {i}", seen_at=NOON + timedelta(hours=1)) for i in range(confirmed)]
        found = [finding(i) for i in range(confirmed)] + [finding(i, **said) for i in range(confirmed - missed)]
        for case_id in arrive(live, rows, found, NOON + timedelta(hours=1)).opened:
            case = Case.objects.get(pk=case_id)
            decide(
                as_analyst, case_id, "in_scope", version_id=case.post.current_id or 0, category_slug="criminal_recruitment",
                now=NOON + timedelta(hours=2),
            )  # fmt: skip

    return saw


def test_shadow_findings_are_stored_and_counted(live: Source, shadowed: Callable[..., None]) -> None:
    shadowed(missed=1)
    assert Finding.objects.filter(shadow=True, detector_version="tokyo/whole").count() == 9
    report = service.shadow_report("tokyo/whole", NOON + timedelta(days=3))
    assert (report.posts, report.both, report.only_serving, report.only_shadow) == (20_000, 18, 2, 2)
    assert (report.confirmed, report.confirmed_found) == (10, 9)
    assert report.passed


@pytest.mark.parametrize(
    ("saw", "days", "lacking"),
    [
        ({}, 2, ("time",)),
        ({"posts_n": 9_999}, 3, ("posts",)),
        ({"only_shadow": 30}, 3, ("queue",)),
        ({"missed": 2}, 3, ("confirmed",)),
        ({"confirmed": 40, "missed": 2}, 3, ()),
    ],
)
def test_what_the_time_in_shadow_may_lack(
    shadowed: Callable[..., None], saw: dict[str, int], days: int, lacking: tuple[str, ...]
) -> None:
    shadowed(**saw)
    assert service.shadow_report("tokyo/whole", NOON + timedelta(days=days)).lacking == lacking


def test_who_never_looked_on_has_not_passed(two: None) -> None:
    assert not service.shadow_report("tokyo/whole", NOON).passed


def test_meeting_the_rule_needs_no_reason_and_ends_the_shadow(
    store: Path, shadowed: Callable[..., None], benchmark: Path, as_supervisor: Actor
) -> None:
    shadowed()
    found = service.register_benchmark(as_supervisor, benchmark, NOON)
    ModelCheck.objects.create(model="tokyo/whole", against=service_ref(store), benchmark=found, passed=True, at=NOON)
    change = service.serve_model(as_supervisor, "tokyo/whole", "", NOON + timedelta(days=3))
    assert (change.lacking, change.reason) == ([], "")
    assert (pointed(store, SERVING), pointed(store, SHADOW)) == ("tokyo/whole", "")
    assert ModelChange.objects.filter(kind="shadow_off").count() == 1


def test_one_shadow_at_a_time_and_off_again(store: Path, two: None) -> None:
    service.shadow_model(COMMAND, "tokyo/whole", NOON)
    with pytest.raises(BadInput, match="another model"):
        service.shadow_model(COMMAND, "tokyo/whole", NOON)
    assert service.shadow_model(COMMAND, "tokyo/narrow", NOON).before == "tokyo/whole"
    service.shadow_model(COMMAND, "", NOON)
    assert pointed(store, SHADOW) == ""
    kinds = list(Entry.objects.filter(kind__startswith="model_shadow").order_by("id").values_list("kind", flat=True))
    assert kinds == ["model_shadow_on", "model_shadow_on", "model_shadow_off"]
    with pytest.raises(BadInput):
        service.shadow_model(COMMAND, "", NOON)
