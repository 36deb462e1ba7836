"""What a socket has for us, without reading it."""

import select


def has_something_to_read(socket: int, *, within_seconds: float = 0) -> bool:
    """Whether there is something to read, or an end.

    Args:
        socket: its file descriptor.
        within_seconds: waits for it as long as that.
    """
    poll = select.poll()
    poll.register(socket, select.POLLIN)
    return bool(poll.poll(within_seconds * 1000))
