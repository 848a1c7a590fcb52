"""The samples of a kit: copied, linked or left where they are; as WAV where they have to be."""

import os
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile

from libindex.kits.decoding import blocks
from libindex.kits.kit import Kit, KitError, Voice
from libindex.paths import to_text

Placing = Literal["copy", "link", "reference"]

_SUFFIXES = {
    "WAV": ".wav", "WAVEX": ".wav", "RF64": ".wav", "W64": ".w64", "AIFF": ".aif", "FLAC": ".flac",
    "OGG": ".ogg", "MP3": ".mp3", "CAF": ".caf", "AU": ".au",
}  # fmt: skip
_REFUSED = set('<>:"/\\|?*=$#')  # in names: some system or some format stumbles over them
_MAX_STEM_BYTES = 120  # bytes


def place(kit: Kit, folder: Path, placing: Placing, plays: Iterable[str]) -> Kit:
    """Bring the samples of a kit to where its presets will name them.

    Parameters
    ----------
    kit : Kit
        Its voices play files of the library.
    folder : Path
        Where copies and links go; made when it is needed.
    placing : {"copy", "link", "reference"}
        Copy the files, make symbolic links to them, or name them where they are.
    plays : iterable of str
        Containers, as libsndfile names them; what is in another becomes a WAV file in `folder`
        in any case.

    Returns
    -------
    Kit
        Its voices play what was placed.

    Raises
    ------
    KitError
        If a sample can't be read, or `folder` not be written.
    """
    playable = set(plays)
    places: dict[str, str] = {}
    voices = []
    for voice in kit.voices:
        if voice.sample not in places:
            places[voice.sample] = _place_sample(voice, folder, placing, playable)
        voices.append(replace(voice, sample=places[voice.sample]))
    return replace(kit, voices=tuple(voices))


def safe_name(text: str) -> str:
    """A file name without its ending that every format and system takes."""
    kept = "".join(c if c.isprintable() and c not in _REFUSED else "_" for c in to_text(text))
    kept = " ".join(kept.split()).strip(". ")
    return kept.encode()[:_MAX_STEM_BYTES].decode(errors="ignore").strip() or "sample"


def _place_sample(voice: Voice, folder: Path, placing: Placing, playable: set[str]) -> str:
    source = os.fsencode(voice.sample)
    if not os.path.isfile(source):  # noqa: PTH113 - a pipe would be waited for
        raise KitError("no longer exists", voice.sample)
    try:
        container = soundfile.info(source).format
    except soundfile.LibsndfileError as error:
        reason = error.error_string.rstrip(".")
        raise KitError(f"can no longer be read ({reason})", voice.sample) from None
    converted = container not in playable
    if placing == "reference" and not converted:
        return voice.sample
    stem = Path(to_text(voice.sample)).stem
    label = safe_name(f"{voice.key:03} {voice.class_code or ''} - {stem}")
    target = folder / (label + (".wav" if converted else _SUFFIXES.get(container, ".wav")))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if converted:
            _convert(source, target)
        elif placing == "link":
            target.symlink_to(os.path.realpath(voice.sample))
        else:
            shutil.copyfile(voice.sample, target)
    except soundfile.LibsndfileError as error:
        raise KitError(f"can't be converted ({error.error_string})", voice.sample) from None
    except OSError as error:
        # The sample has been opened a moment ago: it is the copy that can't be made.
        raise KitError(f"can't be written ({error.strerror})", target) from None
    return os.fspath(target)


def _convert(source: bytes, target: Path) -> None:
    """As WAV: of 24 bits, or of floats where 24 bits would clip.

    Of a damaged file what can be decoded. It is read twice, so that its length costs no memory.
    """
    with soundfile.SoundFile(source) as sound:
        rate, channels, frames = sound.samplerate, sound.channels, sound.frames
        peak = max((float(np.abs(block).max()) for block in blocks(sound, frames)), default=0.0)
    subtype = "FLOAT" if peak > 1 else "PCM_24"
    with (
        soundfile.SoundFile(source) as sound,
        soundfile.SoundFile(os.fsencode(target), "w", rate, channels, subtype, format="WAV") as wav,
    ):
        for block in blocks(sound, frames):
            wav.write(block)
