from django.apps import AppConfig


class MondayConfig(AppConfig):
    name = "monday"
