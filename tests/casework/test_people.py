"""Who works here: inviting, roles, leaving, a lost second factor; nobody is deleted and the last administrator stays."""

from __future__ import annotations

from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from tests.world import NOON, PASSWORD
from yoake.casework.audit.models import Entry
from yoake.casework.people import actions, invitations
from yoake.casework.people.models import Invitation, Membership, Organisation, User
from yoake.casework.people.queries import (
    Actor,
    actor_of,
    invitation_of,
    members_of,
    open_invitations,
    organisations_of,
    shown_as,
    staff_numbers,
    system,
)
from yoake.errors import BadInput, Refused

pytestmark = pytest.mark.django_db

ROLE = Membership.Role


def invited(actor: Actor, **more: str) -> tuple[Invitation, str]:
    told = {"name": "新田", "role": ROLE.ANALYST, "staff_number": "N-1", **more}
    return invitations.invite(actor, now=NOON, **told)


def test_an_invitation_works_once(as_administrator: Actor) -> None:
    invitation, token = invited(as_administrator, role=ROLE.AUDITOR)
    assert token not in str(Invitation.objects.values().get()), "only a hash is kept"
    user = invitations.accept_as_new(token, "nitta", PASSWORD, NOON)
    actor = actor_of(user)
    assert (actor.role, actor.organisation_id, user.staff_number) == (ROLE.AUDITOR, invitation.organisation_id, "N-1")
    assert user.check_password(PASSWORD)
    assert user.get_full_name() == "新田"
    with pytest.raises(Refused, match="used"):
        invitations.accept_as_new(token, "another", PASSWORD, NOON)
    kinds = Entry.objects.order_by("id").values_list("kind", flat=True)
    assert list(kinds) == ["invited", "invitation_accepted"]
    assert "新田" not in str(list(Entry.objects.values_list("facts", "subject")))


def test_after_72_hours_and_when_withdrawn_it_is_over(as_administrator: Actor) -> None:
    _invitation, late = invited(as_administrator)
    assert invitation_of(late, NOON + timedelta(hours=71, minutes=59)) is not None
    assert invitation_of(late, NOON + timedelta(hours=72)) is None
    with pytest.raises(Refused):
        invitations.accept_as_new(late, "nitta", PASSWORD, NOON + timedelta(hours=72))
    withdrawn, token = invited(as_administrator, staff_number="N-2")
    invitations.withdraw_invitation(as_administrator, withdrawn.pk, NOON)
    assert invitation_of(token, NOON) is None
    with pytest.raises(BadInput):
        invitations.withdraw_invitation(as_administrator, withdrawn.pk, NOON)
    assert not User.objects.filter(username="nitta").exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"role": "king"}, "role"),
        ({"staff_number": ""}, "staff_number"),
        ({"staff_number": "S-ana"}, "staff_number"),
        ({"staff_number": "x" * 21}, "staff_number"),
        ({"email": "no address"}, "email"),
    ],
)
def test_what_an_invitation_must_say(
    as_administrator: Actor, analyst: User, change: dict[str, str], field: str
) -> None:
    with pytest.raises(BadInput) as problem:
        invited(as_administrator, **change)
    assert problem.value.field == field
    assert not Invitation.objects.exists()


@pytest.mark.parametrize(
    ("username", "password", "field"),
    [
        ("", PASSWORD, "username"),
        ("a b", PASSWORD, "username"),
        ("ANALYST", PASSWORD, "username"),
        ("n", "short", "password"),
    ],
)
def test_what_the_invited_choose(
    as_administrator: Actor, analyst: User, username: str, password: str, field: str
) -> None:
    _invitation, token = invited(as_administrator)
    with pytest.raises(BadInput) as problem:
        invitations.accept_as_new(token, username, password, NOON)
    assert problem.value.field == field
    assert invitation_of(token, NOON) is not None, "a mistake does not use it up"


def test_somebody_of_another_organisation_joins(as_administrator: Actor, outsider: User, police: Organisation) -> None:
    _invitation, token = invited(as_administrator, role=ROLE.ADVISER)
    invitations.accept_as(outsider, token, NOON)
    assert [one.name for one in organisations_of(outsider)] == ["架空ホットライン", "架空県警察"]
    assert actor_of(outsider).role == ROLE.SUPERVISOR
    assert actor_of(outsider, police.pk).role == ROLE.ADVISER
    assert actor_of(outsider, 999).role == ROLE.SUPERVISOR, "what one does not belong to cannot be chosen"
    _again, token = invited(as_administrator, staff_number="N-9")
    with pytest.raises(Refused, match="already"):
        invitations.accept_as(outsider, token, NOON)


def test_who_left_comes_back_by_invitation(as_administrator: Actor, outsider: User, police: Organisation) -> None:
    Membership.objects.create(user=outsider, organisation=police, role=ROLE.ANALYST)
    actions.deactivate(as_administrator, outsider.pk)
    _invitation, token = invited(as_administrator, role=ROLE.AUDITOR)
    invitations.accept_as(outsider, token, NOON)
    assert actor_of(outsider, police.pk).role == ROLE.AUDITOR
    assert Membership.objects.filter(user=outsider, organisation=police).count() == 1


def test_an_open_invitation_keeps_its_staff_number(as_administrator: Actor) -> None:
    _invitation, token = invited(as_administrator, staff_number="N-1")
    with pytest.raises(BadInput):
        invited(as_administrator, staff_number="N-1")
    assert invitations.accept_as_new(token, "new", PASSWORD, NOON).staff_number == "N-1"
    second, _token = invited(as_administrator, staff_number="N-2")
    invitations.withdraw_invitation(as_administrator, second.pk, NOON)
    invited(as_administrator, staff_number="N-2")


def test_a_reset_unlinks_identities_elsewhere(as_administrator: Actor, analyst: User) -> None:
    SocialAccount.objects.create(user=analyst, provider="oidc", uid="s-1")
    actions.reset_second_factor(as_administrator, analyst.pk)
    assert not SocialAccount.objects.exists()
    assert Entry.objects.get(kind="second_factor_reset").facts["identities"] == 1


def test_staff_numbers_are_unique_in_an_organisation(police: Organisation, hotline: Organisation) -> None:
    command = system("command")
    first, _ = actions.add_user(command, "a", police, ROLE.ANALYST, staff_number="7", password=PASSWORD)
    with pytest.raises(BadInput):
        actions.add_user(command, "b", police, ROLE.ANALYST, staff_number="7", password=PASSWORD)
    actions.add_user(command, "c", hotline, ROLE.ANALYST, staff_number="7", password=PASSWORD)
    made = [actions.add_user(command, name, police, ROLE.ANALYST, password=PASSWORD)[0] for name in "de"]
    assert [user.staff_number for user in made] == ["0001", "0002"]
    assert shown_as(first) == "7"
    assert staff_numbers([first.pk, made[0].pk]) == {first.pk: "7", made[0].pk: "0001"}
    assert shown_as(User(pk=12, username="taro")) == "#12", "never the name"


def test_a_role_changes_at_once(as_administrator: Actor, analyst: User) -> None:
    actions.change_role(as_administrator, analyst.pk, ROLE.PARTNER)
    assert actor_of(analyst).role == ROLE.PARTNER
    entry = Entry.objects.get(kind="role_changed")
    assert entry.facts == {"role": "partner", "before": "analyst"}


def test_who_leaves_can_do_nothing_and_stays_in_the_books(as_administrator: Actor, analyst: User) -> None:
    browser = Client()
    browser.post("/sign-in/", {"login": "analyst", "password": PASSWORD})
    assert browser.get("/security/").status_code == 200
    actions.deactivate(as_administrator, analyst.pk)
    assert browser.get("/security/").status_code == 302
    assert not browser.session.get("_auth_user_id"), "the session itself is gone"
    analyst.refresh_from_db()
    with pytest.raises(Refused):
        actor_of(analyst)
    assert User.objects.filter(pk=analyst.pk).exists()
    assert [member.user for member in members_of(as_administrator) if not member.active] == [analyst]
    actions.reactivate(as_administrator, analyst.pk)
    analyst.refresh_from_db()
    assert actor_of(analyst).role == ROLE.ANALYST


def test_who_leaves_one_organisation_keeps_the_other(
    as_administrator: Actor, outsider: User, police: Organisation
) -> None:
    Membership.objects.create(user=outsider, organisation=police, role=ROLE.ANALYST)
    actions.deactivate(as_administrator, outsider.pk)
    outsider.refresh_from_db()
    assert actor_of(outsider, police.pk).role == ROLE.SUPERVISOR


def test_nobody_does_it_to_themselves(as_administrator: Actor, administrator: User) -> None:
    for act in (
        lambda: actions.change_role(as_administrator, administrator.pk, ROLE.ANALYST),
        lambda: actions.deactivate(as_administrator, administrator.pk),
        lambda: actions.reset_second_factor(as_administrator, administrator.pk),
    ):
        with pytest.raises(Refused, match="another administrator"):
            act()


def test_the_last_administrator_stays(administrator: User, police: Organisation) -> None:
    command = system("command", police.pk)
    for act in (
        lambda: actions.change_role(command, administrator.pk, ROLE.ANALYST),
        lambda: actions.deactivate(command, administrator.pk),
    ):
        with pytest.raises(Refused, match="last administrator"):
            act()
    second, _ = actions.add_user(command, "second", police, ROLE.ADMINISTRATOR, password=PASSWORD)
    actions.change_role(actor_of(second), administrator.pk, ROLE.ANALYST)
    assert actor_of(administrator).role == ROLE.ANALYST


def test_a_lost_second_factor_is_reset_by_another(as_administrator: Actor, analyst: User) -> None:
    for kind in (Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES):
        Authenticator.objects.create(user=analyst, type=kind, data={})
    assert actions.reset_second_factor(as_administrator, analyst.pk) == 2
    assert not Authenticator.objects.exists()
    assert Entry.objects.get(kind="second_factor_reset").facts == {"taken": 2, "identities": 0}


def test_people_of_another_organisation_do_not_exist(as_administrator: Actor, outsider: User) -> None:
    for act in (
        lambda: actions.change_role(as_administrator, outsider.pk, ROLE.ANALYST),
        lambda: actions.deactivate(as_administrator, outsider.pk),
        lambda: actions.reactivate(as_administrator, outsider.pk),
        lambda: actions.reset_second_factor(as_administrator, outsider.pk),
        lambda: actions.change_staff_number(as_administrator, outsider.pk, "1"),
    ):
        with pytest.raises(BadInput, match="no such person"):
            act()
    assert outsider not in [member.user for member in members_of(as_administrator)]
    invited(as_administrator)
    assert len(open_invitations(as_administrator, NOON)) == 1


def test_the_first_sign_in_is_let_through(analyst: User) -> None:
    assert not actions.note_sign_in(analyst, NOON)
    assert actions.note_sign_in(analyst, NOON + timedelta(seconds=1))
