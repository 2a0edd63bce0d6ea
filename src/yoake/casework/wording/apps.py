from django.apps import AppConfig


class WordingConfig(AppConfig):
    """The wording room."""

    name = "yoake.casework.wording"
    label = "wording"
