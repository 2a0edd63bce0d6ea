from django.apps import AppConfig


class ReportConfig(AppConfig):
    """The report room."""

    name = "yoake.casework.report"
    label = "report"
