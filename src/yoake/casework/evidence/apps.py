from django.apps import AppConfig


class EvidenceConfig(AppConfig):
    """The evidence room."""

    name = "yoake.casework.evidence"
    label = "evidence"
