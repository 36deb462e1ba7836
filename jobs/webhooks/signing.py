"""Secrets and signatures by the Standard Webhooks specification (https://www.standardwebhooks.com), with its own library."""

import base64
import secrets
from collections.abc import Sequence
from datetime import datetime

from django.views.decorators.debug import sensitive_variables
from standardwebhooks import Webhook

_PREFIX = "whsec_"
_SECRET_BYTES = 32


def new_secret() -> str:
    """A secret as receivers keep it: `whsec_` and 256 bits of chance in base64."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


@sensitive_variables("keys")
def headers(body: str, *, event_id: str, at: datetime, keys: Sequence[str]) -> dict[bytes | str, bytes | str]:
    """What proves to a receiver that a message is ours, whole, and of now.

    Args:
        body: as it is sent.
        at: in UTC.
        keys: secrets; each signs, and a receiver needs to know one of them.
    """
    signatures = " ".join(Webhook(key).sign(event_id, at, body) for key in keys)
    return {"webhook-id": event_id, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signatures}
