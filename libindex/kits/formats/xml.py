"""XML of presets: read without trust, written with what every parser takes."""

from pathlib import Path
from xml.etree import ElementTree
from xml.parsers import expat

from libindex.kits.kit import KitError

MAX_BYTES = 16 * 2**20
"""More than a hundred times what a kit of 128 pads needs."""

_MAX_DEPTH = 32


def parse(data: bytes, path: Path, root: str, doctype: str | None = None) -> ElementTree.Element:
    """The root element; names of elements are without their namespaces.

    Parameters
    ----------
    data : bytes
        The file's contents, or its first `MAX_BYTES` + 1.
    path : Path
        For messages.
    root : str
        Name of the element that there must be.
    doctype : str, optional
        The one document type that may be declared, without entities or anything else.

    Raises
    ------
    KitError
        If it is no XML, of another kind, or made to harm.
    """
    if len(data) > MAX_BYTES:
        raise KitError("is too large for a preset", path)
    try:
        element = _Reader(path, doctype).read(data)
    except expat.ExpatError as error:
        raise KitError(f"is not XML, or damaged ({error})", path) from None
    if element.tag != root:
        raise KitError(
            f"is of another kind (it has <{text(element.tag)[:40]}>, not <{root}>)", path
        )
    return element


class _Reader:
    """Expat with everything refused that a preset does not need."""

    def __init__(self, path: Path, doctype: str | None) -> None:
        self._path = path
        self._doctype = doctype
        self._depth = 0
        self._tree = ElementTree.TreeBuilder()

    def read(self, data: bytes) -> ElementTree.Element:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartDoctypeDeclHandler = self._on_doctype
        parser.StartElementHandler = self._on_start
        parser.EndElementHandler = self._on_end
        parser.CharacterDataHandler = self._tree.data
        parser.Parse(data, True)
        return self._tree.close()

    def _on_doctype(
        self, name: str, system: str | None, public: str | None, has_subset: bool
    ) -> None:
        if name != self._doctype or system or public or has_subset:
            raise KitError(
                "declares a document type or entities, which no preset needs", self._path
            )

    def _on_start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise KitError("is nested too deeply for a preset", self._path)
        self._tree.start(_local(name), {_local(key): value for key, value in attributes.items()})

    def _on_end(self, name: str) -> None:
        self._depth -= 1
        self._tree.end(_local(name))


def _local(name: str) -> str:
    return name.rpartition(" ")[2]


def child_text(element: ElementTree.Element, name: str) -> str:
    """What stands in a child, ``""`` if there is none."""
    return element.findtext(name) or ""


def serialised(root: ElementTree.Element, doctype: str | None = None) -> bytes:
    """A file's contents, indented."""
    ElementTree.indent(root, " ")
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    if doctype:
        head = f"<!DOCTYPE {doctype}>\n"
    return (head + ElementTree.tostring(root, encoding="unicode") + "\n").encode()


def text(value: str) -> str:
    """`value` without the characters that XML can't hold or that nobody can read."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in value)


def number(value: float) -> str:
    """As programs read it: short, and exact to more digits than their single precision."""
    return f"{value:.9g}"


def finite(value: str, path: Path) -> float:
    """A number that a preset gives.

    Raises
    ------
    KitError
        If it is none.
    """
    try:
        result = float(value)
    except ValueError:
        result = float("nan")
    if not abs(result) < 1e9:
        raise KitError(f"has {text(value)[:40]!r} where a number should be", path)
    return result
