"""One window, and what the browser complains of in it."""

from playwright.sync_api import BrowserContext, ConsoleMessage, Response

# The policy's refusals, told to the console, where they are heard. (Chromium's own words for them come there, too.)
_LISTEN = (
    "document.addEventListener('securitypolicyviolation', (e) => console.error('policy', e.violatedDirective, e.blockedURI, e.sample))"
)


class Visit:
    """
    Attributes:
        page: the window.
        complaints: errors on the console, refusals by the policy, faults in scripts, answers that say 500.
    """

    def __init__(self, context: BrowserContext) -> None:
        self.complaints: list[str] = []
        self._forgiven: list[str] = []
        context.add_init_script(_LISTEN)
        self.page = context.new_page()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(f"{self.page.url}: {error}"))
        self.page.on("response", self._judge)

    def open(self, address: str) -> None:
        """Goes there, and waits until everything that the page names has come."""
        self.page.goto(address, wait_until="load")

    def forgive(self, *words: str) -> None:
        """From now on what has one of these words is no complaint: for tests that provoke it, before they do."""
        self._forgiven += words

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._complain(f"{self.page.url}: {message.text}")

    def _judge(self, response: Response) -> None:
        if response.status >= 500:
            self._complain(f"{response.status} {response.url}")

    def _complain(self, complaint: str) -> None:
        if not any(words in complaint for words in self._forgiven):
            self.complaints.append(complaint)
