"""A proxy that loses requests and answers as it is told to."""

import http.client
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Fate(Enum):
    """What becomes of one request."""

    HANG_UP = "closed before anything reached the server"
    LOSE = "done by the server, its answer lost"
    CUT = "done by the server, half of its answer lost"


class Lossy(ThreadingHTTPServer):
    """Forwards to `port` on loopback; the fates are those of the next requests."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.port = port
        self.fates: deque[Fate] = deque()
        self.seen = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self._forward()

    def do_GET(self) -> None:
        self._forward()

    def do_DELETE(self) -> None:
        self._forward()

    def log_message(self, format: str, *args: object) -> None:
        """Tests are silent."""

    def _forward(self) -> None:
        lossy = self.server
        assert isinstance(lossy, Lossy)
        lossy.seen += 1
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fate = lossy.fates.popleft() if lossy.fates else None
        if fate is Fate.HANG_UP:
            self.close_connection = True
            return
        with closing(http.client.HTTPConnection("127.0.0.1", lossy.port, timeout=30)) as onward:
            headers = {**self.headers, "Host": f"localhost:{lossy.port}"}
            onward.request(self.command, self.path, body, headers)
            answer = onward.getresponse()
            self._answer(answer, answer.read(), fate)

    def _answer(self, answer: http.client.HTTPResponse, data: bytes, fate: Fate | None) -> None:
        if fate is not None:
            self.close_connection = True
        if fate is Fate.LOSE:
            return
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "transfer-encoding"):
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if fate is Fate.CUT else data)


@contextmanager
def lossy(port: int) -> Iterator[Lossy]:
    """A proxy before the server on `port`."""
    with Lossy(port) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()
