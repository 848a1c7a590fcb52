import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from libindex.errors import UsageError
from libindex.network.analyser import Analyser, load_network
from libindex.training.data.dataset import Dataset, Item
from libindex.training.evaluation.evaluate import (
    Predictions,
    confusion_matrix,
    evaluate,
    neighbour_precision,
    predict,
)
from libindex.training.evaluation.false_alarms import FalseAlarms
from libindex.training.evaluation.figures import Figure
from libindex.training.evaluation.report_text import as_text
from libindex.training.evaluation.robustness import CHANGES, ChangeFigures


def predictions(
    probabilities: list[list[float]],
    labels: list[int],
    groups: list[int] | None = None,
    latents: npt.ArrayLike | None = None,
    certain: list[bool] | None = None,
    percussion: list[float] | None = None,
) -> Predictions:
    count = len(labels)
    return Predictions(
        np.array(probabilities, np.float32),
        np.array(latents if latents is not None else np.eye(count), np.float32),
        np.array(labels, np.int64),
        np.array(groups if groups is not None else range(count), np.int64),
        None if certain is None else np.array(certain),
        None if percussion is None else np.array(percussion, np.float32),
    )


# Four classes. a: 4 files, 3 right; b: 4 files, 2 right; c: 1 file, wrong; d: none.
BY_HAND = predictions(
    [
        [0.9, 0.1, 0.0, 0.0],
        [0.85, 0.05, 0.05, 0.05],
        [0.6, 0.2, 0.1, 0.1],
        [0.3, 0.4, 0.2, 0.1],  # a, predicted b
        [0.1, 0.9, 0.0, 0.0],
        [0.2, 0.7, 0.1, 0.0],
        [0.8, 0.1, 0.06, 0.04],  # b, predicted a
        [0.5, 0.1, 0.3, 0.1],  # b, predicted a; b is third or fourth: a tie goes to the first
        [0.4, 0.3, 0.1, 0.2],  # c, predicted a, not among the first three
    ],
    [0, 0, 0, 0, 1, 1, 1, 1, 2],
)


def test_figures_by_hand() -> None:
    report = evaluate(BY_HAND, "abcd", resamples=50)
    assert report.files == report.groups == 9
    assert report.top1.value == pytest.approx(5 / 9)
    assert report.balanced_top1.value == pytest.approx((3 / 4 + 2 / 4) / 2)
    assert report.top3.value == pytest.approx(8 / 9)
    assert report.sure_precision.value == pytest.approx(3 / 4)
    assert report.sure_coverage.value == pytest.approx(4 / 9)
    for figure in (report.top1, report.balanced_top1, report.top3, report.sure_coverage):
        assert figure.low <= figure.value <= figure.high


def test_labels_of_high_confidence_have_a_figure_of_their_own() -> None:
    some = replace(BY_HAND, certain=np.array([True, False, False, True, False] + [True] * 4))
    # 0, 3, 5, 6, 7 and 8 are certain; 0 and 5 are right.
    assert evaluate(some, "abcd", resamples=5).certain_top1.value == pytest.approx(2 / 6)
    unknown = evaluate(BY_HAND, "abcd", resamples=5)
    assert unknown.certain_top1.value is None
    assert "high confidence" not in as_text(unknown)
    words = " ".join(as_text(evaluate(some, "abcd", resamples=5)).split())
    assert "top-1 of labels with high confidence 0.333" in words


def test_percussion_that_is_missed() -> None:
    scored = replace(BY_HAND, percussion=np.array([0.5, 0.49, 0.0, *[1.0] * 6], np.float32))
    report = evaluate(scored, "abcd", resamples=50)
    assert report.missed_percussion.value == pytest.approx(2 / 9)
    assert report.missed_percussion.low < 2 / 9 < report.missed_percussion.high
    assert report.to_json()["missed_percussion"]["value"] == pytest.approx(2 / 9)
    words = " ".join(as_text(report).split())
    assert "missed as percussion (score below 0.5) 0.222" in words
    unable = evaluate(BY_HAND, "abcd", resamples=5)
    assert unable.missed_percussion.value is None
    assert "missed as percussion" not in as_text(unable)


@pytest.mark.parametrize("has_percussion_score", [True, False])
def test_percussion_is_predicted_in_the_order_of_the_files(
    small_model: Path, has_percussion_score: bool
) -> None:
    model, network = load_network(small_model)
    with torch.no_grad():
        network.fc2.bias.sub_(4)
    analyser = Analyser(replace(model, has_percussion_score=has_percussion_score), network, "cpu")
    rng = np.random.default_rng(0)
    mels = [rng.random((length, 128)).astype(np.float16) for length in (90, 20, 50)]
    items = tuple(Item(f"{i}.wav", "kick") for i in range(3))
    predicted = predict(analyser, Dataset(items, mels, np.zeros(3, int), ()))
    if not has_percussion_score:
        assert predicted.percussion is None
        return
    expected = [analyser.analyse([mel.astype(np.float32)]).percussion[0] for mel in mels]
    assert len(set(expected)) == 3
    np.testing.assert_allclose(predicted.percussion, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("confidences", "expected"),
    [(["high", "medium", ""], [True, False, False]), (["", "", ""], None)],
)
def test_confidences_come_from_the_data(
    confidences: list[str], expected: list[bool] | None, small_model: Path
) -> None:
    items = tuple(Item(f"{i}.wav", "kick", confidence=c) for i, c in enumerate(confidences))
    mels = [np.full((20, 128), 0.5, np.float16)] * 3
    predicted = predict(
        Analyser.load(small_model, "cpu"), Dataset(items, mels, np.zeros(3, int), ())
    )
    assert (None if predicted.certain is None else predicted.certain.tolist()) == expected


def test_classes_by_hand() -> None:
    a, b, c, d = evaluate(BY_HAND, "abcd", resamples=1).classes
    assert (a.code, a.n, a.recall, a.precision) == ("a", 4, 0.75, 0.5)
    assert (b.n, b.recall, b.precision) == (4, 0.5, pytest.approx(2 / 3))
    assert (c.n, c.recall, c.precision) == (1, 0.0, None)
    assert (d.n, d.recall, d.precision) == (0, None, None)


def test_confusion_by_hand() -> None:
    expected = [[3, 1, 0, 0], [2, 2, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    assert confusion_matrix(BY_HAND).tolist() == expected


def test_neighbours_come_from_other_groups() -> None:
    # Two directions; classes agree with them except for the last file.
    latents: list[list[float]] = [[1, 0], [1, 0.1], [0.9, 0], [0, 1], [0.1, 1], [0, 2]]
    both = predictions([[0.5, 0.5]] * 6, [0, 0, 0, 1, 1, 0], [0, 0, 1, 2, 3, 3], latents)
    shares = neighbour_precision(both)
    # Fewer than ten others: all files of other groups are neighbours.
    assert shares[0] == pytest.approx(2 / 4)  # of 2, 3, 4, 5: files 2 and 5
    assert shares[2] == pytest.approx(3 / 5)
    assert shares[4] == pytest.approx(1 / 4)


def test_the_ten_nearest_count() -> None:
    angles = np.linspace(0, 1, 30)
    latents = np.stack([np.cos(angles), np.sin(angles)], axis=1) * np.arange(1, 31)[:, None]
    labels = [0] * 15 + [1] * 15
    shares = neighbour_precision(predictions([[0.5, 0.5]] * 30, labels, latents=latents.tolist()))
    assert shares[0] == 1.0  # length plays no part
    assert shares[14] == pytest.approx(0.5)


def test_a_single_unit_has_no_neighbours() -> None:
    alone = predictions([[0.9, 0.1], [0.2, 0.8]], [0, 1], [0, 0])
    assert np.isnan(neighbour_precision(alone)).all()
    assert evaluate(alone, "ab", resamples=5).neighbours.value is None


def test_units_widen_the_interval() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(10), 20)
    right = np.repeat(rng.random(10) < 0.5, 20)  # all of a group alike
    p = np.where(right[:, None], [[0.9, 0.1]], [[0.1, 0.9]]).tolist()
    by_unit = evaluate(predictions(p, [0] * 200, groups.tolist()), "ab", 200).top1
    by_file = evaluate(predictions(p, [0] * 200), "ab", 200).top1
    assert by_unit.high - by_unit.low > 2 * (by_file.high - by_file.low)


def test_nothing_to_evaluate_is_an_error() -> None:
    nothing = predictions(np.zeros((0, 2)).tolist(), [], [], np.zeros((0, 2)).tolist())
    with pytest.raises(UsageError, match="no files"):
        evaluate(nothing, "ab")


def test_what_was_measured_besides_is_in_json_and_text() -> None:
    figure = Figure(0.5, 0.25, 0.75)
    plain = evaluate(BY_HAND, "abcd", resamples=5)
    report = replace(
        plain,
        robustness=(
            ChangeFigures("mp3", figure, Figure(1.0)),
            ChangeFigures("mean", figure, figure),
        ),
        false_alarms=FalseAlarms(
            4, 1, figure, Figure(1.0), figure, Figure(0.0), {"speech": 0.0, "noise": 1.0}, {"a": 2}
        ),
    )
    assert not {"robustness", "false_alarms"} & set(plain.to_json())
    document = json.loads(json.dumps(report.to_json()))
    assert document["robustness"]["mp3"]["recall_at_1"] == {"value": 0.5, "low": 0.25, "high": 0.75}
    assert document["robustness"]["mean"]["recall_at_5"]["value"] == 0.5
    assert document["false_alarms"]["share"]["value"] == 0.5
    assert document["false_alarms"]["unseen_share"]["value"] == 1.0
    assert document["false_alarms"]["detected"]["value"] == 0.5
    assert document["false_alarms"]["unseen_detected"]["value"] == 0.0
    assert document["false_alarms"]["by_kind"] == {"speech": 0.0, "noise": 1.0}
    lines = [" ".join(line.split()) for line in as_text(report).splitlines()]
    assert "MP3 at 96 kbit/s 0.500 [0.250, 0.750] 1.000" in lines
    assert "mean 0.500 [0.250, 0.750] 0.500 [0.250, 0.750]" in lines
    assert "4 sounds that are not percussion all 1 of unseen kinds" in lines
    assert "get a class with probability 0.8 or more 0.500 [0.250, 0.750] 1.000" in lines
    assert "detected (percussion score below 0.5) 0.500 [0.250, 0.750] 0.000" in lines
    assert "get a class, by kind: speech 0.00, noise 1.00" in lines
    assert "most predicted: a 2" in lines


def test_scores_that_a_network_does_not_have_are_left_out() -> None:
    figure = Figure(0.5, 0.25, 0.75)
    alarms = FalseAlarms(4, 1, figure, figure, None, None, {"speech": 0.5}, {})
    report = replace(evaluate(BY_HAND, "abcd", resamples=5), false_alarms=alarms)
    assert not {"detected", "unseen_detected"} & set(report.to_json()["false_alarms"])
    assert "detected" not in as_text(report)


def test_every_change_has_a_title() -> None:
    rows = tuple(ChangeFigures(name, Figure(1.0), Figure(1.0)) for name in (*CHANGES, "mean"))
    text = as_text(replace(evaluate(BY_HAND, "abcd", resamples=5), robustness=rows))
    assert len([line for line in text.splitlines() if line.endswith("1.000")]) == len(rows)


def test_report_as_json_and_text() -> None:
    report = evaluate(BY_HAND, ("a", "b", "c", "d"), resamples=20)
    document = json.loads(json.dumps(report.to_json()))
    assert document["top1"]["value"] == pytest.approx(5 / 9)
    assert document["confusion"] == {
        "a": {"a": 3, "b": 1},
        "b": {"a": 2, "b": 2},
        "c": {"a": 1},
        "d": {},
    }
    text = as_text(report)
    assert "top-1" in text
    assert "0.556" in text
    assert any(line.split() == ["b", "4", "0.500", "0.667"] for line in text.splitlines())
    assert any(line.split() == ["b", "2", "2", "."] for line in text.splitlines())
