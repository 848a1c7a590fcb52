"""The tables.

A *content* is a distinct sequence of file bytes, analysed once per network; a *sample* is a path
that has this content now. Times are seconds since 1970, paths and digests are bytes.
"""

from sqlalchemy import (
    DDL,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    event,
)

from libindex.store.facets import fact_columns
from libindex.store.triggers import TRIGGERS
from libindex.store.views import VIEWS

REVISION = "0004"
"""The newest migration, so that a current database is recognised without Alembic."""

# Named constraints, because Alembic can only alter what has a name.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# The last row is a token that is new after every change of the embeddings; the FAISS file carries
# it. Earlier ones tell a file that lags behind from one of another life of this library, whose
# ids mean something else: of one that was deleted, or from before a copy was restored.
library = Table(
    "library",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("revision", String(32), nullable=False),
)

# A folder that the user added. `is_mount`: it was a mount point when last seen, so that an empty
# folder in its place means that the drive is unplugged.
roots = Table(
    "roots",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("path", LargeBinary, nullable=False, unique=True),
    Column("is_mount", Boolean, nullable=False),
    Column("is_online", Boolean, nullable=False),
    Column("added_at", Integer, nullable=False),
    Column("scanned_at", Integer),
)

# `failure` is why the bytes can't be used; then all that would come from decoding is NULL.
contents = Table(
    "contents",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("size_bytes", Integer, nullable=False),
    *fact_columns(),
    Column("warning", String),
    Column("failure", String),
)

# `path` is relative to the root; `name` is its last part as text, to search by. A sample whose
# bytes can't be read has a `failure` and no content. `is_settled` is false where the file was
# so fresh when it was looked at that a later change could have left the same times.
samples = Table(
    "samples",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("root_id", ForeignKey("roots.id", ondelete="CASCADE"), nullable=False),
    Column("path", LargeBinary, nullable=False),
    Column("name", String, nullable=False),
    Column("content_id", ForeignKey("contents.id"), index=True),
    Column("size_bytes", Integer, nullable=False),
    Column("mtime_ns", Integer, nullable=False),
    Column("ctime_ns", Integer, nullable=False),
    Column("is_settled", Boolean, nullable=False),
    Column("failure", String),
    Column("added_at", Integer, nullable=False),
    UniqueConstraint("root_id", "path"),
)

# `classes` is a JSON list of codes in the order of the outputs; the network used last answers.
networks = Table(
    "networks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("fingerprint", String(32), nullable=False, unique=True),
    Column("name", String, nullable=False),
    Column("classes", String, nullable=False),
    Column("latent_size", Integer, nullable=False),
    Column("used_at", Integer, nullable=False),
)

classes = Table(
    "classes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("code", String(64), nullable=False, unique=True),
)

# `class_id` and `probability` are the most probable class; `percussion` is the probability that it
# is percussion at all, NULL where the network can't tell. Ids are never used again
# (AUTOINCREMENT), since they are the ids of the FAISS index, which may lag behind.
analyses = Table(
    "analyses",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("content_id", ForeignKey("contents.id", ondelete="CASCADE"), nullable=False),
    Column("network_id", ForeignKey("networks.id", ondelete="CASCADE"), nullable=False),
    Column("class_id", ForeignKey("classes.id"), nullable=False),
    Column("probability", Float, nullable=False),
    Column("analysed_at", Integer, nullable=False),
    Column("percussion", Float),
    UniqueConstraint("content_id", "network_id"),
    sqlite_autoincrement=True,
)

class_probabilities = Table(
    "class_probabilities",
    metadata,
    Column("analysis_id", ForeignKey("analyses.id", ondelete="CASCADE"), primary_key=True),
    Column("class_id", ForeignKey("classes.id"), primary_key=True),
    Column("probability", Float, nullable=False),
    Index(None, "class_id", "probability"),
    sqlite_with_rowid=False,
)

# The latent, as a unit vector of 16-bit floats (rounded by 3e-5 at most in a typical component,
# half the size), and the length that it had.
embeddings = Table(
    "embeddings",
    metadata,
    Column("analysis_id", ForeignKey("analyses.id", ondelete="CASCADE"), primary_key=True),
    Column("vector", LargeBinary, nullable=False),
    Column("norm", Float, nullable=False),
)

# The outline of a content's sound; see `libindex.sound.outline`. A table of its own, so that scans
# of `contents` need not pass over it.
outlines = Table(
    "outlines",
    metadata,
    Column("content_id", ForeignKey("contents.id", ondelete="CASCADE"), primary_key=True),
    Column("peaks", LargeBinary, nullable=False),
)

# Where the sounds of a network lie. `kind` is "home" (placed by the geography that comes with the
# network), "own" (of a network without one) or "settled" (fitted to this library). One of a
# network's maps is current, and the one before it is kept for undoing; one that is being made has
# `made_at` 0.
maps = Table(
    "maps",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("network_id", ForeignKey("networks.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("made_at", Integer, nullable=False),
    Column("is_current", Boolean, nullable=False),
    sqlite_autoincrement=True,
)

# From 0 to 65,535, from the left and from the top. Rows are added and never changed.
places = Table(
    "places",
    metadata,
    Column("map_id", ForeignKey("maps.id", ondelete="CASCADE"), primary_key=True),
    Column("analysis_id", ForeignKey("analyses.id", ondelete="CASCADE"), primary_key=True),
    Column("x", Integer, nullable=False),
    Column("y", Integer, nullable=False),
    Index(None, "analysis_id"),  # for the cascade
    sqlite_with_rowid=False,
)

# Sounds that the user listened to. By digest, so that it outlives moves and `libindex forget`.
heard = Table(
    "heard",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("heard_at", Integer, nullable=False),
    sqlite_with_rowid=False,
)

# See `libindex.store.changes`.
changes = Table(
    "changes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("content_id", Integer),
    sqlite_autoincrement=True,
)

for _statement in (*VIEWS, *TRIGGERS.values()):
    event.listen(metadata, "after_create", DDL(_statement.replace("%", "%%")))  # type: ignore[no-untyped-call]
