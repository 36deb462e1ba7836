"""Failures that differ only in what varies are alike; those that differ otherwise are not; and no text takes long to tell."""

import base64
import random
import string
import time
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.fingerprints import LOOKED_AT, likeness, masked, top_frame
from jobs.ids import new_ids

# What varies, each as it is told in messages.
NUMBERS = st.one_of(
    st.integers(-(10**18), 10**18).map(str),
    st.floats(0, 1e18, allow_nan=False).map(repr),
    st.integers(0, 10**9).map(lambda number: f"{number:,}"),
)
HEX = st.one_of(
    st.text("0123456789abcdef", min_size=8, max_size=64), st.integers(0, 2**64).map(hex), st.text("0123456789ABCDEF", min_size=8)
)
UUIDS = st.uuids().map(str)
IDS = st.integers(0, 10**6).map(lambda _: new_ids(1)[0])
TIMES = st.datetimes().map(lambda at: at.isoformat(sep="T", timespec="microseconds") + "Z")
CLOCKS = st.times().map(lambda at: at.strftime("%H:%M:%S"))
NAMES = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=20)
PATHS = st.lists(NAMES, min_size=2, max_size=6).map(lambda parts: "/" + "/".join(parts))
WINDOWS = st.lists(NAMES, min_size=1, max_size=6).map(lambda parts: "C:\\" + "\\".join(parts))
URLS = st.tuples(st.sampled_from(["http", "https", "s3"]), NAMES, NAMES).map(
    lambda parts: f"{parts[0]}://{parts[1]}.example/{parts[2]}?q=1"
)
EMAILS = st.tuples(NAMES, NAMES).map(lambda parts: f"{parts[0]}@{parts[1]}.example")
IPV4 = st.ip_addresses(v=4).map(str)
IPV6 = st.ip_addresses(v=6).map(str)
QUOTED = st.text(st.characters(exclude_characters="\"'\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"), max_size=40).map(lambda text: f'"{text}"')
VARYING = {
    "number": NUMBERS, "hex": HEX, "UUID": UUIDS, "id": IDS, "time": TIMES, "clock": CLOCKS, "path": PATHS, "Windows path": WINDOWS,
    "URL": URLS, "e-mail": EMAILS, "IPv4": IPV4, "IPv6": IPV6, "quoted text": QUOTED,
}  # fmt: skip
# Ids as others make them, and how many of a thousand may pass for words.
SMALL, LETTERS, OF_KUBERNETES = string.ascii_lowercase, string.ascii_letters, "bcdfghjklmnpqrstvwxz2456789"
MADE: dict[str, tuple[str, Callable[[random.Random], str], int]] = {
    "pod": ("pod importer-{} was OOMKilled", lambda dice: f"{_of(dice, OF_KUBERNETES, 10)}-{_of(dice, OF_KUBERNETES, 5)}", 0),
    "pod of a cron job": ("pod importer-{} is gone", lambda dice: f"{dice.randint(10**7, 10**8)}-{_of(dice, OF_KUBERNETES, 5)}", 0),
    "base 36": ("request {} failed", lambda dice: _of(dice, SMALL + string.digits, 8), 130),
    "nanoid": ("user {} not found", lambda dice: _of(dice, LETTERS + string.digits + "_-", 21), 50),
    "base 64": ("etag {} does not match", lambda dice: base64.b64encode(dice.randbytes(16)).decode(), 50),
    "base 64 of URLs": ("token {} is unknown", lambda dice: base64.urlsafe_b64encode(dice.randbytes(24)).decode(), 50),
    "git": ("commit {} is gone", lambda dice: dice.randbytes(20).hex()[:7], 5),
    "ULID": ("event {} is gone", lambda dice: _of(dice, "0123456789ABCDEFGHJKMNPQRSTVWXYZ", 26), 0),
}
# Numbers that are part of a name, and names that are none of ids.
KEPT = [
    "utf8 is no utf-8", "sha256 differs from sha-512", "no http2 for python3", "x86_64 and amd64", "s3 over ipv6", "no base64 in log4j",
    "getUserByIdFromDb threw HTTPServerError", "XMLHttpRequestJSONParser", "some-Service_with-Words/of-AllKinds",
]  # fmt: skip
NAMED = {
    "order12345 not found": "order# not found", "E42: Http2Client closed": "E#: Http#Client closed",
    "AmazonS3Exception: x": "AmazonS#Exception: x", "took 100ms of 5s for 12kB": "took #ms of #s for #kB",
    "my-service-a1b2c3 failed": "my-service-# failed", "xk9fz": "#", "abc1234": "#",
    "req_V1StGX-myT failed": "req_# failed", "5 m² and ½": "# m² and ½",
}  # fmt: skip
# Whole messages in the forms of programs: of each its words are told, and nothing else.
FORMS = {
    "Python": "{{'error': '{}'}}",
    "Python, in other quotes": """{{'id': 7, "error": "{}"}}""",
    "JSON": '{{"ok": false, "error" : "{}"}}',
    "pino": '{{"level":50,"time":1531171074631,"pid":657,"hostname":"a1","msg":"{}"}}',
    "pino, its error": '{{"level":50,"err":{{"type":"Error","message":"{}","stack":"at x"}},"msg":"failed"}}',
    "zap": '{{"level":"error","ts":1.6e9,"caller":"foo/main.go:12","msg":"failed","error":"{}"}}',
    "logfmt": 'time=2026-11-24T10:00:00Z level=error msg="{}" order=7',
    "logfmt, its error": 'level=error order=7 err="{}"',
    "reason": "can't go on (reason: '{}')",
    "detail": 'detail = "{}"',
}
WORDS = ["quota exceeded", "division by zero", "no such table", "timeout"]
MESSAGES = ["{} is not there", "can't load {}: it is too old", "no answer from {}", "reading {}, then giving up", "value: {}"]
# Different causes: none is another with other numbers.
TEMPLATES = [
    "Order {} not found", "Order {} was refused", "Customer {} not found", "connection to {} refused", "connection to {} reset",
    "disk full on {}", "can't read {}", "can't write {}", "timed out after {} s", "killed by signal {}", "unknown column {}",
    "KeyError: {}", "ValueError: {}", "out of memory: {} bytes", "no space left on {}", "permission denied: {}",
]  # fmt: skip


@pytest.mark.parametrize("kind", VARYING)
@pytest.mark.parametrize("message", MESSAGES)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_what_varies_makes_no_difference(message: str, kind: str, data: st.DataObject) -> None:
    one, other = data.draw(VARYING[kind]), data.draw(VARYING[kind])

    assert masked(message.format(one)) == masked(message.format(other))


@pytest.mark.parametrize("kind", MADE)
def test_ids_of_others_make_hardly_a_difference(kind: str) -> None:
    message, make, most = MADE[kind]
    dice = random.Random(kind)  # noqa: S311 - no secret: repeatable
    seen = Counter(masked(message.format(make(dice))) for _ in range(1000))

    assert 1000 - max(seen.values()) <= 2 * most
    assert len(seen) <= most + 1


@pytest.mark.parametrize("text", KEPT)
def test_a_name_with_a_number_stays_as_it_is(text: str) -> None:
    assert masked(text) == text


@pytest.mark.parametrize(("text", "mask"), NAMED.items())
def test_of_a_name_only_the_number_is_masked_and_an_id_as_a_whole(text: str, mask: str) -> None:
    assert masked(text) == mask


@pytest.mark.parametrize("form", FORMS)
def test_a_message_that_is_quoted_is_told_by_its_words(form: str) -> None:
    told = [masked(FORMS[form].format(words)) for words in WORDS]

    assert [words in mask for words, mask in zip(WORDS, told, strict=True)] == [True] * len(WORDS)
    assert len({mask.replace(words, "") for words, mask in zip(WORDS, told, strict=True)}) == 1


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", ["number", "hex", "UUID", "time", "path", "URL", "e-mail"])
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_what_varies_makes_no_difference_within_quotes(form: str, kind: str, data: st.DataObject) -> None:
    one, other = (masked(FORMS[form].format(f"can not load {data.draw(VARYING[kind])} now")) for _ in range(2))

    assert one == other


SAID = {
    r"""{"msg":"can't open \"orders.csv\"\nat once","order":"a7"}""": "{msg:can't open <text> at once,order:<text>}",
    "{'message': \"KeyError: 'name'\"}": "{message: KeyError: <text>}",
    # What stands in quotes there is part of the words.
    "error: 'orders' undeclared": "error: <text> undeclared",
    "KeyError: 'name'": "KeyError: <text>",
    'fields "a", "b": not there': "fields <text>, <text>: not there",
}


@pytest.mark.parametrize(("text", "mask"), SAID.items())
def test_only_a_value_that_is_quoted_as_a_whole_is_unquoted(text: str, mask: str) -> None:
    assert masked(text) == mask


@pytest.mark.parametrize(
    "message",
    ["status code {}", "Status: {}", "status={}", '{{"status": {}}}', "statusCode: {}", "HTTP {}", "HTTP/1.1 {} from it", "HTTP error {}"],
)
def test_a_status_of_http_makes_a_difference(message: str) -> None:
    assert len({masked(message.format(status)) for status in (404, 429, 503)}) == 3
    # Of what is none, the number varies.
    assert masked(message.format(7041)) == masked(message.format(7042))


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_different_templates_are_never_alike(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(VARYING)))
    faults = [_fault(template.format(data.draw(VARYING[kind]))) for template in TEMPLATES]

    assert len(set(faults)) == len(TEMPLATES)


@settings(max_examples=200, deadline=None)
@given(text=st.text(st.characters(), max_size=300))
def test_any_text_has_a_fault(text: str) -> None:
    """NUL, half surrogate pairs and whatever else there is."""
    fault = _fault(text)

    assert len(fault) == 16
    assert fault == _fault(text)
    assert set(fault) <= set(string.hexdigits.lower())


def test_category_and_each_code_make_a_difference() -> None:
    faults = [
        likeness(category=category, exit_code=exit_code, error=error, message="it broke").fault
        for category in ("exit_code", "resource")
        for exit_code in (None, 0, 1)
        for error in (None, {"code": "E1"}, {"code": "E2"}, {"code": 1}, {"type": "E1x"})
    ]

    # (A code that is a number stands where the exit code could: 1 and none is 1, as none and 1 is.)
    assert len(set(faults)) == len(faults) - 2


STACKS = {
    "b.py load": """Traceback (most recent call last):
  File "/a/a.py", line 3, in main
    load()
  File "/b/b.py", line {}, in load
    x()
E: x""",
    "c.js foo": "TypeError: x\n    at async foo (/srv/c.js:{}:4)\n    at /srv/d.js:1:2",
    "c.js": "TypeError: x\n    at file:///srv/c.js:{}:4\n    at bar (/srv/d.js:1:2)",
    "Bar.java com.foo.Bar.run": "java.lang.Error: x\n\tat com.foo.Bar.run(Bar.java:{})\n\tat com.foo.Main.main(Main.java:3)",
    "": "it broke at line {}",
}


@pytest.mark.parametrize(("frame", "stack"), STACKS.items(), ids=[frame or "none" for frame in STACKS])
def test_the_top_frame_of_a_stack_is_its_file_and_function(frame: str, stack: str) -> None:
    assert {top_frame(stack.format(line)) for line in (7, 1234)} == {frame}


FRAMES = {
    "Native Method java.lang.Thread.sleep": "at java.lang.Thread.sleep(Native Method)",
    "Unknown Source a.b.c": "at a.b.c(Unknown Source)",
    "Bar.java com.foo.Bar.run": "at com.foo.Bar.run(Bar.java)",
    "<anonymous> Array.map": "at Array.map (<anonymous>)",
    "index # Promise.all": "at async Promise.all (index 0)",
    "c.mjs new Foo": "at new Foo (file:///srv/c.mjs:1:2)",
    "e# f": "at f (/srv/e2:1:2)",
}


@pytest.mark.parametrize(("frame", "line"), FRAMES.items(), ids=list(FRAMES))
def test_a_line_that_names_a_place_in_code_is_a_frame(frame: str, line: str) -> None:
    assert top_frame(f"Error: x\n    {line}") == frame


@pytest.mark.parametrize("line", ["at capacity (retry later)", "at capacity (until 10:05:00)", "at 10:05:00", "at example.com (no answer)"])
def test_a_message_that_begins_with_at_is_no_frame(line: str) -> None:
    alike = likeness(category="unknown", exit_code=1, error=line, message=line)

    assert (alike.message, alike.frame) == (masked(line), "")


def test_a_stack_sent_as_the_message_is_its_error_and_its_frame() -> None:
    stack = STACKS["b.py load"].format(7)
    alike = likeness(category="exception", exit_code=1, error=stack, message=stack)

    assert (alike.message, alike.frame, alike.code) == ("E: x", "b.py load", "1")


def test_a_stack_longer_than_is_looked_at_is_known_by_its_end() -> None:
    frames = '  File "/a/deep.py", line 7, in again\n    again()\n' * 1000
    stack = f"Traceback (most recent call last):\n{frames}RecursionError: 17 levels"
    alike = likeness(category="exception", exit_code=1, error=stack, message=stack)

    assert (alike.message, alike.frame) == ("RecursionError: # levels", "deep.py again")


def test_what_stands_behind_the_first_8_kib_makes_no_difference() -> None:
    assert _fault("x " * LOOKED_AT + "one") == _fault("x " * LOOKED_AT + "other")


# Each leads a pattern on to where it must give up.
HOSTILE = [
    '"', "“", "'a ", "a", "1", "1,", "/", "a/", ":", "a:", "a@", "a.", " ", "\n", "\x1b[", "#-", "\\", "1-", "at (", "at x\n", 'File "',
    "Mon ", "Jan 1 ", "a://", "abcdef12-", "a1 ", "1e", "+a", "~/", "Traceback (most recent call last)\n",
    "a_", "aB3", "aB3_", "-bcdfghjk", "A1Bc", "_", "b", "b1", "aB3/x.",
    "msg=\"", "msg='", 'msg="\\', 'msg="\\"', '{"a":', ",'a': ", 'msg="a" b=', "HTTP/1.1 ", "status 404 ",
    "::", "é\u0301", "\ud800", "\0", "../",
]  # fmt: skip


def test_no_text_takes_much_longer_than_a_plain_one() -> None:
    plain = _seconds("the quick brown fox jumps over it ")
    slow = {text: seconds / plain for text in HOSTILE if (seconds := _seconds(text)) > 10 * plain}

    # What takes the square of its length would take hundreds of times as long.
    assert slow == {}


def _seconds(text: str) -> float:
    """Of CPU, the least of three."""
    long = (text * LOOKED_AT)[: LOOKED_AT - 1] + "x"
    taken = []
    for _ in range(3):
        began = time.process_time()
        likeness(category="unknown", exit_code=1, error={"stack": long}, message=long, stderr=long)
        taken.append(time.process_time() - began)
    return min(taken)


def _of(dice: random.Random, signs: str, length: int) -> str:
    return "".join(dice.choices(signs, k=length))


def _fault(message: str) -> str:
    return likeness(category="unknown", exit_code=None, error=message, message=message).fault
