import numpy as np
import pytest
from scipy import special

from libindex.training.fitting.calibration import fit_temperature, negative_log_likelihood


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_a_known_temperature_is_recovered(temperature: float) -> None:
    rng = np.random.default_rng(0)
    true_logits = rng.normal(0, 2, (20_000, 6))
    p = special.softmax(true_logits, axis=1)
    labels = (p.cumsum(axis=1) > rng.random((len(p), 1))).argmax(axis=1)
    found = fit_temperature(true_logits * temperature, labels)
    assert found == pytest.approx(temperature, rel=0.05)


def test_calibration_never_makes_it_worse() -> None:
    rng = np.random.default_rng(1)
    logits, labels = rng.normal(0, 5, (200, 4)), rng.integers(0, 4, 200)
    temperature = fit_temperature(logits, labels)
    assert temperature > 1
    after = negative_log_likelihood(logits / temperature, labels)
    assert after <= negative_log_likelihood(logits, labels)


def test_nothing_to_calibrate_on_leaves_one() -> None:
    assert fit_temperature(np.zeros((0, 3)), np.zeros(0, np.int64)) == 1.0


def test_a_perfect_network_gets_a_bounded_temperature() -> None:
    assert fit_temperature(np.eye(3) * 4, np.arange(3)) >= 0.05


def test_a_few_files_that_are_all_right_do_not_make_it_certain() -> None:
    logits = np.eye(8) * 3.0
    assert 0.4 < fit_temperature(logits, np.arange(8)) < 1
    # Many more such files may.
    many = np.tile(logits, (500, 1))
    assert fit_temperature(many, np.tile(np.arange(8), 500)) < 0.3


def test_likelihood_by_hand() -> None:
    logits = np.log(np.array([[0.7, 0.3], [0.1, 0.9]]))
    expected = -(np.log(0.7) + np.log(0.1)) / 2
    assert negative_log_likelihood(logits, np.array([0, 0])) == pytest.approx(expected)
