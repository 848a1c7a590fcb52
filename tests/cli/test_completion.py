"""Completion in the shell: classes, sort keys, formats."""

import os
import subprocess
import sys

import pytest

from libindex.export.writing import FORMATS
from libindex.instruments import CODES
from libindex.queries import SORTS


def completed(*words: str) -> list[str]:
    """What bash would offer for the last word."""
    environment = {
        **os.environ,
        "_LIBINDEX_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["libindex", *words]),
        "COMP_CWORD": str(len(words)),
    }
    code = (
        "import sys; from libindex.cli import main\n"
        "try: main(prog_name='libindex')\n"
        "finally: assert not {'sqlalchemy', 'numpy', 'torch'} & set(sys.modules)"
    )
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert found.stderr == ""
    return [line.removeprefix("plain,") for line in found.stdout.splitlines()]


@pytest.mark.parametrize("command", ["query", "export"])
def test_words_and_classes_by_code_and_name(command: str) -> None:
    for words in (["sn"], ["--class", "sn"], ["-c", "SN"]):
        assert completed(command, *words) == ["snare-drum", "snr"]
    assert completed(command, "-c", "kick,sn") == ["kick,snare-drum", "kick,snr"]
    assert set(completed(command, "-c", "")) >= set(CODES)


def test_sort_keys_and_formats() -> None:
    assert completed("query", "--sort", "") == list(SORTS)
    assert completed("export", "--format", "") == list(FORMATS)
    assert completed("similar", "x.wav", "-f", "j") == ["json", "jsonl"]
