"""What this room keeps of a post in words, and how it goes: who took it over, as they said. Times and ways stay."""

from __future__ import annotations

from django.db import models

from yoake.casework.cases.models import Post
from yoake.casework.help.models import HandOver

HOLDS: tuple[type[models.Model], ...] = (HandOver,)


def forget(post: Post, why: str) -> None:
    """The name goes; that somebody was told, by whom here and when, stays."""
    HandOver.objects.filter(case__post=post).update(acknowledged_who="")
