"""docs/api.md as one walk: its lines run as they stand, and are answered as it shows."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.chores import fold_failures, fold_figures
from jobs.loops import repeat_until
from orchestration_api.exceptions import STATUS_OF
from orchestration_api.urls import urlpatterns
from tests.acceptance.pages import assert_like, blocks, example, run_in_bash
from tests.orchestration_api.endpoints import addressed
from tests.server import REPOSITORY, running_server

PAGE = "docs/api.md"
_END = "\x1e"


def test_each_call_is_answered_as_the_page_shows(live_db: str, tmp_path: Path) -> None:
    (setup, *calls), shown = ([text for language, text in blocks(PAGE) if language == wanted] for wanted in ("sh", "json"))
    assert len(calls) == len(shown)
    script = setup + "".join(f"{call}printf '{_END}'\n" for call in calls)
    with running_server(workers=1) as server, _folded():
        answers = run_in_bash(script, against=server, folder=tmp_path).split(_END)[:-1]

    for call, text, answer in zip(calls, shown, answers, strict=True):
        assert_like(example(text), json.loads(answer.splitlines()[-1]), call)


@contextmanager
def _folded() -> Iterator[None]:
    """As a sweep loop beside the server does; but bulk operations are shown as they are before their first batch."""
    stopped = threading.Event()
    loop = threading.Thread(target=repeat_until, args=(stopped, _fold), kwargs={"seconds": 0.2, "name": "folds"})
    loop.start()
    try:
        yield
    finally:
        stopped.set()
        loop.join()


def _fold() -> bool:
    return fold_failures() | fold_figures()


def test_every_address_is_on_the_page_and_no_other() -> None:
    served = {addressed(str(route.pattern)) for route in urlpatterns if str(route.pattern)}
    headings = re.findall(r"^### (.+)$", (REPOSITORY / PAGE).read_text(), re.MULTILINE)
    told = {address for heading in headings for address in re.findall(r"`[A-Z]+ /([^`]+)`", heading)}

    assert told == served


def test_every_error_code_is_on_the_page_with_its_status_and_no_other() -> None:
    rows = re.findall(r"^\| (\d{3}) \| (.+?) \|", (REPOSITORY / PAGE).read_text(), re.MULTILINE)
    told = {code: int(status) for status, codes in rows for code in re.findall(r"`([A-Z_]+)`", codes)}

    assert told == STATUS_OF
