import hypothesis.strategies as st
import pytest
from hypothesis import given

from libindex.kits import shaping
from libindex.kits.kit import Shape
from libindex.kits.listening import Playing
from libindex.kits.shaping import matched_gains, varied


def playing(loudness: float, peak: float = 0.1) -> Playing:
    return Playing(0.5, loudness, peak, is_loop=False, is_damaged=False)


def test_every_pad_comes_to_the_loudness_of_the_median() -> None:
    gains = matched_gains({36: playing(-20), 38: playing(-14), 42: playing(-16)})
    assert gains == {36: 4, 38: -2, 42: 0}


def test_gains_have_limits_and_nothing_clips() -> None:
    far = {36: playing(-60), 38: playing(-20), 42: playing(-20), 46: playing(0)}
    assert matched_gains(far) == {36: 12, 38: 0, 42: 0, 46: -12}
    gains = matched_gains({36: playing(-30, peak=0.5), 38: playing(-20), 42: playing(-20)})
    assert gains[36] == pytest.approx(6.02, abs=0.01)
    assert matched_gains({36: playing(-30, peak=2.0), 38: playing(-20)})[36] == 0


def test_silence_has_no_gain() -> None:
    assert matched_gains({}) == {}
    assert matched_gains({36: playing(float("-inf"), 0.0)}) == {}


def test_no_variation_changes_nothing() -> None:
    assert varied(Shape(gain_db=3), 36, ("kick",), 0.0, 1) == Shape(gain_db=3)


@given(st.integers(0, 127), st.floats(0.01, 1), st.integers(0, 2**32 - 1))
def test_variation_keeps_to_what_is_documented(key, amount, seed) -> None:
    shape = varied(Shape(gain_db=-2), key, ("snr",), amount, seed)
    assert shape.gain_db == -2
    assert abs(shape.pan) <= shaping.PAN * amount + 1e-3
    assert abs(shape.width) <= shaping.WIDTH * amount + 1e-3
    assert abs(shape.tune_semitones) <= shaping.TUNE_SEMITONES * amount + 1e-2
    assert 1 - (1 - shaping.LOWEST_CUTOFF) * amount - 1e-3 <= shape.cutoff <= 1
    assert 0 <= shape.resonance <= shaping.MOST_RESONANCE * amount + 1e-3
    assert 0 <= shape.lfo_depth <= shaping.MOST_TREMOLO * amount + 1e-3
    assert shaping.TREMOLO_HZ[0] <= shape.lfo_rate_hz <= shaping.TREMOLO_HZ[1]
    assert shape == varied(Shape(gain_db=-2), key, ("snr",), amount, seed)


def test_keys_and_seeds_differ_and_the_low_end_stays_in_the_middle() -> None:
    shapes = [varied(Shape(), key, ("snr",), 1.0, seed) for key in (36, 38) for seed in (0, 1)]
    assert len(set(shapes)) == 4
    kick = varied(Shape(), 36, ("kick",), 1.0, 0)
    assert (kick.pan, kick.width) == (0, 0)
    assert kick.tune_semitones != 0


@given(st.floats(0, 1))
def test_cutoffs_and_frequencies_are_each_others_inverse(cutoff) -> None:
    shape = Shape(cutoff=cutoff)
    assert 20 <= shape.cutoff_hz <= 20_000.001
    assert Shape.cutoff_of(shape.cutoff_hz) == pytest.approx(cutoff, abs=1e-9)
