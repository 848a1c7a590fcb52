"""What is mounted where, and which file systems report changes that other machines make."""

import os
import re
import subprocess
import sys
from pathlib import Path

_REMOTE = frozenset(
    "9p afpfs afs beegfs ceph cifs davfs fuse glusterfs lustre ncpfs nfs nfs4 orangefs prl_fs "
    "smb3 smbfs vboxsf vmhgfs webdav macfuse osxfuse".split()
)
_LOCAL_FUSE = frozenset(("fuse.fuse-overlayfs", "fuse.mergerfs", "fuse.ntfs-3g"))
_MOUNT_LINE = re.compile(r"^.* on (?P<point>/.*) \((?P<kind>[\w.-]+)[,)]")


def kind_of(path: str) -> str:
    """The kind of file system that a path is on, such as "ext4"; "" where it is unknown."""
    real = os.path.realpath(path)
    return _kind(real, mounts())


def delivers_events(kind: str) -> bool:
    """Whether every change on a kind of file system is reported as an event."""
    if kind in _LOCAL_FUSE or kind == "fuseblk":  # a local disk behind FUSE
        return True
    return kind.partition(".")[0] not in _REMOTE


def _kind(path: str, kinds: dict[str, str]) -> str:
    while path not in kinds:
        above = os.path.dirname(path)  # noqa: PTH120
        if above == path:
            return ""
        path = above
    return kinds[path]


def mounts() -> dict[str, str]:
    """Mount points and the kinds of their file systems; empty where they are unknown."""
    try:
        if sys.platform == "linux":
            return _from_mountinfo(Path("/proc/self/mountinfo").read_bytes())
        command = ["/sbin/mount"]
        shown = subprocess.run(command, capture_output=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return {}
    return _from_mount(os.fsdecode(shown))


def _from_mountinfo(table: bytes) -> dict[str, str]:
    """See proc_pid_mountinfo(5): the mount point is the fifth field, the kind follows a hyphen."""
    found = {}
    for line in table.splitlines():
        before, _, after = line.partition(b" - ")
        fields = before.split(b" ")
        if len(fields) > 4 and after:
            # Blanks, tabs, newlines and backslashes are octal escapes.
            point = re.sub(rb"\\([0-7]{3})", lambda m: bytes([int(m[1], 8)]), fields[4])
            found[os.fsdecode(point)] = after.split(b" ")[0].decode("ascii", "replace")
    return found


def _from_mount(shown: str) -> dict[str, str]:
    """What ``mount`` prints on macOS: "//me@nas/share on /Volumes/share (smbfs, nodev)"."""
    matches = (_MOUNT_LINE.match(line) for line in shown.splitlines())
    return {match["point"]: match["kind"] for match in matches if match}
