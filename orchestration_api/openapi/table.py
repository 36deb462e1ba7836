"""Every operation of the machine door, in the order in which the document tells them."""

from orchestration_api.openapi import (
    batches,
    blockers,
    bulk,
    claiming,
    figures,
    orchestrators,
    producing,
    reading,
    reporting,
    steering,
    triage,
)
from orchestration_api.openapi.operation import Operation

OPERATIONS: dict[tuple[str, str], Operation] = {
    operation.address: operation
    for group in (producing, claiming, reporting, batches, reading, blockers, figures, steering, bulk, triage, orchestrators)
    for operation in group.OPERATIONS
}
