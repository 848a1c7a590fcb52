"""Links to files, which change with the file, though nothing reports it."""

import os
from collections.abc import Collection, Iterator

from sqlalchemy import Connection, select

from libindex.disk.stamps import Stamp
from libindex.paths import join
from libindex.store.batches import batched
from libindex.store.schema import roots, samples


def changed_links(connection: Connection, content_ids: Collection[int]) -> set[str]:
    """Links to files with these contents that look otherwise than when they were read.

    A link changes with the file, and a hard link when another is made, moved or removed; no event
    says so. What is no link, and was written to, has events of its own when it is closed.
    """
    found = set()
    for path, stamp, is_settled in _samples_with(connection, content_ids):
        try:
            status = os.stat(path)  # noqa: PTH116
        except OSError:  # it is gone, which has an event, or leads nowhere at present
            continue
        now = Stamp.from_status(status)
        if status.st_nlink > 1 or os.path.islink(path):  # noqa: PTH114
            is_other = now != stamp or not is_settled
        else:
            is_other = now != stamp and now.size_and_mtime == stamp.size_and_mtime
        if is_other:
            found.add(path)
    return found


def _samples_with(
    connection: Connection, content_ids: Collection[int]
) -> Iterator[tuple[str, Stamp, bool]]:
    """Where samples with these contents are, how they looked, and whether they were settled."""
    s = samples.c
    columns = (roots.c.path, s.path, s.size_bytes, s.mtime_ns, s.ctime_ns, s.is_settled)
    for part in batched(list(content_ids)):
        query = select(*columns).select_from(samples.join(roots)).where(s.content_id.in_(part))
        for root, path, size, mtime, ctime, is_settled in connection.execute(query):
            yield join(root, path), Stamp(size, mtime, ctime), is_settled
