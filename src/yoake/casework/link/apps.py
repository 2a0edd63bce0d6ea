from django.apps import AppConfig


class LinkConfig(AppConfig):
    """The link room."""

    name = "yoake.casework.link"
    label = "link"
