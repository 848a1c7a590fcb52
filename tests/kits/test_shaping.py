import hypothesis.strategies as st
import pytest
from hypothesis import given

from libindex.kits import shaping
from libindex.kits.checking import SampleCheck
from libindex.kits.kit import PadSettings
from libindex.kits.shaping import matched_gains, vary


def checked(loudness: float, peak: float = 0.1) -> SampleCheck:
    return SampleCheck(0.5, loudness, peak, is_loop=False, is_damaged=False)


def test_every_pad_comes_to_the_loudness_of_the_median() -> None:
    gains = matched_gains({36: checked(-20), 38: checked(-14), 42: checked(-16)})
    assert gains == {36: 4, 38: -2, 42: 0}


def test_gains_have_limits_and_nothing_clips() -> None:
    far = {36: checked(-60), 38: checked(-20), 42: checked(-20), 46: checked(0)}
    assert matched_gains(far) == {36: 12, 38: 0, 42: 0, 46: -12}
    gains = matched_gains({36: checked(-30, peak=0.5), 38: checked(-20), 42: checked(-20)})
    assert gains[36] == pytest.approx(6.02, abs=0.01)
    assert matched_gains({36: checked(-30, peak=2.0), 38: checked(-20)})[36] == 0


def test_silence_has_no_gain() -> None:
    assert matched_gains({}) == {}
    assert matched_gains({36: checked(float("-inf"), 0.0)}) == {}


def test_no_variation_changes_nothing() -> None:
    assert vary(PadSettings(gain_db=3), 36, ("kick",), 0.0, 1) == PadSettings(gain_db=3)


@given(st.integers(0, 127), st.floats(0.01, 1), st.integers(0, 2**32 - 1))
def test_variation_keeps_to_what_is_documented(key, amount, seed) -> None:
    settings = vary(PadSettings(gain_db=-2), key, ("snr",), amount, seed)
    assert settings.gain_db == -2
    assert abs(settings.pan) <= shaping.PAN * amount + 1e-3
    assert abs(settings.width) <= shaping.WIDTH * amount + 1e-3
    assert abs(settings.tune_semitones) <= shaping.TUNE_SEMITONES * amount + 1e-2
    assert 1 - (1 - shaping.MIN_CUTOFF) * amount - 1e-3 <= settings.cutoff <= 1
    assert 0 <= settings.resonance <= shaping.MAX_RESONANCE * amount + 1e-3
    assert 0 <= settings.lfo_depth <= shaping.MAX_TREMOLO * amount + 1e-3
    assert shaping.TREMOLO_HZ[0] <= settings.lfo_rate_hz <= shaping.TREMOLO_HZ[1]
    assert settings == vary(PadSettings(gain_db=-2), key, ("snr",), amount, seed)


def test_keys_and_seeds_differ_and_the_low_end_stays_in_the_middle() -> None:
    several = [vary(PadSettings(), key, ("snr",), 1.0, seed) for key in (36, 38) for seed in (0, 1)]
    assert len(set(several)) == 4
    kick = vary(PadSettings(), 36, ("kick",), 1.0, 0)
    assert (kick.pan, kick.width) == (0, 0)
    assert kick.tune_semitones != 0


@given(st.floats(0, 1))
def test_cutoffs_and_frequencies_are_each_others_inverse(cutoff) -> None:
    settings = PadSettings(cutoff=cutoff)
    assert 20 <= settings.cutoff_hz <= 20_000.001
    assert PadSettings.cutoff_of(settings.cutoff_hz) == pytest.approx(cutoff, abs=1e-9)
