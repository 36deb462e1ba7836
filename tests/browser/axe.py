"""axe-core, which finds what people with a screen reader or a keyboard stumble over: from npm, for development only."""

import base64
import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

VERSION = "4.14.1"
INTEGRITY = "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
_TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
_KEPT = Path(sys.prefix, "share", f"axe-core-{VERSION}.min.js")
_RUN = f"axe.run(document, {{runOnly: {{type: 'tag', values: {list(_TAGS)}}}, resultTypes: ['violations']}})"


def source() -> str:
    """The script, fetched when it is not there yet.

    Raises:
        ValueError: what npm brought is not what is pinned here.
    """
    if not _KEPT.exists():
        _KEPT.parent.mkdir(exist_ok=True)
        _KEPT.write_bytes(_fetched())
    return _KEPT.read_text()


def findings(page: Page) -> list[str]:
    """What it finds on a page as it stands, each with the first element that it is about. (By the debugger: the policy stays on.)"""
    session = page.context.new_cdp_session(page)
    session.send("Runtime.evaluate", {"expression": source()})
    answer = session.send("Runtime.evaluate", {"expression": _RUN, "awaitPromise": True, "returnByValue": True})
    session.detach()
    assert "exceptionDetails" not in answer, answer
    return [_told(finding) for finding in answer["result"]["value"]["violations"]]


def _told(finding: dict[str, Any]) -> str:
    first = finding["nodes"][0]
    return f"{finding['id']}: {finding['help']} (of {len(finding['nodes'])} elements): {first['html'][:200]} {first['any'][:1]}"


def _fetched() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        packed = subprocess.run(
            ["npm", "pack", "--silent", f"axe-core@{VERSION}"], cwd=folder, check=True, capture_output=True, text=True, timeout=120
        )
        archive = Path(folder, packed.stdout.split()[-1])
        digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if f"sha512-{digest}" != INTEGRITY:
            raise ValueError(f"axe-core {VERSION} is not what is pinned: sha512-{digest}")
        with tarfile.open(archive) as content:
            script = content.extractfile("package/axe.min.js")
            assert script
            return script.read()
