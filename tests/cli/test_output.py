"""What commands print for programs."""

import json
from typing import Any

import pytest

from libindex.cli.output import write_json, write_json_list

FLAT = {"path": 'a "b"\n, c: [1]', "probability": 0.25, "online": True, "copies": [], "x": None}
NESTED = {**FLAT, "copies": [{"path": "é\n"}, {"path": "b"}]}


@pytest.mark.parametrize("records", [[], [FLAT], [NESTED], [FLAT, NESTED, FLAT], [{}, FLAT]])
def test_a_list_is_written_as_at_once(
    records: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    write_json(records)
    at_once = capsys.readouterr().out
    assert json.loads(at_once) == records
    write_json_list(iter(records))
    assert capsys.readouterr().out == at_once
