"""Adding people and changing their passwords."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from yoake.casework.audit.actions import record
from yoake.casework.people.models import Membership, Organisation, User
from yoake.casework.people.queries import Actor
from yoake.errors import BadInput

NAME_LONGEST = 150


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
    """Adds a person with a role; returns them and their first password (made here when none is given)."""
    actor.must("people")
    _known_role(role)
    if not username or len(username) > NAME_LONGEST or User.objects.filter(username=username).exists():
        raise BadInput("username", username, f"choose a name of at most {NAME_LONGEST} characters that nobody has yet")
    password = password or new_password()
    user = User(username=username, staff_number=staff_number)
    _strong(password, user)
    with transaction.atomic():
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
    _strong(password, user)
    with transaction.atomic():
        user.set_password(password)  # sessions carry a hash of the password: they end with it
        user.save(update_fields=["password"])
        record("password_changed", actor=actor.name, subject=f"user:{user.pk}")
    return password


def choose_language(user: User, language: str) -> None:
    """Remembers in which language a person reads the pages."""
    accepted = [code for code, _name in settings.LANGUAGES]
    if language not in accepted:
        raise BadInput("language", language, f"one of {', '.join(accepted)}")
    User.objects.filter(pk=user.pk).update(language=language)


def note_sign_in(user: User) -> None:
    """Writes into the audit that somebody signed in."""
    record("signed_in", actor=f"user:{user.pk}", subject=f"user:{user.pk}")


def new_password() -> str:
    """A password of 20 characters without look-alikes (about 98 bits), in groups a person can type."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(4))


def _strong(password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise BadInput("password", "(not shown)", " ".join(error.messages)) from None


def _known_role(role: str) -> None:
    if role not in Membership.Role.values:
        raise BadInput("role", role, f"known roles are {', '.join(Membership.Role.values)}")
