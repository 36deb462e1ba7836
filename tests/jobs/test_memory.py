"""What a process remembers: for as long as it was told, and never more than it may."""

import time

from jobs.memory import Memory


def test_what_is_over_is_forgotten() -> None:
    memory: Memory[str, int] = Memory()
    memory.keep("lives", 1, until=time.monotonic() + 60)
    memory.keep("is over", 2, until=time.monotonic())

    assert [memory.get(key) for key in ("lives", "is over", "never was")] == [1, None, None]


def test_made_up_keys_do_not_fill_it() -> None:
    memory: Memory[int, int] = Memory(most=3)
    for key in range(7):
        memory.keep(key, key, until=time.monotonic() + 60)

    assert [key for key in range(7) if memory.get(key) is not None] == [6]


def test_it_can_be_told_to_forget() -> None:
    memory: Memory[str, int] = Memory()
    memory.keep("was", 1, until=time.monotonic() + 60)
    memory.forget()

    assert memory.get("was") is None
