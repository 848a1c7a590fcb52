"""Sounds to hear and to draw."""

import numpy as np
from starlette.responses import Response

from libindex.errors import SampleError
from libindex.serve.context import Context
from libindex.serve.files import file_of
from libindex.serve.replies import Body, Refusal, Reply, id_of, ids_of, route
from libindex.serve.tables import packed
from libindex.serve.wave import wave
from libindex.sound.outline import OUTLINE_BYTES, outline
from libindex.sound.stretch import read_stretch
from libindex.store.outlines import known_outlines, record_outlines

SECONDS = 30.0
"""So much is played at a time, and drawn."""

_LATEST_S = 1e6
_DRAWN_AT_ONCE = 60  # sounds that have to be decoded for that


def _audio(context: Context, body: Body) -> Reply:
    try:
        start = float(body.get("start", 0))
    except ValueError:
        start = -1.0
    if not 0 <= start <= _LATEST_S:
        raise Refusal(400, "usage", "start must be a number of seconds")
    path, _ = file_of(context.library, id_of(body))
    try:
        with context.decoding:
            stretch = read_stretch(path, start, SECONDS)
            made = wave(stretch)
    except SampleError as error:
        raise Refusal(410, "damaged", error.reason, path) from None
    length = "" if stretch.length_s is None else f"{stretch.length_s:.6f}"
    headers = {
        "libindex-loudness": f"{made.loudness_lufs:.3f}",
        "libindex-peak": f"{made.peak_dbfs:.3f}",
        "libindex-length": length,
    }
    return Response(made.data, headers=headers, media_type="audio/wav")


def _outlines(context: Context, body: Body) -> Reply:
    """Outlines that are stored, and some of the others, which are made and stored."""
    ids = ids_of(body)
    database = context.library.database
    with database.reading() as connection:
        known = known_outlines(connection, ids)
    missing = [one for one in ids if one not in known]
    tried = missing[:_DRAWN_AT_ONCE]
    made = {one: drawn for one in tried if (drawn := _drawn(context, one))}
    if made:
        with database.writing() as connection:
            record_outlines(connection, made)
    known |= made
    found = [one for one in dict.fromkeys(ids) if one in known]
    header = {"stride": OUTLINE_BYTES, "failed": [one for one in tried if one not in made]}
    data = packed(header, {"id": np.array(found, np.uint32)})
    data += b"".join(known[one] for one in found)
    return Response(data, media_type="application/octet-stream")


def _drawn(context: Context, content_id: int) -> bytes | None:
    """The outline of a sound; None if its file can't be read now."""
    try:
        path, _ = file_of(context.library, content_id)
        with context.decoding:
            return outline(read_stretch(path, 0, SECONDS).samples.mean(axis=1))
    except (Refusal, SampleError, OSError):
        return None


ROUTES = (
    route("/api/sounds/{id:int}/audio", "GET", _audio),
    route("/api/outlines", "POST", _outlines),
)
