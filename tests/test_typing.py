"""A misspelt filter or setting fails type checking, not only at run time."""

import subprocess
import sys
from pathlib import Path

import pytest

from libindex import UsageError
from libindex.library import Library

GOOD = """
from libindex import Library

library = Library.open("library.db", jobs=2, model=None)
found = library.select(classes="snare", min_prob=0.8, max_duration_s=0.5)
hits = found.hits(sort="duration", limit=3)
lengths: list[float | None] = [hit.facts.duration_s for hit in hits]
library.query(classes=["kick"], under="Samples", sort="prob")
library.similar("kick01.ogg", 3, min_percussion=0.5)
library.kit("Dusty", under="Samples")
"""
BAD = (
    "library.query(min_porb=0.8)",
    'library.select(clases="snare")',
    'library.select(min_prob="high")',
    'library.similar("kick01.ogg", max_duration=1)',
    'library.kit("Dusty", undr="Samples")',
    'library.export("x.csv", sort="size")',
    'Library.open("library.db", job=2)',
)


@pytest.mark.slow
def test_a_type_checker_sees_misspelt_names(tmp_path: Path) -> None:
    path = tmp_path / "snippet.py"
    path.write_text(GOOD + "\n".join(BAD) + "\n", encoding="utf-8")
    config = Path(__file__).resolve().parent.parent / "pyproject.toml"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--config-file", config),
            *("--no-error-summary", "--cache-dir", tmp_path / "cache", path),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    wrong = sorted(
        {int(line.split(":")[1]) for line in done.stdout.splitlines() if "error" in line}
    )
    first = GOOD.count("\n") + 1
    assert wrong == list(range(first, first + len(BAD))), done.stdout + done.stderr


@pytest.mark.parametrize(
    ("filters", "nearest"),
    [({"min_porb": 0.8}, "min_prob"), ({"clases": "snr"}, "classes"), ({"undr": "/"}, "under")],
)
def test_at_run_time_the_nearest_name_is_given(
    library: Library, filters: dict[str, object], nearest: str
) -> None:
    with pytest.raises(UsageError, match=f"unknown filter '.*'; did you mean {nearest}\\?"):
        library.select(**filters)  # type: ignore[arg-type]
