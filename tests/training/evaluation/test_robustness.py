from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from libindex.network.analyser import Analyser
from libindex.sound.decoding import Signal, decode
from libindex.training.data.dataset import Item
from libindex.training.evaluation import robustness
from libindex.training.evaluation.robustness import CHANGES, measure_robustness, own_ranks

RATE = 44_100


@pytest.fixture(scope="module")
def sound(tone: Callable[..., np.ndarray]) -> Signal:
    return Signal(tone(3, 0.3), RATE)


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_a_sound_again_and_leaves_its_source(name: str, sound: Signal) -> None:
    before = sound.samples.copy()
    changed, again = CHANGES[name](sound), CHANGES[name](sound)
    assert changed.samples.dtype == np.float32
    assert np.isfinite(changed.samples).all()
    assert (changed.sample_rate, changed.samples.shape) != (RATE, before.shape) or not (
        np.array_equal(changed.samples, before)
    )
    np.testing.assert_array_equal(changed.samples, again.samples)
    np.testing.assert_array_equal(sound.samples, before)


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("samples", [np.ones(45), np.zeros(300)])
def test_short_and_silent_sounds_survive(name: str, samples: np.ndarray) -> None:
    changed = CHANGES[name](Signal(samples.astype(np.float32), RATE))
    assert len(changed.samples) > 0
    assert np.isfinite(changed.samples).all()


def test_mp3_is_coded_at_96_kbit(sound: Signal, monkeypatch: pytest.MonkeyPatch) -> None:
    coded: list[bytes] = []
    monkeypatch.setattr(
        robustness, "decode", lambda data, seconds: (coded.append(data), decode(data, seconds))[1]
    )
    changed = robustness.mp3(sound)
    assert len(changed.samples) == len(sound.samples)
    header = coded[0][coded[0].index(b"\xff\xfb") :]
    assert header[2] >> 4 == 7  # the index of 96 kbit/s in MPEG-1's table for layer III
    assert (header[2] >> 2) & 3 == 0  # 44.1 kHz
    error = changed.samples - sound.samples
    ratio_db = 10 * np.log10(np.square(sound.samples).sum() / np.square(error).sum())
    assert 3 < ratio_db < 60  # lossy, and in its place


def test_gain_silence_and_cut(sound: Signal) -> None:
    cut = round(0.02 * RATE)
    np.testing.assert_allclose(
        robustness.quieter(sound).samples, sound.samples * 0.2512, rtol=1e-3, atol=1e-7
    )
    np.testing.assert_array_equal(robustness.cut_start(sound).samples, sound.samples[cut:])
    later = robustness.silence_before(sound).samples
    assert not later[:cut].any()
    np.testing.assert_array_equal(later[cut:], sound.samples)


def test_semitones_change_pitch_and_length(sound: Signal) -> None:
    assert robustness.semitone_up(sound).sample_rate == 46_722
    assert robustness.semitone_down(sound).sample_rate == 41_625


def test_the_room_is_18_db_below(sound: Signal) -> None:
    wet = robustness.reverb(sound).samples
    tail = wet[: len(sound.samples)] - sound.samples
    assert len(wet) > len(sound.samples) + 0.3 * RATE
    level = max(np.abs(tail).max(), np.abs(wet[len(sound.samples) :]).max())
    assert 20 * np.log10(level / np.abs(sound.samples).max()) == pytest.approx(-18, abs=0.1)


def test_eight_bits_are_255_steps(sound: Signal) -> None:
    assert len(np.unique(robustness.eight_bit(sound).samples)) <= 255


def test_own_ranks_by_hand() -> None:
    originals = np.array([[1, 0], [0, 1], [1, 1]], np.float32)
    changed = np.array([[5, 0], [3, 1], [1, 2]], np.float32)
    # The first finds itself; the second is nearer to the others; for the third, 2 is nearest.
    assert own_ranks(changed, originals).tolist() == [1, 3, 1]


def test_a_network_that_sees_no_difference_finds_nothing() -> None:
    same = np.ones((6, 4), np.float32)
    assert own_ranks(same, same).tolist() == [6] * 6


def test_figures_of_a_network(
    write_sound: Callable[..., Path], small_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [Item(str(write_sound(f"{seed}.wav", seed)), "kick") for seed in range(7)]
    monkeypatch.setattr(
        robustness, "CHANGES", {"quieter": CHANGES["quieter"], "other": _another_sound}
    )
    analyser = Analyser.load(small_model, "cpu")
    log_mel = analyser.model.log_mel()
    signals = [Signal(soundfile.read(i.path, dtype="float32")[0], RATE) for i in items]
    latents = analyser.analyse([log_mel(signal) for signal in signals]).latents
    rows = {
        threads: measure_robustness(analyser, items, latents, np.arange(7), threads)
        for threads in (1, 3)
    }
    assert rows[1] == rows[3]
    quieter, other, mean = rows[1]
    assert [row.change for row in rows[1]] == ["quieter", "other", "mean"]
    assert quieter.recall_at_1.value == 1
    # All became the same sound: it is like one of them, or like none.
    assert other.recall_at_1.value <= 1 / 7 + 1e-9
    assert mean.recall_at_1.value == pytest.approx((1 + other.recall_at_1.value) / 2)
    assert other.recall_at_1.value <= other.recall_at_5.value <= 5 / 7 + 1e-9
    assert mean.recall_at_5.low <= mean.recall_at_5.value <= mean.recall_at_5.high


def _another_sound(signal: Signal) -> Signal:
    return Signal(np.sin(np.arange(4000) / 3).astype(np.float32), signal.sample_rate)
