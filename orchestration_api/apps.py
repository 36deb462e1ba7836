from django.apps import AppConfig


class OrchestrationApiConfig(AppConfig):
    name = "orchestration_api"
    verbose_name = "Orchestration API"
