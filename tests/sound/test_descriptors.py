from collections.abc import Callable

import librosa
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libindex.sound.decoding import FloatArray, Signal
from libindex.sound.descriptors import centroid_hz, loudness_dbfs

RATE = 48_000


def sine(hertz: float, rate: int = RATE) -> FloatArray:
    """One second at full scale."""
    return np.sin(2 * np.pi * hertz * np.arange(rate) / rate).astype(np.float32)


def test_loudness_of_a_square_wave_is_zero() -> None:
    square = np.tile(np.array([1, -1], np.float32), 500)
    assert loudness_dbfs(Signal(square, RATE)) == 0


def test_loudness_of_a_sine() -> None:
    assert loudness_dbfs(Signal(sine(1000), RATE)) == pytest.approx(-3.0103, abs=1e-3)


def test_loudness_is_librosas_rms(tone: Callable[..., FloatArray]) -> None:
    sound = tone(0)
    rms = librosa.feature.rms(S=np.abs(np.fft.rfft(sound))[:, None], frame_length=len(sound))
    assert loudness_dbfs(Signal(sound, RATE)) == pytest.approx(
        librosa.amplitude_to_db(rms, amin=1e-10, top_db=None)[0, 0], abs=1e-3
    )


def test_loudness_of_silence_is_a_number() -> None:
    assert loudness_dbfs(Signal(np.zeros(100, np.float32), RATE)) == -200


@given(decibels=st.floats(-90, 60), seed=st.integers(0, 5))
def test_loudness_follows_the_level(
    tone: Callable[..., FloatArray], decibels: float, seed: int
) -> None:
    sound = tone(seed)
    louder = (sound * 10 ** (decibels / 20)).astype(np.float32)
    change = loudness_dbfs(Signal(louder, RATE)) - loudness_dbfs(Signal(sound, RATE))
    assert change == pytest.approx(decibels, abs=1e-3)


@pytest.mark.parametrize("hertz", [50, 1000, 12_000])
def test_centroid_of_a_sine_is_its_frequency(hertz: float) -> None:
    assert centroid_hz(Signal(sine(hertz), RATE)) == pytest.approx(hertz, rel=0.01)


@pytest.mark.parametrize("seed", [0, 1])
def test_centroid_is_librosas_over_one_frame(tone: Callable[..., FloatArray], seed: int) -> None:
    sound = tone(seed)
    sound = sound[: len(sound) // 1000 * 1000]  # a fast length, to which nothing is added
    spectrum = np.abs(np.fft.rfft(sound))[:, None]
    expected = librosa.feature.spectral_centroid(
        S=spectrum, sr=RATE, freq=np.fft.rfftfreq(len(sound), 1 / RATE)
    )
    assert centroid_hz(Signal(sound, RATE)) == pytest.approx(expected[0, 0], rel=1e-4)


def test_centroid_of_two_sines_is_their_weighted_mean() -> None:
    sound = sine(1000) + 3 * sine(5000)
    assert centroid_hz(Signal(sound, RATE)) == pytest.approx(4000, rel=0.01)


def test_centroid_of_a_click_is_the_middle() -> None:
    click = np.zeros(1000, np.float32)
    click[0] = 1
    assert centroid_hz(Signal(click, RATE)) == pytest.approx(RATE / 4, rel=0.01)


def test_centroid_of_silence_is_zero() -> None:
    assert centroid_hz(Signal(np.zeros(100, np.float32), RATE)) == 0


@given(gain=st.floats(1e-3, 1e3), seed=st.integers(0, 5))
def test_centroid_does_not_depend_on_level(
    tone: Callable[..., FloatArray], gain: float, seed: int
) -> None:
    sound = tone(seed)
    louder = (sound * gain).astype(np.float32)
    expected = centroid_hz(Signal(sound, RATE))
    assert centroid_hz(Signal(louder, RATE)) == pytest.approx(expected, rel=1e-3)


@given(length=st.integers(1, 2000))
def test_centroid_lies_in_the_spectrum(tone: Callable[..., FloatArray], length: int) -> None:
    assert 0 <= centroid_hz(Signal(tone(0)[:length], RATE)) <= RATE / 2


def test_a_bright_sound_lies_above_a_dark_one() -> None:
    noise = np.random.default_rng(0).standard_normal(4800).astype(np.float32)
    dark = np.cumsum(noise).astype(np.float32)
    assert centroid_hz(Signal(noise, RATE)) > 4 * centroid_hz(Signal(dark - dark.mean(), RATE))
