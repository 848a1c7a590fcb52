import subprocess
import sys
from dataclasses import fields
from typing import get_type_hints

from libindex.sound.facts import FACETS, FACTS, Facts


def test_every_fact_is_declared_but_size_and_warning() -> None:
    # Those two are stored for files that can't be used as well.
    names = [field.name for field in fields(Facts)]
    assert names == ["size_bytes", *(fact.key for fact in FACTS), "warning"]


def test_the_declared_kind_is_the_type_of_the_field() -> None:
    types = get_type_hints(Facts)
    for fact in FACTS:
        assert types[fact.key] in {fact.kind, fact.kind | None}


def test_the_unit_ends_the_key() -> None:
    for fact in FACTS:
        if fact.unit and fact.kind is float:
            assert fact.key.endswith(f"_{fact.unit.lower()}")


def test_a_facet_has_all_that_options_and_tables_need() -> None:
    assert {facet.word for facet in FACETS} >= {"duration", "centroid", "loudness"}
    for facet in FACETS:
        assert facet.unit
        assert facet.shown
        assert facet.low
        assert facet.high


def test_the_declaration_imports_nothing_heavy() -> None:
    code = "import sys, libindex.sound.facts; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not {"numpy", "soundfile", "sqlalchemy", "click"} & set(loaded.stdout.split())
