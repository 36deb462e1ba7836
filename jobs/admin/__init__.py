"""The Django admin in our own skin: triage and the verbs. One noun a file; forms change only tokens and webhooks."""

from django.contrib import admin

from jobs.admin.audit import AuditEntryAdmin
from jobs.admin.bulk import BulkOperationAdmin
from jobs.admin.failure_group import FailureGroupAdmin
from jobs.admin.job import JobAdmin
from jobs.admin.job_type import JobTypeAdmin
from jobs.admin.orchestrator import OrchestratorAdmin
from jobs.admin.sweep_run import SweepRunAdmin
from jobs.admin.token import ApiTokenAdmin
from jobs.admin.webhook_delivery import WebhookDeliveryAdmin
from jobs.admin.webhook_endpoint import WebhookEndpointAdmin

__all__ = [
    "ApiTokenAdmin",
    "AuditEntryAdmin",
    "BulkOperationAdmin",
    "FailureGroupAdmin",
    "JobAdmin",
    "JobTypeAdmin",
    "OrchestratorAdmin",
    "SweepRunAdmin",
    "WebhookDeliveryAdmin",
    "WebhookEndpointAdmin",
]

admin.site.site_header = admin.site.site_title = "jobsite"
admin.site.index_title = "Administration"
admin.site.site_url = None
# The header leads everywhere; a second list of the same links would only take width from the tables.
admin.site.enable_nav_sidebar = False
