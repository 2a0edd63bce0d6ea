"""Adding people, what they may do, how they sign in, and their leaving. A person is never deleted: decisions point at them."""

from __future__ import annotations

import secrets
from datetime import datetime

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from yoake.casework.audit.actions import record
from yoake.casework.people.models import Invitation, Membership, Organisation, User
from yoake.casework.people.queries import Actor
from yoake.errors import BadInput, Refused

NAME_LONGEST = 150
STAFF_NUMBER_LONGEST = 20


def found_organisation(actor: Actor, name: str, kind: str = Organisation.Kind.OTHER) -> Organisation:
    """Adds an organisation."""
    actor.must("people")
    if Organisation.objects.filter(name=name).exists():
        raise BadInput("organisation", name, "an organisation of this name is already there")
    with transaction.atomic():
        organisation = Organisation.objects.create(name=name, kind=kind)
        record("organisation_founded", actor=actor.name, subject=f"organisation:{organisation.pk}")
    return organisation


def add_user(
    actor: Actor,
    username: str,
    organisation: Organisation,
    role: str,
    *,
    password: str | None = None,
    staff_number: str = "",
) -> tuple[User, str]:
    """Adds a person with a role; returns them and their first password (made here when none is given).

    Without a staff number they get the next free one of the organisation. Raises BadInput for a name or a number
    that somebody has.
    """
    actor.must("people")
    if actor.organisation_id not in (0, organisation.pk):
        raise Refused("people are added to one's own organisation only")
    known_role(role)
    if not username or len(username) > NAME_LONGEST or User.objects.filter(username=username).exists():
        raise BadInput("username", username, f"choose a name of at most {NAME_LONGEST} characters that nobody has yet")
    password = password or new_password()
    user = User(username=username)
    strong(password, user)
    with transaction.atomic():
        user.staff_number = free_staff_number(organisation.pk, staff_number)
        user.set_password(password)
        user.save()
        Membership.objects.create(user=user, organisation=organisation, role=role)
        record("user_added", actor=actor.name, organisation=organisation.pk, subject=f"user:{user.pk}", role=role)
    return user, password


def change_password(actor: Actor, user: User, password: str | None = None) -> str:
    """Sets a new password (made here when none is given) and returns it; the person's sessions end."""
    if actor.user_id != user.pk:
        actor.must("people")
    password = password or new_password()
    strong(password, user)
    with transaction.atomic():
        if actor.user_id not in (0, user.pk):
            _locked(actor, user.pk)
            _must_work_here_only(actor, user.pk)
        user.set_password(password)  # sessions carry a hash of the password: they end with it
        user.save(update_fields=["password"])
        record(
            "password_changed", actor=actor.name, organisation=actor.organisation_id or None, subject=f"user:{user.pk}"
        )
    return password


def choose_language(user: User, language: str) -> None:
    """Remembers in which language a person reads the pages."""
    accepted = [code for code, _name in settings.LANGUAGES]
    if language not in accepted:
        raise BadInput("language", language, f"one of {', '.join(accepted)}")
    User.objects.filter(pk=user.pk).update(language=language)


def note_sign_in(user: User, now: datetime | None = None) -> bool:
    """Writes into the audit that somebody signed in; returns whether a second factor is due by now: from the second time on."""
    now = now or timezone.now()
    with transaction.atomic():
        first = User.objects.filter(pk=user.pk, second_factor_from=None).update(second_factor_from=now)
        record("signed_in", actor=f"user:{user.pk}", subject=f"user:{user.pk}", at=now)
    return not first and User.objects.filter(pk=user.pk, second_factor_from__lte=now).exists()


def note_second_factor(user: User, kind: str) -> None:
    """Writes into the audit what a person did about their own second factor: second_factor_added, second_factor_removed, recovery_codes_made."""
    record(kind, actor=f"user:{user.pk}", subject=f"user:{user.pk}")


def note_identity(user: User) -> None:
    """Writes into the audit that from now on an identity elsewhere (OpenID Connect) signs this person in."""
    record("identity_linked", actor=f"user:{user.pk}", subject=f"user:{user.pk}")


def change_role(actor: Actor, user_id: int, role: str) -> Membership:
    """Gives a member of the actor's organisation another role. Refused for oneself, and for the last administrator."""
    actor.must("people")
    known_role(role)
    with transaction.atomic():
        membership = _locked(actor, user_id)
        _must_be_another(actor, user_id)
        _keep_an_administrator(membership, role)
        before, membership.role = membership.role, role
        membership.save(update_fields=["role"])
        _note("role_changed", actor, user_id, role=role, before=before)
    return membership


def change_staff_number(actor: Actor, user_id: int, staff_number: str) -> None:
    """Gives a member another staff number. Raises BadInput when it is empty, too long, or somebody's of the organisation."""
    actor.must("people")
    if not staff_number.strip():
        raise BadInput("staff_number", staff_number, f"one to {STAFF_NUMBER_LONGEST} characters")
    with transaction.atomic():
        membership = _locked(actor, user_id)
        number = free_staff_number(actor.organisation_id, staff_number, but=user_id)
        User.objects.filter(pk=membership.user_id).update(staff_number=number)
        _note("staff_number_changed", actor, user_id)


def deactivate(actor: Actor, user_id: int, now: datetime | None = None) -> None:
    """A member leaves: they may do nothing here any more, and their sessions end at once; what they did stays theirs.

    Refused for oneself, and for the last administrator. Who works nowhere else can no longer sign in.
    """
    actor.must("people")
    with transaction.atomic():
        membership = _locked(actor, user_id)
        _must_be_another(actor, user_id)
        if membership.ended_at is not None:
            return
        _keep_an_administrator(membership, "")
        membership.ended_at = now or timezone.now()
        membership.save(update_fields=["ended_at"])
        if not Membership.objects.filter(user_id=user_id, ended_at=None).exists():
            User.objects.filter(pk=user_id).update(is_active=False)
        _end_sessions(user_id)
        _note("deactivated", actor, user_id)


def reactivate(actor: Actor, user_id: int) -> None:
    """Somebody who left comes back with the role they had."""
    actor.must("people")
    with transaction.atomic():
        membership = _locked(actor, user_id)
        if membership.ended_at is None:
            return
        if Membership.objects.filter(
            organisation_id=membership.organisation_id, user__staff_number=membership.user.staff_number, ended_at=None
        ).exists():
            raise Refused("somebody else has this person's staff number now; give that one another number first")
        membership.ended_at = None
        membership.save(update_fields=["ended_at"])
        User.objects.filter(pk=user_id).update(is_active=True)
        _note("reactivated", actor, user_id)


def reset_second_factor(actor: Actor, user_id: int) -> int:
    """Takes a lost second factor (app, keys, recovery codes) away; the person sets up a new one at the next sign-in.

    Identities elsewhere (OpenID Connect) are unlinked too: one comes in again only as somebody new would.

    An administrator other than oneself, or the command line. Sessions end. Returns how many were taken away.
    """
    actor.must("people")
    with transaction.atomic():
        if actor.user_id:
            _locked(actor, user_id)
            _must_be_another(actor, user_id)
            _must_work_here_only(actor, user_id)
        taken = int(Authenticator.objects.filter(user_id=user_id).delete()[0])
        identities = int(SocialAccount.objects.filter(user_id=user_id).delete()[0])
        _end_sessions(user_id)
        _note("second_factor_reset", actor, user_id, taken=taken, identities=identities)
    return taken


def new_password() -> str:
    """A password of 20 characters without look-alikes (about 98 bits), in groups a person can type."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(4))


def strong(password: str, user: User) -> None:
    """Raises BadInput for a password that is too easy; it is never shown."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise BadInput("password", "(not shown)", " ".join(error.messages)) from None


def known_role(role: str) -> None:
    """Raises BadInput for a role that is none."""
    if role not in Membership.Role.values:
        raise BadInput("role", role, f"known roles are {', '.join(Membership.Role.values)}")


def free_staff_number(
    organisation_id: int, wanted: str, *, but: int = 0, invitation: int = 0, now: datetime | None = None
) -> str:
    """The wanted number when nobody of the organisation has it or was invited with it; the next free one when none is wanted.

    Left out are the person `but` and the invitation that is being taken. Locks the organisation until the transaction
    ends, so that two people never get one number.
    """
    Organisation.objects.select_for_update(no_key=True).get(pk=organisation_id)  # rows that name it are added meanwhile
    numbers = User.objects.filter(memberships__organisation_id=organisation_id).exclude(pk=but)
    taken = set(numbers.values_list("staff_number", flat=True))
    invited = Invitation.objects.filter(organisation_id=organisation_id, accepted_at=None, withdrawn_at=None)
    waiting = invited.filter(expires_at__gt=now or timezone.now()).exclude(pk=invitation)
    taken.update(waiting.values_list("staff_number", flat=True))
    wanted = wanted.strip()
    if not wanted:
        return next(number for n in range(1, len(taken) + 2) if (number := f"{n:04d}") not in taken)
    if len(wanted) > STAFF_NUMBER_LONGEST or not wanted.isprintable():
        raise BadInput("staff_number", wanted, f"one to {STAFF_NUMBER_LONGEST} characters")
    if wanted in taken:
        raise BadInput("staff_number", wanted, "a number that nobody else of the organisation has")
    return wanted


def _locked(actor: Actor, user_id: int) -> Membership:
    """The person's membership in the actor's organisation; the organisation's row is locked, so that the last administrator stays."""
    Organisation.objects.select_for_update(no_key=True).filter(pk=actor.organisation_id).first()
    membership = (
        Membership.objects.filter(organisation_id=actor.organisation_id, user_id=user_id).select_related("user").first()
    )
    if membership is None:
        raise BadInput("user", user_id, "there is no such person in your organisation")
    return membership


def _must_be_another(actor: Actor, user_id: int) -> None:
    if actor.user_id == user_id:
        raise Refused("nobody does this to themselves; ask another administrator")


def _must_work_here_only(actor: Actor, user_id: int) -> None:
    """How somebody signs in opens every organisation they work for: no single one may change it for them."""
    elsewhere = Membership.objects.filter(user_id=user_id, ended_at=None).exclude(organisation_id=actor.organisation_id)
    if elsewhere.exists():
        raise Refused("this person works for another organisation too; only the command line can do this for both")


def _keep_an_administrator(membership: Membership, role: str) -> None:
    administrator = Membership.Role.ADMINISTRATOR
    if membership.role != administrator or role == administrator:
        return
    others = Membership.objects.filter(
        organisation_id=membership.organisation_id, role=administrator, ended_at=None, user__is_active=True
    )
    if not others.exclude(pk=membership.pk).exists():
        raise Refused("this is the last administrator; make somebody else one first")


def _end_sessions(user_id: int) -> None:
    for session in UserSession.objects.filter(user_id=user_id):
        session.end()


def _note(kind: str, actor: Actor, user_id: int, **facts: str | int) -> None:
    organisation = actor.organisation_id or None
    record(kind, actor=actor.name, organisation=organisation, subject=f"user:{user_id}", at=None, **facts)
