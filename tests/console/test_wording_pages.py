"""The pages where an organisation writes its letters, proposes words and switches categories."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.casework.test_wording import SOUND, elsewhere, second, second_administrator
from yoake.casework.people.models import User
from yoake.casework.people.queries import Actor
from yoake.casework.wording import actions, letters
from yoake.casework.wording.models import CueDraft, Letter, Letterhead, Switch

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

__all__ = ["elsewhere", "second", "second_administrator"]  # fixtures

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
