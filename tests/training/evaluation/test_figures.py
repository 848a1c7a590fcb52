import numpy as np
import pytest

from libindex.training.evaluation.figures import Bootstrap, Figure, independent_share


def test_nothing_of_two_hundred_may_still_be_one_in_a_hundred() -> None:
    never = independent_share(np.zeros(200, bool))
    assert (never.value, never.low) == (0.0, 0.0)
    # Clopper and Pearson (1934): 1 - (0.05 / 2) ** (1 / n) where none of n is.
    assert never.high == pytest.approx(1 - 0.025 ** (1 / 200))
    always = independent_share(np.ones(200, bool))
    assert (always.low, always.high) == (pytest.approx(0.025 ** (1 / 200)), 1.0)


def test_a_share_of_nothing_is_not_known() -> None:
    assert independent_share(np.zeros(0, bool)) == Figure(None)


def test_one_unit_says_nothing_of_others() -> None:
    values = np.array([0.0, 1.0, 1.0, 0.0])
    assert Bootstrap(np.zeros(4, np.int64)).mean(values) == Figure(0.5)
    two = Bootstrap(np.array([0, 0, 1, 1])).mean(np.array([0.0, 0.0, 1.0, 1.0]))
    assert (two.low, two.high) == (0.0, 1.0)
