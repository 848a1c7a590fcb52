import numpy as np
import pytest

from libindex.training.data.dataset import Item
from libindex.training.evaluation.evaluate import Predictions
from libindex.training.evaluation.nearest import as_table, nearest_files, spread

# Files on a quarter circle, in two groups: the nearer the number, the nearer the sound.
ANGLES = np.linspace(0, np.pi / 2, 12)
LABELS = np.array([0] * 6 + [2] * 6)
ITEMS = [
    Item(f"/sounds/file{i}.wav", "kick" if label == 0 else "long-name", group="ab"[i % 2])
    for i, label in enumerate(LABELS)
]
PREDICTIONS = Predictions(
    np.full((12, 3), 1 / 3, np.float32),
    np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1).astype(np.float32) * 7,
    LABELS,
    np.arange(12) % 2,
)


def test_the_nearest_come_from_other_units() -> None:
    for found in nearest_files(PREDICTIONS, ITEMS, 12):
        number = ITEMS.index(found.item)
        similar = [neighbour.similarity for neighbour in found.nearest]
        assert len(similar) == 5
        assert similar == sorted(similar, reverse=True)
        assert {neighbour.item.group for neighbour in found.nearest} == {"ba"[number % 2]}
        nearest = ITEMS.index(found.nearest[0].item)
        assert abs(nearest - number) == 1
        assert similar[0] == pytest.approx(np.cos(ANGLES[1]))


@pytest.mark.parametrize(
    ("count", "classes"), [(1, 1), (2, 2), (3, 3), (4, 4), (5, 4), (7, 4), (100, 4)]
)
def test_files_are_spread_over_the_classes(count: int, classes: int) -> None:
    labels = np.array([0, 0, 0, 2, 2, 3, 9, 9])
    chosen = spread(labels, count)
    assert len(set(chosen)) == len(chosen) == min(count, len(labels))
    assert len(set(labels[chosen])) == classes
    assert labels[chosen].tolist() == sorted(labels[chosen])
    assert chosen == spread(labels, count)


def test_two_of_many_classes_are_the_first_and_the_last() -> None:
    assert np.arange(30)[spread(np.arange(30), 2)].tolist() == [0, 29]


def test_the_table_is_aligned() -> None:
    found = nearest_files(PREDICTIONS, ITEMS, 2)
    blocks = as_table(found).split("\n\n")
    assert blocks[0].split() == ["similar", "class", "group", "file"]
    assert len({line.index("file") for block in blocks for line in block.splitlines()}) == 1
    for file, block in zip(found, blocks[1:], strict=True):
        first, *others = [line.split() for line in block.splitlines()]
        assert first == [file.item.label, file.item.group, file.item.path.rpartition("/")[2]]
        assert [row[0] for row in others] == [f"{n.similarity:.3f}" for n in file.nearest]
        assert [row[1] for row in others] == [n.item.label for n in file.nearest]


def test_a_file_without_a_unit_has_a_dash() -> None:
    alone = [Item(item.path, item.label) for item in ITEMS]
    assert as_table(nearest_files(PREDICTIONS, alone, 1)).splitlines()[2].split()[1] == "-"
