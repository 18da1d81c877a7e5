"""Signatures are those of the specification, and the documents' example is a real one."""

import base64
import re
from pathlib import Path

from pipeline.webhooks.signing import new_secret, signed_headers

DOCUMENT = (Path(__file__).parents[2] / "docs" / "api" / "webhooks.md").read_text()


def test_the_example_of_the_specification() -> None:
    headers = signed_headers(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_example_of_the_documents() -> None:
    request = re.search(r"```http\n(.*?)\n\n(.*?)\n```", DOCUMENT, re.DOTALL)
    secret = re.search(r'"secret": "(whsec_[^"]*)"', DOCUMENT)
    assert request
    assert secret
    shown = dict(line.split(": ", 1) for line in request[1].splitlines()[1:])
    headers = signed_headers(
        [secret[1]], shown["webhook-id"], int(shown["webhook-timestamp"]), request[2].encode()
    )
    assert headers.items() <= shown.items()


def test_a_secret_is_long_and_new() -> None:
    first, second = new_secret(), new_secret()
    assert first != second
    assert len(base64.b64decode(first.removeprefix("whsec_"), validate=True)) == 32
