"""The peers' own environments: made when they are first asked for, with what is pinned here."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
_REQUIREMENTS = FOLDER / "requirements.txt"
_ENVIRONMENT = FOLDER.parents[1] / ".venv-peers"
_INSTALL_WITHIN_SECONDS = 600


class CannotInstall(Exception):
    """Why: for people."""


def python() -> str:
    """The interpreter that has the peers written in Python.

    Raises:
        CannotInstall: no network, or whatever pip says.
    """
    interpreter = str(_ENVIRONMENT / "bin" / "python")
    # Written last of all: without it what is there is half made.
    stamp, wanted = _ENVIRONMENT / ".installed", _fingerprint(_REQUIREMENTS)
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(_ENVIRONMENT, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(_ENVIRONMENT)])
        _run([interpreter, "-m", "pip", "install", "--quiet", "--require-hashes", "--requirement", str(_REQUIREMENTS)])
        stamp.write_text(wanted)
    return interpreter


def node() -> str:
    """Node, for which the peers written in JavaScript are installed.

    Raises:
        CannotInstall: there is no Node or npm, no network, or whatever npm says.
    """
    interpreter, npm = shutil.which("node"), shutil.which("npm")
    if not interpreter or not npm:
        raise CannotInstall("there is no Node.js with npm")
    stamp, wanted = FOLDER / "node_modules" / ".installed", _fingerprint(FOLDER / "package-lock.json")
    if not stamp.exists() or stamp.read_text() != wanted:
        _run([npm, "ci", "--silent", "--no-audit", "--no-fund"])
        stamp.write_text(wanted)
    return interpreter


def version_of(package: str) -> str:
    """The version that is pinned."""
    locked = json.loads((FOLDER / "package-lock.json").read_text())["packages"]
    if (found := locked.get(f"node_modules/{package}")) is not None:
        return str(found["version"])
    if (pinned := re.search(rf"^{re.escape(package)}==(\S+)", _REQUIREMENTS.read_text(), re.MULTILINE)) is not None:
        return pinned[1]
    raise LookupError(package)


def _fingerprint(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, cwd=FOLDER, check=True, capture_output=True, text=True, timeout=_INSTALL_WITHIN_SECONDS)  # noqa: S603
    except subprocess.CalledProcessError as error:
        raise CannotInstall((error.stderr or error.stdout or str(error)).strip().splitlines()[-1]) from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotInstall(str(error)) from None
