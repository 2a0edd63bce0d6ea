"""Ways to look at the inbox that people give a name: their own, and those they share with their organisation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from yoake.casework.audit.actions import record
from yoake.casework.cases.filters import Filter
from yoake.casework.cases.models import SavedView
from yoake.casework.people.queries import Actor
from yoake.collect.clean import storable
from yoake.errors import BadInput, Refused

NAME_LONGEST = 60
MOST = 50  # views of one person


def views_of(actor: Actor) -> list[SavedView]:
    """The actor's own views and those that colleagues share, by name."""
    actor.must("read")
    seen = Q(user_id=actor.user_id) | Q(shared=True)
    views = SavedView.objects.filter(seen, organisation_id=actor.organisation_id).select_related("user")
    return list(views.order_by("name", "pk"))


def may_change(actor: Actor, view: SavedView) -> bool:
    """One's own, or as somebody who may undo others' decisions any that is shared."""
    return view.user_id == actor.user_id or (view.shared and actor.may("undo_others"))


def save_view(
    actor: Actor, name: str, filters: Mapping[str, str], *, shared: bool = False, now: datetime | None = None
) -> SavedView:
    """Keeps a filter under a name; sharing it with the organisation takes somebody who may decide.

    Raises BadInput for a name that is empty, too long or taken by another view of this person, Refused beyond 50 views.
    """
    actor.must("read")
    if shared:
        actor.must("decide")
    now, name = now or timezone.now(), _name(name)
    with transaction.atomic():
        own = SavedView.objects.select_for_update().filter(user_id=actor.user_id, organisation_id=actor.organisation_id)
        names = {view.name for view in own}
        if name in names:
            raise BadInput("name", name, "a name that none of your views has yet")
        if len(names) >= MOST:
            raise Refused("you have 50 saved views; delete one first")
        view = SavedView.objects.create(
            organisation_id=actor.organisation_id,
            user_id=actor.user_id,
            name=name,
            shared=shared,
            filters=Filter.of(filters).values,
            made_at=now,
        )
        _note("view_saved", actor, view, now, shared=shared)
    return view


def rename_view(actor: Actor, view_id: int, name: str, now: datetime | None = None) -> None:
    """Gives a view another name. Raises BadInput for an unknown view or a bad name, Refused for somebody else's."""
    now, name = now or timezone.now(), _name(name)
    with transaction.atomic():
        view = _mine(actor, view_id)
        if SavedView.objects.filter(user_id=view.user_id, name=name).exclude(pk=view.pk).exists():
            raise BadInput("name", name, "a name that none of your views has yet")
        view.name = name
        view.save(update_fields=["name"])
        _note("view_renamed", actor, view, now)


def delete_view(actor: Actor, view_id: int, now: datetime | None = None) -> None:
    """Deletes a view. Raises BadInput for an unknown one, Refused for somebody else's."""
    with transaction.atomic():
        view = _mine(actor, view_id)
        _note("view_deleted", actor, view, now or timezone.now())
        view.delete()


def _name(name: str) -> str:
    name = storable(name.strip(), [])
    if not name or len(name) > NAME_LONGEST:
        raise BadInput("name", name, "a name of 1 to 60 characters")
    return name


def _mine(actor: Actor, view_id: int) -> SavedView:
    actor.must("read")
    seen = Q(user_id=actor.user_id) | Q(shared=True)
    views = SavedView.objects.select_for_update().filter(seen, organisation_id=actor.organisation_id, pk=view_id)
    view = views.first()
    if view is None:
        raise BadInput("view", view_id, "there is no such view of yours or of your organisation")
    if not may_change(actor, view):
        raise Refused("this view belongs to a colleague; save one of your own instead")
    return view


def _note(kind: str, actor: Actor, view: SavedView, now: datetime, **facts: bool) -> None:
    record(
        kind, actor=actor.name, organisation=actor.organisation_id or None, subject=f"view:{view.pk}", at=now, **facts
    )
