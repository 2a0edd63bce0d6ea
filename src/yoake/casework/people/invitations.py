"""Inviting people: a link that works once and for 72 hours, which somebody hands over themselves; no mail server is needed."""

from __future__ import annotations

import secrets
from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from yoake.casework.audit.actions import record
from yoake.casework.people.actions import NAME_LONGEST, free_staff_number, known_role, strong
from yoake.casework.people.models import Invitation, Membership, User
from yoake.casework.people.queries import INVITATION_KEPT, Actor, invitation_of, token_hash
from yoake.errors import BadInput, Refused

CALLED_LONGEST = 100


def invite(
    actor: Actor,
    *,
    name: str,
    role: str,
    staff_number: str,
    email: str = "",
    now: datetime | None = None,
) -> tuple[Invitation, str]:
    """Makes an invitation into the actor's organisation; returns it and the secret for its link, the only time it is known.

    Raises BadInput for a name, role, address or staff number that cannot be.
    """
    now = now or timezone.now()
    actor.must("people")
    if not actor.organisation_id:
        raise Refused("only somebody of an organisation can do this")
    known_role(role)
    name, email = name.strip(), email.strip()
    if not name or len(name) > CALLED_LONGEST or not name.isprintable():
        raise BadInput("name", name, f"one to {CALLED_LONGEST} characters on one line")
    if email:
        try:
            validate_email(email)
        except ValidationError:
            raise BadInput("email", email, "a mail address, or nothing") from None
    if not staff_number.strip():
        raise BadInput("staff_number", staff_number, "one to 20 characters")
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        number = free_staff_number(actor.organisation_id, staff_number, now=now)
        invitation = Invitation.objects.create(
            organisation_id=actor.organisation_id,
            token_hash=token_hash(token),
            name=name,
            email=email,
            role=role,
            staff_number=number,
            invited_by_id=actor.user_id or None,
            invited_at=now,
            expires_at=now + INVITATION_KEPT,
        )
        _note("invited", actor.name, invitation, now, role=role)
    return invitation, token


def withdraw_invitation(actor: Actor, invitation_id: int, now: datetime | None = None) -> None:
    """The link works no more. Raises BadInput when the organisation has no such invitation, or it was used."""
    now = now or timezone.now()
    actor.must("people")
    with transaction.atomic():
        mine = Invitation.objects.select_for_update().filter(organisation_id=actor.organisation_id, pk=invitation_id)
        invitation = mine.filter(accepted_at=None, withdrawn_at=None).first()
        if invitation is None:
            raise BadInput("invitation", invitation_id, "an invitation of your organisation that nobody used yet")
        invitation.withdrawn_at = now
        invitation.save(update_fields=["withdrawn_at"])
        _note("invitation_withdrawn", actor.name, invitation, now)


def accept_as_new(token: str, username: str, password: str, now: datetime | None = None) -> User:
    """A new person takes the invitation with a name and password of their own choice. Raises BadInput, Refused for a used link."""
    now = now or timezone.now()
    username = username.strip()
    with transaction.atomic():
        invitation = _take(token, now)
        user = _new_user(invitation, username, now)
        strong(password, user)
        user.set_password(password)
        user.save()
        _join(invitation, user, now)
    return user


def accept_as(user: User, token: str, now: datetime | None = None) -> Membership:
    """Somebody who works elsewhere already joins this organisation too, or comes back to it with the role they are invited for.

    They keep name, password and staff number.
    """
    now = now or timezone.now()
    with transaction.atomic():
        invitation = _take(token, now)
        if Membership.objects.filter(user=user, organisation=invitation.organisation, ended_at=None).exists():
            raise Refused("you belong to this organisation already")
        free_staff_number(invitation.organisation_id, user.staff_number, but=user.pk, invitation=invitation.pk, now=now)
        return _join(invitation, user, now)


def accept_by_address(email: str, username: str, now: datetime | None = None, organisation: str = "") -> User | None:
    """Somebody whom the organisation's own sign-in (OIDC) vouches for takes the one open invitation to their address.

    They get no password here. None when there is no such invitation, or several; of `organisation` alone where it is named.
    """
    now = now or timezone.now()
    with transaction.atomic():
        open_ones = Invitation.objects.select_for_update().filter(
            email__iexact=email, accepted_at=None, withdrawn_at=None, expires_at__gt=now
        )
        if organisation:
            open_ones = open_ones.filter(organisation__name=organisation)
        waiting = list(open_ones[:2]) if email else []
        if len(waiting) != 1:
            return None
        user = _new_user(waiting[0], username.strip() or email, now)
        user.set_unusable_password()
        user.save()
        _join(waiting[0], user, now)
    return user


def _take(token: str, now: datetime) -> Invitation:
    Invitation.objects.select_for_update().filter(token_hash=token_hash(token)).first()  # two cannot use it at once
    invitation = invitation_of(token, now)
    if invitation is None:
        raise Refused("this invitation was used, withdrawn, or its time is over; ask for a new one")
    return invitation


def _new_user(invitation: Invitation, username: str, now: datetime) -> User:
    user = User(username=username, last_name=invitation.name, email=invitation.email)
    try:
        User.username.field.run_validators(username)
        usable = bool(username) and len(username) <= NAME_LONGEST
    except ValidationError:
        usable = False
    if not usable or User.objects.filter(username__iexact=username).exists():
        raise BadInput("username", username, "a name of letters, digits and @ . + - _ that nobody has yet")
    user.staff_number = free_staff_number(
        invitation.organisation_id, invitation.staff_number, invitation=invitation.pk, now=now
    )
    return user


def _join(invitation: Invitation, user: User, now: datetime) -> Membership:
    membership, _made = Membership.objects.update_or_create(
        user=user, organisation=invitation.organisation, defaults={"role": invitation.role, "ended_at": None}
    )
    invitation.accepted_by, invitation.accepted_at = user, now
    invitation.save(update_fields=["accepted_by", "accepted_at"])
    _note("invitation_accepted", f"user:{user.pk}", invitation, now, role=invitation.role)
    return membership


def _note(kind: str, who: str, invitation: Invitation, now: datetime, **facts: str) -> None:
    subject = f"invitation:{invitation.pk}"
    record(kind, actor=who, organisation=invitation.organisation_id, subject=subject, at=now, **facts)
