import numpy as np
import pytest
import soundfile

from libindex.sound.outline import COLUMNS, OUTLINE_BYTES, outline
from libindex.sound.stretch import read_stretch


def pairs(samples: np.ndarray) -> np.ndarray:
    drawn = outline(samples.astype(np.float32))
    assert len(drawn) == OUTLINE_BYTES
    return np.frombuffer(drawn, np.int8).reshape(COLUMNS, 2)


def test_the_largest_value_fills_the_height_whatever_the_level() -> None:
    time = np.arange(9_600)
    sound = np.sin(time) * np.exp(-time / 2_000)
    loud, soft = pairs(sound), pairs(sound * 1e-4)
    assert np.array_equal(loud, soft)
    assert np.abs(loud).max() == 127
    heights = loud[:, 1].astype(int) - loud[:, 0]
    assert heights[0] > heights[40] > heights[90]


@pytest.mark.parametrize("length", [1, 2, 95, 96, 97, 1_000])
def test_of_any_length(length: int) -> None:
    drawn = pairs(np.linspace(-1, 1, length))
    assert drawn[0, 0] == -127
    assert (drawn[:, 0] <= drawn[:, 1]).all()


def test_silence_is_a_line() -> None:
    assert not pairs(np.zeros(500)).any()


@pytest.mark.parametrize("channels", [1, 2, 3, 8])
def test_a_stretch_has_at_most_two_channels(channels: int, tmp_path) -> None:
    samples = np.arange(channels)[None] * np.ones((1_000, 1)) / 10
    soundfile.write(tmp_path / "a.wav", samples, 44_100, "FLOAT")
    found = read_stretch(str(tmp_path / "a.wav"), 0, 30)
    assert found.samples.shape == (1_000, min(2, channels))
    expected = [samples[0, side::2].mean() for side in range(min(2, channels))]
    assert found.samples[0].tolist() == pytest.approx(expected)
    assert found.length_s == pytest.approx(1_000 / 44_100)


def test_from_the_middle_and_not_too_much(tmp_path) -> None:
    soundfile.write(tmp_path / "a.wav", np.arange(10_000) / 10_000, 1_000, "FLOAT")
    found = read_stretch(str(tmp_path / "a.wav"), 2.0, 3.0)
    assert len(found.samples) == 3_000
    assert found.samples[0, 0] == pytest.approx(0.2)
    assert found.length_s == 10
    assert len(read_stretch(str(tmp_path / "a.wav"), 9.5, 3.0).samples) == 500


def test_what_is_no_number_is_silence(tmp_path) -> None:
    samples = np.array([0.5, np.nan, np.inf, -np.inf, 0.25] * 20)
    soundfile.write(tmp_path / "a.wav", samples, 44_100, "FLOAT")
    found = read_stretch(str(tmp_path / "a.wav"), 0, 1)
    assert np.isfinite(found.samples).all()
    assert found.samples[:5, 0].tolist() == [0.5, 0, 0, 0, 0.25]


def test_an_mp3_is_read_without_gaps(tmp_path) -> None:
    time = np.arange(3 * 44_100) / 44_100
    soundfile.write(tmp_path / "a.mp3", np.sin(2 * np.pi * 440 * time) / 2, 44_100)
    whole, _ = soundfile.read(tmp_path / "a.mp3", always_2d=True)
    assert np.abs(read_stretch(str(tmp_path / "a.mp3"), 0, 30).samples - whole).max() < 1e-6
