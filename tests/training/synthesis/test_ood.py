from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from libindex.network.analyser import Analyser, Output, load_network
from libindex.training.evaluation import false_alarms
from libindex.training.evaluation.false_alarms import measure_false_alarms
from libindex.training.synthesis.ood import (
    KINDS,
    LONGEST_S,
    SHORTEST_S,
    TRAINED_KINDS,
    synthesise_ood,
)

RATE = 22_050
SEEDS = range(6)


@cache
def make(kind: str, seed: int = 0, sample_rate: int = RATE) -> npt.NDArray[np.float32]:
    return synthesise_ood(kind, np.random.default_rng(seed), sample_rate)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_sound_is_finite_in_range_and_of_sane_length(kind: str, seed: int) -> None:
    sound = make(kind, seed)
    assert sound.dtype == np.float32
    assert sound.ndim == 1
    assert np.isfinite(sound).all()
    assert np.abs(sound).max() == pytest.approx(0.9, abs=1e-4)
    assert SHORTEST_S - 0.001 <= len(sound) / RATE <= LONGEST_S + 0.001
    assert abs(sound[0]) < 0.05
    assert abs(sound[-1]) < 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_the_generator_alone_decides(kind: str) -> None:
    np.testing.assert_array_equal(make(kind), synthesise_ood(kind, np.random.default_rng(0), RATE))
    first, other = make(kind, 0), make(kind, 1)
    length = min(len(first), len(other))
    assert np.abs(first[:length] - other[:length]).max() > 0.05


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sample_rate", [8000, 96000])
def test_other_sample_rates(kind: str, sample_rate: int) -> None:
    sound = make(kind, 1, sample_rate)
    assert np.isfinite(sound).all()
    assert SHORTEST_S - 0.001 <= len(sound) / sample_rate <= LONGEST_S + 0.001


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_they_go_on_where_percussion_dies_away(kind: str) -> None:
    def energy_in_second_half(sound: npt.NDArray[np.float32]) -> float:
        power = np.square(sound, dtype=np.float64)
        return float(power[len(power) // 2 :].sum() / power.sum())

    assert np.median([energy_in_second_half(make(kind, seed)) for seed in SEEDS]) > 0.2


def test_an_unknown_kind_names_the_valid_ones() -> None:
    with pytest.raises(ValueError, match=r"'kazoo'.*speech.*melody"):
        make("kazoo")


@pytest.mark.slow
@pytest.mark.parametrize(("temperature", "expected"), [(1e-6, 1.0), (1e6, 0.0)])
def test_false_alarms_are_those_that_are_sure(
    temperature: float, expected: float, small_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(false_alarms, "EACH", 1)
    analyser = Analyser.load(small_model, "cpu")
    object.__setattr__(analyser.model, "temperature", temperature)
    alarms = measure_false_alarms(analyser, threads=2)
    assert alarms.sounds == len(KINDS)
    assert alarms.share.value == alarms.unseen_share.value == expected
    assert alarms.detected is alarms.unseen_detected is None
    assert alarms.unseen_sounds == len(KINDS) - len(TRAINED_KINDS) > 0
    assert alarms.by_kind == dict.fromkeys(KINDS, expected)
    assert sum(alarms.top_predictions.values()) == expected * len(KINDS)
    assert set(alarms.top_predictions) <= set(analyser.classes)
    assert alarms == measure_false_alarms(analyser)


@pytest.mark.slow
@pytest.mark.parametrize(("offset", "expected"), [(-100.0, 1.0), (100.0, 0.0)])
def test_ood_sounds_are_detected_by_a_network_with_a_percussion_score(
    offset: float, expected: float, small_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(false_alarms, "EACH", 1)
    model, network = load_network(small_model)
    with torch.no_grad():
        network.fc2.bias.add_(offset)
    alarms = measure_false_alarms(
        Analyser(replace(model, has_percussion_score=True), network, "cpu")
    )
    assert alarms.detected is not None
    assert alarms.unseen_detected is not None
    assert alarms.detected.value == alarms.unseen_detected.value == expected


@pytest.mark.slow
def test_unseen_kinds_are_counted_separately(
    small_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(false_alarms, "EACH", 2)
    calls = iter(kind in TRAINED_KINDS for kind in KINDS for _ in range(2))

    def analyse(_self: Analyser, _mels: object) -> Output:
        probability, percussion = (0.9, 0.1) if next(calls) else (0.1, 0.9)
        row = np.array([[probability]], np.float32)
        return Output(row, row, np.array([percussion], np.float32))

    monkeypatch.setattr(Analyser, "analyse", analyse)
    alarms = measure_false_alarms(Analyser.load(small_model, "cpu"))
    trained = len(TRAINED_KINDS) / len(KINDS)
    assert alarms.share.value == alarms.detected.value == pytest.approx(trained)
    assert alarms.unseen_share.value == alarms.unseen_detected.value == 0.0
    assert alarms.unseen_sounds == 2 * (len(KINDS) - len(TRAINED_KINDS))
    assert alarms.by_kind == {kind: float(kind in TRAINED_KINDS) for kind in KINDS}
