"""What this room keeps that was made of a post's words, and how it goes."""

from __future__ import annotations

from django.db import models

from yoake.casework.cases.models import Comparison, Post
from yoake.casework.link.models import Band, Likeness, Signature

HOLDS: tuple[type[models.Model], ...] = (Signature, Band, Likeness)


def forget(post: Post, why: str) -> None:
    """Signatures, bands and likenesses go, whatever the reason; what lay under a case was let out before."""
    Comparison.objects.filter(case__post=post).delete()
