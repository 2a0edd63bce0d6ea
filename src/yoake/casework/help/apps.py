from django.apps import AppConfig


class HelpConfig(AppConfig):
    """The help room."""

    name = "yoake.casework.help"
    label = "help"
