"""Who is acting, and what that person may do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from allauth.mfa.models import Authenticator
from django.db.models import QuerySet
from django.utils import timezone

from yoake.casework.asked import once
from yoake.casework.people.models import Invitation, Membership, Organisation, User
from yoake.errors import Refused

Role = Membership.Role

# What each role may do. Permissions are named after what they allow; a page asks `actor.may(...)`, an action `actor.must(...)`.
# The adviser sees only what is put to them (advise); the partner only what was decided in scope, without its author (read_decided).
_ANALYST = frozenset({"read", "decide", "note", "add", "ask_advice", "stop", "act"})
_SUPERVISOR = _ANALYST | {
    "retain",
    "undo_others",
    "oversee",
    "quality",
    "terms",
    "models",
    "wording",
    "hold",
    "fill_registers",
    "evidence",
}
MAY: Final[dict[str, frozenset[str]]] = {
    Role.ANALYST: _ANALYST,
    Role.SUPERVISOR: _SUPERVISOR,
    Role.ADMINISTRATOR: _SUPERVISOR | {"sources", "people", "audit", "switch_categories", "registers", "senders"},
    Role.ADVISER: frozenset({"advise", "stop"}),
    Role.AUDITOR: frozenset({"read", "quality", "audit"}),
    Role.PARTNER: frozenset({"read_decided"}),
}


@dataclass(frozen=True)
class Actor:
    """Somebody doing something: a person in one organisation, or a part of the system (then `user_id` is 0)."""

    name: str  # as the audit writes it: user:7, patrol, worker, command
    user_id: int  # 0: no person
    organisation_id: int  # 0: none, or all
    role: str

    def may(self, permission: str) -> bool:
        """Whether this actor is allowed to; a part of the system is allowed what its own code does."""
        return not self.user_id or permission in MAY.get(self.role, frozenset())

    def must(self, permission: str) -> None:
        """Raises NotAllowed unless this actor is allowed to."""
        if not self.may(permission):
            raise NotAllowed(self.role, permission)


class NotAllowed(Refused):
    """The role does not allow it, whatever it is done to."""

    def __init__(self, role: str, permission: str) -> None:
        self.role, self.permission = role, permission
        super().__init__(f"the role {role} does not allow this ({permission}); ask an administrator")

    def __reduce__(self) -> tuple[type[NotAllowed], tuple[str, str]]:
        return type(self), (self.role, self.permission)


def actor_of(user: User, organisation_id: int = 0) -> Actor:
    """The person as an actor in the organisation they chose, else in their first. Raises Refused for somebody without one."""
    mine = _memberships(user) if user.is_active else []
    membership = next((one for one in mine if one.organisation_id == organisation_id), mine[0] if mine else None)
    if membership is None:
        raise Refused(f"user {user.pk} belongs to no organisation; an administrator must add them to one")
    return Actor(f"user:{user.pk}", user.pk, membership.organisation_id, membership.role)


def organisations_of(user: User) -> list[Organisation]:
    """Where a person works now, the first one first."""
    return [membership.organisation for membership in _memberships(user)]


def _memberships(user: User) -> list[Membership]:
    mine = user.memberships.filter(ended_at=None).select_related("organisation").order_by("pk")
    return once(("memberships", user.pk), lambda: list(mine))


def system(name: str, organisation_id: int = 0) -> Actor:
    """A part of the system as an actor: patrol:2, worker, command."""
    return Actor(name, 0, organisation_id, "system")


def names_of(actor: Actor, user_ids: Iterable[int]) -> dict[int, str]:
    """What colleagues of the actor are called, by id; people of other organisations are left out."""
    people = User.objects.filter(pk__in=set(user_ids), memberships__organisation_id=actor.organisation_id)
    return {user.pk: user.get_full_name() or user.username for user in people}


def working(organisation_id: int, permission: str) -> QuerySet[Membership]:
    """Memberships of those who work in an organisation now and may do this."""
    roles = [role for role, allowed in MAY.items() if permission in allowed]
    return Membership.objects.filter(
        organisation_id=organisation_id, role__in=roles, ended_at=None, user__is_active=True
    )


def colleagues(actor: Actor) -> dict[int, str]:
    """Those of the actor's organisation who may be given a case, by id: what they are called."""
    people = [member.user for member in working(actor.organisation_id, "decide").select_related("user")]
    return dict(sorted(((user.pk, user.get_full_name() or user.username) for user in people), key=lambda one: one[1]))


def shown_as(user: User) -> str:
    """What stands for a person wherever something leaves the audit store: the staff number, never the name."""
    return user.staff_number or f"#{user.pk}"


def staff_numbers(user_ids: Iterable[int]) -> dict[int, str]:
    """`shown_as` of many, by id."""
    return {user.pk: shown_as(user) for user in User.objects.filter(pk__in=set(user_ids))}


@dataclass(frozen=True)
class Member:
    """Somebody of an organisation, as administrators see them."""

    user: User
    membership: Membership
    second_factors: frozenset[str]  # totp, webauthn

    @property
    def active(self) -> bool:
        """Whether they may work here now."""
        return self.membership.ended_at is None and self.user.is_active


def members_of(actor: Actor) -> list[Member]:
    """Everybody who is or was a member of the actor's organisation, those who may work first, by name."""
    actor.must("people")
    rows = list(Membership.objects.filter(organisation_id=actor.organisation_id).select_related("user"))
    factors: dict[int, set[str]] = {}
    for user_id, kind in Authenticator.objects.filter(user__in=[row.user_id for row in rows]).values_list(
        "user_id", "type"
    ):
        if kind != Authenticator.Type.RECOVERY_CODES:
            factors.setdefault(user_id, set()).add(kind)
    members = [Member(row.user, row, frozenset(factors.get(row.user_id, ()))) for row in rows]
    return sorted(members, key=lambda member: (not member.active, member.user.username))


def open_invitations(actor: Actor, now: datetime | None = None) -> list[Invitation]:
    """Links that can still be used, the newest first."""
    actor.must("people")
    return list(
        Invitation.objects.filter(
            organisation_id=actor.organisation_id,
            accepted_at=None,
            withdrawn_at=None,
            expires_at__gt=now or timezone.now(),
        )
        .select_related("invited_by")
        .order_by("-invited_at", "-pk")
    )


def token_hash(token: str) -> str:
    """What is kept of the secret in an invitation's link: hex sha256; the secret has 256 random bits, so nothing slower is needed."""
    return sha256(token.encode()).hexdigest()


def invitation_of(token: str, now: datetime | None = None) -> Invitation | None:
    """The invitation a link stands for; None when there is none, it was used or withdrawn, or its time is over."""
    return (
        Invitation.objects.filter(
            token_hash=token_hash(token), accepted_at=None, withdrawn_at=None, expires_at__gt=now or timezone.now()
        )
        .select_related("organisation")
        .first()
    )


def has_second_factor(user: User) -> bool:
    """Whether the person has an authenticator app or a security key."""
    return bool(Authenticator.objects.filter(user=user).exclude(type=Authenticator.Type.RECOVERY_CODES).exists())


INVITATION_KEPT = timedelta(hours=72)


def people_of(actor: Actor) -> list[tuple[int, str]]:
    """Everybody who is or was of the organisation, for a choice: id and name, by name."""
    actor.must("audit")
    users = User.objects.filter(memberships__organisation_id=actor.organisation_id)
    return sorted(((user.pk, user.get_full_name() or user.username) for user in users), key=lambda one: one[1])
