"""Category folders: the shipped ones hold what they must, faulty ones name file, line and reason."""

from __future__ import annotations

import pickle
import re
import shutil
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from tests.detect.worlds import posts
from yoake.detect.category import SHIPPED, Category, Phrase, digest, load_categories, sought
from yoake.detect.serving import load
from yoake.detect.text.fold import fold, fold_text
from yoake.detect.together import Together
from yoake.errors import BadInput

CATEGORIES, _ = load_categories()

# A whole new category: the smallest folder that works (docs/howto/category.md walks through it).
NEW_TOML = """
format = 1
severity = 2
at_risk = false
actions = ["request"]
base = -6.0
name = { ja = "試しの分類", en = "Trial category" }
summary = { ja = "試し", en = "Trial" }
thresholds = { queue = 0.3, high = 0.8 }

[explanation]
found = { ja = "試しの投稿の可能性があります。", en = "it may be a trial." }
not_found = { ja = "これだけでは判断できません。", en = "this alone does not show it." }

[[class]]
name = "harmful"

[[element]]
name = "shown"
ja = "示している"
en = "Shown"
cues = ["mark"]

[[cue]]
name = "mark"
ja = "試しを指す"
en = "a trial word"
"""
HEADER = "cue\tphrase\tweight\tlang\tfirst_seen\tsource\tnote\n"
NEW_PHRASES = HEADER + "mark\tためしの合言葉\t7\tja\t2026\ttest\t\n"


def write(
    folder: Path, toml: str | None = NEW_TOML, phrases: str | None = NEW_PHRASES, examples: str | None = None
) -> Path:
    folder.mkdir(parents=True)
    for name, text in (("category.toml", toml), ("phrases.tsv", phrases), ("examples.jsonl", examples)):
        if text is not None:
            (folder / name).write_text(text, "utf-8")
    return folder


# Few examples, none of which teaches: their texts stay oblique.
OBLIQUE = {"serious_crime", "firearms_incitement", "suicide_inducing", "minor_approach"}


def test_shipped() -> None:
    assert {"criminal_recruitment", "coerced_applicant", "drug_ad"} <= CATEGORIES.keys()
    assert list(CATEGORIES) == sorted(CATEGORIES)


@pytest.mark.parametrize("category", sought(CATEGORIES).values(), ids=sought(CATEGORIES).keys())
def test_shipped_folder_is_complete(category: Category) -> None:
    if category.slug in OBLIQUE:
        assert sum(e.label == category.slug for e in category.examples) >= 7
        assert sum(e.label != category.slug for e in category.examples) >= 7
        assert len(category.examples) <= 20
    else:
        assert 15 <= sum(e.label == category.slug for e in category.examples) <= 40
        assert 14 <= sum(e.label != category.slug for e in category.examples) <= 40
    used = {p.cue for p in category.phrases} | {a.cue for a in category.amounts}
    assert {cue.name for cue in category.cues} <= used
    assert {f"frame:{frame.name}" for frame in category.frames} <= used
    folded: dict[tuple[str, str], str] = {}
    pairs = [(p, spelling) for p in category.phrases for spelling in p.spellings()]
    column = fold(pa.array([spelling for _, spelling in pairs]))
    for row, (p, spelling) in enumerate(pairs):
        twin = folded.setdefault((p.cue, column.text(row)), p.phrase)
        assert twin == p.phrase, f"{p.phrase} and {twin} fold to the same phrase {spelling}"
    assert not (category.at_risk and "warn" in category.actions), "a public reply marks its target"


def test_examples_name_nobody() -> None:
    """Synthetic texts: no handle, address of a page, mail or telephone number."""
    for category in CATEGORIES.values():
        for example in category.examples:
            text = fold_text(" ".join((example.text, example.profile, example.parent_text))).replace("#9110", "")
            assert not re.search(r"https?://|www\.|@\w|0\d{1,3}-\d|\d{7}", text), example.text


def test_recruitment_class_by_day() -> None:
    category = CATEGORIES["criminal_recruitment"]
    assert category.class_on(date(2023, 9, 28)) == ""
    assert category.class_on(date(2023, 9, 29)) == "serious_crime_related"
    assert category.class_on(date(2025, 2, 28)) == "serious_crime_related"
    assert category.class_on(date(2025, 3, 1)) == "illegal"
    assert CATEGORIES["coerced_applicant"].class_on(date(2024, 1, 1)) == "at_risk"
    assert CATEGORIES["coerced_applicant"].at_risk


def test_only_what_the_field_notes_state_is_verified() -> None:
    verified = {(b.act.en, b.article) for c in CATEGORIES.values() for b in c.legal_basis if b.verified}
    assert verified == {
        ("Employment Security Act", "63"),
        ("Employment Security Act", "5-4"),
        ("Special Act on Narcotics", "9"),
        ("Basic Act on Gambling Addiction Measures", "9-2"),
        ("Explosives Control Penalties", "3, 5"),
        ("Penal Code", "199 ff."),
        ("Penal Code", "233"),
        ("Penal Code", "246"),
    }


def test_spellings() -> None:
    def of(phrase: str) -> list[str]:
        return Phrase("mark", phrase, 1.0, "ja", "2026", "test", "").spellings()

    assert of("受け子") == ["受け子"]
    assert of("{身分証|免許証}{を|}送っ{た|ちゃ}") == [
        f"{paper}{particle}送っ{end}"
        for paper in ("身分証", "免許証")
        for particle in ("を", "")
        for end in ("た", "ちゃ")
    ]


def test_grades() -> None:
    category = CATEGORIES["criminal_recruitment"]
    assert [category.grade(score) for score in (0.0, 0.299, 0.3, 0.799, 0.8, 1.0)] == [
        "low",
        "low",
        "mid",
        "mid",
        "high",
        "high",
    ]


def test_no_overlay() -> None:
    assert load_categories(Path("/nowhere/at/all")) == load_categories(None)


def test_a_new_folder_is_a_new_category_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path / "trial")
    detector = load(overlay=tmp_path)
    (finding,) = detector.judge(posts("これはためしの合言葉です")).to_pylist()
    assert (finding["category"], finding["grade"], finding["class"]) == ("trial", "mid", "harmful")
    assert finding["elements"][0]["span"]["text"] == "ためしの合言葉"
    assert detector.version != load().version


RECORD_ONLY_TOML = """
format = 1
record_only = true
actions = ["request"]
name = { ja = "記録だけの分類", en = "Recorded only" }
summary = { ja = "試し", en = "Trial" }

[[class]]
name = "record_only"
"""


def test_a_record_only_category_is_names_class_and_actions_and_no_detector_reports_it(tmp_path: Path) -> None:
    write(tmp_path / "trial", RECORD_ONLY_TOML, None)
    categories, problems = load_categories(tmp_path)
    assert problems == []
    trial = categories["trial"]
    assert (trial.record_only, trial.class_on(date(2026, 1, 1))) == (True, "record_only")
    assert "trial" not in sought(categories)
    detector = load(overlay=tmp_path)
    assert "trial" not in {f["category"] for f in detector.judge(posts("記録だけの分類 試し Trial")).to_pylist()}


def test_record_only_folders_that_are_shipped() -> None:
    assert CATEGORIES.keys() - sought(CATEGORIES).keys() == {
        "obscene_display",
        "child_abuse_material",
        "intimate_image_abuse",
        "prostitution_solicitation",
        "dating_site_solicitation",
        "credential_solicitation",
        "other_illegal",
    }


@pytest.mark.parametrize(
    ("files", "at", "reason"),
    [
        ({"toml": RECORD_ONLY_TOML + "\n[thresholds]\nqueue = 0.3\nhigh = 0.8\n"}, "thresholds", "left out, because"),
        ({"toml": RECORD_ONLY_TOML.replace("actions", "base = -6.0\nactions")}, "base", "left out, because"),
        ({"toml": RECORD_ONLY_TOML.replace("actions", "at_risk = false\nactions")}, "at_risk", "left out, because"),
        ({"toml": RECORD_ONLY_TOML.replace("actions", "acts")}, "acts", "an unknown key"),
        ({"toml": RECORD_ONLY_TOML.replace('actions = ["request"]', "")}, "actions", "it must be given"),
        ({"phrases": NEW_PHRASES}, "phrases.tsv line 2", "no phrases, because"),
        ({"examples": '{"text": "x", "label": "none"}\n'}, "examples.jsonl", "no texts in a record-only"),
    ],
)
def test_mistakes_in_a_record_only_folder(tmp_path: Path, files: dict[str, str], at: str, reason: str) -> None:
    write(tmp_path / "trial", **{"toml": RECORD_ONLY_TOML, "phrases": None, **files})
    _, (problem,) = load_categories(tmp_path)
    assert at in str(problem)
    assert reason in str(problem)


def test_an_overlay_neither_empties_a_category_that_is_sought_nor_lifts_a_cap(tmp_path: Path) -> None:
    write(tmp_path / "drug_ad", "record_only = true\n", None)
    write(tmp_path / "disaster_misinformation", 'at_most = "high"\n', None)
    categories, problems = load_categories(tmp_path)
    assert categories["drug_ad"] == CATEGORIES["drug_ad"]
    assert ["no detector seeks" in str(problems[1]), "one of mid" in str(problems[0])] == [True, True]


def test_a_capped_category_is_never_graded_high_and_always_called_unverified(tmp_path: Path) -> None:
    text = "🥦手押し 渋谷 1g5000〜 大麻 詳細はテレグラムDMまで"
    assert load().judge(posts(text)).to_pylist()[0]["grade"] == "high"
    write(tmp_path / "drug_ad", 'at_most = "mid"\n', None)
    category = load_categories(tmp_path)[0]["drug_ad"]
    assert [category.grade(score) for score in (0.0, 0.3, 1.0)] == ["low", "mid", "mid"]
    assert [category.grade(score, 0.5, 0.6) for score in (0.3, 0.5, 1.0)] == ["low", "mid", "mid"]
    detector = load(overlay=tmp_path)
    assert isinstance(detector, Together)
    for judge in (detector, detector.listed, detector.learned):
        of_both = judge.judge(posts(text, "大麻 逮捕 テレグラム")).to_pylist()
        found = [f for f in of_both if f["category"] == "drug_ad"]
        assert {f["grade"] for f in found} <= {"low", "mid"}
        assert found[0]["grade"] == "mid"
        assert all(f["explanation"]["ja"].endswith("事実かどうかは確認されていません。") for f in found)
        assert all(f["explanation"]["en"].endswith("Whether it is true is unverified.") for f in found)


def test_overlay_replaces_keys_and_phrases(tmp_path: Path) -> None:
    write(
        tmp_path / "drug_ad",
        'severity = 4\nname = { en = "Drugs" }\n[thresholds]\nqueue = 0.5\n',
        HEADER + "deal\t手押し\t0.5\tja\t2015\tour unit\t\nsubstance\tデモ草\t3\tja\t2026\tour unit\t\n",
        '{"text": "x", "label": "none"}\n',
    )
    categories, problems = load_categories(tmp_path)
    assert problems == []
    laid, shipped = categories["drug_ad"], CATEGORIES["drug_ad"]
    assert (laid.severity, laid.name.ja, laid.name.en, laid.queue, laid.high) == (4, shipped.name.ja, "Drugs", 0.5, 0.8)
    weights = {(p.cue, p.phrase): p.weight for p in laid.phrases}
    assert weights["deal", "手押し"] == 0.5
    assert len(laid.phrases) == len(shipped.phrases) + 1
    assert len(laid.examples) == len(shipped.examples) + 1
    assert categories["coerced_applicant"] == CATEGORIES["coerced_applicant"]


def test_faulty_overlay_folder_is_reported_and_the_rest_loads(tmp_path: Path) -> None:
    write(tmp_path / "drug_ad", "severity = 9\n", None)
    write(tmp_path / "Bad Name")
    write(tmp_path / "trial")
    (tmp_path / ".half_written").mkdir()
    (tmp_path / "a_file.txt").write_text("x")
    categories, problems = load_categories(tmp_path)
    assert categories["drug_ad"] == CATEGORIES["drug_ad"]
    assert "trial" in categories
    assert len(problems) == 2
    assert "Bad Name" in str(problems[0])
    assert f"{tmp_path}/drug_ad/category.toml line 1 severity is 9: a whole number from 1 to 5" in str(problems[1])


def line(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


TOML_MISTAKES = [
    ("severity = 2", "severity = 2\ncolour = 1", "colour = 1", "unknown key"),
    ("severity = 2", "severity = true", "severity", "1 to 5"),
    ("severity = 2", "severity = 2.5", "severity", "1 to 5"),
    ('actions = ["request"]', 'actions = ["arrest"]', "actions", "warn, request, report, help"),
    ('actions = ["request"]', "actions = []", "actions", "warn, request, report, help"),
    ('actions = ["request"]', 'actions = ["request", "request"]', "actions", "each action once"),
    ("base = -6.0", "base = nan", "base", "-20 to 20"),
    ("base = -6.0", 'base = "low"', "base", "-20 to 20"),
    ("format = 1", "format = 2", "format", "the format this program reads"),
    ('name = "harmful"', 'name = "naughty"', 'name = "naughty"', "one of illegal"),
    ('name = "harmful"', 'name = "harmful"\nsince = "2025"', "since", "a date such as"),
    ('name = "harmful"', 'name = "harmful"\nsince = 2025-03-01\nuntil = 2025-02-01', "until", "not before since"),
    (
        'name = "harmful"',
        'name = "harmful"\n[[class]]\nname = "illegal"\nsince = 2025-03-01',
        "since",
        "in order of time",
    ),
    ("queue = 0.3", "queue = 0.9", "queue = 0.9", "below thresholds.high"),
    ("queue = 0.3", "queue = 0", "queue", "above 0 and below 1"),
    ('cues = ["mark"]', 'cues = ["spark"]', "cues", "known here are mark"),
    ('ja = "示している"', "", "[[element]]", "must be given"),
    ("at_risk = false", "", "", "must be given"),
    ("format = 1", "format = = 1", "format = = 1", "line 2"),
    ("[[class]]", "[class]", "[class]", "written as [[class]]"),
    (
        "[[cue]]",
        '[[combination]]\nkinds = ["mark", "sign"]\nweight = 1\nwhy = "x"\n[[cue]]',
        "kinds",
        "known here are mark",
    ),
    (
        "[[cue]]",
        '[[amount]]\ncue = "gold"\nunit = "yen"\nat_least = 1\nweight = 1\n[[cue]]',
        'cue = "gold"',
        "known here are mark",
    ),
    ("[[cue]]", '[[cue]]\nname = "mark"\nja = "あ"\nen = "a"\n[[cue]]', "", "each cue and frame once"),
]


@pytest.mark.parametrize(("old", "new", "at", "reason"), TOML_MISTAKES, ids=[f"{n!r}" for _, n, _, _ in TOML_MISTAKES])
def test_mistake_in_toml_names_file_line_and_reason(tmp_path: Path, old: str, new: str, at: str, reason: str) -> None:
    text = NEW_TOML.replace(old, new, 1)
    assert text != NEW_TOML
    write(tmp_path / "trial", text)
    _, (problem,) = load_categories(tmp_path)
    assert reason in str(problem)
    assert str(tmp_path / "trial" / "category.toml") in str(problem)
    if at:
        assert f"category.toml line {line(text, at)}" in str(problem)


TSV_MISTAKES = [
    ("mark\tためし\t7\tja\t2026\ttest", 2, "7 columns"),
    ("mark\tた{め|し\t7\tja\t2026\ttest\t", 2, "alternatives as in {a|b|c}"),
    ("mark\tた|し\t7\tja\t2026\ttest\t", 2, "alternatives as in {a|b|c}"),
    ("mark\t{た|}\t7\tja\t2026\ttest\t", 2, "in every spelling"),
    (f"mark\t{'{a|b}' * 9}\t7\tja\t2026\ttest\t", 2, "at most 400 spellings"),
    ("mark\tためし\tx\tja\t2026\ttest\t", 2, "a number of log-odds"),
    ("mark\tためし\tnan\tja\t2026\ttest\t", 2, "a number of log-odds"),
    ("mark\tためし\t11\tja\t2026\ttest\t", 2, "a number of log-odds"),
    ("mark\tためし\t-1\tja\t2026\ttest\t", 2, "a denial never exempts"),
    ("frame:news\tためし\t1\tja\t2026\ttest\t", 2, "0 or less"),
    ("frame:news\tためし\t-1\tja\t2026\ttest\t", 2, "a cue of category.toml"),
    ("spark\tためし\t1\tja\t2026\ttest\t", 2, "a cue of category.toml"),
    ("mark\t\t1\tja\t2026\ttest\t", 2, "one or more characters"),
    ("mark\tためし\t1\tJapanese\t2026\ttest\t", 2, "a language such as ja"),
    ("mark\tためし\t1\tja\tlately\ttest\t", 2, "a year such as 2022"),
    ("mark\tためし\t1\tja\t2026-13\ttest\t", 2, "a year such as 2022"),
    ("mark\tためし\t1\tja\t2026\t\t", 2, "where the phrase"),
    ("# a comment\nmark\tた\t1\tja\t2026\tx\t\nmark\tた\t1\tja\t2026\tx\t", 4, "each phrase once"),
]


@pytest.mark.parametrize(("rows", "number", "reason"), TSV_MISTAKES, ids=[r for _, _, r in TSV_MISTAKES])
def test_mistake_in_phrases(tmp_path: Path, rows: str, number: int, reason: str) -> None:
    write(tmp_path / "trial", phrases=HEADER + rows + "\n")
    _, (problem,) = load_categories(tmp_path)
    assert f"phrases.tsv line {number}" in str(problem)
    assert reason in str(problem)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"toml": None}, "a category folder has a category.toml"),
        ({"phrases": None}, "a category folder has a phrases.tsv"),
        ({"phrases": ""}, "a header line"),
        ({"phrases": "cue\tphrase\n"}, "the header line is cue TAB phrase"),
        ({"examples": "{"}, "one JSON object a line"),
        ({"examples": '{"text": "x"}'}, '"text" and "label"'),
        ({"examples": '{"text": "x", "label": "none", "why": "y"}'}, "known keys are"),
        ({"examples": '{"text": 1, "label": "none"}'}, "strings everywhere"),
        ({"examples": '{"text": "x", "label": "No"}'}, "a category"),
    ],
)
def test_mistake_in_files(tmp_path: Path, files: dict[str, str | None], reason: str) -> None:
    write(tmp_path / "trial", **files)
    _, (problem,) = load_categories(tmp_path)
    assert reason in str(problem)


def test_other_mistakes(tmp_path: Path) -> None:
    folder = write(tmp_path / "trial")
    (folder / "readme.doc").write_text("x")
    assert "a category has only" in str(load_categories(tmp_path)[1][0])
    (folder / "readme.doc").unlink()
    (folder / "phrases.tsv").write_bytes(HEADER.encode() + b"mark\t\xff\xfe\t1\tja\t2026\tx\t\n")
    assert "phrases.tsv line 2" in str(load_categories(tmp_path)[1][0])
    (folder / "phrases.tsv").write_text("\ufeff" + NEW_PHRASES.replace("\n", "\r\n"), "utf-8", newline="")
    assert load_categories(tmp_path)[1] == []


def test_shipped_mistake_raises(tmp_path: Path) -> None:
    shutil.copytree(SHIPPED, tmp_path / "shipped")
    (tmp_path / "shipped" / "drug_ad" / "phrases.tsv").write_text("nothing")
    with pytest.raises(BadInput, match="header line"):
        load_categories(shipped=tmp_path / "shipped")


def test_problems_and_categories_pickle(tmp_path: Path) -> None:
    write(tmp_path / "trial", NEW_TOML.replace("severity = 2", "severity = 0"))
    loaded = load_categories(tmp_path)
    again = pickle.loads(pickle.dumps(loaded))
    assert again[0] == loaded[0]
    assert str(again[1][0]) == str(loaded[1][0])


def test_digest_follows_what_can_change_a_finding(tmp_path: Path) -> None:
    same = write(tmp_path / "a" / "drug_ad", None, None, '{"text": "x", "label": "none"}\n').parent
    assert digest(load_categories(same)[0]) == digest(CATEGORIES)
    other = write(tmp_path / "b" / "drug_ad", None, HEADER + "deal\t手押し\t0.5\tja\t2015\tx\t\n").parent
    assert digest(load_categories(other)[0]) != digest(CATEGORIES)
