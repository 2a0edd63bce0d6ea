"""What this room keeps of a post in words, and how it goes: what a recipient said about it. Numbers and times stay."""

from __future__ import annotations

from django.db import models

from yoake.casework.cases.models import Post
from yoake.casework.report.models import Report

HOLDS: tuple[type[models.Model], ...] = (Report,)


def forget(post: Post, why: str) -> None:
    """The note goes; that a report went, to whom, when and with which result stays."""
    Report.objects.filter(case__post=post).update(note="")
