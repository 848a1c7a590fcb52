"""The views, and the questions of the page on them, with nothing but sqlite3."""

import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from libindex.instruments import CODES
from libindex.library import Library
from libindex.paths import is_utf8
from libindex.store.schema import networks
from libindex.store.views import _text

PAGE = (Path(__file__).parents[2] / "docs" / "sql.md").read_text(encoding="utf-8")
STRANGE = ["\udcff broken", "\udce3\udc81", "Ü 🥁", "new\nline", "plain", "'; DROP"]


@pytest.fixture
def scanned(library: Library, ear: Any, tmp_path: Path) -> Library:
    """Two roots, one of a strange name; a copy, a bad file and names that need care."""
    ear.has_percussion_score = True
    for number, name in enumerate(STRANGE):
        path = tmp_path / "Samples" / name / f"{name}.wav"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"sound %d" % number)
    other = tmp_path / "\udcfe Ö"
    other.mkdir()
    shutil.copy(tmp_path / "Samples/plain/plain.wav", other / "copy.wav")
    (other / "bad.wav").write_bytes(b"bad")
    library.scan(tmp_path / "Samples", other)
    return library


@pytest.fixture
def ask(scanned: Library) -> Iterator[Callable[..., list[sqlite3.Row]]]:
    with closing(sqlite3.connect(scanned.database.path)) as connection:
        connection.row_factory = sqlite3.Row
        yield lambda query, *values: connection.execute(query, values).fetchall()


def test_an_overview_is_what_is_known_of_each_sample(scanned: Library, ask) -> None:
    rows = {os.fsencode(row["path"]): row for row in ask("SELECT * FROM sample_overview")}
    hits = scanned.query(copies=True)
    assert len(rows) == len(hits) + 1 == 8
    for hit in (hit for hit in hits if is_utf8(hit.path)):
        row, info = rows[os.fsencode(hit.path)], scanned.info(hit.path)
        assert (row["root"], row["name"]) == (hit.root, Path(hit.path).name)
        assert (row["class"], row["probability"]) == (hit.class_code, hit.probability)
        assert (row["online"], row["content_id"]) == (hit.is_online, hit.content_id)
        assert row["failure"] is None
        for name in ("percussion", "size_bytes", "added_at"):
            assert row[name] == getattr(info, name)
        for field in fields(info.facts):
            assert row[field.name] == getattr(info.facts, field.name)


def test_a_failure_is_in_the_overview_alone(scanned: Library, ask) -> None:
    (row,) = ask("SELECT * FROM sample_overview WHERE failure IS NOT NULL")
    assert (row["name"], row["failure"]) == ("bad.wav", "is not audio")
    assert row["class"] is row["probability"] is row["duration_s"] is None
    assert ask("SELECT * FROM sample_classes WHERE sample_id = ?", row["sample_id"]) == []


def test_every_class_of_each_sample_with_its_rank(scanned: Library, ask) -> None:
    assert len(ask("SELECT * FROM sample_classes")) == 7 * len(CODES)
    rows = ask("SELECT * FROM sample_classes WHERE path LIKE '%copy.wav' ORDER BY rank")
    expected = scanned.info("copy.wav").probabilities
    assert {row["class"]: row["probability"] for row in rows} == expected
    assert rows[0]["class"] == next(iter(expected))
    assert [row["rank"] for row in rows] == sorted(
        1 + sum(other > value for other in expected.values()) for value in expected.values()
    )


def test_names_that_are_not_utf8_are_text_all_the_same(ask) -> None:
    names = {Path(row["path"]).name for row in ask("SELECT path FROM sample_overview")}
    assert len(names) == 8
    assert "\N{REPLACEMENT CHARACTER} broken.wav" in names
    assert {row["root"] for row in ask("SELECT root FROM sample_overview")} >= {
        str(Path(row["path"]).parent)
        for row in ask("SELECT path FROM sample_overview WHERE name = 'copy.wav'")
    }


@given(
    st.one_of(
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])).map(str.encode),
        st.binary().map(lambda raw: raw.replace(b"\0", b"x")),
    )
)
def test_bytes_as_text(raw: bytes) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        (text,) = connection.execute(
            f"SELECT {_text('raw')} FROM (SELECT ? AS raw)", [raw]
        ).fetchone()
    try:
        expected = raw.decode()
    except UnicodeDecodeError:
        return  # it can be read: that is all
    assert text == re.sub("[\ufffe\uffff]", "\ufffd", expected)  # no characters at all


def test_the_network_that_was_used_last_answers(scanned: Library, ask) -> None:
    before = ask("SELECT * FROM sample_overview WHERE class IS NOT NULL")
    with scanned.database.writing() as connection:
        connection.execute(
            networks.insert().values(
                fingerprint="another", name="another", classes="[]", latent_size=1, used_at=0
            )
        )
    assert len(ask("SELECT * FROM sample_overview WHERE class IS NOT NULL")) == len(before) == 7
    with scanned.database.writing() as connection:
        connection.execute(
            update(networks).where(networks.c.name == "another").values(used_at=2**40)
        )
    assert ask("SELECT * FROM sample_classes") == []
    assert len(ask("SELECT * FROM sample_overview")) == 8
    assert ask("SELECT * FROM sample_overview WHERE class IS NOT NULL") == []


# The page


@pytest.fixture
def questions() -> list[str]:
    found = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
    assert len(found) == 5
    return found


def test_the_questions_of_the_page_have_answers(scanned: Library, ask, questions) -> None:
    with scanned.database.writing() as connection:  # so that each finds something
        for statement in (
            "UPDATE contents SET encoding = 'PCM_24', duration_s = 0.1",
            "UPDATE class_probabilities SET probability = 0.9"
            " WHERE class_id = (SELECT id FROM classes WHERE code = 'snr')",
            "UPDATE class_probabilities SET probability = 0.85"
            " WHERE class_id = (SELECT id FROM classes WHERE code = 'cah')",
            "UPDATE analyses SET probability = 0.9,"
            " class_id = (SELECT id FROM classes WHERE code = 'kick')",
        ):
            connection.exec_driver_sql(statement)
    snares, classes, hesitant, copies, kicks = (ask(question) for question in questions)
    assert len(snares) == 7
    assert [(row["class"], row["samples"]) for row in classes] == [("kick", 7)]
    assert {(row["class"], row["or_class"], row["difference"]) for row in hesitant} == {
        ("snr", "cah", 0.05)
    }
    (copy,) = copies
    assert (copy["files"], copy["wasted_bytes"]) == (2, 7)
    assert {Path(path).name for path in copy["paths"].split("\n")} == {"plain.wav", "copy.wav"}
    assert len(kicks) == 7


def test_a_question_of_the_page_is_the_query_that_it_names(scanned, ask, questions) -> None:
    least = sorted(
        hit.probability for hit in scanned.query(classes=["snr"], min_prob=0.0, copies=True)
    )[3]
    rows = ask(questions[0].replace("0.8", repr(least)))
    hits = scanned.query(classes=["snr"], min_prob=least, copies=True)
    assert [row["probability"] for row in rows] == [round(h.probability, 2) for h in hits]
    assert len(rows) == 4


def test_the_page_describes_every_column(ask) -> None:
    for view in ("sample_overview", "sample_classes"):
        part = PAGE.split(f"## `{view}`")[1].split("\n## ")[0]
        cells = re.findall(r"^\| (`.*?) \|", part, re.MULTILINE)
        described = re.findall(r"`(\w+)`", " ".join(cells))
        assert set(described) == set(ask(f"SELECT * FROM {view}")[0].keys())


def test_the_python_of_the_page_runs(scanned: Library, monkeypatch) -> None:
    monkeypatch.chdir(scanned.database.path.parent)
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    namespace: dict[str, Any] = {}
    exec(compile(example, "sql.md", "exec"), namespace)
    assert len(namespace["rows"]) == 8
    namespace["connection"].close()
