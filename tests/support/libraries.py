"""What a library knows, and files to fill it with."""

import os
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from libindex.indexing import ScanSummary
from libindex.library import Library
from libindex.store.schema import (
    analyses,
    class_probabilities,
    classes,
    contents,
    embeddings,
    networks,
    roots,
    samples,
)

COUNTS = ("new", "changed", "moved", "removed", "unchanged", "failed")


def counts(summary: ScanSummary) -> dict[str, int]:
    """The counts that are not zero."""
    return {name: getattr(summary, name) for name in COUNTS if getattr(summary, name)}


def content_of(connection: Connection) -> dict[str, Any]:
    """All that a library knows, without its ids and the times of its own work."""
    what = [c for c in contents.c if c.name != "id"]
    stamp = (samples.c.size_bytes, samples.c.mtime_ns, samples.c.ctime_ns)
    opinions = (
        select(contents.c.digest, networks.c.fingerprint, classes.c.code)
        .select_from(analyses)
        .join(contents)
        .join(networks)
    )
    queries = {
        "roots": select(roots.c.path, roots.c.is_online),
        "samples": select(
            roots.c.path, samples.c.path, samples.c.name, samples.c.failure, *stamp, *what
        ).select_from(samples.join(roots).outerjoin(contents)),
        "contents": select(*what),
        "analyses": opinions.add_columns(
            analyses.c.probability, embeddings.c.vector, embeddings.c.norm
        )
        .join(classes, classes.c.id == analyses.c.class_id)
        .outerjoin(embeddings),
        "probabilities": opinions.add_columns(class_probabilities.c.probability)
        .join(class_probabilities)
        .join(classes, classes.c.id == class_probabilities.c.class_id),
    }
    return {n: sorted(map(tuple, connection.execute(q)), key=repr) for n, q in queries.items()}


def state(library: Library) -> dict[str, Any]:
    with library.database.reading() as connection:
        return content_of(connection)


def check_integrity(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def paths(library: Library) -> list[str]:
    """Paths of all samples, good and bad."""
    query = select(roots.c.path, samples.c.path).select_from(samples.join(roots))
    with library.database.reading() as connection:
        rows = connection.execute(query).all()
    return sorted(os.fsdecode(root + b"/" + path) for root, path in rows)


def put(path: Path, content: str | bytes | None = None) -> Path:
    """Write a file; without content, bytes of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = content if content is not None else str(path)
    path.write_bytes(content if isinstance(content, bytes) else os.fsencode(content))
    return path


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    while not condition():
        assert process.poll() is None, process.communicate()[1].decode()
        time.sleep(0.005)
