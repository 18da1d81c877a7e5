"""One FTP client: its commands, and the connection its data comes by."""

import errno
import hmac
import logging
import socket
import sys

from pydantic import SecretStr
from pyftpdlib.authorizers import AuthenticationFailed, DummyAuthorizer
from pyftpdlib.handlers import DTPHandler, FTPHandler
from typing_extensions import override

from core.logs import describe
from core.names import printable
from pipeline.ftp import rules
from pipeline.ftp.folder import DropFolder
from pipeline.ftp.upload import Upload

log = logging.getLogger("pipeline.ftp")

_SETTLE_SECONDS = 0.01
"""A client that dies closes both its connections; one that is done waits for our answer."""


class OneUser(DummyAuthorizer):  # type: ignore[misc]  # pyftpdlib has no types
    """The single login of the settings; its password is compared in constant time."""

    def __init__(self, name: str, password: SecretStr, home: str) -> None:
        super().__init__()
        self._name = name.encode()
        self._password = password
        self.add_user(name, "", home, perm="elrdfmw")

    @override
    def validate_authentication(self, username: str, password: str, handler: object) -> None:
        """Raises AuthenticationFailed unless both name and password are right."""
        secret = self._password.get_secret_value().encode()
        name_ok = hmac.compare_digest(_raw(username), self._name)
        password_ok = hmac.compare_digest(_raw(password), secret)
        if not (name_ok and password_ok and secret):
            raise AuthenticationFailed("Authentication failed.")


class DataChannel(DTPHandler):  # type: ignore[misc]
    """A data connection that commits an upload only when its client says it is complete.

    The end of an upload is the end of the connection, so a dying client looks like a finished
    one: the upload waits for a moment, in which the loss of the control connection drops it.
    """

    timeout = 120
    _settling = False

    @override
    def enable_receiving(self, type: str, cmd: str) -> None:
        # ASCII mode, the default of old clients, would rewrite bytes of the photo.
        super().enable_receiving("i", cmd)

    @override
    def handle_read(self) -> None:
        super().handle_read()
        if isinstance(self.file_obj, Upload) and self.file_obj.is_hopeless and not self._closed:
            self._finish()

    # The event loop calls this name; the base class binds it to its own handle_read.
    handle_read_event = handle_read

    @override
    def handle_close(self) -> None:
        if not isinstance(self.file_obj, Upload) or self._closed:
            super().handle_close()
        elif self._is_broken():
            self._resp = ("426 Connection lost; nothing was stored.", log.debug)
            self.close()
        elif not self._settling:
            self._settling = True
            self.del_channel()
            self.call_later(_SETTLE_SECONDS, self._settled)

    def _is_broken(self) -> bool:
        # pyftpdlib calls handle_close from the handler of the socket's error.
        reason = getattr(sys.exc_info()[1], "args", ())
        if reason and isinstance(reason[0], int) and reason[0] > 0:
            return True
        return bool(self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))

    def _settled(self) -> None:
        self.add_channel(events=self.ioloop.READ)
        self._finish()

    def _finish(self) -> None:
        self._resp = (self.file_obj.commit(), log.debug)
        self.close()

    @override
    def close(self) -> None:
        if isinstance(self.file_obj, Upload):
            # The base class takes any end of the connection for a finished transfer.
            self.transfer_finished = self.file_obj.is_stored
        super().close()


class Session(FTPHandler):  # type: ignore[misc]
    """The control connection. `server.session_class` fills in what the settings decide."""

    banner = "Kenal"
    abstracted_fs = DropFolder
    dtp_handler = DataChannel
    max_login_attempts = 3
    # Undecodable bytes stay recognizable, for `rules.bad_text` and for listings.
    unicode_errors = "surrogateescape"
    proto_cmds = rules.supported(FTPHandler.proto_cmds)

    @override
    def pre_process_command(self, line: str, cmd: str, arg: str) -> None:
        reply = self._refusal(cmd, arg)
        if reply is None:
            super().pre_process_command(line, cmd, arg)
        else:
            self.respond(reply)

    def _refusal(self, cmd: str, arg: str) -> str | None:
        unsupported = rules.UNSUPPORTED.get(" ".join([cmd, *arg.split()[:1]])) or (
            rules.UNSUPPORTED.get(cmd)
        )
        if unsupported:
            return f"502 {unsupported}"
        if cmd == "REST":
            return rules.restart_reply(arg)
        # A password may be any text.
        if cmd != "PASS" and (reply := rules.bad_text(arg)):
            return reply
        takes_path = self.proto_cmds.get(cmd, {}).get("perm") is not None
        if self.authenticated and takes_path:
            return rules.refusal(cmd, self.fs.relative(arg or "."))
        return None

    @override
    def on_login(self, username: str) -> None:
        log.info("login from %s", self.remote_ip)

    @override
    def on_login_failed(self, username: str, password: str) -> None:
        # Not even the name: people type passwords there.
        log.warning("login refused from %s", self.remote_ip)

    @override
    def on_file_received(self, file: str) -> None:
        log.info("received %s from %s", printable(file), self.remote_ip)

    @override
    def on_incomplete_file_received(self, file: str) -> None:
        log.warning("upload of %s from %s not stored", printable(file), self.remote_ip)

    @override
    def log_exception(self, instance: object) -> None:
        error = sys.exc_info()[1]
        if isinstance(error, OSError) and error.errno in (errno.ECONNRESET, errno.EPIPE):
            return
        log.error("session failed [%s]", describe(error) if error else "unknown")


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
