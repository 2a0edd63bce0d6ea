from django.apps import AppConfig


class RequestConfig(AppConfig):
    """The request room."""

    name = "yoake.casework.request"
    label = "request"
