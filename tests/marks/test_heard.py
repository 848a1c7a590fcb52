"""What was heard is kept by content, and never waits for a scan."""

import threading
import time
from pathlib import Path

from libindex.library import Library
from libindex.marks.heard import note_heard


def heard(library: Library) -> set[str]:
    unheard = {hit.path for hit in library.query(unheard=True)}
    return {Path(hit.path).name for hit in library.query() if hit.path not in unheard}


def test_it_follows_the_sound(library: Library, write_sound, tmp_path: Path) -> None:
    path = write_sound("a.wav", 1)
    write_sound("b.wav", 2)
    library.scan(tmp_path / "Samples")
    [hit] = library.query(name="a.wav")
    note_heard(library.database, [hit.content_id, 99_999])
    note_heard(library.database, [hit.content_id])
    assert heard(library) == {"a.wav"}
    path.rename(path.with_name("moved.wav"))
    library.scan()
    assert heard(library) == {"moved.wav"}
    library.forget(tmp_path / "Samples")
    library.scan(tmp_path / "Samples")
    assert heard(library) == {"moved.wav"}


def test_it_does_not_wait_for_a_scan(library: Library, write_sound, tmp_path: Path, ear) -> None:
    write_sound("first.wav", 1)
    library.scan(tmp_path / "Samples")
    [hit] = library.query()
    for number in range(1_500):
        (tmp_path / "Samples" / f"{number}.wav").write_bytes(b"%d" % number)
    scan = threading.Thread(target=library.scan)
    scan.start()
    longest, count = 0.0, 0
    while scan.is_alive():
        started = time.monotonic()
        note_heard(library.database, [hit.content_id])
        longest = max(longest, time.monotonic() - started)
        count += 1
        time.sleep(0.005)
    scan.join()
    assert count > 5
    assert longest < 5  # a busy machine; alone it is some milliseconds
    assert heard(library) == {"first.wav"}
