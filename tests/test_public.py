"""What `libindex` offers."""

import re
import subprocess
import sys
from pathlib import Path

import libindex
from libindex import errors

CHECKOUT = Path(__file__).resolve().parent.parent
API = CHECKOUT / "docs" / "api.md"


def test_all_that_is_public_can_be_imported() -> None:
    namespace: dict[str, object] = {}
    exec("from libindex import *", namespace)
    assert set(libindex.__all__) == set(namespace) - {"__builtins__"}
    assert len(set(libindex.__all__)) == len(libindex.__all__)
    assert set(libindex.__all__) <= set(dir(libindex))


def test_each_name_is_what_it_says() -> None:
    for name in libindex.__all__:
        if name != "__version__":
            assert getattr(libindex, name).__name__ == name


def test_all_errors_are_public() -> None:
    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type)}
    assert {name for name in kinds if name.endswith("Error")} <= set(libindex.__all__)


def test_importing_the_package_imports_nothing_else() -> None:
    program = "import sys; before = set(sys.modules); import libindex; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.decode().split()}
    assert not loaded & {"torch", "numpy", "sqlalchemy", "click", "librosa", "faiss"}


def test_the_page_names_all_of_it() -> None:
    named = re.findall(
        r"^\.\. auto(?:class|exception|function|data):: libindex\.(\w+)$",
        API.read_text(encoding="utf-8"),
        flags=re.MULTILINE,
    )
    assert set(named) == set(libindex.__all__) - {"__version__"}
