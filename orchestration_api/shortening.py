"""Answers that would pass their limit, told shorter: nothing stored is cut, only what is told of it, and the answer names what was."""

from collections.abc import Callable, Collection, Iterable
from itertools import accumulate
from typing import Any

# What is no longer than this (ids, times, numbers) is told whole if anything is.
_LEAST = 200
# How far down single texts are looked for; what lies deeper is told whole or not at all.
_DEEPEST = 6
# Of one entry of `shortened`, besides its path.
_AROUND_A_NAME = 60

Encode = Callable[[Any], bytes]
Keep = Callable[[dict[str, Any]], Collection[str]]


def fitting(answer: dict[str, Any], *, most_bytes: int, encode: Encode, keep: Keep = lambda _: ()) -> dict[str, Any]:
    """The answer, its longest texts shortened so that it fits.

    Room is shared out evenly: what is short stays whole, what is long gets the same share each. Lists and objects of too many parts are
    left out (null).

    Args:
        answer: any JSON object.
        most_bytes: how long it may be as JSON.
        encode: writes JSON as it goes over the wire.
        keep: which keys of an object have values that must be whole.

    Returns:
        The same object if it fits; else a shorter one with `shortened`: `[{path, bytes}]`, the whole lengths of what was cut or left out:
        of a text in UTF-8, of anything else as JSON.
    """
    if len(encode(answer)) <= most_bytes:
        return answer
    cut = _Cut(encode, keep)
    # Naming what was shortened takes room, too: how much is known once it was done.
    cut.shrunk(answer, most_bytes, ())
    names = sum(len(encode(named["path"])) + _AROUND_A_NAME for named in cut.shortened)
    cut.shortened = []
    shorter = cut.shrunk(answer, most_bytes - 2 * names - _AROUND_A_NAME, ())
    return {**shorter, "shortened": cut.shortened}


class _Cut:
    def __init__(self, encode: Encode, keep: Keep) -> None:
        self.encode = encode
        self.keep = keep
        self.shortened: list[dict[str, Any]] = []

    def shrunk(self, value: Any, room: int, path: tuple[str | int, ...]) -> Any:
        """The value in at most so many bytes, if it can be."""
        content = self.encode(value)
        if len(content) <= max(room, _LEAST):
            return value
        if isinstance(value, str):
            self._name(path, len(value.encode()))
            return self._beginning(value, room)
        if not isinstance(value, dict | list):
            return value
        keys: list[Any] = list(value) if isinstance(value, dict) else list(range(len(value)))
        kept = self.keep(value) if isinstance(value, dict) else ()
        cuttable = [key for key in keys if key not in kept] if len(path) < _DEEPEST else []
        least = {key: self._least(value[key], len(path) + 1) for key in cuttable}
        sizes = {key: len(self.encode(value[key])) - least[key] for key in cuttable}
        share = _share(sizes.values(), room - (len(content) - sum(sizes.values())))
        if path and share < _LEAST and not kept and not any(least.values()):
            self._name(path, len(content))
            return None
        parts = {
            key: self.shrunk(value[key], share + least[key], (*path, key)) if key in sizes and sizes[key] > share else value[key]
            for key in keys
        }
        return parts if isinstance(value, dict) else list(parts.values())

    def _least(self, value: Any, depth: int) -> int:
        """The bytes in a value that must be whole, looked for where jobs stand in an answer: in it, or in a list in it."""
        if depth > 2:
            return 0
        if isinstance(value, dict) and (kept := self.keep(value)):
            return sum(len(self.encode(value[key])) for key in kept if key in value)
        return sum(self._least(part, depth + 1) for part in value if isinstance(part, dict)) if isinstance(value, list) else 0

    def _beginning(self, text: str, room: int) -> str:
        """As much of a text from its beginning as takes so many bytes."""
        least, most = 0, min(len(text), max(0, room))
        while least < most:
            middle = (least + most + 1) // 2
            least, most = (middle, most) if len(self.encode(text[:middle])) <= room else (least, middle - 1)
        return text[:least]

    def _name(self, path: tuple[str | int, ...], size: int) -> None:
        words = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
        self.shortened.append({"path": words.removeprefix("."), "bytes": size})


def _share(sizes: Iterable[int], room: int) -> int:
    """How much each part may have at most, so that all parts together take no more than there is room."""
    ordered = sorted(sizes)
    for place, taken in enumerate(accumulate(ordered, initial=0)):
        left = len(ordered) - place
        # Those before this place are whole; the others share what is left.
        if left and (room - taken) // left < ordered[place]:
            return max(0, (room - taken) // left)
    return room
