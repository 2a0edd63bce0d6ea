from django.apps import AppConfig


class QualityConfig(AppConfig):
    """The quality room."""

    name = "yoake.casework.quality"
    label = "quality"
