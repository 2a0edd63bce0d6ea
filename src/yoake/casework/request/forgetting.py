"""What this room keeps of a post in words, and how it goes: what a provider wrote, and notes. Kinds, times and meanings stay."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from yoake.casework.cases.models import Case, Post
from yoake.casework.request.models import Answer, NoRequest, Request

HOLDS: tuple[type[models.Model], ...] = (Answer, NoRequest, Request)


def forget(post: Post, why: str) -> None:
    """What came back goes, for every case of the mail it answers: nobody can tell which words were about which post."""
    cases = Case.everything.filter(post=post)
    Request.objects.filter(case__in=cases).update(note="", problem="")
    NoRequest.objects.filter(case__in=cases).update(note="")
    items = Request.objects.filter(case__in=cases).values("item_id")
    reminders = Request.objects.filter(case__in=cases).exclude(reminder=None).values("reminder_id")
    Answer.objects.filter(Q(item__in=items) | Q(item__in=reminders) | Q(item__case__in=cases)).update(
        text="", subject="", from_address="", message_id="", references=""
    )
