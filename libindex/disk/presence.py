"""Whether a folder is there: drives are unplugged, and permissions are lost."""

import os

from libindex.disk.walk import is_audio_file

OFFLINE = "is offline"
BARRED = "can't be read (permission denied)"


def why_offline(root: str, *, was_mount: bool, has_samples: bool) -> str | None:
    """Why a root is offline, or can't be read; None if it is there.

    A drive that is unplugged leaves nothing, or the empty folder that it was mounted on; in both
    cases its samples are not gone. Nor are they where permission was lost.
    """
    if is_barred(root):
        return BARRED
    try:
        return None if _is_there(root, may_be_bare=not (was_mount and has_samples)) else OFFLINE
    except OSError:
        return OFFLINE


def is_online(root: str, *, was_mount: bool, has_samples: bool) -> bool:
    """Whether a root is there, and can be read."""
    return why_offline(root, was_mount=was_mount, has_samples=has_samples) is None


def _is_there(root: str, *, may_be_bare: bool) -> bool:
    if not os.path.isdir(root):  # noqa: PTH112 - names that are not UTF-8
        return False
    if may_be_bare or is_mount(root):
        return True
    with os.scandir(root) as entries:
        # What lies about in a mount point (a .DS_Store, a note) is not the drive.
        shown = (entry for entry in entries if not entry.name.startswith("."))
        return any(entry.is_dir() or is_audio_file(entry) for entry in shown)


def is_barred(path: str) -> bool:
    """Whether something is there that this process has no permission to read."""
    return os.path.lexists(path) and not os.access(path, os.R_OK | os.X_OK)


def is_mount(root: str) -> bool:
    """Whether a drive is mounted just here."""
    return os.path.ismount(root)
