"""A plain folder of WAV files, for samplers that know only folders: numbered by key, and named."""

import os
import re
import shutil
from pathlib import Path

from libindex.kits.formats.base import reference
from libindex.kits.kit import Kit, KitError, Voice
from libindex.paths import relative_to, to_text

_NAME = re.compile(r"^(\d{3}) (?:(\S+) - )?.*\.wav$", re.IGNORECASE)


class Folder:
    """`Format` of plain folders; levels, chokes and variation have no place in it."""

    name = "folder"
    title = "WAV files"
    suffix = ""
    plays = frozenset({"WAV", "WAVEX"})
    is_archive = False
    unpacked_name = ""

    def write(self, kit: Kit, path: Path) -> None:
        """Write a kit; see `Format.write`.

        A file below the kit's own folder gets a second name, another one a symbolic link.
        """
        path.mkdir()
        for voice in kit.voices:
            reference(voice.sample, path)  # names that are no text are refused here too
            _give_name(voice, path / _file_name(voice))

    def read(self, path: Path, workspace: Path) -> Kit:  # noqa: ARG002 - of `Format`
        """Read a kit; see `Format.read`. Files with other names are ignored."""
        try:
            names = sorted(os.listdir(path))
        except OSError as error:
            raise KitError(f"can't be read ({error.strerror})", path) from None
        voices = {}
        for name in names:
            found = _NAME.match(to_text(name))
            if found and int(found[1]) < 128:
                sample = os.fspath(path.absolute() / name)
                voices[int(found[1])] = Voice(int(found[1]), sample, class_code=found[2])
        if not voices:
            raise KitError(
                "is not a kit: it holds no preset, "
                'and no files with names like "036 kick - name.wav"',
                path,
            )
        return Kit(path.name, tuple(voices[key] for key in sorted(voices)))


def _file_name(voice: Voice) -> str:
    stem = Path(voice.sample).stem
    own = re.sub(r"^\d{3} \S+ - ", "", stem)  # as copies and links are called already
    label = f"{voice.key:03} " + (f"{voice.class_code} - " if voice.class_code else "") + own
    return label.replace("/", "_") + ".wav"


def _give_name(voice: Voice, target: Path) -> None:
    kit_folder = os.fspath(target.parent.parent.absolute())
    is_own = relative_to(voice.sample, kit_folder) and not Path(voice.sample).is_symlink()
    if not is_own:
        target.symlink_to(os.path.realpath(voice.sample))
        return
    try:
        target.hardlink_to(voice.sample)
    except OSError:  # some drives have no links
        shutil.copyfile(voice.sample, target)
