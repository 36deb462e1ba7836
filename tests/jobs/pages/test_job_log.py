"""The log on the page of a job: its last lines, what came since, a search, and the whole as text."""

from typing import Any

import pytest
from django.urls import reverse

from jobs import logs
from jobs.models import Job
from jobs.outcomes import Report
from jobs.views.logs import MOST_LINES
from tests.factories import HOLDER, JobFactory, running
from tests.jobs.pages.conftest import Visitor


def write(job: Job, first: int, count: int, *, stream: str = "stdout", text: str = "line") -> None:
    entries: list[dict[str, Any]] = [{"sequence": n, "stream": stream, "line": f"{text} {n}."} for n in range(first, first + count)]
    logs.append(job.id, entries, by=HOLDER, epoch=None)


@pytest.fixture
def job(db: None) -> Job:
    return running(JobFactory(max_attempts=3))


def log_of(job: Job) -> str:
    return reverse("pages:job_log", args=[job.id])


def test_what_is_written_is_told_once_behind_the_last_line_seen(job: Job, visitor: Visitor) -> None:
    browser = visitor("viewer")
    write(job, 0, 3)
    assert 'data-at="1.2"' in browser.get(job.get_absolute_url()).text
    assert browser.get(log_of(job), {"after": "1.2"}).status_code == 204

    write(job, 3, 2)
    told = browser.get(log_of(job), {"after": "1.2"}).text
    assert [told.count(f"line {n}.") for n in range(6)] == [0, 0, 0, 1, 1, 0]
    assert "<html" not in told
    assert "cut" not in told


def test_who_was_behind_by_much_is_shown_the_newest_and_told_of_the_gap(job: Job, visitor: Visitor) -> None:
    write(job, 0, MOST_LINES + 10)
    told = visitor("viewer").get(log_of(job), {"after": "1.2"}).text

    assert told.count("data-at=") == MOST_LINES
    assert "lines between are left out" in told
    assert f"line {MOST_LINES + 9}." in told


def test_the_next_run_is_marked(job: Job, visitor: Visitor) -> None:
    write(job, 0, 1)
    job.fail(Report(error="busy", retry_after_seconds=0), by=HOLDER)
    running(job)
    write(job, 0, 1)
    browser = visitor("viewer")

    assert browser.get(job.get_absolute_url()).text.count("the next run, epoch 2") == 1
    assert "the next run, epoch 2" in browser.get(log_of(job), {"after": "1.0"}).text


def test_a_search_finds_lines_by_their_words_run_and_stream(job: Job, visitor: Visitor) -> None:
    write(job, 0, 1, text="all is well")
    write(job, 1, 1, stream="stderr", text="The DISK is full <b>")
    job.fail(Report(error="busy", retry_after_seconds=0), by=HOLDER)
    running(job)
    write(job, 0, 1, text="the disk is there")
    browser = visitor("viewer")

    def found(**query: str) -> list[str]:
        shown = browser.get(job.get_absolute_url(), query).text
        return [words for words in ("all is well", "is full", "is there") if words in shown.partition('id="lines"')[2]]

    assert found(find="disk") == ["is full", "is there"]
    assert found(find="disk", epoch="1") == ["is full"]
    assert found(stream="stderr") == ["is full"]
    assert found(find="100%") == []
    shown = browser.get(job.get_absolute_url(), {"find": "disk"}).text
    assert "The <mark>DISK</mark> is full &lt;b&gt;" in shown
    assert f'hx-get="{log_of(job)}?find=disk"' in shown
    assert "no line matches" in browser.get(job.get_absolute_url(), {"find": "nothing"}).text
    assert browser.get(log_of(job), {"after": "1.0", "find": "there"}).text.count("data-at=") == 1


@pytest.mark.parametrize(
    ("name", "value"), [("epoch", "x"), ("epoch", "-1"), ("epoch", "9" * 30), ("epoch", "\u0661"), ("stream", "other"), ("find", "\0")]
)
def test_a_search_that_cannot_be_is_answered_in_words(name: str, value: str, job: Job, visitor: Visitor) -> None:
    browser = visitor("viewer")
    page = browser.get(job.get_absolute_url(), {name: value})

    assert page.status_code == browser.get(log_of(job), {name: value}).status_code == 400
    assert f"{name}: must" in page.text


@pytest.mark.parametrize("after", ["1", "x.1", "1.x", "-1.0", "1." + "9" * 30, "1.\u0663", "\0"])
def test_a_place_that_is_none_is_refused(after: str, job: Job, visitor: Visitor) -> None:
    assert visitor("viewer").get(log_of(job), {"after": after}).status_code == 400


def test_the_whole_log_is_sent_as_text_while_it_is_read(job: Job, visitor: Visitor) -> None:
    write(job, 0, 3000)
    answer = visitor("viewer").get(reverse("pages:job_log_text", args=[job.id]))

    assert answer.streaming
    text = b"".join(answer).decode()
    assert text.splitlines() == [f"line {n}." for n in range(3000)]
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer["Content-Disposition"] == f'attachment; filename="{job.id}.log.txt"'
