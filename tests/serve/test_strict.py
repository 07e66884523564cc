import json

import pytest

from fusionrec.serve import strict


def test_plain_json_is_read() -> None:
    assert strict.loads(b'{"a": [1, 2.5, "\xc3\xa9", null, true]}') == {"a": [1, 2.5, "é", None, True]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'{"a": 1, "a": 2}', "stands twice"),
        (b'[{"b": {"a": 1, "a": 1}}]', "stands twice"),
        (b"[NaN]", "NaN is not JSON"),
        (b"-Infinity", "-Infinity is not JSON"),
        (b"[" * 100_000, "recursion"),
        (b'{"a":' * 100_000, "recursion"),
        (b"1" * 5000, "digits"),
        (b"\xff\xfe", "utf-8"),
        (b"", "Expecting value"),
        (b"{'a': 1}", "property name"),
    ],
)
def test_everything_else_is_refused(text: bytes, message: str) -> None:
    with pytest.raises(json.JSONDecodeError, match=message):
        strict.loads(text)
