"""Writing a kit: aside first, then in its place in one step, so that there is never half a kit."""

import os
import shutil
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path

from libindex.kits import manifest
from libindex.kits.formats import Format
from libindex.kits.kit import MANIFEST, Kit, KitError
from libindex.kits.samples import Placing, placed, safe_name
from libindex.paths import display

_SAMPLES = "samples"
_PADS = "pads"  # the name of a format that is a folder


def write(
    kit: Kit,
    formats: Sequence[Format],
    out: Path,
    placing: Placing = "copy",
    *,
    overwrite: bool = False,
) -> Path:
    """Write a kit in some formats, into a folder of its own.

    Parameters
    ----------
    kit : Kit
        Its voices play files of the library, which stay as they are.
    formats : sequence of Format
        At least one.
    out : Path
        Where the kit's folder, which has its name, is made.
    placing : {"copy", "link", "reference"}
        What becomes of the samples; see `samples.placed`.
    overwrite : bool
        Whether a kit of this name is replaced, if it has no files of anybody else.

    Returns
    -------
    Path
        The kit's folder.

    Raises
    ------
    KitError
        If there is one already, its name is none that a folder can have, or something can't be
        written. Then all is as it was.
    """
    target = out / kit_folder(kit.name)
    _check_free(target, overwrite)
    try:
        out.mkdir(parents=True, exist_ok=True)
        aside = _new_folder(out)
    except OSError as error:
        raise KitError(f"can't be written ({error.strerror})", out) from None
    try:
        _fill(kit, formats, aside, placing)
        _replace(aside, target)
    except OSError as error:
        raise KitError(f"can't be written ({error.strerror})", target) from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return target


def kit_folder(name: str) -> str:
    """The name of a kit's folder and presets.

    Raises
    ------
    KitError
        If it is none that a file can have on every system.
    """
    if not name or safe_name(name) != name:
        raise KitError(f"{display(name)!r} is no name for a kit; try {safe_name(name)!r}")
    return name


def _check_free(target: Path, overwrite: bool) -> None:
    if not os.path.lexists(target):
        return
    if not overwrite:
        raise KitError("is there already; add --overwrite, or choose another name", target)
    if target.is_symlink() or not target.is_dir():
        raise KitError("is no kit; it is not overwritten", target)
    own = set(manifest.read(target)[1])
    for folder, folders, files in os.walk(target):
        links = [name for name in folders if Path(folder, name).is_symlink()]
        for name in (*files, *links):
            path = Path(folder, name)
            if os.fspath(path.relative_to(target)) not in own:
                raise KitError("is not of this kit; move it before the kit is overwritten", path)


def _fill(kit: Kit, formats: Sequence[Format], aside: Path, placing: Placing) -> None:
    plays = frozenset.intersection(*(f.plays for f in formats))
    archives_only = all(f.is_archive for f in formats)
    with tempfile.TemporaryDirectory(prefix=".samples-", dir=aside) as inside:
        # What goes into archives alone leaves no copies beside them.
        folder = Path(inside) if archives_only else aside / _SAMPLES
        ready = placed(kit, folder, "reference" if archives_only else placing, plays)
        for one in formats:
            one.write(ready, aside / (kit.name + one.suffix if one.suffix else _PADS))
    files = [
        os.path.relpath(Path(where, name), aside)
        for where, _, names in os.walk(aside)
        for name in names
    ]
    if archives_only:
        ready = kit
    manifest.write(ready, aside, [*sorted(files), MANIFEST])


def _replace(aside: Path, target: Path) -> None:
    """Put the new kit in its place; of an old one nothing is lost before the new one is there."""
    if not target.exists():
        aside.rename(target)
        return
    old = _new_folder(target.parent)
    target.rename(old / target.name)
    try:
        aside.rename(target)
    except OSError:
        (old / target.name).rename(target)
        raise
    finally:
        if target.exists():
            shutil.rmtree(old, ignore_errors=True)


def _new_folder(out: Path) -> Path:
    """Hidden, so that a scan passes it over; with the user's own permissions, unlike tempfile's."""
    folder = out / f".libindex-kit-{uuid.uuid4().hex[:12]}"
    folder.mkdir()
    return folder
