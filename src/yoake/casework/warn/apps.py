from django.apps import AppConfig


class WarnConfig(AppConfig):
    """The warn room."""

    name = "yoake.casework.warn"
    label = "warn"
