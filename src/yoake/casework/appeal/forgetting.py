"""What this room keeps in words, and how it goes with the post: what people wrote, how they are reached, the answer's reason."""

from __future__ import annotations

from django.db import models

from yoake.casework.appeal.models import Appeal
from yoake.casework.cases.models import Post

HOLDS: tuple[type[models.Model], ...] = (Appeal,)


def forget(post: Post, why: str) -> None:
    """The words go; that somebody objected, when, and what came of it stays."""
    mine = Appeal.objects.filter(case__post=post)
    mine.update(words="", reply_to="", proof="", why="", problem="", due_at=None, claimed_until=None)
