"""XML as kits have it: read with care, written for people."""

import xml.etree.ElementTree as ET
from pathlib import Path
from xml.parsers import expat

from libindex.kits.kit import KitError

_MOST_BYTES = 32 * 2**20
_DEEPEST = 64


def content(path: Path) -> bytes:
    """All bytes of a file; raises KitError if it can't be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise KitError(f"can't be read ({error.strerror})", path) from None


def parse(data: bytes, path: Path, tag: str) -> ET.Element:
    """The root element of a document.

    Parameters
    ----------
    data : bytes
        The document.
    path : Path
        For the error.
    tag : str
        What its root element has to be, without a namespace.

    Raises
    ------
    KitError
        If it is no such document, too large, too deep, or declares entities.
    """
    if len(data) > _MOST_BYTES:
        raise KitError(f"is too large for a kit ({len(data):,} bytes)", path)
    builder = _Builder()
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    parser.EntityDeclHandler = _refuse
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, _RefusedError) as error:
        raise KitError(f"is no kit that can be read ({error})", path) from None
    root = builder.close()
    if root.tag.rpartition("}")[2] != tag:
        raise KitError(f"is no such kit: it holds <{root.tag}>, not <{tag}>", path)
    return root


class _RefusedError(Exception):
    """What no kit needs."""


def _refuse(*_: object) -> None:
    raise _RefusedError("it declares entities")


class _Builder:
    """Elements from the parser's events, without namespaces and not too deep."""

    def __init__(self) -> None:
        self._tree = ET.TreeBuilder()
        self._depth = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _RefusedError("it is nested too deeply")
        self._tree.start(tag.rpartition("}")[2], attributes)

    def end(self, tag: str) -> None:
        self._depth -= 1
        self._tree.end(tag.rpartition("}")[2])

    def text(self, text: str) -> None:
        self._tree.data(text)

    def close(self) -> ET.Element:
        return self._tree.close()


def written(root: ET.Element, doctype: str = "") -> bytes:
    """A document, indented, in UTF-8."""
    ET.indent(root)
    head = '<?xml version="1.0" encoding="UTF-8"?>\n' + (f"{doctype}\n" if doctype else "")
    return (head + ET.tostring(root, encoding="unicode") + "\n").encode()
