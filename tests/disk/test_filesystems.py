import pytest

from libindex.disk import filesystems

TABLE = rb"""22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 27 0:40 / /mnt/nas rw shared:2 master:1 - nfs4 nas:/samples rw
31 27 0:41 / /media/My\040Drive rw - vfat /dev/sdb1 rw
32 27 0:42 / /home/me/cloud rw - fuse.sshfs me@host: rw
broken line
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/me/Samples", "ext4"),
        ("/mnt/nas/drums/kicks", "nfs4"),
        ("/mnt/nas2", "ext4"),
        ("/media/My Drive/a", "vfat"),
        ("/home/me/cloud", "fuse.sshfs"),
    ],
)
def test_a_path_is_on_the_innermost_mount(path: str, kind: str) -> None:
    assert filesystems._kind(path, filesystems._from_mountinfo(TABLE)) == kind


def test_what_mount_prints_on_macos() -> None:
    shown = (
        "/dev/disk1s1 on / (apfs, local, journaled)\n"
        "//me@nas/drums on /Volumes/drums on nas (smbfs, nodev, nosuid, mounted by me)\n"
        "map auto_home on /System/Volumes/Data/home (autofs, automounted)\n"
    )
    mounts = filesystems._from_mount(shown)
    assert mounts["/"] == "apfs"
    assert filesystems._kind("/Volumes/drums on nas/kicks", mounts) == "smbfs"


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "9p"])
def test_network_drives_report_no_events(kind: str) -> None:
    assert not filesystems.delivers_events(kind)


@pytest.mark.parametrize("kind", ["ext4", "btrfs", "apfs", "fuseblk", "fuse.mergerfs", "vfat", ""])
def test_disks_report_events(kind: str) -> None:
    assert filesystems.delivers_events(kind)


def test_this_machine_knows_its_own_root() -> None:
    assert filesystems.kind_of("/")
