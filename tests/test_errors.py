import os
import pickle
from pathlib import Path

import pytest

from libindex import errors
from libindex.errors import LibindexError, SampleError


def descendants(kind: type[LibindexError]) -> list[type[LibindexError]]:
    return [kind, *(d for child in kind.__subclasses__() for d in descendants(child))]


KINDS = descendants(LibindexError)


def test_every_error_is_a_libindex_error() -> None:
    here = {v for v in vars(errors).values() if isinstance(v, type) and issubclass(v, Exception)}
    assert here <= set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_reads_as_path_and_reason(kind: type[LibindexError]) -> None:
    assert str(kind("is silent", "/Samples/a.wav")) == "/Samples/a.wav: is silent"
    assert str(kind("is silent", Path("a.wav"))) == "a.wav: is silent"
    assert str(kind("no such class")) == "no such class"


@pytest.mark.parametrize("kind", KINDS)
def test_reads_on_one_line_whatever_the_name(kind: type[LibindexError]) -> None:
    message = str(kind("is silent", os.fsdecode(b"two\nlines\xff.wav")))
    assert message == r"two\nlines\xff.wav: is silent"


@pytest.mark.parametrize("kind", KINDS)
def test_passes_between_processes(kind: type[LibindexError]) -> None:
    copy = pickle.loads(pickle.dumps(kind("is silent", "a.wav")))
    assert type(copy) is kind
    assert (copy.reason, copy.path) == ("is silent", "a.wav")


def test_a_sample_error_keeps_its_digest_and_size_between_processes() -> None:
    copy = pickle.loads(pickle.dumps(SampleError("is silent", "a.wav", b"digest", 44)))
    assert (copy.reason, copy.path) == ("is silent", "a.wav")
    assert (copy.digest, copy.size_bytes) == (b"digest", 44)
