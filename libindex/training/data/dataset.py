"""Labelled sounds for training and evaluation: a folder per class, or a manifest."""

import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from libindex.errors import SampleError, UsageError
from libindex.instruments import CODES
from libindex.paths import is_audio
from libindex.sound.decoding import FloatArray
from libindex.sound.digests import digest_of
from libindex.sound.mel import LogMel
from libindex.sound.preparation import Preparer

MANIFEST = "manifest.csv"
_NEEDED_COLUMNS = ("file", "class")
_GROUP_SHARE, _FILE_SHARE = 0.08, 0.10
MelArray = NDArray[np.float16]
"""A log-mel spectrogram as stored: half precision is finer than its range needs."""

_OVERSHOOT = 1.25  # a group that would make the held-out part larger than this stays in training


@dataclass(frozen=True, slots=True)
class Item:
    """A labelled file.

    Attributes
    ----------
    path : str
        Where it is.
    label : str
        Its class.
    split : str
        "train", "valid", or "" if the data has no splits.
    group : str
        What it was recorded from (a drum machine, a kit); "" if unknown.
    confidence : str
        Of the label: "high", "medium" or "".
    source, licence : str
        Where it comes from and on what terms; "" if unknown.
    """

    path: str
    label: str
    split: str = ""
    group: str = ""
    confidence: str = ""
    source: str = ""
    licence: str = ""


@dataclass(frozen=True, slots=True)
class Dataset:
    """Files that could be read, with their spectrograms.

    Attributes
    ----------
    items : tuple of Item
        The files.
    mels : list of ndarray of float16, shape (frames, n_mels) each
        The network's input for each.
    labels : ndarray of int64, shape (files,)
        Index of each file's class.
    skipped : tuple of SampleError
        The files that can't be used.
    """

    items: tuple[Item, ...]
    mels: list[MelArray]
    labels: NDArray[np.int64]
    skipped: tuple[SampleError, ...]


def read_items(folder: str | Path) -> list[Item]:
    """List the labelled files of a folder.

    Parameters
    ----------
    folder : str or Path
        With a ``manifest.csv`` (columns file and class; optionally split, group, confidence,
        source and licence), or one sub-folder per class, which may be inside of two folders
        named train and valid.

    Returns
    -------
    list of Item
        In the order of the manifest, or by name.

    Raises
    ------
    UsageError
        If it is neither, has no classes, or a class without files.
    """
    root = Path(folder)
    if not root.is_dir():
        raise UsageError("no such folder", root)
    manifest = root / MANIFEST
    items = _from_manifest(manifest) if manifest.is_file() else _from_folders(root)
    if not items:
        raise UsageError(
            f"has no labelled sounds: it needs one sub-folder per class, or a {MANIFEST}", root
        )
    return items


def of_split(items: Iterable[Item], split: str) -> list[Item]:
    """The items of a split ("all" for every one); all of them if there are no splits."""
    items = list(items)
    if split == "all" or not any(item.split for item in items):
        return items
    return [item for item in items if item.split == split]


def class_list(items: Iterable[Item]) -> tuple[str, ...]:
    """The classes that occur: libindex's own in their usual order, then others by name."""
    present = {item.label for item in items}
    own = sorted(present - set(CODES))
    return (*(code for code in CODES if code in present), *own)


def classes_to_train(items: Iterable[Item], folder: Path) -> tuple[str, ...]:
    """As `class_list`; raises UsageError if there are fewer than two."""
    classes = class_list(items)
    if len(classes) < 2:
        named = f"only the class {classes[0]}" if classes else "no class"
        raise UsageError(f"has {named} to train on; at least two are needed", folder)
    return classes


def in_common(training: Iterable[Item], validation: Sequence[Item]) -> int:
    """How many validation files are byte-identical to a training file."""
    known = {digest for item in training if (digest := _digest(item))} if validation else set()
    return sum(_digest(item) in known for item in validation)


def hold_out(items: Sequence[Item]) -> tuple[list[Item], list[Item]]:
    """Hold out a part for calibration: whole groups, or files if groups are unknown.

    Parameters
    ----------
    items : sequence of Item
        All training sounds.

    Returns
    -------
    kept, held : list of Item
        About 8 % of the files, in whole groups, are held out; a tenth of the files if fewer than
        three groups are known. No class loses more than half of its files.
    """
    by_group = len({item.group for item in items if item.group}) >= 3
    groups: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        groups[item.group if by_group and item.group else item.path].append(item)
    names = sorted(groups)
    # The same in every run: a student's calibration sounds must be new to its teacher as well.
    np.random.default_rng([0, 1]).shuffle(names)
    target = round((_GROUP_SHARE if by_group else _FILE_SHARE) * len(items))
    held = _chosen([groups[name] for name in names], target, Counter(i.label for i in items))
    held_paths = {item.path for item in held}
    return [item for item in items if item.path not in held_paths], held


def load(
    items: Sequence[Item],
    classes: Sequence[str],
    log_mel: LogMel,
    threads: int = 1,
    on_skip: Callable[[SampleError], None] | None = None,
) -> Dataset:
    """Decode every file once.

    Parameters
    ----------
    items : sequence of Item
        What to read.
    classes : sequence of str
        Class names in the order of the network's outputs.
    log_mel : LogMel
        The network's input.
    threads : int
        How many files are read at once.
    on_skip : callable, optional
        Called for every file that can't be used.

    Returns
    -------
    Dataset
        Files that can't be used are only in `skipped`.

    Raises
    ------
    UsageError
        If a label is not among `classes`.
    """
    index = {label: i for i, label in enumerate(classes)}
    unknown = sorted({item.label for item in items} - set(classes))
    if unknown:
        raise UsageError(f"the network has no class {', '.join(unknown)}; it has {len(classes)}")
    kept: list[Item] = []
    mels: list[MelArray] = []
    skipped: list[SampleError] = []
    for item, result in _prepared(items, log_mel, threads):
        if isinstance(result, SampleError):
            skipped.append(result)
            if on_skip is not None:
                on_skip(result)
        else:
            kept.append(item)
            mels.append(result.astype(np.float16))
    labels = np.array([index[item.label] for item in kept], np.int64)
    return Dataset(tuple(kept), mels, labels, tuple(skipped))


def require_classes(dataset: Dataset, classes: Sequence[str]) -> None:
    """Raise UsageError if a class has no usable file."""
    counts = np.bincount(dataset.labels, minlength=len(classes))
    empty = [label for label, count in zip(classes, counts, strict=True) if count == 0]
    if empty:
        reason = dataset.skipped[0].reason if dataset.skipped else "none was found"
        raise UsageError(f"no usable files of class {', '.join(empty)} (first error: {reason})")


def _prepared(
    items: Sequence[Item], log_mel: LogMel, threads: int
) -> Iterator[tuple[Item, FloatArray | SampleError]]:
    prepare = Preparer(log_mel)

    def one(item: Item) -> FloatArray | SampleError:
        try:
            return prepare(item.path).mel
        except SampleError as error:
            return error

    with ThreadPoolExecutor(threads) as pool:
        yield from zip(items, pool.map(one, items), strict=True)


def _digest(item: Item) -> bytes | None:
    try:
        return digest_of(item.path)
    except OSError:
        return None  # loading reports the error


def _chosen(groups: list[list[Item]], target: int, counts: Counter[str]) -> list[Item]:
    held: list[Item] = []
    taken: Counter[str] = Counter()
    for group in groups:
        after = taken + Counter(item.label for item in group)
        if len(held) + len(group) > max(_OVERSHOOT * target, 1):
            continue
        if any(2 * after[label] > counts[label] for label in after):
            continue
        held, taken = held + group, after
        if len(held) >= target:
            break
    return held


def _from_manifest(manifest: Path) -> list[Item]:
    try:
        with manifest.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [c for c in _NEEDED_COLUMNS if c not in (reader.fieldnames or ())]
            if missing:
                raise UsageError(f"has no column {' and no column '.join(missing)}", manifest)
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"can't be read ({error})", manifest) from None
    for line, row in enumerate(rows, start=2):
        if not row["file"] or not row["class"]:
            raise UsageError(f"line {line} has no file or no class", manifest)
    return [_item(manifest.parent, row) for row in rows]


def _item(root: Path, row: dict[str, str | None]) -> Item:
    optional = ("split", "group", "confidence", "source", "licence")
    values = {name: row.get(name) or "" for name in optional}
    values["group"] = values["group"] or row.get("unit") or ""  # the older name of the column
    return Item(str(root / str(row["file"])), str(row["class"]), **values)


def _from_folders(root: Path, split: str = "") -> list[Item]:
    folders = sorted(f for f in root.iterdir() if f.is_dir() and not f.name.startswith("."))
    if not split and [folder.name for folder in folders] == ["train", "valid"]:
        return [item for folder in folders for item in _from_folders(folder, folder.name)]
    items: list[Item] = []
    for folder in folders:
        files = sorted(path for path in folder.rglob("*") if _is_sound(path))
        if not files:
            raise UsageError(f"class {folder.name!r} has no sound files", folder)
        items += [Item(str(path), folder.name, split) for path in files]
    return items


def _is_sound(path: Path) -> bool:
    return is_audio(path.name) and not path.name.startswith(".") and path.is_file()
