"""Answers as flat records, for JSON, tables and exports: the same keys everywhere."""

import dataclasses
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from libindex.instruments import name_of
from libindex.paths import display, path_fields
from libindex.queries.find import Hit
from libindex.queries.inspect import SampleInfo
from libindex.sound.facts import FACTS


@dataclass(frozen=True, slots=True)
class RecordColumn:
    """A key of records: its type, and what it is, for the documentation."""

    key: str
    kind: type
    about: str


RECORD_COLUMNS = (
    RecordColumn("path", str, "absolute path"),
    RecordColumn("class", str, "code of the class that matched"),
    RecordColumn("class_name", str, "name of that class"),
    RecordColumn("probability", float, "probability of that class"),
    RecordColumn("percussion", float, "probability of being percussion; null if not known"),
    RecordColumn("similarity", float, "from `similar`: cosine similarity, up to 1"),
    *(RecordColumn(fact.key, fact.kind, fact.about) for fact in FACTS),
    RecordColumn("added_at", int, "when it was added to the library, in seconds since 1970"),
    RecordColumn("online", bool, "false if its drive was not connected when last checked"),
    RecordColumn("warning", str, "a defect of a file that is used anyway, such as `truncated`"),
    RecordColumn("copies", list, "paths of byte-identical files that this record stands for"),
    RecordColumn("path_hex", str, "bytes of the path, if it is not valid UTF-8"),
)
"""All columns, in order."""

EXPORT_COLUMNS = tuple(c for c in RECORD_COLUMNS if c.key not in {"similarity", "copies"})
"""Those of an export, which has a record for every sample."""


_KEYS = tuple(fact.key for fact in FACTS)
_ROUNDED = tuple((fact.key, fact.digits) for fact in FACTS if fact.digits is not None)
_facts = attrgetter(*_KEYS)


def record(hit: Hit) -> dict[str, Any]:
    """A hit as a flat dictionary, as it is documented for JSON."""
    values: dict[str, Any] = {
        **path_fields(hit.path),
        "class": hit.class_code,
        "class_name": name_of(hit.class_code),
        "probability": round(hit.probability, 6),
        "percussion": None if hit.percussion is None else round(hit.percussion, 6),
    }
    values |= zip(_KEYS, _facts(hit.facts), strict=True)
    for key, digits in _ROUNDED:
        if values[key] is not None:
            values[key] = round(values[key], digits)
    values["added_at"] = hit.added_at
    values["online"] = hit.is_online
    values["warning"] = hit.facts.warning
    if hit.similarity is not None:
        values["similarity"] = round(hit.similarity, 6)
    values["copies"] = [path_fields(path) for path in hit.copies]
    return values


def info_record(info: SampleInfo) -> dict[str, Any]:
    """Everything known of a sample as a flat dictionary, as ``libindex info --json`` prints it."""
    values = {field.name: getattr(info, field.name) for field in dataclasses.fields(info)}
    facts = values.pop("facts")
    values |= {key: getattr(facts, key, None) for key in (*(f.key for f in FACTS), "warning")}
    return (
        values
        | path_fields(info.path)
        | {"in_library": info.root is not None, "root": info.root and display(info.root)}
        | {"copies": [path_fields(path) for path in info.copies]}
    )
