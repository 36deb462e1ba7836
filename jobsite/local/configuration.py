"""What `bin/run` is told by the environment, checked before anything heavy begins."""

import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# What the local orchestrator is called.
ORCHESTRATOR = "local-1"
_OF_THE_ORCHESTRATOR = frozenset({"PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "JOBSITE_TOKEN"})


class ConfigurationError(Exception):
    """`bin/run` can't begin; the message is one line that names the variable and the mend."""


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """Where this run listens, where it keeps its files, and how much of jobsite it runs."""

    host: str
    port: int
    data_dir: Path
    embedded: bool
    demo: bool

    @property
    def url(self) -> str:
        """Where people and the local orchestrator find the server."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def refuse_port_in_use(self) -> None:
        """Raises:
        ConfigurationError: the address is taken, not ours to take, or not one of this machine.
        """
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)[0]
            with socket.socket(family, kind, protocol) as trial:
                # As gunicorn will: connections of the last run that are still fading away don't count.
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                trial.bind(address)
                trial.listen()
        except OSError as error:
            raise ConfigurationError(f"PORT, JOBSITE_BIND: {self.host}:{self.port} can't be used: {error.strerror or error}.") from None


def read_configuration() -> Configuration:
    """The configuration of this process's environment.

    Raises:
        ConfigurationError: a variable has no usable value.
    """
    from django.conf import settings

    from jobsite.settings import switch

    return Configuration(
        host=os.environ.get("JOBSITE_BIND") or "127.0.0.1",
        port=_whole("PORT", 8000, least=1, most=65535),
        data_dir=settings.DATA_DIR,
        embedded=not os.environ.get("DATABASE_URL"),
        demo=switch("JOBSITE_DEMO", default=True),
    )


def orchestrators_environment(environment: Mapping[str, str], *, token: str) -> dict[str, str]:
    """What the local orchestrator reads, and no more: it runs scripts, so it has no business with the database, with what signs sessions or
    with the service key.

    Args:
        environment: of this process.
        token: its own, for when there is no JOBSITE_TOKEN.
    """
    kept = {name: value for name, value in environment.items() if name in _OF_THE_ORCHESTRATOR or name.startswith("ORCHESTRATOR_")}
    return {**kept, "JOBSITE_TOKEN": kept.get("JOBSITE_TOKEN", "").strip() or token}


def refuse_unwritable(data_dir: Path) -> None:
    """Make the data dir when it is missing.

    Raises:
        ConfigurationError: it can't be made, or not written to.
    """
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        trial = data_dir / f".trial-{os.getpid()}"
        trial.touch()
        trial.unlink()
    except OSError as error:
        raise ConfigurationError(f"JOBSITE_DATA_DIR: {data_dir} can't be written: {error.strerror}.") from None


def refuse_unreachable_database() -> None:
    """Raises:
    ConfigurationError: nothing at DATABASE_URL lets us in within a few seconds.
    """
    import psycopg
    from django.db import connection

    try:
        psycopg.connect(**{**connection.get_connection_params(), "connect_timeout": 3}).close()
    except psycopg.Error as error:
        raise ConfigurationError(f"DATABASE_URL: the database can't be reached: {' '.join(str(error).split())}") from None


def _whole(variable: str, default: int, *, least: int, most: int) -> int:
    text = os.environ.get(variable, "").strip()
    if text and not (re.fullmatch(r"[0-9]{1,9}", text) and least <= int(text) <= most):
        raise ConfigurationError(f"{variable} must be a whole number from {least} to {most}, not {text!r}.")
    return int(text or default)
