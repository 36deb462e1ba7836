"""The forms in which staff say where changes are told, and which."""

from typing import Any

from django import forms

from jobs.admin.acting import ReasonForm
from jobs.failures import Category
from jobs.models import WebhookEndpoint
from jobs.webhooks import events
from jobs.webhooks.endpoints import Wish


class EndpointForm(ReasonForm):
    name = forms.CharField(max_length=100, widget=forms.TextInput(attrs={"autofocus": True, "autocomplete": "off"}))
    url = forms.CharField(
        max_length=2000,
        label="URL",
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "url"}),
        help_text="https://host/path, where messages are posted to.",
    )
    description = forms.CharField(max_length=500, required=False)
    events = forms.MultipleChoiceField(
        choices=[(event, event) for event in events.EVENTS],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None: all of them.",
    )
    types = forms.CharField(required=False, max_length=5000, help_text="Of jobs of these types only, with commas between. Empty: of all.")
    categories = forms.MultipleChoiceField(
        choices=[(category.value, category.value) for category in Category],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Of failures, these only; it narrows nothing else. None: all of them.",
    )
    field_order = ("name", "url", "description", "events", "types", "categories", "reason")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["reason"].widget.attrs.pop("autofocus", None)

    @classmethod
    def said_of(cls, endpoint: WebhookEndpoint) -> dict[str, Any]:
        """What stands in the form before anything is changed."""
        said = {name: getattr(endpoint, name) for name in ("name", "url", "description", "events", "categories")}
        return {**said, "types": ", ".join(endpoint.types)}

    def wish(self) -> Wish:
        said = self.cleaned_data
        return Wish(
            name=said["name"],
            url=said["url"],
            description=said["description"],
            events=tuple(said["events"]),
            types=tuple(word.strip() for word in said["types"].split(",") if word.strip()),
            categories=tuple(said["categories"]),
        )


class RotateForm(ReasonForm):
    leaked = forms.BooleanField(
        required=False, label="The old one leaked", help_text="Then it signs no more from now on; otherwise both sign for 24 hours."
    )
    field_order = ("leaked", "reason")
