"""Where output waits on disk until the server has taken it, so that a slow server costs neither memory nor bytes."""

import os
import struct
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

SPOOL_LIMIT_BYTES = 1 << 30

_HEADER = struct.Struct("<BdI")  # stream, Unix time, length


class Line(NamedTuple):
    """One line of output: `stream` is 1 for stdout and 2 for stderr, as the file descriptors are; `at` is Unix time."""

    stream: int
    at: float
    content: bytes


class Spool:
    """A queue of lines in a file without a name, which is gone with its process whatever happens.

    One thread appends, one takes. The file begins anew whenever all of it has been taken. When the server is so slow that `limit_bytes` are
    waiting, or the disk is full, `append` waits: the script's pipe fills up, and the script is slowed down instead of losing output.
    """

    def __init__(self, folder: Path, *, limit_bytes: int = SPOOL_LIMIT_BYTES) -> None:
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - closed by close().
        self._limit_bytes = limit_bytes
        self._changed = threading.Condition()
        self._read_at = 0
        self._write_at = 0
        self._finished = False
        self._closed = False

    def append(self, lines: Sequence[Line]) -> bool:
        """Store lines; waits while there is no room. Returns False when the spool was closed meanwhile, and nothing was stored."""
        block = b"".join(_HEADER.pack(line.stream, line.at, len(line.content)) + line.content for line in lines)
        with self._changed:
            while not self._closed:
                if self._write_at < self._limit_bytes and self._write(block):
                    self._write_at += len(block)
                    self._changed.notify_all()
                    return True
                self._changed.wait(1.0)
        return False

    def take(self, *, max_bytes: int, max_lines: int, wait_seconds: float) -> list[Line]:
        """Take the oldest lines, waiting up to `wait_seconds` for the first. Always at least one when there is one, however long it is."""
        with self._changed:
            if self._read_at == self._write_at and not (self._finished or self._closed):
                self._changed.wait(wait_seconds)
            if self._closed:
                return []
            lines = self._read(max_bytes, max_lines)
            if self._read_at == self._write_at > 0:
                self._file.truncate(0)
                self._read_at = self._write_at = 0
                self._changed.notify_all()
            return lines

    def finish(self) -> None:
        """Say that nothing more will be appended, so that `take` need not wait."""
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    @property
    def finished(self) -> bool:
        """Whether nothing more will be appended."""
        with self._changed:
            return self._finished or self._closed

    @property
    def drained(self) -> bool:
        """Whether everything that will ever be appended has been taken."""
        with self._changed:
            return self._closed or (self._finished and self._read_at == self._write_at)

    def close(self) -> None:
        """Throw away what is left, and wake whoever waits."""
        with self._changed:
            self._closed = True
            self._file.close()
            self._changed.notify_all()

    def _write(self, block: bytes) -> bool:
        # The write position moves only when all of it is on disk, so what a full disk took of a block is written over by the next try.
        written = 0
        try:
            while written < len(block):
                written += os.pwrite(self._file.fileno(), block[written:], self._write_at + written)
        except OSError:
            return False
        return True

    def _read(self, max_bytes: int, max_lines: int) -> list[Line]:
        block = os.pread(self._file.fileno(), max_bytes + _HEADER.size, self._read_at)
        lines: list[Line] = []
        position = 0
        while len(lines) < max_lines and position + _HEADER.size <= len(block):
            stream, at, length = _HEADER.unpack_from(block, position)
            if position + _HEADER.size + length > len(block):
                if lines:
                    break
                block += os.pread(self._file.fileno(), length, self._read_at + len(block))
            position += _HEADER.size
            lines.append(Line(stream, at, block[position : position + length]))
            position += length
        self._read_at += position
        return lines
