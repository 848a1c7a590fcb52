"""What sounds like something: like sounds of the library, or like a file that was dropped."""

import tempfile
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from libindex.errors import LibindexError, SampleError
from libindex.paths import SUFFIXES
from libindex.queries import Filters
from libindex.queries.outputs import vectors
from libindex.serve.context import Context
from libindex.serve.filtering import filters_of
from libindex.serve.replies import (
    Body,
    Refusal,
    Reply,
    ids_of,
    number_of,
    received,
    refusal_of,
    route,
)
from libindex.serve.why import why
from libindex.similarity.embeddings import normalised
from libindex.sound.decoding import FloatArray
from libindex.sound.facts import Facts

_MOST = 500
_MOST_BYTES = 2**25
_EXAMPLES = 100


def _similar(context: Context, body: Body) -> Reply:
    ids = ids_of(body, at_most=_EXAMPLES)
    count = int(number_of(body, "n", 1, _MOST, 100))
    with context.library.reading() as (connection, network):
        if network is None or not ids:
            raise Refusal(404, "not_found", "there is nothing to compare with")
        filters = filters_of(body, connection)
        known = context.points.snapshot.columns["id"]
        if not np.isin(ids, known).all():
            raise Refusal(404, "not_found", "that sound is no longer in the library")
        embedding = normalised(vectors(connection, network, ids).mean(axis=0))
    like = context.library.facts(ids[0])
    return {"found": _found(context, embedding, count, filters, set(ids), like)}


def _found(
    context: Context,
    embedding: FloatArray,
    count: int,
    filters: Filters,
    without: set[int],
    like: Facts | None,
) -> list[dict[str, Any]]:
    hits = context.library.nearest(embedding, count + len(without), filters)
    return [
        {
            "id": hit.content_id,
            "similarity": round(hit.similarity or 0.0, 4),
            "why": "" if like is None else why(like, hit.facts),
        }
        for hit in hits
        if hit.content_id not in without
    ][:count]


def _similar_to_file(context: Context, name: str, data: bytes) -> dict[str, Any]:
    """Analyse a file that was dropped onto the page. It is kept only as long as that takes."""
    suffix = PurePath(name).suffix.lower()
    with tempfile.TemporaryDirectory(prefix="libindex-") as folder:
        path = Path(folder) / ("dropped" + (suffix if suffix in SUFFIXES else ".wav"))
        path.write_bytes(data)
        analysis = context.library.analyse(path)
    found = _found(context, normalised(analysis.latent), 100, Filters(), set(), analysis.facts)
    best = int(np.argmax(analysis.probabilities))
    return {
        "title": name,
        "class": context.library.classes()[best],
        "probability": round(float(analysis.probabilities[best]), 4),
        "found": found,
    }


async def _upload(request: Request) -> Response:
    context: Context = request.app.state.context
    if request.headers.get("content-type") != "application/octet-stream":
        return Refusal(415, "not_bytes", "send the bytes of a file").response()
    try:
        data = await received(request, _MOST_BYTES)
        name = request.query_params.get("name", "the file")[:255]
        answer = await run_in_threadpool(_similar_to_file, context, name, data)
    except Refusal as refusal:
        return refusal.response()
    except SampleError as error:
        return Refusal(400, "not_audio", f"{name}: {error.reason}").response()
    except LibindexError as error:
        return refusal_of(error).response()
    return JSONResponse(answer)


ROUTES = (
    route("/api/similar", "POST", _similar),
    Route("/api/similar/upload", _upload, methods=["POST"]),
)
