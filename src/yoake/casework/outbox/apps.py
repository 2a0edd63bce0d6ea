from django.apps import AppConfig


class OutboxConfig(AppConfig):
    """The outbox room."""

    name = "yoake.casework.outbox"
    label = "outbox"
