"""Clients that post photos over kept connections, and what they waited for."""

import http.client
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.speed_sample import Sample, Timing

_BOUNDARY = "----photo-of-the-benchmark"
_HEADERS = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
_TIMEOUT_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Load:
    """Answers with status 200, the seconds until the last one, and how many had another status."""

    clients: int
    timing: Timing
    seconds: float
    refused: int

    @property
    def per_second(self) -> float:
        return len(self.timing.samples) / self.seconds


def form(photo: Path) -> bytes:
    """The photo as the body of a form, as browsers and curl -F send it."""
    head = (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="photo"; filename="p.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    )
    return head.encode() + photo.read_bytes() + f"\r\n--{_BOUNDARY}--\r\n".encode()


def post(port: int, path: str, body: bytes) -> int:
    """One request on a connection of its own; returns the status."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
    try:
        return _post(connection, path, body)
    finally:
        connection.close()


def load(port: int, bodies: Sequence[bytes], clients: int, requests: int) -> Load:
    """So many requests from so many clients at once, each waiting for its answer.

    Raises SystemExit where a client fails.
    """
    numbers = iter(range(requests))
    answers: list[tuple[int, float]] = []
    lost: list[Exception] = []

    def client() -> None:
        try:
            answers.extend(_answers(port, bodies, numbers))
        except (OSError, http.client.HTTPException) as error:
            lost.append(error)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    good = [Sample(taken * 1000, 0.0) for status, taken in answers if status == http.HTTPStatus.OK]
    if lost or not good:
        raise SystemExit(f"{len(lost)} of {clients} clients lost their connection: {lost[:1]}")
    return Load(clients, Timing(good), seconds, len(answers) - len(good))


def _answers(
    port: int, bodies: Sequence[bytes], numbers: Iterator[int]
) -> Iterator[tuple[int, float]]:
    """Status and seconds of each request that this client takes from `numbers`."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
    try:
        for number in numbers:
            started = time.perf_counter()
            status = _post(connection, "/upload_photo", bodies[number % len(bodies)])
            yield status, time.perf_counter() - started
    finally:
        connection.close()


def _post(connection: http.client.HTTPConnection, path: str, body: bytes) -> int:
    connection.request("POST", path, body, _HEADERS)
    response = connection.getresponse()
    response.read()
    return response.status
