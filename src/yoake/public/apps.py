from django.apps import AppConfig


class PublicConfig(AppConfig):
    """The public pages."""

    name = "yoake.public"
    label = "public"
