import os
from pathlib import Path

from libindex.disk.stamps import Stamp


def test_a_stamp_has_size_and_times(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(b"sound")
    os.utime(path, ns=(1, 2))
    stamp = Stamp.of(str(path))
    assert stamp == Stamp(5, 2, path.stat().st_ctime_ns)
    assert stamp is not None
    assert stamp.size_and_mtime == (5, 2)


def test_what_can_not_be_looked_at_has_no_stamp(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "none")
    assert Stamp.of(str(tmp_path / "link")) is None
