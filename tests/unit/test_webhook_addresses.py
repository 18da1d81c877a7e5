"""Where webhooks may not go, in every form in which it can be written."""

import socket
from ipaddress import ip_address

import pytest

from core.errors import InvalidParameter
from pipeline.webhooks import network
from pipeline.webhooks.addresses import Address, may_reach
from pipeline.webhooks.network import Refused, Unresolved, resolve
from pipeline.webhooks.urls import check_url, parse

NEVER = [
    "0.0.0.0",
    "0.1.2.3",
    "169.254.169.254",
    "168.63.129.16",
    "100.100.100.200",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0.0.0.0",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::7f00:1",
    "2002:a9fe:a9fe::1",
    "2001::1",
    "2001:db8::1",
    "100::1",
    "3fff::1",
    "5f00::1",
    "fe80::1",
    "fe80::1%1",
    "fec0::1",
    "ff02::1",
    "fd00:ec2::254",
    "fd00:ec2::123",
    "fd20:ce::254",
    "fd00:42::42",
]
PRIVATE = [
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.0.9",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "::1",
    "fc00::1",
    "fd12:3456::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "2002:7f00:1::",
    "2002:c0a8:101::1",
    "64:ff9b::7f00:1",
    "64:ff9b::10.0.0.1",
]
PUBLIC = ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:1.1.1.1"]


@pytest.mark.parametrize("text", NEVER)
def test_never_reached(text: str) -> None:
    assert not may_reach(ip_address(text), private=False)
    assert not may_reach(ip_address(text), private=True)


@pytest.mark.parametrize("text", PRIVATE)
def test_private_addresses_only_if_allowed(text: str) -> None:
    assert not may_reach(ip_address(text), private=False)
    assert may_reach(ip_address(text), private=True)


@pytest.mark.parametrize("text", [*PUBLIC, "64:ff9b::1.1.1.1", "2002:101:101::1"])
def test_public_addresses(text: str) -> None:
    assert may_reach(ip_address(text), private=False)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "0",
        "0x7f000001",
        "0x7f.1",
        "2130706433",
        "0177.0.0.1",
        "017700000001",
        "localhost",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "10.0.0.1",
        "[fe80::1]",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "１２７.０.０.１",
        "127。0。0。1",
    ],
)
def test_a_url_that_leads_inside_is_refused(host: str) -> None:
    with pytest.raises(InvalidParameter):
        check_url(f"http://{host}/hook", private=False)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example",
        "//hooks.example/",
        "ftp://hooks.example/",
        "file:///etc/passwd",
        "gopher://hooks.example/",
        "http://",
        "http:///hook",
        "https://user@hooks.example/",
        "https://user:secret@hooks.example/",
        "https://:@hooks.example/",
        "https://hooks.example/#part",
        "https://hooks.example/#",
        "https://hooks.example:0/",
        "https://hooks.example:70000/",
        "https://hooks.example:x/",
        "https://hooks.example/a b",
        "https://hooks.example/\r\nX: y",
        "https://hooks.example\\@127.0.0.1/",
        "https://[::1/",
        "https://hooks.example/" + "x" * 2048,
    ],
)
def test_what_is_no_webhooks_url(url: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        parse(url)
    assert caught.value.details == {"parameter": "url"}


def test_what_is_one() -> None:
    for url in (
        "https://hooks.example/x?token=1",
        "http://hooks.example:8080",
        "HTTPS://HOOKS.EXAMPLE/",
        "https://bücher.example/",
        "https://[2606:4700::1111]:444/x",
    ):
        assert parse(url).host


def lead_to(monkeypatch: pytest.MonkeyPatch, *texts: str) -> None:
    found: list[Address] = [ip_address(text) for text in texts]
    monkeypatch.setattr(network, "_look_up", lambda host, port, seconds: found)


def test_one_private_address_among_public_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    lead_to(monkeypatch, "1.1.1.1", "10.0.0.1")
    with pytest.raises(Refused):
        resolve("hooks.example", 443, private=False, seconds=1)
    lead_to(monkeypatch, "1.1.1.1", "2606:4700::1111")
    assert len(resolve("hooks.example", 443, private=False, seconds=1)) == 2


def test_a_name_that_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(Unresolved):
        resolve("hooks.example", 443, private=False, seconds=1)
    with pytest.raises(InvalidParameter, match="cannot be resolved"):
        check_url("https://hooks.example/", private=False)
