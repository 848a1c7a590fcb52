"""Write a kit: aside first, then moved into place in one step, so that none is ever incomplete."""

import os
import shutil
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path

from libindex.kits import manifest
from libindex.kits.formats import Format
from libindex.kits.kit import MANIFEST, Kit, KitError
from libindex.kits.samples import Placing, place, safe_name
from libindex.paths import absolute, display, relative_to

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
        What happens to the samples; see `samples.place`.
    overwrite : bool
        Whether to replace a kit of this name, if its folder contains no files but its own.

    Returns
    -------
    Path
        The kit's folder.

    Raises
    ------
    KitError
        If the kit exists, its name is not valid, or something can't be written. Then nothing
        has changed.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> import soundfile
    >>> from libindex.kits import FORMATS, Kit, Voice, write
    >>> folder = Path(mkdtemp())
    >>> soundfile.write(folder / "boom.wav", [0.0, 1.0, 0.0], 44_100)
    >>> kit = Kit("Mine", (Voice(36, str(folder / "boom.wav"), "kick"),))
    >>> sorted(path.name for path in write(kit, [FORMATS["sfz"]], folder).iterdir())
    ['Mine.sfz', 'kit.json', 'samples']
    """
    out = Path(absolute(out))
    target = check_target(kit.name, out, overwrite=overwrite)
    if placing != "copy":
        _check_lasting(kit, target)
    try:
        out.mkdir(parents=True, exist_ok=True)
        aside = _new_folder(out)
    except OSError as error:
        raise KitError(f"can't be written ({error.strerror})", out) from None
    try:
        _fill(kit, formats, aside, placing)
        if overwrite and target.exists():
            _exchange(aside, target)
        else:
            aside.rename(target)  # fails where a folder with anything in it came meanwhile
    except OSError as error:
        raise KitError(f"can't be written ({error.strerror})", target) from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return target


def check_target(name: str, out: Path, *, overwrite: bool) -> Path:
    """Where a kit will be written.

    Parameters
    ----------
    name : str
        The kit's.
    out : Path
        Where its folder is to be made.
    overwrite : bool
        Whether it may replace a kit.

    Returns
    -------
    Path
        Its folder.

    Raises
    ------
    KitError
        If the name is not valid, or something exists there that must not be replaced.
    """
    if not name or safe_name(name) != name:
        raise KitError(f"{display(name)!r} is not a valid kit name; try {safe_name(name)!r}")
    target = out / name
    if os.path.lexists(target):
        if not overwrite:
            raise KitError("already exists; add --overwrite, or choose another name", target)
        _check_own(target)
    return target


def _check_own(target: Path, shown: Path | None = None) -> None:
    """Raise KitError unless a folder holds nothing but what libindex wrote into it.

    `shown` is where the folder is for people.
    """
    if target.is_symlink() or not target.is_dir():
        raise KitError("is not a kit, so it is not overwritten", target)
    own = set(manifest.read(target)[1])
    for folder, folders, files in os.walk(target):
        links = [name for name in folders if Path(folder, name).is_symlink()]
        for name in (*files, *links):
            path = Path(folder, name)
            if os.fspath(path.relative_to(target)) not in own:
                place = (shown or target) / path.relative_to(target)
                raise KitError("is not part of this kit; move it before overwriting the kit", place)


def _check_lasting(kit: Kit, target: Path) -> None:
    """Raise KitError if a sample goes with the kit that is replaced."""
    folder = os.path.realpath(target)
    for voice in kit.voices:
        if relative_to(os.path.realpath(voice.sample), folder):
            raise KitError("would be deleted with the old kit; use --copy-samples", voice.sample)


def _fill(kit: Kit, formats: Sequence[Format], aside: Path, placing: Placing) -> None:
    plays = frozenset.intersection(*(f.plays for f in formats))
    archives_only = all(f.is_archive for f in formats)
    with tempfile.TemporaryDirectory(prefix=".samples-", dir=aside) as inside:
        # What goes into archives alone leaves no copies beside them.
        folder = Path(inside) if archives_only else aside / _SAMPLES
        ready = place(kit, folder, "reference" if archives_only else placing, plays)
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


def _exchange(aside: Path, target: Path) -> None:
    """Put the new kit in the place of an old one, of which nothing is lost until that is done."""
    holder = _new_folder(target.parent)
    old = holder / target.name
    target.rename(old)
    try:
        _check_own(old, target)  # once more: it took a while to write the new one
        aside.rename(target)
    except BaseException:
        old.rename(target)
        holder.rmdir()
        raise
    shutil.rmtree(holder, ignore_errors=True)


def _new_folder(out: Path) -> Path:
    """Hidden, so that a scan ignores it; with the user's own permissions, unlike tempfile's."""
    folder = out / f".libindex-kit-{uuid.uuid4().hex[:12]}"
    folder.mkdir()
    return folder
