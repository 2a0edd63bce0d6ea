"""Who is acting, and what that person may do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from yoake.casework.people.models import Membership, User
from yoake.errors import Refused

Role = Membership.Role

# What each role may do. Permissions are named after what they allow; a page asks `actor.may(...)`, an action `actor.must(...)`.
MAY: Final[dict[str, frozenset[str]]] = {
    Role.ANALYST: frozenset({"read", "decide", "add"}),
    Role.SUPERVISOR: frozenset({"read", "decide", "add", "undo_others", "quality", "terms", "models"}),
    Role.ADMINISTRATOR: frozenset(
        {"read", "decide", "add", "undo_others", "sources", "people", "quality", "terms", "models"}
    ),
    Role.ADVISER: frozenset({"read"}),
    Role.AUDITOR: frozenset({"read", "quality"}),
    Role.PARTNER: frozenset(),
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
        """Raises Refused unless this actor is allowed to."""
        if not self.may(permission):
            raise Refused(f"the role {self.role} does not allow this ({permission}); ask an administrator")


def actor_of(user: User) -> Actor:
    """The person as an actor in their (first) organisation. Raises Refused for somebody without one."""
    membership = user.memberships.order_by("pk").first()
    if membership is None or not user.is_active:
        raise Refused(f"user {user.pk} belongs to no organisation; an administrator must add them to one")
    return Actor(f"user:{user.pk}", user.pk, membership.organisation_id, membership.role)


def system(name: str, organisation_id: int = 0) -> Actor:
    """A part of the system as an actor: patrol:2, worker, command."""
    return Actor(name, 0, organisation_id, "system")


def names_of(actor: Actor, user_ids: Iterable[int]) -> dict[int, str]:
    """What colleagues of the actor are called, by id; people of other organisations are left out."""
    people = User.objects.filter(pk__in=set(user_ids), memberships__organisation_id=actor.organisation_id)
    return {user.pk: user.get_full_name() or user.username for user in people}
