"""XML of kits: parsed with limits, written with indentation."""

import xml.etree.ElementTree as ET
from pathlib import Path
from xml.parsers import expat

from libindex.kits.kit import KitError

MAX_BYTES = 32 * 2**20
_MAX_DEPTH = 64


def parse(data: bytes, path: Path, tag: str) -> ET.Element:
    """The root element of a document; its elements are without their namespaces.

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
        If it is another document, too large, too deep, or declares anything but its own name.
    """
    if len(data) > MAX_BYTES:
        raise KitError("is too large for a kit", path)
    builder = _Builder()
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    parser.StartDoctypeDeclHandler = _on_doctype
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, _RefusedError, LookupError, ValueError) as error:  # also encodings
        raise KitError(f"is not a readable kit ({error})", path) from None
    root = builder.close()
    if root.tag != tag:
        raise KitError(
            f"is another kind of file: it contains <{printable(root.tag[:40])}>, not <{tag}>", path
        )
    return root


class _RefusedError(Exception):
    """What no kit needs."""


def _on_doctype(_name: str, system: str | None, public: str | None, has_subset: bool) -> None:
    # A plain <!DOCTYPE drumkv1> is what that program writes itself.
    if system or public or has_subset:
        raise _RefusedError("it declares entities or a document type")


class _Builder:
    """Elements from the parser's events, without namespaces and not too deep."""

    def __init__(self) -> None:
        self._tree = ET.TreeBuilder()
        self._depth = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise _RefusedError("it is nested too deeply")
        self._tree.start(tag.rpartition("}")[2], attributes)

    def end(self, tag: str) -> None:
        self._depth -= 1
        self._tree.end(tag.rpartition("}")[2])

    def text(self, text: str) -> None:
        self._tree.data(text)

    def close(self) -> ET.Element:
        return self._tree.close()


def render(root: ET.Element, doctype: str = "") -> bytes:
    """A document, indented, in UTF-8."""
    ET.indent(root)
    head = '<?xml version="1.0" encoding="UTF-8"?>\n' + (f"{doctype}\n" if doctype else "")
    return (head + ET.tostring(root, encoding="unicode") + "\n").encode()


def printable(text: str) -> str:
    """`text` without the characters that XML can't hold, or people can't read."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def digits(value: float) -> str:
    """A number as programs read it: short, to more digits than their single precision has."""
    return f"{value:.9g}"
