from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.facts import make_facts

from libindex.analysis import pipeline as pipeline_module
from libindex.analysis.pipeline import Pipeline
from libindex.analysis.results import Analysis
from libindex.analysis.workers import Answer
from libindex.errors import ModelError, SampleError
from libindex.network.analyser import Analyser, load_network
from libindex.network.modelfile import ModelFile
from libindex.sound.decoding import FloatArray
from libindex.sound.preparation import Prepared, Preparer

NEVER_S = 600.0
FACTS = make_facts()


@pytest.fixture(scope="module")
def analyser(small_model: Path) -> Analyser:
    return Analyser.load(small_model, "cpu")


@pytest.fixture(scope="module")
def pipeline(analyser: Analyser) -> Iterator[Pipeline]:
    with Pipeline.start(analyser, 2, NEVER_S) as pipeline:
        yield pipeline


@pytest.fixture(scope="module")
def sounds(tone: Callable[..., FloatArray], tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Files of many lengths, some shorter than the network's shortest input."""
    folder = tmp_path_factory.mktemp("sounds")
    paths = []
    for seed, seconds in enumerate((0.002, 0.01, 0.05, 0.15, 0.19, 0.2, 0.21, 0.4, 1.0, 4.0)):
        path = folder / f"{seed}.wav"
        soundfile.write(path, tone(seed, seconds, 22_050), 22_050)
        paths.append(str(path))
    return paths


class Ready:
    """Stands in for the worker processes where only what comes after them matters."""

    def __init__(self, answers: list[Answer]) -> None:
        self._answers = {str(answer.path): answer for answer in answers}
        self._submitted: list[str] = []

    @property
    def waiting(self) -> int:
        return len(self._submitted)

    def submit(self, paths: list[str]) -> None:
        self._submitted += paths

    def answer(self, _timeout_s: float | None) -> Answer:
        return self._answers[self._submitted.pop(0)]

    def close(self) -> None:
        self._submitted.clear()


def prepared(lengths: list[int]) -> list[Prepared]:
    rng = np.random.default_rng(lengths)
    return [
        Prepared(f"{number}.wav", bytes([number]), FACTS, rng.random((length, 128), np.float32))
        for number, length in enumerate(lengths)
    ]


def analysed(analyser: Analyser, answers: list[Answer]) -> list[Analysis | SampleError]:
    with Pipeline(lambda: analyser, Ready(answers)) as pipeline:  # type: ignore[arg-type]
        return list(pipeline.analyse([str(answer.path) for answer in answers]))


def assert_same(got: Analysis | SampleError, expected: Analysis | SampleError) -> None:
    assert isinstance(got, Analysis)
    assert isinstance(expected, Analysis)
    assert (got.path, got.digest) == (expected.path, expected.digest)
    assert got.facts.centroid_hz == pytest.approx(expected.facts.centroid_hz)
    assert replace(got.facts, centroid_hz=0) == replace(expected.facts, centroid_hz=0)
    np.testing.assert_allclose(got.probabilities, expected.probabilities, atol=1e-5)
    np.testing.assert_allclose(got.latent, expected.latent, atol=1e-5)
    assert got.percussion == pytest.approx(expected.percussion, abs=1e-5)


def test_from_file_to_analysis(pipeline: Pipeline, analyser: Analyser, sounds: list[str]) -> None:
    results = {str(result.path): result for result in pipeline.analyse(sounds)}
    assert set(results) == set(sounds)
    prepare = Preparer(analyser.model.log_mel())
    for path, result in results.items():
        own = prepare(path)
        output = analyser.analyse([own.mel])
        expected = Analysis(path, own.digest, own.facts, output.probabilities[0], output.latents[0])
        assert_same(result, expected)


def test_each_sound_gets_its_own_probability_of_percussion(small_model: Path) -> None:
    model, network = load_network(small_model)
    with torch.no_grad():
        network.fc2.bias.sub_(4)  # near the middle, where sounds differ
    knowing = Analyser(replace(model, has_percussion_score=True), network, "cpu")
    answers = prepared([5, 40, 80, 20])
    results = {r.path: r for r in analysed(knowing, list(answers)) if isinstance(r, Analysis)}
    expected = knowing.analyse([answer.mel for answer in answers]).percussion
    assert expected is not None
    assert len(set(expected.tolist())) == 4
    for answer, percussion in zip(answers, expected.tolist(), strict=True):
        assert results[answer.path].percussion == pytest.approx(percussion, abs=1e-5)


def test_sounds_are_distinguished(pipeline: Pipeline, sounds: list[str]) -> None:
    results = [r for r in pipeline.analyse(sounds) if isinstance(r, Analysis)]
    latents = np.stack([result.latent for result in results])
    distances = np.abs(latents[:, None] - latents[None]).max(axis=2)
    assert (distances[~np.eye(len(results), dtype=bool)] > 1e-4).all()


def test_a_result_depends_neither_on_company_nor_on_order(
    pipeline: Pipeline, sounds: list[str]
) -> None:
    alone = {path: next(iter(list(pipeline.analyse([path])))) for path in sounds}
    for company in (sounds, sounds[::-1], sounds[::2] * 3, sounds[5:] + sounds[:5]):
        results = list(pipeline.analyse(company))
        assert sorted(str(r.path) for r in results) == sorted(company)
        for result in results:
            assert_same(result, alone[str(result.path)])


@pytest.mark.slow
@given(
    lengths=st.lists(st.integers(1, 80), max_size=20),
    window=st.integers(1, 9),
    ahead=st.integers(0, 30),
)
def test_neither_windows_nor_what_is_ahead_matter(
    analyser: Analyser, lengths: list[int], window: int, ahead: int
) -> None:
    answers = prepared(lengths)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline_module, "_WINDOW", window)
        patch.setattr(pipeline_module, "_AHEAD", ahead)
        results = {str(r.path): r for r in analysed(analyser, list(answers))}
    assert len(results) == len(answers)
    for answer in answers:
        assert_same(results[answer.path], analysed(analyser, [answer])[0])


@pytest.mark.slow
def test_what_waits_is_bounded(pipeline: Pipeline, sounds: list[str]) -> None:
    waiting = [pipeline.waiting for _ in pipeline.analyse(sounds[:4] * 500)]
    assert len(waiting) == 2000
    assert max(waiting) <= 768 + 256
    assert waiting[-1] == 0


def test_results_come_while_more_is_submitted(pipeline: Pipeline, sounds: list[str]) -> None:
    assert pipeline.results() == []
    found: list[str] = []
    for some in (sounds[:3], sounds[3:]):
        pipeline.submit(some)
        while pipeline.waiting > len(sounds) - 5:
            found += [str(result.path) for result in pipeline.results()]
    while pipeline.waiting:
        found += [str(result.path) for result in pipeline.results()]
    assert sorted(found) == sorted(sounds)


def test_a_slow_file_holds_up_no_other(analyser: Analyser) -> None:
    class Slow(Ready):
        def answer(self, timeout_s: float | None) -> Answer | None:
            return super().answer(timeout_s) if self.waiting > 1 else None

    answers = prepared([20, 30, 40])
    with Pipeline(lambda: analyser, Slow(list(answers))) as pipeline:  # type: ignore[arg-type]
        pipeline.submit([answer.path for answer in answers])
        found = [result for _ in range(3) for result in pipeline.results()]
        assert len(found) == 2
        assert pipeline.waiting == 1


@pytest.mark.slow
def test_cancelling_drops_what_was_submitted(pipeline: Pipeline, sounds: list[str]) -> None:
    pipeline.submit(sounds * 50)
    pipeline.cancel()
    assert pipeline.waiting == 0
    assert [r.path for r in pipeline.analyse(sounds[:1])] == sounds[:1]


def test_one_answer_for_each_path(pipeline: Pipeline, sounds: list[str], tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound")
    (tmp_path / "empty.wav").touch()
    bad = [str(tmp_path / name) for name in ("text.wav", "empty.wav", "gone.wav")]
    paths = [bad[0], *sounds, *sounds, bad[1], bad[2], bad[0]]
    results = list(pipeline.analyse(paths))
    assert sorted(str(result.path) for result in results) == sorted(paths)
    reasons = {str(r.path): r.reason for r in results if isinstance(r, SampleError)}
    assert reasons == {
        bad[0]: "is not audio, or is damaged",
        bad[1]: "is empty (0 bytes)",
        bad[2]: "can't be read (No such file or directory)",
    }


def test_more_files_than_a_window(pipeline: Pipeline, sounds: list[str]) -> None:
    paths = sounds[:5] * 60
    assert sorted(str(r.path) for r in pipeline.analyse(paths)) == sorted(paths)


def test_no_files(pipeline: Pipeline) -> None:
    assert list(pipeline.analyse([])) == []


def test_only_bad_files(pipeline: Pipeline, tmp_path: Path) -> None:
    paths = [str(tmp_path / f"{number}.wav") for number in range(10)]
    results = list(pipeline.analyse(paths))
    assert all(isinstance(result, SampleError) for result in results)
    assert sorted(str(result.path) for result in results) == paths


def test_errors_come_as_they_are(analyser: Analyser) -> None:
    error = SampleError("is silent", "a.wav", b"digest")
    first, second = analysed(analyser, [error, prepared([20])[0]])
    assert first is error
    assert isinstance(second, Analysis)


@pytest.mark.slow
def test_stopping_early(pipeline: Pipeline, sounds: list[str]) -> None:
    results = pipeline.analyse(sounds[:3] * 200)
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert len(list(pipeline.analyse(sounds))) == len(sounds)


def test_closing_ends_the_processes(analyser: Analyser, sounds: list[str]) -> None:
    before = set(psutil.Process().children())
    with Pipeline.start(analyser, 2, NEVER_S) as pipeline:
        assert len(list(pipeline.analyse(sounds[:2]))) == 2
        assert set(psutil.Process().children()) > before
    assert set(psutil.Process().children()) == before


@pytest.mark.slow
def test_loading_a_network(small_model: Path, sounds: list[str], analyser: Analyser) -> None:
    before = set(psutil.Process().children())
    with Pipeline.load(ModelFile.read(small_model), "cpu", 2, NEVER_S) as pipeline:
        (loaded,) = pipeline.analyse(sounds[:1])
    with Pipeline.start(analyser, 1, NEVER_S) as pipeline:
        (expected,) = pipeline.analyse(sounds[:1])
    assert_same(loaded, expected)
    assert set(psutil.Process().children()) == before


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sound", "text.wav"])
def test_a_network_that_can_not_be_loaded_leaves_no_process(
    small_model: Path,
    sounds: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    (tmp_path / "text.wav").write_text("no sound")
    before = set(psutil.Process().children())
    path = sounds[0] if name == "sound" else str(tmp_path / name)
    pipeline = Pipeline.load(ModelFile.read(small_model), "cuda", 2, NEVER_S)
    with pipeline, pytest.raises(ModelError, match="device 'cuda' is not available here"):
        list(pipeline.analyse([path]))
    assert set(psutil.Process().children()) == before


@pytest.mark.slow
def test_closing_twice(analyser: Analyser) -> None:
    pipeline = Pipeline.start(analyser, 1, NEVER_S)
    pipeline.close()
    pipeline.close()


@pytest.mark.slow
def test_threads_of_torch_are_as_before(analyser: Analyser, sounds: list[str]) -> None:
    before = torch.get_num_threads()
    with Pipeline.start(analyser, 1, NEVER_S) as pipeline:
        list(pipeline.analyse(sounds[:1]))
    assert torch.get_num_threads() == before
