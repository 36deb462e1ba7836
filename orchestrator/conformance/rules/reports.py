"""What is said of a job: its start, its end, its lines."""

from collections.abc import Iterator

from orchestrator.conformance.judging import NotApplicable, NotSeen, rule
from orchestrator.conformance.record import Record, Saying
from orchestrator.conformance.rules.plain import plain
from orchestrator.conformance.site.requests import Json
from orchestrator.conformance.stage import ERR, OUT, Stage, on, scenario

TIMEOUT_SECONDS = 1


@rule(
    "tells-the-start",
    plain,
    section=4,
    demand="Report `running` when the work begins, and never after its end.",
    mend="PUT /jobs/{id}/status with `running`, and wait for its answer before the work begins.",
)
def tells_the_start(record: Record) -> Iterator[str]:
    ended = [job for job in record.jobs.values() if any(said.status == 200 for said in record.said_of(job, "end"))]
    if not ended:
        raise NotSeen("no job was reported to its end")
    for job in ended:
        end = next(said for said in record.said_of(job, "end") if said.status == 200)
        starts = record.said_of(job, "start")
        if starts and starts[0].at > end.at:
            yield f"{record.name(starts[0])} told the start of {job.id} after its end"
    if not any(record.said_of(job, "start") for job in ended):
        yield f"{', '.join(job.id for job in ended)} ended, and `running` was told of none"


@rule(
    "tells-success-from-failure",
    plain,
    section=4,
    demand="Report exit code 0 as completed, any other as failed, with the exit code.",
    mend="Send exitCode as it was; `completed` only with 0. The worst of status, error and exit code wins.",
)
def tells_success_from_failure(record: Record) -> Iterator[str]:
    for part, expected in (("succeeding", "completed"), ("failing", "failed")):
        for said in _ends(record, part):
            found, timed_out = said.report.verdict
            if found != expected or timed_out:
                told = "timeout" if timed_out else found
                yield f"{record.name(said)} said {told} of a job that {expected}"
            elif expected == "failed" and not said.report.told.get("exitCode") and not said.report.told.get("error"):
                yield f"{record.name(said)} told a failure without an exit code or an error"


@rule(
    "reports-both-streams",
    plain,
    section=4,
    demand="Report what the job wrote to stdout and to stderr, of a success and of a failure.",
    mend='Send `output: {"stdout": …, "stderr": …}` with every end.',
)
def reports_both_streams(record: Record) -> Iterator[str]:
    if not record.default_payloads:
        raise NotApplicable("what these payloads write is not known; the kit's own ones write to both streams")
    for part in ("succeeding", "failing"):
        for said in _ends(record, part):
            output = said.report.told.get("output")
            whole = output if isinstance(output, str) else "".join(map(str, output.values())) if isinstance(output, dict) else ""
            missing = [stream for stream, words in (("stdout", OUT), ("stderr", ERR)) if words not in whole]
            if missing:
                yield f"{record.name(said)} lacked what {said.report.job_id} wrote to {' and '.join(missing)}"


@rule(
    "keeps-to-one-verdict",
    plain,
    section=4,
    demand="Decide once how a run ended, and never report it differently.",
    mend="Make the report before the first try, and send that one on every try.",
)
def keeps_to_one_verdict(record: Record) -> Iterator[str]:
    ends = [said for job in record.jobs.values() for said in record.said_of(job, "end")]
    if not ends:
        raise NotSeen("no end was reported")
    first: dict[tuple[str, str | None], Saying] = {}
    for said in ends:
        run = (said.report.job_id, said.report.lease_token)
        before = first.setdefault(run, said)
        # What is refused as malformed may be said in other words; what follows a replay is another rule's.
        replayed = any(each.told.get("replayed") and each.at < said.at for each in ends if each.report.job_id == run[0])
        if not said.is_same_as(before) and before.status not in (400, 413, 422) and not replayed:
            yield f"{record.name(said)} said another end of {run[0]} than {record.name(before)}"


@scenario("The answer to a job's first log lines is lost, after they were stored.")
def lost_lines(stage: Stage) -> None:
    job = stage.enqueue("logging", "ok", on("logs", "lost"))
    stage.until_settled(job)
    stage.until(
        lambda: any(each.status == 200 for each in stage.site.exchanges if each.request.path == f"/jobs/{job.id}/logs"), seconds=1.5
    )


@rule(
    "numbers-its-log-lines",
    lost_lines,
    section=4,
    demand="Give each log line one sequence, and send it again under the same one when no answer came.",
    mend="Number the lines of a run from 0 when they are read, not when they are sent.",
)
def numbers_its_log_lines(record: Record) -> Iterator[str]:
    sent = [said for said in record.sayings if said.report.meaning == "logs"]
    if not sent:
        raise NotApplicable("it sends no log lines")
    lines: dict[tuple[str, str | None, object], Json] = {}
    for said in sent:
        for entry in said.report.body.get("entries", ()):
            key = (said.report.job_id, said.report.lease_token, entry.get("sequence"))
            if lines.setdefault(key, entry).get("line") != entry.get("line"):
                yield f"{record.name(said)} gave sequence {key[2]} of {key[0]} to another line"
        if said.status is None and not any(said.is_same_as(later) or _covers(later, said) for later in sent if later.at > said.at):
            yield f"{record.name(said)} got no answer, and its lines never came again"


@scenario("A job does not end within its timeoutSeconds.")
def too_long(stage: Stage) -> None:
    stage.until_settled(stage.enqueue("too-long", "slow", timeout_seconds=TIMEOUT_SECONDS))


@rule(
    "enforces-the-timeout",
    too_long,
    section=4,
    demand="End a job that runs longer than its timeoutSeconds, and report `timeout`.",
    mend="Stop the work timeoutSeconds after its start, and report status `timeout`, or failed with category `timeout`.",
)
def enforces_the_timeout(record: Record) -> Iterator[str]:
    job = record.jobs["too-long"]
    started = record.said_of(job, "start", "acknowledge")
    if not started:
        raise NotSeen("the job never began")
    ends = record.said_of(job, "end")
    if not ends:
        begun = record.when(started[0].at)
        yield f"{job.id} may last {TIMEOUT_SECONDS} s, was begun at {begun}, and no end came in {record.patience_seconds:g} s"
    for said in ends:
        if not said.report.verdict[1]:
            yield f"{record.name(said)} said {said.report.verdict[0]} of a job that was out of time, not timeout"


def _ends(record: Record, part: str) -> list[Saying]:
    ends = record.said_of(record.jobs[part], "end")
    if not ends:
        raise NotSeen(f"no end of {record.jobs[part].id} was reported")
    return ends


def _covers(later: Saying, earlier: Saying) -> bool:
    def numbers(said: Saying) -> set[object]:
        return {entry.get("sequence") for entry in said.report.body.get("entries", ())}

    return later.report.job_id == earlier.report.job_id and numbers(earlier) <= numbers(later)


RULES = (
    tells_the_start,
    tells_success_from_failure,
    reports_both_streams,
    keeps_to_one_verdict,
    numbers_its_log_lines,
    enforces_the_timeout,
)
