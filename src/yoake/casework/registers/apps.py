from django.apps import AppConfig


class RegistersConfig(AppConfig):
    """The registers room."""

    name = "yoake.casework.registers"
    label = "registers"
