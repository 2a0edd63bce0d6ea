from django.apps import AppConfig


class AuditConfig(AppConfig):
    """The audit room."""

    name = "yoake.casework.audit"
    label = "audit"
