"""An example that is wrong is noticed."""

import pytest

from tests.documents_kit import differences, steps

ANSWER = {
    "request_id": "r",
    "n": 1,
    "ok": True,
    "at": None,
    "rows": [{"id": 1, "details": {"x": 1}}, {"id": 2, "details": {}}],
    "point": [1, 2],
}


@pytest.mark.parametrize(
    "example",
    [
        ANSWER,
        {**ANSWER, "n": 1.5, "at": "2026-01-05T08:00:00.000Z", "ok": False},
        {"n": 7, "…": "…"},
        {**ANSWER, "rows": ["…"], "point": []},
        {**ANSWER, "rows": [{"id": 7, "details": {"y": "z"}}]},
    ],
)
def test_an_example_of_the_same_shape(example: object) -> None:
    assert list(differences(example, ANSWER)) == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"n": "1"}, "answer.n is str in the example"),
        ({"ok": 1}, "answer.ok is a number in the example"),
        ({"rows": {}}, "answer.rows is dict"),
        ({"gone": 1}, "no gone in the answer"),
        ({"rows": [{"id": 1}]}, r"rows\[\] has no details in the example"),
        ({"point": [1, "2"]}, r"answer.point\[\] is str"),
    ],
)
def test_an_example_of_another_shape(change: dict[str, object], complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        assert not list(differences({**ANSWER, **change}, ANSWER))


def test_a_field_that_the_example_leaves_out() -> None:
    shorter = {name: value for name, value in ANSWER.items() if name != "n"}
    assert list(differences(shorter, ANSWER)) == ["answer has no n in the example"]


def test_every_row_of_the_answer_is_looked_at() -> None:
    answer = {"rows": [{"id": 1}, {"id": 2, "new": 3}]}
    assert list(differences({"rows": [{"id": 9}]}, answer))


def test_steps_and_what_is_said_of_them() -> None:
    text = """# Title
<!-- server: KENAL_AUTH=required -->
<!-- setup: key; enroll 1042 -->
<!-- status: 201, 409 -->
```sh
curl x
```
```text
not run
```
<!-- skip: it needs a proxy -->
```json
{}
```
<!-- file: receiver.py -->
```python
pass
```
"""
    found = list(steps(text))
    assert [step.kind for step in found] == ["server", "setup", "sh", "json", "python"]
    assert found[2].statuses == [201, 409]
    assert (found[3].skip, found[4].file, found[4].line) == ("it needs a proxy", "receiver.py", 16)


@pytest.mark.parametrize("text", ["<!-- stutus: 201 -->", "<!-- skip: nothing follows -->"])
def test_a_comment_that_says_nothing_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="comment"):
        list(steps(text))
