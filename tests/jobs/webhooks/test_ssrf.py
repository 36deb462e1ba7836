"""Nothing is sent to where a stranger must not reach through us: each form of such an address, whichever way it comes."""

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from jobs.webhooks import targets
from jobs.webhooks.addresses import is_public
from jobs.webhooks.posting import Answer, Poster
from tests.receiver import Receiver, Reply, listening

# What the name `hostile.example` leads to in these tests, and what is written into URLs.
HOSTILE_ADDRESSES = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",  # noqa: S104
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:8.8.8.8",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::7f00:1",
    "100::1",
    "2001::7f00:1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2620:4f:8000::1",
    "2a00:1450::5efe:7f00:1",
    "2a00:1450::200:5efe:7f00:1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]
HOSTILE_URLS = [
    # Ways to write loopback that a resolver, or a careless parser, takes for it.
    "http://localhost:{port}/",
    "http://LOCALHOST:{port}/",
    "http://127.1:{port}/",
    "http://127.0.1:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f000001:{port}/",
    "http://0x7f.0.0.1:{port}/",
    "http://017700000001:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://127.000.000.001:{port}/",
    "http://0:{port}/",
    "http://①②⑦.0.0.1:{port}/",
    "http://127。0。0。1:{port}/",
    "http://[::1%25lo]:{port}/",
    "http://[fe80::1%25eth0]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    # Parts that one reader takes for the host and another does not.
    "http://good.example@127.0.0.1:{port}/",
    "http://user:secret@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}#@good.example/",
    "http://127.0.0.1:{port}\\@good.example/",
    "http://good.example\\@127.0.0.1:{port}/",
    "http:///127.0.0.1:{port}/",
    "http:127.0.0.1:{port}/",
    "http://127.0.0.1%00.good.example:{port}/",
    "http://127.0.0.1\t:{port}/",
    "http://127.0.0.1:{port}/\r\nHost: good.example",
    "http://127.0.0.1:{port}/ HTTP/1.1\r\nX: y",
    " http://127.0.0.1:{port}/",
    "//127.0.0.1:{port}/",
    # Other ways than HTTP, and other services.
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/_GET",
    "ftp://127.0.0.1:{port}/",
    "unix:///var/run/docker.sock",
    "HTTP://127.0.0.1:{port}/",
    "http+unix://127.0.0.1:{port}/",
    "http://8.8.8.8:22/",
    "http://8.8.8.8:25/",
    "http://8.8.8.8:6379/",
    "http://8.8.8.8:5432/",
    "http://8.8.8.8:0/",
    "http://8.8.8.8:65536/",
    "http://8.8.8.8:99999999999/",
    "http://-good.example:{port}/",
    "http://good..example:{port}/",
    "http://:{port}/",
    "http://",
    "",
    "http://good.example/" + "a" * 2000,
]

Post = Callable[..., Answer]


@pytest.fixture
def post() -> Iterator[Post]:
    """Posts to a URL, and does not wait long."""
    with ThreadPoolExecutor(2) as resolvers:
        poster = Poster(resolvers)
        yield lambda url, seconds=2.0: poster.post(url, "{}", headers={}, within_seconds=seconds)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """To what `hostile.example` leads, at the first question, the second, …; at the last entry it stays."""
    answers: list[list[str]] = []
    real = socket.getaddrinfo

    def resolved(host: Any, port: Any, *rest: Any, **more: Any) -> Any:
        if host != "hostile.example":
            return real(host, port, *rest, **more)
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (text, port, 0, 0))
            if ":" in text
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, port))
            for text in found
        ]

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    return answers


@pytest.fixture
def connected_to(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Addresses that somebody tried to connect to, but for those of loopback; nothing is there."""
    tried: list[Any] = []
    real = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        if not ip_address(address[0]).is_loopback:
            tried.append(address[0])
            raise ConnectionRefusedError("refused")
        real(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)
    return tried


@pytest.fixture
def _nothing_is_allowed(settings: Any) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = []


@pytest.mark.usefixtures("_nothing_is_allowed")
def test_no_hostile_url_reaches_anything(post: Post, names: list[list[str]], connected_to: list[Any]) -> None:
    with listening() as (port, seen):
        literals = [f"http://[{text}]:{port}/" if ":" in text else f"http://{text}:{port}/" for text in HOSTILE_ADDRESSES]
        urls = [url.format(port=port) for url in HOSTILE_URLS] + literals
        assert len(set(urls)) >= 100
        for url in urls:
            answer = post(url)
            assert (answer.status, bool(answer.error)) == (None, True), url
        for text in HOSTILE_ADDRESSES:
            names[:] = [[text]]
            answer = post(f"http://hostile.example:{port}/")
            assert (answer.status, answer.error) == (None, f"{ip_address(text)} is not an address that webhooks may be sent to")
        time.sleep(0.1)
        assert seen == []
    assert connected_to == []


@pytest.mark.usefixtures("_nothing_is_allowed")
def test_a_name_that_changes_between_check_and_connect_leads_nowhere(post: Post, names: list[list[str]], connected_to: list[Any]) -> None:
    with listening() as (port, seen):
        names[:] = [["93.184.216.34"], ["127.0.0.1"]]
        answer = post(f"http://hostile.example:{port}/")

        assert answer.error == "ConnectError: refused"
        assert connected_to == ["93.184.216.34"], "the very address that was looked at"
        assert len(names) == 1, "it was asked for once"
        assert post(f"http://hostile.example:{port}/").error == "127.0.0.1 is not an address that webhooks may be sent to"
        assert seen == []


@pytest.mark.usefixtures("_nothing_is_allowed")
def test_a_name_of_which_one_address_is_hostile_is_not_connected_to_at_all(
    post: Post, names: list[list[str]], connected_to: list[Any]
) -> None:
    for addresses in (["93.184.216.34", "10.0.0.1"], ["::1", "93.184.216.34"]):
        names[:] = [addresses]
        assert "is not an address" in str(post("http://hostile.example:8080/").error)
    assert connected_to == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(post: Post, receiver: Receiver, status: int) -> None:
    with listening() as (port, seen):
        receiver.reply = lambda got: Reply(status, headers={"Location": f"http://127.0.0.1:{port}/"})
        answer = post(receiver.url)

        assert (answer.status, answer.error) == (status, f"answered {status}: redirects are not followed")
        assert seen == []


def test_no_proxy_is_taken_from_the_environment(post: Post, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as (port, seen):
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")

        assert post(receiver.url).error is None
        assert seen == []


@pytest.mark.parametrize("text", HOSTILE_ADDRESSES)
def test_no_hostile_address_is_public(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize(
    "text", ["1.1.1.1", "8.8.8.8", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450:4001::200e"]
)
def test_addresses_of_the_internet_are_public(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize("text", [f"fe80::1%{scope}" for scope in ("eth0", "1")] + ["2606:4700::1111%eth0"])
def test_an_address_of_one_interface_is_not_public(text: str) -> None:
    assert not is_public(ip_address(text))


def test_the_settings_open_networks_and_http(settings: Any) -> None:
    settings.WEBHOOK_ALLOW_HTTP, settings.WEBHOOK_ALLOWED_NETWORKS = False, []
    for url in ("http://hooks.example/", "https://10.1.2.3/", "https://[fd00::1]/"):
        with pytest.raises(targets.TargetRefused):
            targets.read(url)
    settings.WEBHOOK_ALLOW_HTTP, settings.WEBHOOK_ALLOWED_NETWORKS = True, [ip_network("10.1.0.0/16"), ip_network("fd00::/64")]
    for url in ("http://hooks.example/", "https://10.1.2.3/", "https://[fd00::1]/"):
        targets.read(url)
    for url in ("https://10.2.0.1/", "https://[fd00:1::1]/"):
        with pytest.raises(targets.TargetRefused):
            targets.read(url)


@pytest.mark.parametrize(
    ("url", "authority", "path"),
    [
        ("https://hooks.example", "hooks.example", "/"),
        ("https://Hooks.Example:443/a?b=c%20d", "hooks.example", "/a?b=c%20d"),
        ("https://hooks.example:8443/a/", "hooks.example:8443", "/a/"),
        ("https://[2606:4700::1111]/", "[2606:4700::1111]", "/"),
        ("https://8.8.8.8:443/", "8.8.8.8", "/"),
        ("https://xn--bcher-kva.example/?x", "xn--bcher-kva.example", "/?x"),
    ],
)
def test_a_plain_url_is_read_as_it_is(url: str, authority: str, path: str) -> None:
    target = targets.read(url)

    assert (target.authority, target.path) == (authority, path)
