from django.apps import AppConfig


class AppealConfig(AppConfig):
    """The appeal room."""

    name = "yoake.casework.appeal"
    label = "appeal"
