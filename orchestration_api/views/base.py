"""What every endpoint does first: parse strictly, settle who speaks, check the time that was stated, in the order of the contract."""

import hashlib
import json
from collections.abc import Collection
from datetime import datetime
from typing import Any, cast

from django.conf import settings
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from jobs import leases, times
from jobs.actors import Actor, Holder
from jobs.ids import is_id
from jobs.lifecycle import JobNotFound
from jobs.models import Job
from jobs.transitions import Ruling
from orchestration_api.authentication import Caller
from orchestration_api.exceptions import WireError
from orchestration_api.fields import ID_ALPHABET, WireSerializer
from orchestration_api.parsers import mend_text
from orchestration_api.representations import JobSummary

_NOT_DIGESTED = ("timestamp", "leaseToken")


class MachineViewSet(ViewSet):
    """
    Attributes:
        unknown: keys of the body that mean nothing here.
        replaced: paths of what was mended in it.
        body: it, as parsed.
    """

    lookup_field = "job_id"
    request: Request

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.body: dict[str, Any] = {}
        self.unknown: list[str] = []
        self.replaced: list[str] = []

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if any("\x00" in value for values in request.query_params.lists() for value in (values[0], *values[1])):
            raise WireError("VALIDATION_INVALID_PARAMS", "The query holds a NUL.")

    # --- who speaks -------------------------------------------------------------------------------------------------

    @property
    def request_id(self) -> str:
        return str(self.request.META["jobsite.request_id"])

    @property
    def caller(self) -> Caller:
        return cast(Caller, self.request.user)

    def producer(self) -> Actor:
        """The caller as one who makes and steers jobs."""
        return Actor.producer(self.caller.name, request_id=self.request_id)

    def holder(self) -> Holder:
        """The caller as an orchestrator: by the header, or by the body where the header is missing.

        Raises:
            WireError: no id, a malformed one, or two that disagree.
        """
        header = self.request.META.get("HTTP_X_ORCHESTRATOR_ID", "")
        told = self.body.get("orchestratorId")
        in_body = told if isinstance(told, str) else ""
        if header and in_body and header != in_body:
            raise WireError(
                "ORCHESTRATOR_MISMATCH",
                "X-Orchestrator-ID and the body's orchestratorId name different orchestrators.",
                header=header,
                body=in_body,
            )
        name = header or in_body
        if not name:
            raise WireError("ORCHESTRATOR_ID_REQUIRED", "Say who you are: send X-Orchestrator-ID, or orchestratorId in the body.")
        if len(name) > 128 or not ID_ALPHABET.fullmatch(name):
            raise WireError(
                "VALIDATION_INVALID_PARAMS",
                "An orchestrator id is 1 to 128 of A-Z a-z 0-9 . _ : -",
                fields={"orchestratorId": ["malformed"]},
            )
        return Holder.of(name, request_id=self.request_id, fenced=self.caller.bound or settings.REQUIRE_LEASE_TOKENS)

    # --- what is said -----------------------------------------------------------------------------------------------

    def parse(self, *, required: bool = True, lenient: Collection[tuple[str, ...]] = ()) -> dict[str, Any]:
        """The body as an object.

        Args:
            required: an empty body is refused; else it stands for {}.
            lenient: paths whose text is mended instead of refused.
        """
        self.body, self.replaced = mend_text(self._object(required), lenient)
        return self.body

    def check_time_header(self) -> None:
        """For calls without a body, whose time can only stand in the header."""
        self._check_time(None)

    def validate(self, shape: type[WireSerializer], body: Any = None) -> dict[str, Any]:
        """The fields of the body, under the domain's names.

        Raises:
            ValidationError: naming the fields.
        """
        serializer = shape(data=self.body if body is None else body)
        serializer.is_valid(raise_exception=True)
        self.unknown = serializer.unknown
        fields: dict[str, Any] = serializer.validated_data
        self._check_time(fields.get("stated_at"))
        return fields

    def stated_at(self, fields: dict[str, Any]) -> datetime | None:
        """When the caller says it sent this."""
        found: datetime | None = fields.get("stated_at") or self._time_header()
        return found

    def job_id(self) -> str:
        """The id in the address.

        Raises:
            JobNotFound: it can't be the id of any job.
        """
        job_id = str(self.kwargs["job_id"])
        if not is_id(job_id):
            raise JobNotFound("There is no such job.", job_id=job_id)
        return job_id

    def known_id(self) -> str:
        """The id in the address, of a job that is there."""
        if not Job.objects.filter(id=self.job_id()).exists():
            raise JobNotFound(f"There is no job {self.job_id()}.", job_id=self.job_id())
        return self.job_id()

    def job(self) -> Job:
        """The job in the address, whole."""
        job = Job.objects.filter(id=self.job_id()).first()
        if job is None:
            raise JobNotFound(f"There is no job {self.job_id()}.", job_id=self.job_id())
        return job

    def epoch(self, fields: dict[str, Any], job_id: str, holder: Holder) -> int | None:
        """The epoch that the sent lease token proves; None when none was sent and none is needed.

        Every token that is sent is checked, wherever it stands; two that prove different claims prove none.
        """
        sent = [self.request.META.get("HTTP_X_LEASE_TOKEN"), fields.get("lease_token"), fields.get("renewal_token")]
        proven = {leases.epoch_of(token, job_id=job_id, orchestrator_id=holder.name) for token in sent if token}
        if proven:
            return proven.pop() if len(proven) == 1 else leases.FORGED
        if holder.fenced:
            self.known_id()
            raise WireError("LEASE_TOKEN_REQUIRED", "Send the lease token of the claim as X-Lease-Token.")
        return None

    def digest(self, operation: str, holder: Holder) -> str:
        """By what the same report is known again: operation, orchestrator and body, all but when it was sent and its token."""
        body = {key: value for key, value in self.body.items() if key not in _NOT_DIGESTED}
        return hashlib.sha256(json.dumps([operation, holder.name, body], sort_keys=True).encode()).hexdigest()

    def answer(self, ruling: Ruling) -> Response:
        """The answer to a report or order that was not refused."""
        told: dict[str, Any] = {
            "success": True,
            "job": JobSummary(ruling.known_job).data,
            "timestamp": times.written(times.now()),
            "nextAction": ruling.next_action,
        }
        if ruling.is_replay:
            told["replayed"] = True
        return Response(told | self.remarks())

    def remarks(self) -> dict[str, Any]:
        """What of the body was passed over or mended."""
        return {name: found for name, found in (("ignored", self.unknown), ("replaced", self.replaced)) if found}

    def _object(self, required: bool) -> Any:
        problem = self.request.META.get("jobsite.body_problem")
        if problem:
            raise problem
        if not self.request.body:
            if required:
                raise WireError("VALIDATION_INVALID_PARAMS", "The body is empty; a JSON object is needed.")
            return {}
        data: Any = self.request.data
        if not isinstance(data, dict):
            raise WireError("VALIDATION_INVALID_PARAMS", "The body must be a JSON object.")
        return data

    def _check_time(self, stated: datetime | None) -> None:
        # Read even where the body's counts: a time that is none is told wherever it stands.
        in_header = self._time_header()
        moment = stated or in_header
        tolerance = settings.TIMESTAMP_TOLERANCE_SECONDS
        if moment is None or not tolerance:
            return
        now = times.now()
        if abs((moment - now).total_seconds()) > tolerance:
            raise WireError(
                "TIMESTAMP_OUT_OF_RANGE",
                f"The timestamp is more than {tolerance} s from the server's time. Stamp each try anew, and check the clock.",
                serverTime=times.written(now),
            )

    def _time_header(self) -> datetime | None:
        text = self.request.META.get("HTTP_X_REQUEST_TIMESTAMP")
        if text is None:
            return None
        try:
            return times.read(text)
        except ValueError as error:
            raise ValidationError({"X-Request-Timestamp": [str(error)]}) from None
