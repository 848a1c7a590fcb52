"""Several networks in one library."""

import shutil

from support.libraries import counts, put, state

from libindex.errors import SampleError
from libindex.library import Library


def test_two_networks_live_side_by_side(library, ear, folder, other_model, fresh) -> None:
    library.scan(folder)
    with Library.open(library.database.path, model=str(other_model), jobs=1) as second:
        assert counts(second.scan()) == {"unchanged": 4}
        assert len(ear.analysed) == 8
        assert len(state(second)["analyses"]) == 8
    ear.analysed.clear()
    assert counts(library.scan()) == {"unchanged": 4}
    with Library.open(library.database.path, model=str(other_model), jobs=1) as second:
        assert counts(second.scan()) == {"unchanged": 4}
    assert ear.analysed == []


def test_another_network_analyses_each_content_once(library, ear, folder, other_model) -> None:
    shutil.copytree(folder, folder / "copies")
    put(folder / "bad.wav", "bad")
    library.scan(folder)
    ear.analysed.clear()
    with Library.open(library.database.path, model=str(other_model), jobs=1) as second:
        assert counts(second.scan()) == {"unchanged": 8, "failed": 1}
    assert len(ear.analysed) == 4


def test_a_network_that_fails_leaves_the_other_its_results(
    library, ear, folder, other_model, monkeypatch
) -> None:
    library.scan(folder)
    expected = library.query()
    kick = folder / "kicks/1.wav"
    result = ear.result

    def slow(path: str) -> object:
        found = result(path)
        if path != str(kick):
            return found
        return SampleError(
            "took longer than 30 s to decode", path, found.digest, kick.stat().st_size
        )

    with Library.open(library.database.path, model=str(other_model), jobs=1) as second:
        with monkeypatch.context() as patch:
            patch.setattr(ear, "result", slow)
            assert counts(second.scan()) == {"unchanged": 3, "failed": 1}
        assert len(second.query()) == 3
        assert library.query() == expected
        assert counts(second.scan(retry_failed=True)) == {"unchanged": 3, "changed": 1}
        assert len(second.query()) == 4
