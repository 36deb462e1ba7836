"""The address of every page, with something to show on those that are about one thing: for tests, measurements and pictures."""

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import admin
from django.urls import URLPattern, reverse
from django.utils.module_loading import import_string

from jobs.lifecycle import Status
from jobs.models import AuditEntry, BulkOperation, FailureGroup, Job, Orchestrator
from jobs.views.page import Page

# The argument of a page that is about one thing, by the page's name.
EXAMPLES: dict[str, Callable[[], str | int | None]] = {
    "job": lambda: _first(Job.objects.filter(status=Status.FAILED).order_by("-updated_at").values_list("id", flat=True)),
    "failure_group": lambda: _first(FailureGroup.objects.order_by("-last_seen_at").values_list("fingerprint", flat=True)),
    "orchestrator": lambda: _first(Orchestrator.objects.order_by("id").values_list("id", flat=True)),
    "type": lambda: _first(Job.objects.order_by("-created_at").values_list("type", flat=True)),
    "audit_entry": lambda: _first(AuditEntry.objects.order_by("-id").values_list("id", flat=True)),
    "bulk_operation": lambda: _first(BulkOperation.objects.order_by("-id").values_list("id", flat=True)),
}


def pages() -> dict[str, str]:
    """Every page of the operations UI, by name; but those about one thing of which there is none."""
    found = {}
    for pattern in import_string("jobs.urls.urlpatterns"):
        if not _is_page(pattern):
            continue
        if not pattern.pattern.converters:
            found[str(pattern.name)] = reverse(f"pages:{pattern.name}")
        elif example := EXAMPLES[pattern.name]():
            found[str(pattern.name)] = reverse(f"pages:{pattern.name}", args=[example])
    return found


def admin_pages() -> dict[str, str]:
    """The admin's index, its lists of our models, and one of each kind of thing."""
    found = {"admin": reverse("admin:index")}
    for model in admin.site._registry:
        # Users and their groups are for superusers.
        if model._meta.app_label != "jobs":
            continue
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        found[f"admin {model._meta.verbose_name_plural}"] = reverse(f"admin:{name}_changelist")
        if (one := model._default_manager.order_by("-pk").first()) is not None:
            found[f"admin {model._meta.verbose_name}"] = reverse(f"admin:{name}_change", args=[one.pk])
    return found


def _is_page(pattern: URLPattern) -> bool:
    shown = getattr(pattern.callback, "view_class", None)
    return isinstance(shown, type) and issubclass(shown, Page)


def _first(values: Iterable[Any]) -> Any:
    return next(iter(values), None)
