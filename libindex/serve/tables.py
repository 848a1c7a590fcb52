"""Binary tables for the page: columns of numbers behind a header in JSON.

``LIXP``, the number of rows, the length of the header (both 32 bits, little-endian), the header,
and the columns, those of wide numbers first, so that each begins at a multiple of its width.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.responses import Response

_MAGIC = b"LIXP"
_TYPES = {"u1": "u8", "u2": "u16", "u4": "u32", "f4": "f32"}


def packed(header: Mapping[str, Any], columns: Mapping[str, NDArray[Any]]) -> bytes:
    """A table.

    Parameters
    ----------
    header : mapping
        What is said of it, as JSON; names and types of the columns are added.
    columns : mapping of str to ndarray, shape (rows,)
        By name.
    """
    ordered = sorted(columns.items(), key=lambda item: -item[1].dtype.itemsize)
    about = [{"name": name, "type": _TYPES[data.dtype.str[1:]]} for name, data in ordered]
    text = json.dumps({**header, "columns": about}, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    rows = len(ordered[0][1])
    parts = [data.astype(data.dtype.newbyteorder("<"), copy=False).tobytes() for _, data in ordered]
    sizes = np.array([rows, len(text)], "<u4").tobytes()
    return b"".join([_MAGIC, sizes, text, *parts])


def table(header: Mapping[str, Any], columns: Mapping[str, NDArray[Any]]) -> Response:
    """The same as an answer."""
    return Response(packed(header, columns), media_type="application/octet-stream")
