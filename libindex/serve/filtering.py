"""What the page filters by, as the library's filters: both find the same sounds."""

import os
from typing import Any

from libindex.errors import UsageError
from libindex.paths import join
from libindex.queries import FilterArgs, Filters
from libindex.serve.replies import Body, Refusal
from libindex.store.roots import Root, all_roots

_MOST_IDS = 1_000_000
_LARGEST = 1e15
_PLAIN = frozenset(FilterArgs.__annotations__) - {"under", "name", "ids", "words", "without"}
_LISTS = ("words", "without", "classes")


def filters_of(body: Body, connection: Any) -> Filters:
    """Filters that were sent: those of `FilterArgs`, and "folder", as `folder_id` gave it.

    Raises
    ------
    Refusal
        If something is none.
    """
    sent = body.get("filters") or {}
    if not isinstance(sent, dict):
        raise Refusal(400, "usage", "filters must be an object")
    args: dict[str, Any] = {key: value for key, value in sent.items() if key in _PLAIN}
    for key, value in args.items():
        is_number = isinstance(value, int | float) and -_LARGEST < value < _LARGEST
        if key not in _LISTS and value is not None and not is_number:
            raise Refusal(400, "usage", f"{key} must be a number")
    for key in _LISTS:
        args[key] = _texts(sent.get(key, []), key)
    if sent.get("ids") is not None:
        args["ids"] = _ids(sent["ids"])
    if sent.get("folder") is not None:
        args["under"] = folder_path(connection, sent["folder"])
    try:
        return Filters.of(**args)
    except UsageError as error:
        raise Refusal(400, "usage", error.reason) from None


def folder_id(root: Root, below: bytes) -> str:
    """What a folder of the library is called in what the page sends."""
    return f"{root.id}:{below.hex()}"


def folder_path(connection: Any, given: object) -> str:
    """The path of such a folder, which need not exist.

    Raises
    ------
    Refusal
        If it is in no root of the library.
    """
    number, _, below = given.partition(":") if isinstance(given, str) else ("", "", "")
    try:
        inside = bytes.fromhex(below)
    except ValueError:
        raise Refusal(400, "usage", "folder must be one that was offered") from None
    for root in all_roots(connection):
        if str(root.id) == number and b".." not in inside.split(os.sep.encode()):
            return join(root.path, inside) if inside else root.path
    raise Refusal(404, "not_found", "that folder is no longer in the library")


def _texts(value: object, key: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Refusal(400, "usage", f"{key} must be a list of words")
    return value


def _ids(value: object) -> list[int]:
    if not isinstance(value, list) or not all(type(one) is int for one in value):
        raise Refusal(400, "usage", "ids must be a list of ids")
    if len(value) > _MOST_IDS:
        raise Refusal(400, "usage", f"more than {_MOST_IDS:,} ids")
    return value
