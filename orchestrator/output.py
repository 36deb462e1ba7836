"""Reads what a script writes: counts it, keeps the tail for the report, cuts it into lines for the log, sees progress."""

import os
import re
import selectors
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.spool import Line, Spool

TAIL_BYTES = 256 * 1024
LONGEST_LINE_BYTES = 64 * 1024
STDOUT, STDERR = 1, 2

_PROGRESS = re.compile(rb"JOBSITE_PROGRESS[ \t]+(\d{1,3})%?(?:[ \t]+(.*))?\s*")


@dataclass(frozen=True)
class Progress:
    """How far a script says it is: 0 to 100, and a few words."""

    percentage: int
    message: str


class Stream:
    """One stream of a script: how much there was, its last 256 KiB, and its line in the making."""

    def __init__(self, number: int) -> None:
        self.bytes = 0
        self.lines = 0
        self._number = number
        self._tail = bytearray()
        self._rest = b""

    def feed(self, chunk: bytes) -> list[Line]:
        """Take what was read and give back the lines that it ends.

        A line longer than 64 KiB is split into several entries, so that no single one outgrows a request. Nothing is inserted, so gluing
        them together gives the line again. A cut never falls inside a UTF-8 character.
        """
        at = time.time()
        self.bytes += len(chunk)
        self._tail += chunk
        if len(self._tail) > 2 * TAIL_BYTES:
            del self._tail[:-TAIL_BYTES]
        *ended, self._rest = (self._rest + chunk).split(b"\n")
        self.lines += len(ended)
        lines = [Line(self._number, at, piece) for line in ended for piece in _pieces(line)]
        if len(self._rest) > LONGEST_LINE_BYTES:
            *full, self._rest = _pieces(self._rest)
            lines += [Line(self._number, at, piece) for piece in full]
        return lines

    def end(self) -> list[Line]:
        """Give back the last line, if no newline ended it."""
        rest, self._rest = self._rest, b""
        if not rest:
            return []
        self.lines += 1
        return [Line(self._number, time.time(), piece) for piece in _pieces(rest)]

    def tail(self) -> str:
        """The last 256 KiB as text, bytes that are no UTF-8 replaced."""
        kept = bytes(self._tail[-TAIL_BYTES:])
        if self.bytes > len(kept):
            kept = kept[_character_start(kept, 0) :]
        return kept.decode("utf-8", "replace")


class OutputReader(threading.Thread):
    """Reads both pipes of a script to their end, into a spool. Owns the two descriptors and closes them."""

    def __init__(self, *, stdout: int, stderr: int, spool: Spool, on_progress: Callable[[Progress], None]) -> None:
        super().__init__(name="output", daemon=True)
        self.stdout, self.stderr = Stream(STDOUT), Stream(STDERR)
        self._pipes = {stdout: self.stdout, stderr: self.stderr}
        self._spool = spool
        self._on_progress = on_progress
        self._leave = threading.Event()

    def run(self) -> None:
        try:
            self._read_to_the_end()
            self._store([*self.stdout.end(), *self.stderr.end()])
        finally:
            for pipe in self._pipes:
                os.close(pipe)
            self._spool.finish()

    def stop(self) -> None:
        """Read what is there and then leave, although somebody still holds the other end of a pipe."""
        self._leave.set()

    def _read_to_the_end(self) -> None:
        with selectors.DefaultSelector() as selector:
            for pipe in self._pipes:
                selector.register(pipe, selectors.EVENT_READ)
            while selector.get_map():
                ready = selector.select(0.2)
                if not ready and self._leave.is_set():
                    return
                for key, _ in ready:
                    chunk = os.read(key.fd, 1 << 16)
                    if not chunk:
                        selector.unregister(key.fd)
                    elif not self._store(self._pipes[key.fd].feed(chunk)):
                        return

    def _store(self, lines: list[Line]) -> bool:
        for line in lines:
            if line.stream == STDOUT and line.content.startswith(b"JOBSITE_PROGRESS") and (progress := _progress_in(line.content)):
                self._on_progress(progress)
        return not lines or self._spool.append(lines)


def _pieces(line: bytes) -> list[bytes]:
    pieces = []
    start = 0
    while len(line) - start > LONGEST_LINE_BYTES:
        cut = _character_start(line, start + LONGEST_LINE_BYTES, backwards=True)
        pieces.append(line[start:cut])
        start = cut
    return [*pieces, line[start:]]


def _character_start(text: bytes, position: int, *, backwards: bool = False) -> int:
    # A UTF-8 character has at most three bytes of the form 10xxxxxx after its first; more of them are no UTF-8, and may be cut anywhere.
    for distance in range(4):
        candidate = position - distance if backwards else position + distance
        if candidate >= len(text) or text[candidate] & 0xC0 != 0x80:
            return candidate
    return position


def _progress_in(line: bytes) -> Progress | None:
    found = _PROGRESS.fullmatch(line)
    if found is None or int(found[1]) > 100:
        return None
    return Progress(int(found[1]), (found[2] or b"").decode("utf-8", "replace").strip()[:1000])
