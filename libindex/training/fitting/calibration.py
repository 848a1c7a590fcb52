"""Temperature scaling of probabilities.

Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks" (ICML 2017).
"""

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

_MAX = 20.0
_PRIOR_SD = 0.5  # of ln T


def fit_temperature(logits: NDArray[np.floating], labels: NDArray[np.int64]) -> float:
    """The most probable temperature, given the labels and a prior.

    ln T has a normal prior around 0 that weighs as much as a handful of files: without it, a few
    files that are all classified correctly would make every probability 1.

    Parameters
    ----------
    logits : ndarray, shape (files, classes)
        Of sounds that the network was not trained on.
    labels : ndarray of int64, shape (files,)
        Their classes.

    Returns
    -------
    float
        Between 1/20 and 20; 1 if there are no sounds.
    """
    if len(labels) == 0:
        return 1.0
    bound = float(np.log(_MAX))

    def loss(log_t: float) -> float:
        total = len(labels) * negative_log_likelihood(logits / np.exp(log_t), labels)
        return total + 0.5 * (log_t / _PRIOR_SD) ** 2

    result = optimize.minimize_scalar(
        loss,
        bounds=(-bound, bound),
        method="bounded",
    )
    return float(np.exp(result.x))


def negative_log_likelihood(logits: NDArray[np.floating], labels: NDArray[np.int64]) -> float:
    """Mean of -ln p(label) [nat], of logits of shape (files, classes)."""
    scores = special.log_softmax(np.asarray(logits, np.float64), axis=1)
    return -float(scores[np.arange(len(labels)), labels].mean())
