from django.apps import AppConfig


class PeopleConfig(AppConfig):
    """The people room."""

    name = "yoake.casework.people"
    label = "people"
