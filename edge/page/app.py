"""The page's addresses. Every answer says that no other site may show it."""

import importlib
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge.board import Board
from edge.page.access import Guesses, is_loopback_host, is_password, is_same_origin
from edge.page.captures import LONGEST_NAME, Captures, name_of
from edge.page.report import report
from edge.page.stream import BOUNDARY, Feed
from edge.page.types import Status
from edge.page.viewers import Viewers
from edge.sections import LOOPBACK, PageSettings

log = logging.getLogger("edge.page")
STATIC = Path(__file__).with_name("static")
WIDTHS = {"full": 1280, "small": 480}
_MOST_BODY_BYTES = 4096
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self'; "
    "script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Site:
    """The routes and what they need."""

    def __init__(
        self,
        settings: PageSettings,
        board: Board,
        status: Status,
        captures: Captures | None,
        stop: threading.Event,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._password = settings.password.text
        self._only_loopback = settings.host in LOOPBACK and not self._password
        self._board, self._status, self._captures = board, status, captures
        self._stop, self._clock, self._guesses = stop, clock, Guesses()
        self.viewers = Viewers(settings.max_viewers)
        self.feed = Feed(board, settings.max_rate, stop, clock)
        self._here = threading.local()  # the connection that this thread answers
        # Here, not above: a device without the page has no Flask.
        self._flask: Any = importlib.import_module("flask")

    def app(self) -> Any:
        """The WSGI application."""
        app = self._flask.Flask("edge.page", static_folder=str(STATIC), static_url_path="/static")
        app.config["MAX_CONTENT_LENGTH"] = _MOST_BODY_BYTES
        app.json.ensure_ascii = False
        app.before_request(self._guard)
        app.after_request(_sealed)
        app.register_error_handler(Exception, self._failed)
        app.add_url_rule("/", "root", self._root)
        app.add_url_rule("/video_feed_page", "page", self._page)
        app.add_url_rule("/video_feed", "video", self._video)
        app.add_url_rule("/status.json", "status", self._report)
        app.add_url_rule("/capture", "capture", self._capture, methods=["POST"])

        def answer(environ: dict[str, Any], start: Any) -> Any:
            self._here.address = str(environ["REMOTE_ADDR"]), str(environ["REMOTE_PORT"])
            return app(environ, start)

        return answer

    def _guard(self) -> Any:
        request = self._flask.request
        host = request.headers.get("Host", "")
        if self._only_loopback and not is_loopback_host(host):
            return self._words(403, "This page is for this machine only: open it as localhost.")
        refusal = self._unproven(request) if self._password else None
        if refusal is None and request.method not in ("GET", "HEAD"):
            told = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
            if not is_same_origin(host, *told):
                return self._words(403, "Only the page itself may ask for this.")
        return refusal

    def _unproven(self, request: Any) -> Any:
        given = request.authorization
        if given is None or given.type != "basic":
            return self._asked_for_password()
        address = request.remote_addr or ""
        if not self._guesses.wait(address, self._stop.wait):
            answer = self._words(429, "Too many passwords at once. Try again in some seconds.")
            answer.headers["Retry-After"] = "3"
            return answer
        if is_password(given.password or "", self._password):
            return None
        self._guesses.failed(address)
        return self._asked_for_password()

    def _asked_for_password(self) -> Any:
        answer = self._words(401, "The page's password is needed. Any user name will do.")
        answer.headers["WWW-Authenticate"] = 'Basic realm="The door", charset="UTF-8"'
        return answer

    def _root(self) -> Any:
        return self._flask.redirect("/video_feed_page")

    def _page(self) -> Any:
        return self._flask.send_from_directory(STATIC, "page.html")

    def _video(self) -> Any:
        request = self._flask.request
        width = WIDTHS.get(request.args.get("size", "full"))
        if width is None:
            return self._words(400, "The size is full or small.")
        place = self.viewers.enter(self._here.address)
        if place is None:
            answer = self._words(503, "Too many are watching already. Try again later.")
            answer.headers["Retry-After"] = "10"
            return answer
        kind = f"multipart/x-mixed-replace; boundary={BOUNDARY}"
        parts = () if request.method == "HEAD" else self.feed.parts(place, width)
        answer = self._flask.Response(parts, content_type=kind)
        # Not in the generator: one that was never begun is closed without a word.
        answer.call_on_close(place.leave)
        return answer

    def _report(self) -> Any:
        progress = self._captures.progress() if self._captures else None
        return self._flask.jsonify(report(self._board, self._status, progress, self._clock()))

    def _capture(self) -> Any:
        if self._captures is None:
            return self._json(404, "Nobody can be registered here.")
        name = name_of(_field(self._flask.request, "name"))
        if name is None:
            return self._json(400, f"A name is needed, of at most {LONGEST_NAME} letters.")
        if not self._captures.start(name):
            return self._json(409, "Somebody is being registered already.")
        return self._json(202, "It starts.")

    def _failed(self, error: Exception) -> Any:
        status = getattr(error, "code", None)
        if isinstance(status, int) and 400 <= status < 500:
            return self._words(status, _PLAIN.get(status, "This cannot be answered."))
        log.error("an answer failed: %s", type(error).__name__)
        return self._words(500, "Something went wrong here; the log tells more.")

    def _words(self, status: int, text: str) -> Any:
        return self._flask.Response(text + "\n", status, content_type="text/plain; charset=utf-8")

    def _json(self, status: int, text: str) -> Any:
        answer = self._flask.jsonify({"text": text})
        answer.status_code = status
        return answer


_PLAIN = {
    404: "There is nothing here. The live picture is at /video_feed_page.",
    405: "This address is not asked like that.",
    413: "That is too large.",
}


def _field(request: Any, name: str) -> object:
    """Of a JSON object; other kinds of body, which other sites' forms can send, have none."""
    if request.mimetype != "application/json":
        return None
    try:
        body = request.get_json(silent=True)
    except RecursionError:
        return None
    return body.get(name) if isinstance(body, dict) else None


def _sealed(answer: Any) -> Any:
    for name, value in _HEADERS.items():
        answer.headers[name] = value
    return answer
