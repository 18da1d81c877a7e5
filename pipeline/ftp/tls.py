"""FTPS: the encrypted session, and the certificate made at the first start."""

import ipaddress
import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL
from pyftpdlib.handlers import TLS_DTPHandler, TLS_FTPHandler
from typing_extensions import override

from core.files import write_atomic
from core.settings import SettingsError
from pipeline.ftp import rules
from pipeline.ftp.session import DataChannel, Session

CERTIFICATE_NAME = "ftp-certificate.pem"
KEY_NAME = "ftp-key.pem"
_VALID_DAYS = 3650
_CLOCK_SLACK = timedelta(days=1)


class TlsDataChannel(TLS_DTPHandler, DataChannel):  # type: ignore[misc]  # pyftpdlib has no types
    """A data connection under TLS."""

    @override
    def _is_broken(self) -> bool:
        # A client that has said its goodbye has sent everything: it may then close with our last
        # message unread, which looks like a reset.
        if self._has_said_goodbye():
            return False
        return super()._is_broken()

    def _has_said_goodbye(self) -> bool:
        connection = self.socket
        return isinstance(connection, SSL.Connection) and bool(
            connection.get_shutdown() & SSL.RECEIVED_SHUTDOWN
        )


class TlsSession(TLS_FTPHandler, Session):  # type: ignore[misc]
    """A session that takes no password and no photo in the clear."""

    dtp_handler = TlsDataChannel
    tls_control_required = True
    tls_data_required = True
    proto_cmds = rules.supported(TLS_FTPHandler.proto_cmds)


def server_context(folder: Path, host: str) -> SSL.Context:
    """TLS 1.2 with the certificate in `folder`, made there when it is missing.

    Not 1.3: there the server's last message, the session tickets, follows the handshake. A client
    that has sent a small photo at once and closed never reads it, which resets the connection
    under a complete upload; pyOpenSSL cannot turn the tickets off.

    Raises SettingsError when certificate and key do not belong together.
    """
    certificate, key = folder / CERTIFICATE_NAME, folder / KEY_NAME
    if not (certificate.exists() and key.exists()):
        _make_certificate(certificate, key, host)
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_max_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_NO_COMPRESSION)
    try:
        context.use_certificate_chain_file(str(certificate))
        context.use_privatekey_file(str(key))
        context.check_privatekey()
    except SSL.Error:
        raise SettingsError(
            f"{CERTIFICATE_NAME} and {KEY_NAME} in KENAL_DATA_DIR do not belong together; "
            "put a matching pair there, or delete both to have new ones made"
        ) from None
    return context


def _make_certificate(certificate: Path, key: Path, host: str) -> None:
    secret = ec.generate_private_key(ec.SECP256R1())
    names = dict.fromkeys([host, "127.0.0.1", "localhost", socket.gethostname()])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Kenal FTP")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SLACK)
        .not_valid_after(now + timedelta(days=_VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName([_general_name(n) for n in names if n]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(secret, hashes.SHA256())
    )
    _write_secret(key, _key_bytes(secret))
    write_atomic(certificate, signed.public_bytes(serialization.Encoding.PEM))


def _key_bytes(secret: ec.EllipticCurvePrivateKey) -> bytes:
    return secret.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write_secret(path: Path, data: bytes) -> None:
    # Never readable by others, not even while it is written.
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
