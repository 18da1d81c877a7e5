"""The connection goes to the address that was checked, and to nobody who only claims the name."""

import datetime
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pipeline.webhooks import network
from pipeline.webhooks.addresses import Address
from pipeline.webhooks.post import Answer, post
from tests.webhook_kit import Receiver, receiving

NAME = "hooks.example"
PLAIN = ssl.create_default_context()


@dataclass
class Names:
    """Stands in for the resolver: what each question is answered, the last one for ever."""

    answers: list[list[Address]]
    asked: int = 0

    def __call__(self, host: str, port: int, seconds: float) -> list[Address]:
        assert host == NAME
        self.asked += 1
        return self.answers[min(self.asked, len(self.answers)) - 1]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def lead(monkeypatch: pytest.MonkeyPatch, *answers: str) -> Names:
    names = Names([[ip_address(text) for text in answer.split()] for answer in answers])
    monkeypatch.setattr(network, "_look_up", names)
    return names


def send(
    port: int, private: bool = True, scheme: str = "http", context: ssl.SSLContext = PLAIN
) -> Answer:
    return post(f"{scheme}://{NAME}:{port}/hook?x=1", {"webhook-id": "1"}, b"{}", context, private)


def test_the_checked_address_is_the_one_that_is_used(
    monkeypatch: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    """The name does not exist: whoever asked for it once more would not get there."""
    names = lead(monkeypatch, "127.0.0.1")
    assert send(receiver.port) == Answer(200)
    assert names.asked == 1
    (got,) = receiver.got
    assert got.headers["host"] == f"{NAME}:{receiver.port}"
    assert got.path == "/hook?x=1"


def test_a_name_that_turns_inside_later(
    monkeypatch: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    lead(monkeypatch, "1.1.1.1", "127.0.0.1")
    assert network.resolve(NAME, receiver.port, False, 1) == [ip_address("1.1.1.1")]
    answer = send(receiver.port, private=False)
    assert answer.error == "the host has an address that webhooks may not go to"
    assert receiver.got == []


def test_the_next_address_where_the_first_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    lead(monkeypatch, "127.0.0.2 127.0.0.1")
    assert send(receiver.port) == Answer(200)


def test_proxies_of_the_environment_are_not_asked(
    monkeypatch: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    lead(monkeypatch, "127.0.0.1")
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert send(receiver.port) == Answer(200)


def certificate(folder: Path, name: str) -> Path:
    """A self-signed certificate for `name`, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def secure(receiver: Receiver, path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    receiver.server.socket = context.wrap_socket(receiver.server.socket, server_side=True)


def test_tls_asks_for_the_name_and_checks_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, receiver: Receiver
) -> None:
    lead(monkeypatch, "127.0.0.1")
    path = certificate(tmp_path, NAME)
    secure(receiver, path)
    trusting = ssl.create_default_context(cafile=str(path))
    assert send(receiver.port, scheme="https", context=trusting) == Answer(200)
    assert len(receiver.got) == 1
    unknown = send(receiver.port, scheme="https")
    assert "the certificate was not accepted: self-signed" in (unknown.error or "")
    assert len(receiver.got) == 1


def test_a_certificate_for_another_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, receiver: Receiver
) -> None:
    lead(monkeypatch, "127.0.0.1")
    path = certificate(tmp_path, "other.example")
    secure(receiver, path)
    context = ssl.create_default_context(cafile=str(path))
    answer = send(receiver.port, scheme="https", context=context)
    assert "Hostname mismatch" in (answer.error or "")
    assert receiver.got == []


def test_tls_where_none_is_spoken(monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> None:
    lead(monkeypatch, "127.0.0.1")
    assert send(receiver.port, scheme="https").error == "no secure connection could be made"
    assert receiver.got == []
