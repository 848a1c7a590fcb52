"""SFZ text: includes and defines put in, and the opcodes of every region with what they inherit.

Text of any maker is taken line by line, so that no file takes longer than its length.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from libindex.kits.files import content
from libindex.kits.kit import KitError

_MAX_BYTES = 8 * 2**20  # with all that is included
_MAX_DEFINE_LENGTH = 1_000
_MAX_DEPTH = 8  # includes within includes
_LEVELS = ("global", "master", "group", "region")
_INCLUDE = re.compile(r'\s*#include\s+"([^"]+)"')
_DEFINE = re.compile(r"\s*#define\s+(\$\w+)\s+(\S+)")
_VARIABLE = re.compile(r"\$\w+")
_HEADER = re.compile(r"<(\w+)>")
_OPCODE = re.compile(r"(?<!\S)([A-Za-z0-9_]+)=")
_COMMENT = re.compile(r"(?<!\S)//.*")
_BLOCK_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)

Opcodes = dict[str, str]


class SfzText:
    """The text of a file.

    Parameters
    ----------
    path : Path
        The file.

    Attributes
    ----------
    lines : list of str
        With what is included; bytes that are not UTF-8 are kept as surrogates.

    Raises
    ------
    KitError
        If it can't be read, or is not text.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._left = _MAX_BYTES
        self.lines = list(self._read(path, 0))

    def regions(self) -> Iterator[Opcodes]:
        """The opcodes of every region, with those of its group, master and global headers.

        Raises
        ------
        KitError
            If there are no headers.
        """
        inherited: dict[str, Opcodes] = {level: {} for level in _LEVELS}
        control: Opcodes = {}
        level = ""
        for header, opcodes in self._parts():
            if header:
                if level == "region":
                    yield _merged(inherited, control)
                level = header
                if level in _LEVELS:
                    for below in _LEVELS[_LEVELS.index(level) :]:
                        inherited[below] = {}
            if level == "control":
                control.update(opcodes)
            elif level in _LEVELS:
                inherited[level].update(opcodes)
        if not level:
            raise KitError("has no headers; it is not an SFZ file", self._path)
        if level == "region":
            yield _merged(inherited, control)

    def _read(self, path: Path, depth: int) -> Iterator[str]:
        if depth > _MAX_DEPTH:
            raise KitError("includes itself", path)
        data = content(path, self._left)
        self._left -= len(data)
        if self._left <= 0 or b"\0" in data:
            raise KitError("is not an SFZ file", path)
        text = data.decode("utf-8-sig", "surrogateescape")
        for line in _BLOCK_COMMENT.sub(" ", text).splitlines():
            included = _INCLUDE.match(line)
            if included:
                yield from self._read(path.parent / included[1].replace("\\", "/"), depth + 1)
            else:
                yield line

    def _parts(self) -> Iterator[tuple[str, Opcodes]]:
        """Headers and opcodes in their order; a line without a header goes on with the last one."""
        defines: dict[str, str] = {}
        for line in self.lines:
            plain = _COMMENT.sub("", line)
            if "$" in plain:
                found = _DEFINE.match(plain)
                if found:
                    defines[found[1]] = _expanded(found[2], defines)[:_MAX_DEFINE_LENGTH]
                    continue
                plain = _expanded(plain, defines)
            before, *parts = _HEADER.split(plain)
            yield "", _opcodes(before)
            for header, after in zip(parts[::2], parts[1::2], strict=True):
                yield header, _opcodes(after)


def _expanded(line: str, defines: dict[str, str]) -> str:
    """A line with the values of its variables; the longest name that is defined counts."""

    def value(found: re.Match[str]) -> str:
        name = found[0]
        known = next((name[:n] for n in range(len(name), 1, -1) if name[:n] in defines), None)
        return name if known is None else defines[known] + name[len(known) :]

    return _VARIABLE.sub(value, line)


def _opcodes(text: str) -> Opcodes:
    """Opcodes of a line; a value, which may have spaces, ends where the next opcode begins."""
    found = list(_OPCODE.finditer(text))
    ends = [opcode.start() for opcode in found[1:]] + [len(text)][: len(found)]
    return {
        opcode[1]: text[opcode.end() : end].strip() for opcode, end in zip(found, ends, strict=True)
    }


def _merged(inherited: dict[str, Opcodes], control: Opcodes) -> Opcodes:
    merged: Opcodes = {}
    for level in _LEVELS:
        given = inherited[level]
        if "key" in given:  # it is both bounds
            merged.pop("lokey", None)
            merged.pop("hikey", None)
        elif {"lokey", "hikey"} & given.keys():
            merged.pop("key", None)
        merged.update(given)
    if "sample" in merged:
        merged["sample"] = control.get("default_path", "") + merged["sample"]
    return merged
