"""What every endpoint does first: parse strictly, settle who speaks, check the time that was stated, in the order of the contract."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from django.conf import settings
from django.db.models import QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from jobs import leases, masking, times
from jobs.actors import Actor, Holder
from jobs.ids import is_id
from jobs.lifecycle import JobNotFound
from jobs.models import Job, Scope
from jobs.transitions import Ruling
from orchestration_api.authentication import Caller
from orchestration_api.exceptions import WireError
from orchestration_api.fields import ID_ALPHABET
from orchestration_api.parsers import mend_text, needs_mending
from orchestration_api.permissions import owns, scopes_used, within_reach
from orchestration_api.renderers import check_media_type
from orchestration_api.representations import JobSummary, JobWhole
from orchestration_api.shapes import WireSerializer, the

# An answer has a largest size, whatever was sent: so many names are told of a body, and so many characters of each.
_MOST_NAMES, _LONGEST_NAME = 1000, 200


def remarks(*, ignored: Sequence[str], replaced: Sequence[str], most: int = _MOST_NAMES) -> dict[str, Any]:
    """What of a body was passed over or mended.

    Args:
        ignored: keys.
        replaced: paths.
        most: so many of each are told; more are told by an ellipsis.
    """
    told = {"ignored": ignored, "replaced": replaced}
    return {word: [name[:_LONGEST_NAME] for name in names[:most]] + ["…"] * (len(names) > most) for word, names in told.items() if names}


def check_orchestrator_id(name: str) -> None:
    """
    Raises:
        WireError: it can't be the id of any orchestrator.
    """
    if len(name) > 128 or not ID_ALPHABET.fullmatch(name):
        raise WireError(
            "VALIDATION_INVALID_PARAMS",
            "An orchestrator id is 1 to 128 of A-Z a-z 0-9 . _ : -",
            fields={"orchestratorId": ["malformed"]},
        )


class MachineViewSet(ViewSet):
    """
    Attributes:
        unknown: keys of the body that mean nothing here.
        replaced: paths of what was mended in it.
        body: it, as parsed.
        asks_for_time: its calls are reports, which bound tokens must stamp.
    """

    lookup_field = "job_id"
    # (Not OPTIONS, to which Django REST framework would tell what it thinks of us.)
    http_method_names = ("get", "head", "post", "put", "patch", "delete")
    asks_for_time = False
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
        if request.method in SAFE_METHODS and self.action_map.get(str(request.method).lower()):
            # What has a body is asked for its scope once that is parsed: what does not parse is told before what may not be done.
            self.scopes_used()

    # --- who speaks -------------------------------------------------------------------------------------------------

    @property
    def request_id(self) -> str:
        return str(self.request.META["jobsite.request_id"])

    @property
    def caller(self) -> Caller:
        return cast(Caller, self.request.user)

    def scopes_used(self) -> frozenset[Scope]:
        """By which of its scopes the caller does this.

        Raises:
            WireError: by none.
        """
        return scopes_used(self.caller, getattr(self, str(self.action)))

    def ask_token_again(self) -> None:
        """For calls that have waited before they act: a token that has died meanwhile opens nothing any more.

        Raises:
            WireError: it has.
        """
        for authenticator in self.get_authenticators():
            authenticator.authenticate(self.request)

    def producer(self) -> Actor:
        """The caller as one who makes and steers jobs."""
        self.scopes_used()
        return Actor.producer(self.caller.name, request_id=self.request_id)

    def holder(self) -> Holder:
        """The caller as an orchestrator: the one its token speaks for; else by the header, or by the body where the header is missing.

        Raises:
            WireError: not for this token, no id, a malformed one, or two that disagree.
        """
        self.scopes_used()
        told = self.body.get("orchestratorId")
        said = {
            "token": self.caller.orchestrator_id,
            "header": self.request.META.get("HTTP_X_ORCHESTRATOR_ID"),
            "body": told if isinstance(told, str) else None,
        }
        said = {where: name for where, name in said.items() if name}
        if len(set(said.values())) > 1:
            raise WireError("ORCHESTRATOR_MISMATCH", f"The {' and the '.join(said)} name different orchestrators.", **said)
        name = next(iter(said.values()), "")
        if not name and told is not None and not isinstance(told, str):
            raise ValidationError({"orchestratorId": ["must be a string"]})
        if not name:
            raise WireError("ORCHESTRATOR_ID_REQUIRED", "Say who you are: send X-Orchestrator-ID, or orchestratorId in the body.")
        check_orchestrator_id(name)
        bound = self.caller.bound
        return Holder.of(name, request_id=self.request_id, fenced=bound or settings.REQUIRE_LEASE_TOKENS, bound=bound)

    # --- what is said -----------------------------------------------------------------------------------------------

    def parse(self, *, required: bool = True, lenient: Collection[tuple[str, ...]] = ()) -> dict[str, Any]:
        """The body as an object.

        Args:
            required: an empty body is refused; else it stands for {}.
            lenient: paths whose text is mended instead of refused.
        """
        self.body, self.replaced = self.mended(self._object(required), lenient)
        self.scopes_used()
        return self.body

    def mended(self, sent: Any, lenient: Collection[tuple[str, ...]] = ()) -> tuple[Any, list[str]]:
        """What was parsed of the body, as `mend_text` makes it good; looked through only if there can be anything to mend."""
        return mend_text(sent, lenient) if needs_mending(self.request.body) else (sent, [])

    def check_readable(self) -> None:
        """Before the body is looked at.

        Raises:
            WireError: it is too large; or it is of another type; or it came without its length.
        """
        problem: WireError | None = self.request.META.get("jobsite.body_problem")
        if problem and problem.code == "LENGTH_REQUIRED":
            check_media_type(self.request)
        if problem:
            raise problem

    def check_time_header(self) -> None:
        """For calls without a body, whose time can only stand in the header."""
        self._check_time(None)

    def validate(self, shape: type[WireSerializer], body: Any = None) -> dict[str, Any]:
        """The fields of the body, under the domain's names.

        Raises:
            ValidationError: naming the fields.
        """
        fields = self.fields_of(shape, body)
        self._check_time(fields.get("stated_at"))
        return fields

    def fields_of(self, shape: type[WireSerializer], body: Any = None) -> dict[str, Any]:
        """The same, whatever time is stated."""
        fields, self.unknown = the(shape).read(self.body if body is None else body)
        return fields

    def stated_at(self, fields: Mapping[str, Any]) -> datetime | None:
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
        """The id in the address, of a job that is there for this caller: out of its reach is as if there were none."""
        if not self.reach().filter(id=self.job_id()).exists():
            raise JobNotFound(f"There is no job {self.job_id()}.", job_id=self.job_id())
        return self.job_id()

    def job(self) -> Job:
        """The job in the address, whole; within reach like any other."""
        job = self.reach().filter(id=self.job_id()).first()
        if job is None:
            raise JobNotFound(f"There is no job {self.job_id()}.", job_id=self.job_id())
        return job

    def reach(self) -> "QuerySet[Job]":
        """The jobs that this call may be about."""
        return within_reach(self.caller, self.scopes_used())

    def whole(self, job: Job, *, source: Job | None = None) -> dict[str, Any]:
        """All of a job; secrets in its payload only for those whose own it is.

        Args:
            source: where the payload comes from, when that is another job.
        """
        told = JobWhole.of(job)
        if not owns(self.caller, source or job):
            told["payload"], _ = masking.mask(told["payload"])
        return told

    def epoch(self, fields: dict[str, Any], job_id: str, holder: Holder) -> int | None:
        """The epoch that the sent lease token proves; None when none was sent. (Whether one is needed is the door's to say.)

        Every token that is sent is checked, wherever it stands; two that prove different claims prove none.
        """
        sent = [self.request.META.get("HTTP_X_LEASE_TOKEN"), fields.get("lease_token"), fields.get("renewal_token")]
        proven = {leases.epoch_of(token, job_id=job_id, orchestrator_id=holder.name) for token in sent if token}
        if not proven:
            leases.note_unfenced(holder.name)
            return None
        return proven.pop() if len(proven) == 1 else leases.FORGED

    def answer(self, ruling: Ruling) -> Response:
        """The answer to a report or order that was not refused."""
        told: dict[str, Any] = {
            "success": True,
            "job": JobSummary.of(ruling.known_job),
            "timestamp": times.written(times.now()),
            "nextAction": ruling.next_action,
        }
        if ruling.is_replay:
            told["replayed"] = True
        return Response(told | self.remarks())

    def remarks(self) -> dict[str, Any]:
        """What of the body was passed over or mended."""
        return remarks(ignored=self.unknown, replaced=self.replaced)

    def _object(self, required: bool) -> Any:
        self.check_readable()
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
        if moment is None and self.asks_for_time and self.caller.bound:
            raise ValidationError({"timestamp": ["is needed with this token, or X-Request-Timestamp: when you send this"]}, code="required")
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
