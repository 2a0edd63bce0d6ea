"""The pages where an organisation writes its letters, proposes words and switches categories."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.casework.test_wording import SOUND, elsewhere, second, second_administrator
from tests.console.test_quality import proposal
from tests.world import arrive, finding, post
from yoake.casework.cases.models import Case
from yoake.casework.people.models import Membership, Organisation, User
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import Source
from yoake.casework.wording import actions, letters
from yoake.casework.wording.models import CueDraft, Letter, Letterhead, Switch

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

__all__ = ["elsewhere", "second", "second_administrator"]  # fixtures

ENGLISH = {"accept-language": "en"}
WARNING = "/wording/letter/criminal_recruitment/warning/ja/"


@pytest.fixture
def desk(client: Client, supervisor: User) -> Client:
    client.force_login(supervisor)
    return client


def test_a_letter_from_draft_to_force(desk: Client, second: Actor) -> None:
    page = desk.get(WARNING).content.decode()
    assert letters.shipped("criminal_recruitment", "warning", "ja").splitlines()[0] in page
    desk.post("/wording/head/", {"name_ja": "架空県警察", "name_en": "Kaku Police", "telephone": "000-0000"})
    assert Letterhead.objects.get().name_ja == "架空県警察"
    answer = desk.post(WARNING, {"text": SOUND + " #副業"})
    assert answer.status_code == 400
    assert "#副業" in answer.content.decode()
    assert not Letter.objects.exists()
    desk.post(WARNING, {"text": SOUND})
    draft = Letter.objects.get()
    page = desk.get(WARNING).content.decode()
    assert "<ins>" in page
    assert f"/wording/draft/{draft.pk}/approve/" not in page, "nobody approves their own"
    desk.post(f"/wording/draft/{draft.pk}/approve/")
    assert letters.in_force(second.organisation_id, "criminal_recruitment", "warning", "ja").number == 0
    other = Client()
    other.force_login(User.objects.get(username="second"))
    assert f"/wording/draft/{draft.pk}/approve/" in other.get(WARNING).content.decode()
    other.post(f"/wording/draft/{draft.pk}/approve/")
    assert letters.in_force(second.organisation_id, "criminal_recruitment", "warning", "ja").number == 1
    assert "架空県警察" in desk.get(WARNING).content.decode()


def test_a_preview_says_what_speaks_against_a_text(desk: Client) -> None:
    shown = desk.post(
        WARNING + "preview/", {"text": "これは犯罪です {x"}, headers={"HX-Request": "true"}
    ).content.decode()
    assert "note error" in shown
    shown = desk.post(WARNING + "preview/", {"text": SOUND}, headers={"HX-Request": "true"}).content.decode()
    assert "note warning" in shown  # no letterhead yet
    desk.post("/wording/head/", {"name_ja": "架空県警察", "name_en": "Kaku Police", "telephone": "000-0000"})
    shown = desk.post(WARNING + "preview/", {"text": SOUND}, headers={"HX-Request": "true"}).content.decode()
    assert "note success" in shown
    assert "/ 280" in shown
    assert not Letter.objects.exists()


def test_words_are_proposed_and_approved(desk: Client, second: Actor) -> None:
    told = {"category": "criminal_recruitment", "cue": "carrier", "phrase": "ニコニコ便", "strength": "medium"}
    assert desk.post("/wording/words/", {**told, "cue": ""}).status_code == 400
    desk.post("/wording/words/", told)
    draft = CueDraft.objects.get()
    page = desk.get("/wording/words/").content.decode()
    assert "ニコニコ便" in page
    assert f"/wording/words/{draft.pk}/approve/" not in page
    other = Client()
    other.force_login(User.objects.get(username="second"))
    other.post(f"/wording/words/{draft.pk}/approve/")
    draft.refresh_from_db()
    assert draft.approved_by_id == second.user_id


def test_a_word_of_another_organisation_is_approved_without_its_note_names_and_numbers(
    desk: Client, second: Actor, outsider: User, as_supervisor: Actor, live: Source
) -> None:
    User.objects.filter(pk=as_supervisor.user_id).update(last_name="余所野")
    (case,) = arrive(live, [post(text="ニコニコ便の方")], [finding()]).opened
    told = {"category": "criminal_recruitment", "cue": "carrier", "phrase": "ニコニコ便", "strength": "medium"}
    answer = desk.post("/wording/words/", {**told, "note": "うちの事案"}, follow=True, headers=ENGLISH)
    assert "somebody of another organisation approves it" in answer.content.decode()
    draft = CueDraft.objects.get()
    approve, send_back = (f"/wording/words/{draft.pk}/{act}/" for act in ("approve", "back"))
    colleague, other = Client(), Client()
    colleague.force_login(User.objects.get(username="second"))
    page = colleague.get("/wording/words/", headers=ENGLISH).content.decode()
    assert all(part in page for part in ("うちの事案", "余所野", f'href="/case/{case}/"', "in 1 of 1"))
    assert approve not in page
    assert "Somebody of another organisation approves it." in page
    other.force_login(outsider)
    page = other.get("/wording/words/", headers=ENGLISH).content.decode()
    assert all(
        part in page for part in ("ニコニコ便", "somebody of another organisation", "in 0 of 0", approve, send_back)
    )
    assert not any(part in page for part in ("うちの事案", "余所野", f'href="/case/{case}/"'))
    other.post(approve)
    draft.refresh_from_db()
    assert draft.approved_by == outsider
    Membership.objects.filter(user=outsider).update(role=Membership.Role.ANALYST)
    assert "ニコニコ便" not in other.get("/wording/words/").content.decode(), "who cannot approve sees their own only"


def test_the_second_person_sees_where_the_system_found_a_word(
    desk: Client, police: Organisation, second: Actor, live: Source
) -> None:
    arrive(live, [post(text="求む ニコニコ隊 東京")], [finding()])
    case = Case.objects.get()
    word = proposal(police, posts=[case.post_id])
    desk.post(f"/quality/term/{word.pk}/accept/", {"cue": "receiver", "strength": "medium"})
    colleague = Client()
    colleague.force_login(User.objects.get(username="second"))
    page = colleague.get("/wording/words/", headers=ENGLISH).content.decode()
    assert "Found by the system in confirmed posts" in page
    assert "6 authors" in page
    assert "求む <b>ニコニコ隊</b> 東京" in page
    colleague.post(f"/wording/words/{CueDraft.objects.get().pk}/approve/")
    assert "ニコニコ隊" in (settings.YOAKE_CATEGORIES / "criminal_recruitment" / "phrases.tsv").read_text()


def test_the_number_of_queries_does_not_grow_with_the_words(
    desk: Client, second: Actor, outsider: User, as_supervisor: Actor, police: Organisation
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert desk.get("/wording/words/").status_code == 200
        return len(captured)

    def more(*names: str) -> None:
        for name in names:
            draft = actions.draft_cue(second, "criminal_recruitment", "carrier", name, "weak")
            proposal(police, name, state="accepted", draft=draft)

    more("にこ便")
    queries()
    one = queries()
    more("わく便", "ぽか便")
    assert queries() == one


def test_two_administrators_switch_a_category_on(
    client: Client, administrator: User, second_administrator: Actor
) -> None:
    client.force_login(administrator)
    client.post("/wording/categories/drug_ad/", {"act": "off"})
    client.post("/wording/categories/drug_ad/", {"act": "ask"})
    assert 'value="confirm"' not in client.get("/wording/categories/").content.decode()
    other = Client()
    other.force_login(User.objects.get(pk=second_administrator.user_id))
    assert 'value="confirm"' in other.get("/wording/categories/").content.decode()
    other.post("/wording/categories/drug_ad/", {"act": "confirm"})
    assert Switch.objects.get(on=True).confirmed_by_id == second_administrator.user_id
    assert client.post("/wording/categories/drug_ad/", {"act": "explode"}).status_code == 404


def test_names_of_other_organisations_are_not_shown(
    client: Client, administrator: User, elsewhere: Actor, as_administrator: Actor
) -> None:
    User.objects.filter(pk=elsewhere.user_id).update(last_name="余所野")
    actions.switch_off(elsewhere, "drug_ad")
    client.force_login(administrator)
    page = client.get("/wording/categories/", headers={"accept-language": "en"}).content.decode()
    assert "余所野" not in page
    assert "somebody of another organisation asked to switch it off" in page
    client.post("/wording/categories/drug_ad/", {"act": "confirm"})
    page = client.get("/wording/categories/", headers={"accept-language": "en"}).content.decode()
    assert "switched off by somebody of another organisation and administrator" in page


def test_readers_see_and_cannot_change(client: Client, analyst: User, as_supervisor: Actor) -> None:
    client.force_login(analyst)
    for address in ("/wording/", WARNING, "/wording/words/", "/wording/categories/"):
        answer = client.get(address)
        assert answer.status_code == 200
        assert 'method="post" action="/wording' not in answer.content.decode().replace("\n", " ")
    assert client.post(WARNING, {"text": SOUND}).status_code == 400
    assert client.post(WARNING + "preview/", {"text": SOUND}).status_code == 403
    draft = actions.draft_letter(as_supervisor, "criminal_recruitment", "warning", "ja", SOUND)
    client.post(f"/wording/draft/{draft.pk}/approve/")
    draft.refresh_from_db()
    assert draft.approved_at is None


def test_another_organisation_sees_none_of_it(client: Client, outsider: User, as_supervisor: Actor) -> None:
    draft = actions.draft_letter(as_supervisor, "criminal_recruitment", "warning", "ja", SOUND + " めじるし")
    client.force_login(outsider)
    assert "めじるし" not in client.get(WARNING).content.decode()
    assert client.post(f"/wording/draft/{draft.pk}/approve/").status_code == 404
    assert client.get("/wording/letter/coerced_applicant/warning/ja/").status_code == 404
