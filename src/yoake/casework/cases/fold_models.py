"""The table of what is to be compared; part of `models.py`."""

from __future__ import annotations

from django.db import models

from yoake.casework.due import Due


class Comparison(Due):
    """What the post of a waiting case says is to be compared with what others say, or was.

    What comes of it (in `link`) hangs on this row, and goes with it: when the post says something else, or its words go.
    """

    case = models.OneToOneField("cases.Case", on_delete=models.CASCADE, related_name="comparison")
    version = models.ForeignKey("cases.PostVersion", on_delete=models.CASCADE, related_name="+")
