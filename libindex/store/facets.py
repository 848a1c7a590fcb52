"""The declared facts as columns of `contents`, and rows of it as facts."""

from dataclasses import fields
from operator import attrgetter
from typing import Any

from sqlalchemy import Column, Float, Integer, Row, String
from sqlalchemy.types import TypeEngine

from libindex.sound.facts import FACTS, Fact, Facts

_values = attrgetter(*(field.name for field in fields(Facts)))
_NUMBERS = {float: Float, int: Integer}


def fact_columns() -> list[Column[Any]]:
    """A column for every declared fact; all are NULL where a content can't be used."""
    return [Column(fact.key, _column_type(fact)) for fact in FACTS]


def facts_of(row: Row[Any]) -> Facts:
    """The facts in a row that has all columns of `contents`."""
    return Facts(*_values(row))


def _column_type(fact: Fact) -> TypeEngine[Any]:
    return String(fact.max_length) if fact.kind is str else _NUMBERS[fact.kind]()
