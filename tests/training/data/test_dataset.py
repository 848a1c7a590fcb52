import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from libindex.errors import UsageError
from libindex.instruments import CODES
from libindex.sound.mel import LogMel, MelConfig
from libindex.training.data.dataset import (
    Item,
    class_list,
    classes_to_train,
    hold_out,
    load,
    of_split,
    read_items,
    require_classes,
)


@pytest.fixture(scope="module")
def log_mel() -> LogMel:
    return LogMel(MelConfig())


def write_manifest(folder: Path, rows: list[dict[str, str]]) -> None:
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def tree(write_sound: Callable[..., Path]) -> Path:
    """Two classes of two sounds."""
    for seed, name in enumerate(("snr/a.wav", "snr/more/b.flac", "kick/c.wav", "kick/d.aiff")):
        write_sound(name, seed)
    return write_sound("snr/a.wav", 0).parents[1]


def test_a_folder_tree_gives_an_item_for_each_sound(tree: Path) -> None:
    (tree / "kick" / "notes.txt").write_text("not a sound")
    (tree / "kick" / "._c.wav").write_bytes(b"resource fork")
    (tree / ".hidden").mkdir()
    items = read_items(tree)
    found = {(Path(item.path).name, item.label) for item in items}
    assert found == {("a.wav", "snr"), ("b.flac", "snr"), ("c.wav", "kick"), ("d.aiff", "kick")}


def test_folders_named_train_and_valid_are_splits(write_sound: Callable[..., Path]) -> None:
    for seed, name in enumerate(("train/snr/a", "train/kick/b", "valid/snr/c", "valid/kick/d")):
        folder = write_sound(f"{name}.wav", seed).parents[2]
    items = read_items(folder)
    assert class_list(items) == ("kick", "snr")
    assert {Path(item.path).stem for item in of_split(items, "valid")} == {"c", "d"}


def test_a_manifest_gives_the_same_items_as_its_folder_tree(tree: Path) -> None:
    by_folder = read_items(tree)
    rows = [{"file": str(Path(i.path).relative_to(tree)), "class": i.label} for i in by_folder]
    write_manifest(tree, rows)
    assert read_items(tree) == by_folder


def test_a_manifest_says_more(tree: Path) -> None:
    row = {"split": "train", "group": "tr1", "confidence": "medium", "source": "s", "licence": "l"}
    write_manifest(
        tree,
        [
            {"file": "snr/a.wav", "class": "snr", **row},
            {"file": "kick/c.wav", "class": "kick", **row, "split": "valid"},
        ],
    )
    first, second = read_items(tree)
    assert first == Item(str(tree / "snr/a.wav"), "snr", "train", "tr1", "medium", "s", "l")
    assert of_split([first, second], "valid") == [second]
    assert of_split([first, second], "all") == [first, second]


def test_a_manifest_may_have_groups_under_their_older_name(tree: Path) -> None:
    write_manifest(tree, [{"file": "snr/a.wav", "class": "snr", "unit": "tr1"}])
    assert [item.group for item in read_items(tree)] == ["tr1"]


def test_without_splits_every_split_is_everything() -> None:
    items = [Item("a", "snr"), Item("b", "kick")]
    assert of_split(items, "valid") == items


def test_classes_are_in_the_usual_order_and_own_ones_by_name() -> None:
    items = [Item("1", label) for label in ("zap", "kick", "boing", "met", "kick")]
    assert class_list(items) == ("met", "kick", "boing", "zap")
    assert class_list([Item("1", code) for code in reversed(CODES)]) == CODES


def test_an_empty_class_is_named(tree: Path) -> None:
    (tree / "tom").mkdir()
    with pytest.raises(UsageError, match=r"tom: class 'tom' has no sound files"):
        read_items(tree)


def test_one_class_is_not_enough_to_train_on(write_sound: Callable[..., Path]) -> None:
    folder = write_sound("kick/a.wav").parents[1]
    items = read_items(folder)
    with pytest.raises(UsageError, match="only the class kick to train on; at least two"):
        classes_to_train(items, folder)


def test_a_folder_without_classes_is_explained(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no labelled sounds: it needs one sub-folder"):
        read_items(tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere: no such folder"):
        read_items(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("path,class\na,b\n", "no column file"),
        ("path,label\na,b\n", "no column file and no column class"),
        ("file,class\na.wav,\n", "line 2"),
        ("", "no column file"),
    ],
)
def test_a_bad_manifest_is_explained(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "manifest.csv").write_text(text)
    with pytest.raises(UsageError, match=reason):
        read_items(tmp_path)


def test_a_manifest_that_is_not_text_is_explained(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_bytes(b"file,class\n\xff\xfe,kick\n")
    with pytest.raises(UsageError, match="can't be read"):
        read_items(tmp_path)


def test_whole_groups_are_held_out() -> None:
    rng = np.random.default_rng(0)
    items = [
        Item(f"{group}/{i}", ("snr", "kick")[i % 2], group=f"group {group}")
        for group in range(30)
        for i in range(int(rng.integers(5, 15)))
    ]
    kept, held = hold_out(items)
    assert not {i.group for i in kept} & {i.group for i in held}
    assert sorted(i.path for i in kept + held) == sorted(i.path for i in items)
    assert 0.06 <= len(held) / len(items) <= 0.11
    assert hold_out(items) == (kept, held)


def test_files_are_held_out_where_groups_are_unknown() -> None:
    items = [Item(f"{i}", ("snr", "kick")[i % 2]) for i in range(100)]
    kept, held = hold_out(items)
    assert (len(kept), len(held)) == (90, 10)


def test_no_class_gives_away_more_than_half() -> None:
    for rare in range(20):
        items = [Item(f"{i}", "kick" if i == rare else "snr") for i in range(20)]
        kept, held = hold_out(items)
        assert "kick" in {item.label for item in kept}
        assert held


def test_bad_files_are_skipped_and_listed(tree: Path, log_mel: LogMel) -> None:
    (tree / "kick" / "bad.wav").write_bytes(b"this is not audio")
    items = read_items(tree)
    data = load(items, ("snr", "kick"), log_mel, threads=2)
    assert [str(error) for error in data.skipped] == [
        f"{tree / 'kick' / 'bad.wav'}: is not audio, or is damaged"
    ]
    assert [Path(item.path).name for item in data.items] == ["c.wav", "d.aiff", "a.wav", "b.flac"]
    assert data.labels.tolist() == [1, 1, 0, 0]
    assert all(mel.shape[1] == 128 and mel.max() == 1 for mel in data.mels)
    require_classes(data, ("snr", "kick"))


def test_a_class_without_a_usable_file_is_named(tree: Path, log_mel: LogMel) -> None:
    (tree / "tom").mkdir()
    (tree / "tom" / "bad.wav").write_bytes(b"this is not audio")
    items = read_items(tree)
    data = load(items, class_list(items), log_mel)
    with pytest.raises(UsageError, match="class tom"):
        require_classes(data, class_list(items))


def test_a_label_that_the_network_does_not_know_is_named(tree: Path, log_mel: LogMel) -> None:
    with pytest.raises(UsageError, match="no class kick"):
        load(read_items(tree), ("snr", "tom"), log_mel)
