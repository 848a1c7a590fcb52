"""The file behind a sound: one of its samples that is there and still what was recorded."""

import os
import stat

from sqlalchemy import select

from libindex.library import Library
from libindex.paths import join
from libindex.serve.replies import Refusal
from libindex.store.schema import contents, roots, samples


def file_of(library: Library, content_id: int) -> tuple[str, bytes]:
    """The path of a sound's file, and the digest of its content.

    Raises
    ------
    Refusal
        404 if there is no such sound, 423 if its drives are away, 410 if its files are not there,
        or were changed since they were recorded.
    """
    query = (
        select(samples, contents.c.digest, roots.c.path.label("root"), roots.c.is_online)
        .join(roots, roots.c.id == samples.c.root_id)
        .join(contents, contents.c.id == samples.c.content_id)
        .where(samples.c.content_id == content_id, samples.c.failure.is_(None))
        .order_by(roots.c.path, samples.c.path)
    )
    with library.database.reading() as connection:
        rows = connection.execute(query).all()
    if not rows:
        raise Refusal(404, "not_found", "there is no such sound any more")
    changed = None
    for row in rows:
        path = join(row.root, row.path)
        try:
            status = os.stat(path)  # noqa: PTH116 - a name that is not UTF-8
        except OSError:
            continue
        # A pipe or a device would be waited for.
        is_same = (status.st_size, status.st_mtime_ns) == (row.size_bytes, row.mtime_ns)
        if stat.S_ISREG(status.st_mode) and is_same:
            return path, row.digest
        changed = path
    first = join(rows[0].root, rows[0].path)
    if changed is not None:
        raise Refusal(410, "changed", "was changed since it was analysed", changed)
    if not any(row.is_online for row in rows) or not os.path.isdir(rows[0].root):  # noqa: PTH112
        raise Refusal(423, "offline", "its drive is not there", first)
    raise Refusal(410, "gone", "is not there any more", first)
