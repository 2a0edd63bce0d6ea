from django.apps import AppConfig


class CasesConfig(AppConfig):
    """The cases room."""

    name = "yoake.casework.cases"
    label = "cases"
