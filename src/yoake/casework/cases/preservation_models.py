"""The table that says that evidence must follow a case; part of `models.py`."""

from __future__ import annotations

from django.db import models

from yoake.casework.due import Due


class Preservation(Due):
    """What is kept of a case as evidence is to follow what became of the case: opened, changed, decided, undone.

    The room `evidence` does it, from the duty `seal`. A change while it does so counts up, and it is done again.
    """

    case = models.OneToOneField("cases.Case", on_delete=models.CASCADE, related_name="preservation")
    changes = models.PositiveIntegerField(default=0)
