import numpy as np
import pytest

from libindex.training.evaluation.reliability import calibration_error, reliability


def test_calibration_error_by_hand() -> None:
    # Bins of 1/15: 0.95 and 0.97 share one (right half the time), 0.5 is alone (right).
    confidence, right = np.array([0.95, 0.97, 0.5]), np.array([True, False, True])
    expected = (2 * abs(0.5 - 0.96) + abs(1 - 0.5)) / 3
    assert calibration_error(confidence, right) == pytest.approx(expected)


def test_calibration_error_of_certainty_that_is_right_is_zero() -> None:
    assert calibration_error(np.ones(5), np.ones(5, bool)) == 0


def test_bins_by_hand() -> None:
    bins = reliability(np.array([0.95, 0.97, 0.5, 1.0]), np.array([True, False, True, True]))
    assert len(bins) == 15
    assert [b.n for b in bins] == [0] * 7 + [1] + [0] * 6 + [3]
    assert (bins[7].confidence, bins[7].right) == (0.5, 1.0)
    assert bins[14].confidence == pytest.approx(2.92 / 3)
    assert bins[14].right == pytest.approx(2 / 3)
    assert (bins[0].confidence, bins[0].right) == (None, None)


def test_bins_and_error_agree() -> None:
    rng = np.random.default_rng(0)
    confidence = rng.random(200)
    right = rng.random(200) < confidence**2
    gaps = [b.n * abs(b.right - b.confidence) for b in reliability(confidence, right) if b.n]
    assert calibration_error(confidence, right) == pytest.approx(sum(gaps) / 200)
