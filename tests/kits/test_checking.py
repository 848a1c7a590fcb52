import os

import numpy as np
import pytest
import soundfile

from libindex.kits.checking import check, is_loop
from libindex.sound import loudness
from libindex.sound.decoding import Signal

RATE = 44_100


def sine(hz: float, seconds: float = 1.0, amplitude: float = 1.0, rate: int = RATE) -> Signal:
    time = np.arange(int(seconds * rate)) / rate
    return Signal((amplitude * np.sin(2 * np.pi * hz * time)).astype(np.float32), rate)


def loudness_lufs(signal: Signal, *others: Signal) -> float:
    channels = [one.samples for one in (signal, *others)]
    return loudness.loudness_lufs(np.stack(channels, axis=1), signal.sample_rate)


def hits(tone, every_s: float, count: int, soft: float = 1.0) -> Signal:
    samples = np.zeros(int(every_s * count * RATE) + RATE, np.float32)
    for number in range(count):
        start = int(number * every_s * RATE)
        one = tone(7, 0.15) * (1.0 if number == 0 else soft)
        samples[start : start + len(one)] += one
    return Signal(samples[: int(every_s * count * RATE)], RATE)


@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000, 96_000])
def test_a_full_scale_sine_of_997_hz_has_minus_3_lufs(rate) -> None:
    # ITU-R BS.1770-4: in one channel, -3.01 LKFS.
    assert loudness_lufs(sine(997, rate=rate)) == pytest.approx(-3.01, abs=0.05)


def test_loudness_follows_gain_and_the_ears_weighting() -> None:
    loud = loudness_lufs(sine(997))
    assert loudness_lufs(sine(997, amplitude=0.1)) == pytest.approx(loud - 20, abs=0.01)
    assert loudness_lufs(sine(5000)) == pytest.approx(loud + 3.3, abs=0.2)
    assert loudness_lufs(sine(25)) < loud - 8


def test_a_short_sound_counts_as_followed_by_silence() -> None:
    long, short = loudness_lufs(sine(997, 0.4)), loudness_lufs(sine(997, 0.1))
    assert short == pytest.approx(long - 6.02, abs=0.1)


def test_mono_is_as_loud_as_the_same_in_both_channels_and_phase_does_not_matter() -> None:
    one, other = sine(997), sine(997, amplitude=-1.0)
    assert loudness_lufs(one, one) == pytest.approx(loudness_lufs(one))
    assert loudness_lufs(one, other) == pytest.approx(loudness_lufs(one))
    silent = Signal(np.zeros_like(one.samples), RATE)
    assert loudness_lufs(one, silent) == pytest.approx(loudness_lufs(one) - 3.01, abs=0.01)


def test_silence_and_the_shortest_sound() -> None:
    assert loudness_lufs(Signal(np.zeros(100, np.float32), RATE)) == -np.inf
    assert np.isfinite(loudness_lufs(Signal(np.ones(1, np.float32), RATE)))


def test_several_hits_are_a_loop_and_one_is_none(tone) -> None:
    assert is_loop(hits(tone, 0.25, 8))
    assert not is_loop(hits(tone, 0.25, 1))
    assert not is_loop(sine(60, 3.0))


def test_flams_echoes_and_short_rolls_are_no_loops(tone) -> None:
    assert not is_loop(hits(tone, 0.03, 8))  # one after the other, faster than anybody plays
    assert not is_loop(hits(tone, 0.25, 8, soft=0.1))
    assert not is_loop(hits(tone, 0.12, 4))
    assert not is_loop(Signal(np.ones(5, np.float32), RATE))


def test_a_file(hit) -> None:
    checked = check(str(hit("a.flac", seconds=0.5, channels=2)))
    assert checked is not None
    assert checked.duration_s == pytest.approx(0.5)
    assert 0.5 < checked.peak <= 1
    assert not checked.is_loop
    assert not checked.is_damaged


def test_a_damaged_file_is_checked_as_far_as_it_goes(hit) -> None:
    path = hit("a.flac", seconds=2.0)
    path.write_bytes(path.read_bytes()[:-20_000])
    checked = check(str(path), with_loudness=True)
    assert checked is not None
    assert checked.is_damaged
    assert checked.loudness_lufs is not None
    assert np.isfinite(checked.loudness_lufs)


def test_numbers_that_are_none_do_no_harm(tmp_path) -> None:
    samples = np.array([0.5, np.nan, np.inf, -0.25], np.float32)
    soundfile.write(tmp_path / "a.wav", samples, 44_100, "FLOAT")
    checked = check(str(tmp_path / "a.wav"))
    assert checked is not None
    assert checked.peak == 0.5


def test_a_pipe_is_not_waited_for(tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    assert check(str(tmp_path / "pipe.wav")) is None


def test_what_can_not_be_played_has_no_check(tmp_path, hit) -> None:
    assert check(str(tmp_path / "none.wav")) is None
    text = tmp_path / "text.wav"
    text.write_text("no audio")
    assert check(str(text)) is None
    whole = hit("a.ogg", seconds=0.3, format="OGG", subtype="VORBIS")
    cut = tmp_path / "cut.ogg"
    cut.write_bytes(whole.read_bytes()[:-200])
    assert soundfile.info(cut).frames == 0  # libindex mends it, samplers don't
    assert check(str(cut)) is None
