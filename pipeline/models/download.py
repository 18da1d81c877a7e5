"""Weights over HTTP: resumed where a transfer broke, published only when their hash is right."""

import contextlib
import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import httpx

from core.errors import ModelUnavailable, StorageFull
from core.files import sync_directory
from pipeline.models.weights import check_weights

CONNECT_SECONDS = 3.0
READ_SECONDS = 20.0
_ATTEMPTS = 3
_MOST_BYTES = 2_000_000_000

Progress = Callable[[int, int | None], None]
"""Told the bytes that are here, and of how many where the server says so."""


def no_progress(done: int, total: int | None) -> None:
    """For callers who show nothing."""


def download(url: str, target: Path, sha256: str, title: str, progress: Progress) -> None:
    """The file at `url` as `target`, which appears only once it is whole and has `sha256`.

    A broken transfer is resumed, within this call and by a later one. Raises ModelUnavailable
    with what to do about it, or StorageFull; a file with a wrong hash is not kept.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    with storage_errors(), _locked(part, title) as file:
        _fetch(url, file, title, progress)
        os.fsync(file.fileno())
        try:
            check_weights(part, sha256, title)
        except ModelUnavailable:
            part.unlink()
            raise
        part.replace(target)
        sync_directory(target.parent)


def reachable(url: str) -> bool:
    """Whether the host of `url` answers for that file, asked for at most about 3 s a step."""
    try:
        return _client().head(url).status_code < httpx.codes.BAD_REQUEST
    except httpx.HTTPError:
        return False


def host_of(url: str) -> str:
    """The host's name, which is what a person can check or unblock."""
    return urlsplit(url).hostname or url


def _client() -> httpx.Client:
    timeout = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
    return httpx.Client(timeout=timeout, follow_redirects=True)


@contextlib.contextmanager
def storage_errors() -> Iterator[None]:
    """What the file system refuses as StorageFull or ModelUnavailable."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull("the disk is full") from error
        raise ModelUnavailable("the folder for networks cannot be written") from error


@contextlib.contextmanager
def _locked(part: Path, title: str) -> Iterator[BinaryIO]:
    """The part file open for appending, held by this process alone."""
    with part.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ModelUnavailable(f"{title} is being downloaded by another process") from error
        yield file


def _fetch(url: str, file: BinaryIO, title: str, progress: Progress) -> None:
    """The rest of `url` into `file`; tries again where the last attempt got further."""
    for attempt in range(1, _ATTEMPTS + 1):
        before = file.tell()
        try:
            _transfer(url, file, progress)
            return
        except httpx.HTTPStatusError as error:
            status = error.response.status_code
            raise ModelUnavailable(
                f"{host_of(url)} refused to send the weights of {title} (status {status})"
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            if attempt == _ATTEMPTS or file.tell() <= before:
                raise ModelUnavailable(
                    f"the weights of {title} could not be fetched from {host_of(url)}"
                ) from error


def _transfer(url: str, file: BinaryIO, progress: Progress) -> None:
    start = file.tell()
    headers = {"Range": f"bytes={start}-"} if start else {}
    # Bytes as stored: a length and a range mean nothing for a body compressed on the way.
    headers["Accept-Encoding"] = "identity"
    with _client() as client, client.stream("GET", url, headers=headers) as response:
        if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # all of it is here already, or it is no part of this file: the hash will tell
        response.raise_for_status()
        if not _continues(response, start):
            file.truncate(0)
            file.seek(0)
        _write(response, file, progress)


def _continues(response: httpx.Response, start: int) -> bool:
    stated = response.headers.get("Content-Range", "")
    return response.status_code == httpx.codes.PARTIAL_CONTENT and stated.startswith(
        f"bytes {start}-"
    )


def _write(response: httpx.Response, file: BinaryIO, progress: Progress) -> None:
    length = response.headers.get("Content-Length", "")
    total = file.tell() + int(length) if length.isdigit() else None
    progress(file.tell(), total)
    for chunk in response.iter_raw():
        file.write(chunk)
        if file.tell() > _MOST_BYTES:
            raise ModelUnavailable("the server sends more than any network is large")
        progress(file.tell(), total)
    file.flush()
