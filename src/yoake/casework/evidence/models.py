from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from yoake.casework.cases.models import Case, Decision
from yoake.casework.due import Due


class MasterKey(models.Model):
    """A key that wraps the keys of cases; the key itself stands in a file only (keys.py)."""

    name = models.CharField(max_length=16, unique=True)
    made_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True)
    lost = models.BooleanField(default=False)  # the file was lost: what it wrapped cannot be read by anybody


class Evidence(Due):
    """What is kept of one case. `due_at`: when pictures are to be fetched, a time stamp asked for, or files removed."""

    class State(models.TextChoices):
        PROVISIONAL = "provisional", _("captured provisionally")
        SEALED = "sealed", _("sealed")
        ERASED = "erased", _("erased")

    # Null once the case itself is gone: then this goes too, files first.
    case = models.OneToOneField(Case, on_delete=models.SET_NULL, null=True, related_name="evidence")
    uid = models.UUIDField(default=uuid.uuid4, unique=True)
    state = models.CharField(max_length=15, choices=State.choices, default=State.PROVISIONAL)
    key = models.BinaryField(default=bytes)  # the case's key, wrapped; empty once it is destroyed
    master = models.CharField(max_length=16, blank=True, default="")  # name of the MasterKey that wraps it
    box = models.PositiveIntegerField(
        default=0
    )  # number of its file; a change writes the next one; 0: there is none yet
    captured_at = models.DateTimeField()
    versions = models.JSONField(default=list)  # ids of the versions inside, in their order
    fetched = models.JSONField(default=dict)  # what came of asking the network: {"raw": code, "1-2": code}
    fetched_at = models.DateTimeField(null=True)  # when that was over
    ask_at = models.DateTimeField(null=True)  # undecided at this time, a supervisor is asked
    sealed_at = models.DateTimeField(null=True)
    decision = models.ForeignKey(Decision, on_delete=models.SET_NULL, null=True, related_name="+")  # it was sealed with
    digest = models.CharField(max_length=64, blank=True, default="")  # hex sha256 of the manifest
    files = models.PositiveIntegerField(default=0)  # that the manifest names
    entry = models.PositiveBigIntegerField(default=0)  # the audit entry that holds the digest
    stamped_at = models.DateTimeField(null=True)  # the time the time stamp says
    stamped_by = models.CharField(max_length=200, blank=True, default="")  # the authority, as its certificate says
    erased_at = models.DateTimeField(null=True)
    erased_why = models.CharField(
        max_length=20, blank=True, default=""
    )  # not_in_scope, duplicate, let_go, key_lost ...

    class Meta:
        indexes = [models.Index(fields=["ask_at"], condition=models.Q(ask_at__isnull=False), name="evidence_to_ask")]

    @property
    def number(self) -> str:
        """What people call it, on paper and in file names."""
        return f"YKE-{self.case_id or 0}-{self.uid.hex[:8]}"
