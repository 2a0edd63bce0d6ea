from __future__ import annotations

from django.db import models


class Entry(models.Model):
    """One link of the chain."""

    at = models.DateTimeField()
    kind = models.CharField(max_length=40)  # decided, undone, opened, signed_in ...
    actor = models.CharField(max_length=60)  # user:7, patrol:2, worker, command
    organisation = models.PositiveIntegerField(null=True)
    subject = models.CharField(max_length=60)  # case:12, source:2, user:7 ...
    facts = models.JSONField(default=dict)  # ids, kinds and digests only
    before = models.CharField(max_length=64)  # hash of the entry before; "" for the first
    hash = models.CharField(max_length=64)

    class Meta:
        indexes = [
            models.Index(fields=["subject", "id"]),
            models.Index(fields=["organisation", "id"], name="audit_of_organisation"),
            models.Index(fields=["actor", "id"], name="audit_by_actor"),
            models.Index(fields=["kind", "id"], name="audit_of_kind"),
            models.Index(fields=["at"], name="audit_by_time"),
        ]
        default_permissions = ()


class Head(models.Model):
    """The newest hash; locking this one row puts writers in order."""

    hash = models.CharField(max_length=64, default="", blank=True)
    count = models.PositiveBigIntegerField(default=0)

    class Meta:
        default_permissions = ()
