"""Letters, words for the judge, categories: one person drafts, a second one puts it in force."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.quality_world import look_again
from tests.world import NOON, _user, arrive, finding, post
from yoake.casework.audit.models import Entry
from yoake.casework.audit.queries import Filters
from yoake.casework.cases.actions import serving_detector
from yoake.casework.cases.categories import categories
from yoake.casework.people.log import entries_seen_by
from yoake.casework.people.models import Membership, Organisation
from yoake.casework.people.queries import Actor, actor_of
from yoake.casework.quality.alarms import tell_changes
from yoake.casework.sources.models import Source
from yoake.casework.wording import actions, letters
from yoake.casework.wording.checks import length_on, problems
from yoake.casework.wording.models import CueDraft, Letter, Switch
from yoake.casework.wording.trial import told_to
from yoake.detect.category import Category
from yoake.errors import BadInput, Refused
from yoake.learn.overlay import switch
from yoake.tables.posts import posts_batch

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

SOUND = """この投稿は、犯罪の実行役の募集にあたるおそれがあります。削除をお願いします。相談 #9110
{organisation}　{telephone}"""


@pytest.fixture
def second(police: Organisation) -> Actor:
    return actor_of(_user("second", police, Membership.Role.SUPERVISOR))


@pytest.fixture
def second_administrator(police: Organisation) -> Actor:
    return actor_of(_user("second administrator", police, Membership.Role.ADMINISTRATOR))


def every_letter() -> list[tuple[str, str, str]]:
    return [
        (slug, name, language)
        for slug, known in categories().items()
        for name in letters.names_of(known)
        for language in letters.LANGUAGES
    ]


def test_every_shipped_letter_keeps_the_rules_and_fits_the_networks() -> None:
    shipped = every_letter()
    assert {name for _slug, name, _language in shipped} == {"warning", "request", "help"}
    for slug, name, language in shipped:
        text = letters.shipped(slug, name, language)
        assert problems(categories()[slug], name, language, text) == [], (slug, name, language)
        filled = letters.filled(text, None, language, organisation="架空県警察サイバー課", telephone="000-000-0000")
        if name == "warning":
            assert length_on("x", filled) <= 280, (slug, language, length_on("x", filled))
            assert length_on("bluesky", filled) <= 300


def test_a_letter_of_help_names_the_help_lines_of_its_category_and_no_others() -> None:
    for slug, name, language in every_letter():
        if name == "help":
            known = {line.number for line in categories()[slug].help}
            named = set(re.findall(r"0\d+-[\d-]+", letters.shipped(slug, name, language)))
            assert named <= known, (slug, language)
            if slug == "suicide_inducing":  # a line in English is for letters in English
                assert named == known - ({"03-5774-0992"} if language == "ja" else set())


def test_who_needs_help_gets_no_warning() -> None:
    for slug, known in categories().items():
        if known.at_risk:
            assert "warning" not in letters.names_of(known), slug
    assert "warning" not in letters.names_of(categories()["suicide_inducing"])


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "empty"),
        (SOUND.replace("おそれが", "ことが"), "hedge"),
        (SOUND + " #闇バイト", "hashtag"),
        (SOUND + " ＃注意", "hashtag"),
        (SOUND + " @someone", "mention"),
        (SOUND + " https://police.example/", "link"),
        (SOUND.replace("{telephone}", ""), "missing_field"),
        (SOUND + " {url}", "unknown_field"),
        (SOUND + " 受け子", "trigger"),
        (SOUND + " これは犯罪です", "accuses"),
        (SOUND + " 職業安定法第65条", "article"),
        (SOUND + " 職業安定法第63条", ""),
        (SOUND.replace(" #9110", ""), "help_lines"),
        (SOUND + "あ" * 4000, "long"),
        (SOUND, ""),
    ],
    ids=lambda told: told if len(told) < 20 else "",
)
def test_rules_of_letters(text: str, rule: str) -> None:
    found = [problem.rule for problem in problems(categories()["criminal_recruitment"], "warning", "ja", text)]
    assert found == ([rule] if rule else [])


def test_braces_that_are_no_field() -> None:
    with pytest.raises(BadInput, match="braces"):
        letters.parsed("{organisation")
    with pytest.raises(BadInput, match="braces"):
        letters.parsed("{organisation:>9}")
    assert letters.filled("{organisation} {other}", None, "ja", organisation="県") == "県 {other}"


def test_a_letter_is_in_force_once_a_second_person_approved_it(
    as_supervisor: Actor, second: Actor, as_analyst: Actor, as_outsider: Actor
) -> None:
    def now() -> letters.InForce:
        return letters.in_force(as_supervisor.organisation_id, "criminal_recruitment", "warning", "ja")

    assert (now().number, now().letter) == (0, None)
    with pytest.raises(Refused):
        actions.draft_letter(as_analyst, "criminal_recruitment", "warning", "ja", SOUND)
    draft = actions.draft_letter(as_supervisor, "criminal_recruitment", "warning", "ja", SOUND, NOON)
    assert now().number == 0, "a draft is not in force"
    with pytest.raises(Refused, match="waits already"):
        actions.draft_letter(second, "criminal_recruitment", "warning", "ja", SOUND)
    with pytest.raises(Refused, match="second person"):
        actions.approve_letter(as_supervisor, draft.pk)
    with pytest.raises(BadInput):
        actions.approve_letter(as_outsider, draft.pk)
    actions.approve_letter(second, draft.pk, NOON)
    assert (now().text, now().number) == (SOUND, 1)
    other = letters.in_force(as_outsider.organisation_id, "criminal_recruitment", "warning", "ja")
    assert other.number == 0, "each organisation writes its own"
    again = actions.draft_letter(second, "criminal_recruitment", "warning", "ja", SOUND + "\n敬具", NOON)
    actions.send_back_letter(as_supervisor, again.pk, NOON)
    assert (now().number, Letter.objects.get(pk=again.pk).number) == (1, 2)
    kinds = list(Entry.objects.filter(subject__startswith="letter:").order_by("pk").values_list("kind", flat=True))
    assert kinds == ["letter_drafted", "letter_approved", "letter_drafted", "letter_sent_back"]
    assert not Entry.objects.filter(facts__icontains="犯罪").exists(), "no words in the chain"


def test_a_letter_that_breaks_a_rule_is_not_kept(as_supervisor: Actor) -> None:
    with pytest.raises(BadInput, match="hashtag") as told:
        actions.draft_letter(as_supervisor, "criminal_recruitment", "warning", "ja", SOUND + " #副業")
    assert "frozen" in str(told.value)
    with pytest.raises(BadInput):
        actions.draft_letter(as_supervisor, "coerced_applicant", "warning", "ja", SOUND)
    assert not Letter.objects.exists()


def test_the_letterhead_is_the_organisations_own(as_supervisor: Actor, as_analyst: Actor, police: Organisation) -> None:
    told = ("架空県警察 サイバー課", "Kaku Police", "000-0000-0000")
    with pytest.raises(Refused):
        actions.set_letterhead(as_analyst, *told)
    actions.set_letterhead(as_supervisor, *told)
    head = letters.head_of(police.pk)
    assert letters.filled("{organisation} {telephone}", head, "ja") == "架空県警察 サイバー課 000-0000-0000"
    assert letters.filled("{organisation}", head, "en") == "Kaku Police"
    for name_ja, name_en, telephone in (
        ("県", "K", "none"),
        ("", "K", "1"),
        ("県", "x" * 81, "1"),
        ("{url}", "K", "1"),
    ):
        with pytest.raises(BadInput):
            actions.set_letterhead(as_supervisor, name_ja, name_en, telephone)


# --- words ----------------------------------------------------------------------------------------------------------


def test_a_word_is_tried_then_approved_by_a_second_person_and_live_at_once(
    live: Source, as_supervisor: Actor, second: Actor, as_analyst: Actor
) -> None:
    text = "にこにこ便の方、詳しくはDMで"
    taken = arrive(live, [post(text=text), post("2", "今日は鍋にします")], [finding(), finding(1)])
    with pytest.raises(Refused):
        actions.draft_cue(as_analyst, "criminal_recruitment", "carrier", "ニコニコ便", "strong")
    draft = actions.draft_cue(as_supervisor, "criminal_recruitment", "carrier", "ニコニコ便", "strong", now=NOON)
    assert (draft.tried["open"], draft.tried["open_with"], draft.tried["cases"]) == (2, 1, [taken.opened[0]])
    assert (draft.tried["harmless_with"], draft.tried["harmless_queued"], draft.tried["everyday"]) == (0, 0, None)
    assert draft.tried["shipped"] > draft.tried["harmless"] > 250

    def score() -> float:
        judged = serving_detector().judge(posts_batch([post(text=text)])).to_pylist()
        return max((f["score"] for f in judged if f["category"] == "criminal_recruitment"), default=0.0)

    before = score()
    with pytest.raises(Refused, match="second person"):
        actions.approve_cue(as_supervisor, draft.pk)
    actions.approve_cue(second, draft.pk, NOON)
    assert "ニコニコ便" in [phrase.phrase for phrase in fresh()["criminal_recruitment"].phrases]
    assert score() > before
    with pytest.raises(BadInput):
        actions.approve_cue(second, draft.pk)
    with pytest.raises(BadInput, match="does not have yet"):
        actions.draft_cue(as_supervisor, "criminal_recruitment", "carrier", "ニコニコ便", "strong")


def test_a_word_of_everyday_shows_its_false_alarms(as_supervisor: Actor) -> None:
    draft = actions.draft_cue(as_supervisor, "criminal_recruitment", "receiver", "日払い", "strong")
    assert draft.tried["harmless_with"] >= 5
    assert draft.tried["harmless_queued"] >= 1, "a person sees what it would cost"


@pytest.mark.parametrize(
    "wrong",
    [
        {"slug": "other_illegal"},
        {"cue": "nothing"},
        {"strength": "huge"},
        {"phrase": ""},
        {"phrase": "{a|b}"},
        {"phrase": "x" * 61},
        {"phrase": "\u200b"},
    ],
)
def test_words_that_cannot_be(as_supervisor: Actor, wrong: dict[str, str]) -> None:
    told = {"slug": "criminal_recruitment", "cue": "receiver", "phrase": "ニコニコ便", "strength": "weak", **wrong}
    with pytest.raises(BadInput):
        actions.draft_cue(as_supervisor, told["slug"], told["cue"], told["phrase"], told["strength"])
    assert not CueDraft.objects.exists()


def test_a_word_that_is_sent_back_changes_nothing(as_supervisor: Actor, second: Actor, as_analyst: Actor) -> None:
    draft = actions.draft_cue(
        as_supervisor, "drug_ad", "goods" if has_cue("goods") else first_cue(), "ぽかぽか", "weak"
    )
    with pytest.raises(Refused):
        actions.send_back_cue(as_analyst, draft.pk)
    actions.send_back_cue(second, draft.pk)
    with pytest.raises(BadInput):
        actions.approve_cue(second, draft.pk)
    assert "ぽかぽか" not in [phrase.phrase for phrase in fresh()["drug_ad"].phrases]


def test_a_draft_is_kept_with_what_belongs_to_it_or_not_at_all(as_supervisor: Actor) -> None:
    def refuse(_draft: CueDraft) -> None:
        raise Refused("somebody judged it meanwhile")

    with pytest.raises(Refused, match="meanwhile"):
        actions.draft_cue(as_supervisor, "criminal_recruitment", "carrier", "ニコニコ便", "weak", together_with=refuse)
    assert not CueDraft.objects.exists()
    assert not Entry.objects.exists()


def test_where_several_organisations_work_another_one_approves_a_word(
    as_supervisor: Actor, second: Actor, as_outsider: Actor
) -> None:
    draft = actions.draft_cue(as_supervisor, "criminal_recruitment", "carrier", "ニコニコ便", "strong", now=NOON)
    assert actions.approved_elsewhere(draft)
    with pytest.raises(Refused, match="another organisation"):
        actions.approve_cue(second, draft.pk, NOON)
    assert not any(phrase.phrase == "ニコニコ便" for phrase in fresh()["criminal_recruitment"].phrases)
    actions.approve_cue(as_outsider, draft.pk, NOON)
    (live,) = [phrase for phrase in fresh()["criminal_recruitment"].phrases if phrase.phrase == "ニコニコ便"]
    assert f"organisation {as_supervisor.organisation_id}" in live.source
    declined = actions.draft_cue(as_supervisor, "criminal_recruitment", "carrier", "ぽかぽか便", "strong", now=NOON)
    actions.send_back_cue(as_outsider, declined.pk, NOON)
    with pytest.raises(BadInput, match="already"):
        actions.approve_cue(as_outsider, declined.pk)


def test_where_nobody_elsewhere_can_approve_a_word_a_colleague_does(
    as_supervisor: Actor, second: Actor, as_outsider: Actor, hotline: Organisation
) -> None:
    Membership.objects.filter(user_id=as_outsider.user_id).update(role=Membership.Role.ANALYST)
    Membership.objects.create(user_id=as_supervisor.user_id, organisation=hotline, role=Membership.Role.SUPERVISOR)
    draft = actions.draft_cue(as_supervisor, "criminal_recruitment", "carrier", "ニコニコ便", "strong", now=NOON)
    assert not actions.approved_elsewhere(draft)
    elsewhere = Actor(as_supervisor.name, as_supervisor.user_id, hotline.pk, Membership.Role.SUPERVISOR)
    with pytest.raises(Refused, match="second person"):
        actions.approve_cue(elsewhere, draft.pk, NOON)
    actions.approve_cue(second, draft.pk, NOON)
    assert "ニコニコ便" in [phrase.phrase for phrase in fresh()["criminal_recruitment"].phrases]


def test_each_organisation_sees_what_a_word_does_to_its_own_cases(
    live: Source, hotline: Organisation, as_supervisor: Actor, as_outsider: Actor
) -> None:
    theirs = Source.objects.create(organisation=hotline, name="theirs", connector="jsonl", options={"path": "-"})
    text = "にこにこ便の方、詳しくはDMで"
    arrive(live, [post("1", "今日は鍋にします")], [finding()])
    taken = arrive(theirs, [post("2", text), post("3", text)], [finding(0), finding(1)])
    draft = actions.draft_cue(as_supervisor, "criminal_recruitment", "carrier", "ニコニコ便", "strong", now=NOON)
    mine, of_theirs = (told_to(one.organisation_id, draft) for one in (as_supervisor, as_outsider))
    assert (mine["open"], mine["open_with"], mine["cases"]) == (1, 0, [])
    assert (of_theirs["open"], of_theirs["open_with"], sorted(of_theirs["cases"])) == (2, 2, sorted(taken.opened))
    assert of_theirs["harmless"] == mine["harmless"]
    assert told_to(0, draft)["open"] is None, "who came later was not tried"


def test_everybody_is_told_of_a_word_for_all(
    as_supervisor: Actor, as_outsider: Actor, police: Organisation, hotline: Organisation
) -> None:
    draft = actions.draft_cue(as_supervisor, "drug_ad", first_cue(), "ぽかぽか", "weak", now=NOON)
    (alarm,) = tell_changes(hotline, NOON)
    assert (alarm.category, alarm.facts["what"]) == ("drug_ad", "cue_drafted")
    actions.approve_cue(as_outsider, draft.pk, NOON)
    assert [alarm.facts["what"] for alarm in tell_changes(police, NOON)] == ["cue_approved"]
    assert tell_changes(hotline, NOON) == []
    told = Entry.objects.get(kind="cue_drafted", organisation=hotline.pk)
    assert (told.actor, told.facts["draft"]) == (f"organisation:{police.pk}", str(draft.pk))


def has_cue(name: str) -> bool:
    return name in [cue.name for cue in categories()["drug_ad"].cues]


def first_cue() -> str:
    return categories()["drug_ad"].cues[0].name


# --- categories -----------------------------------------------------------------------------------------------------


def test_switching_off_takes_one_administrator_and_on_takes_two(
    as_administrator: Actor, second_administrator: Actor, as_supervisor: Actor
) -> None:
    def found() -> set[str]:
        fresh()
        text = "野菜 手押し 都内 即日 郵送可 DM"
        return {f["category"] for f in serving_detector().judge(posts_batch([post(text=text)])).to_pylist()}

    assert "drug_ad" in found()
    with pytest.raises(Refused):
        actions.switch_off(as_supervisor, "drug_ad")
    actions.switch_off(as_administrator, "drug_ad", NOON)
    assert "drug_ad" not in found()
    assert not categories()["drug_ad"].enabled
    with pytest.raises(Refused, match="already"):
        actions.switch_off(as_administrator, "drug_ad")
    with pytest.raises(BadInput):
        actions.confirm_switch(second_administrator, "drug_ad")
    actions.ask_switch_on(as_administrator, "drug_ad", NOON)
    assert not fresh()["drug_ad"].enabled, "asking changes nothing"
    with pytest.raises(Refused, match="second administrator"):
        actions.confirm_switch(as_administrator, "drug_ad")
    actions.confirm_switch(second_administrator, "drug_ad", NOON)
    assert "drug_ad" in found()
    kinds = list(Entry.objects.filter(subject="category:drug_ad").order_by("pk").values_list("kind", flat=True))
    assert kinds == ["category_off", "category_on_asked", "category_on"]
    actions.switch_off(second_administrator, "drug_ad")
    fresh()
    actions.ask_switch_on(as_administrator, "drug_ad")
    actions.take_back_switch(second_administrator, "drug_ad")
    assert not Switch.objects.filter(on=True, confirmed_at=None).exists()
    with pytest.raises(BadInput):
        actions.switch_off(as_administrator, "other_illegal")


@pytest.fixture
def elsewhere(hotline: Organisation) -> Actor:
    """An administrator of another organisation."""
    return actor_of(_user("elsewhere", hotline, Membership.Role.ADMINISTRATOR))


def test_where_several_organisations_work_none_blinds_the_others_alone(
    as_administrator: Actor, second_administrator: Actor, elsewhere: Actor
) -> None:
    assert actions.switch_off(as_administrator, "drug_ad", NOON).confirmed_at is None
    assert fresh()["drug_ad"].enabled, "asking changes nothing"
    with pytest.raises(Refused, match="asked already"):
        actions.switch_off(elsewhere, "drug_ad", NOON)
    with pytest.raises(Refused, match="another organisation"):
        actions.confirm_switch(second_administrator, "drug_ad", NOON)
    actions.take_back_switch(elsewhere, "drug_ad", NOON)
    assert not Switch.objects.exists(), "they decline"
    actions.switch_off(as_administrator, "drug_ad", NOON)
    actions.confirm_switch(elsewhere, "drug_ad", NOON)
    assert not fresh()["drug_ad"].enabled
    actions.ask_switch_on(as_administrator, "drug_ad", NOON)
    actions.confirm_switch(second_administrator, "drug_ad", NOON)
    assert fresh()["drug_ad"].enabled, "seeking takes two, of whichever organisation"


def test_everybodys_audit_says_what_was_switched_for_all(
    as_administrator: Actor, elsewhere: Actor, hotline: Organisation, police: Organisation
) -> None:
    actions.switch_off(as_administrator, "drug_ad", NOON)
    actions.confirm_switch(elsewhere, "drug_ad", NOON)
    told = {
        one: list(entries_seen_by(one, Filters(subject="category:drug_ad")).values_list("kind", "actor"))
        for one in (as_administrator, elsewhere)
    }
    assert told[as_administrator] == [
        ("category_off", f"organisation:{hotline.pk}"),
        ("category_off_asked", as_administrator.name),
    ]
    assert told[elsewhere] == [("category_off", elsewhere.name), ("category_off_asked", f"organisation:{police.pk}")]


def test_a_switch_keeps_what_stands_in_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "drug_ad"
    folder.mkdir()
    (folder / "category.toml").write_text("severity = 3\n\n[thresholds]\nqueue = 0.4\n")
    switch(tmp_path, "drug_ad", enabled=False)
    switch(tmp_path, "drug_ad", enabled=False)
    assert (folder / "category.toml").read_text() == "enabled = false\nseverity = 3\n\n[thresholds]\nqueue = 0.4\n"
    switch(tmp_path, "drug_ad", enabled=True)
    assert (folder / "category.toml").read_text() == "severity = 3\n\n[thresholds]\nqueue = 0.4\n"
    with pytest.raises(BadInput):
        switch(tmp_path, "nothing", enabled=True)


def fresh() -> dict[str, Category]:
    """The categories, looked at again at once."""
    look_again()
    return categories()
