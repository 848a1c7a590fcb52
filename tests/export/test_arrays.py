import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from libindex.instruments import CODES


def loaded(raw: bytes) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
        return dict(arrays)


@pytest.fixture
def arrays(made) -> dict[str, np.ndarray]:
    return loaded(made("npz"))


def test_everything_loads_without_pickle(arrays, still) -> None:
    latent_size = still.network().latent_size
    assert {name: (a.shape, a.dtype.kind) for name, a in arrays.items()} == {
        "paths": ((8,), "U"),
        "classes": ((8,), "U"),
        "probabilities": ((8, len(CODES)), "f"),
        "embeddings": ((8, latent_size), "f"),
        "codes": ((len(CODES),), "U"),
    }
    assert arrays["probabilities"].dtype == arrays["embeddings"].dtype == np.float32
    assert arrays["codes"].tolist() == list(CODES)


def test_rows_are_samples(arrays, still, paths) -> None:
    assert arrays["paths"].tolist() == paths
    for path, code, row in zip(paths, arrays["classes"], arrays["probabilities"], strict=True):
        assert dict(zip(CODES, row.tolist(), strict=True)) == still.info(path).probabilities
        assert code == CODES[row.argmax()]


def test_paths_open_as_they_are(arrays) -> None:
    assert all(Path(str(path)).read_bytes().startswith(b"sound") for path in arrays["paths"])
    assert any(b"\xff" in os.fsencode(str(path)) for path in arrays["paths"])


def test_embeddings_are_those_that_are_compared(arrays, still, paths) -> None:
    embeddings = dict(zip(paths, arrays["embeddings"], strict=True))
    assert np.linalg.norm(arrays["embeddings"], axis=1) == pytest.approx(np.ones(8), abs=1e-3)
    for hit in still.similar(paths[1], 20, copies=True):
        cosine = float(embeddings[hit.path] @ embeddings[paths[1]])
        assert hit.similarity == pytest.approx(cosine, abs=1e-3)


def test_nothing_is_empty_arrays(made) -> None:
    arrays = loaded(made("npz", name="nothing"))
    assert arrays["paths"].shape == arrays["classes"].shape == (0,)
    assert arrays["probabilities"].shape == (0, len(CODES))


def test_the_same_samples_give_the_same_bytes(made) -> None:
    raw = made("npz")
    assert made("npz") == raw
    assert zipfile.ZipFile(io.BytesIO(raw)).testzip() is None


def test_it_can_be_written_where_there_is_no_going_back(still, made) -> None:
    read, write = os.pipe()
    with os.fdopen(write, "wb") as out, os.fdopen(read, "rb") as source:
        still.export(out, "npz")
        out.close()
        piped = loaded(source.read())
    for name, array in loaded(made("npz")).items():
        assert (piped[name] == array).all()
