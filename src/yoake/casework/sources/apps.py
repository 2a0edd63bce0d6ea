from django.apps import AppConfig


class SourcesConfig(AppConfig):
    """The sources room."""

    name = "yoake.casework.sources"
    label = "sources"
