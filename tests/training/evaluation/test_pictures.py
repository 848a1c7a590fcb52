import sys
from pathlib import Path

import numpy as np
import pytest

from libindex.errors import LibindexError, UsageError
from libindex.instruments import CODES
from libindex.training.evaluation import pictures
from libindex.training.evaluation.evaluate import Predictions, Report, evaluate

Rectangle = pytest.importorskip("matplotlib.patches").Rectangle


@pytest.fixture(scope="module")
def report() -> Report:
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.full(30, 0.05), 90).astype(np.float32)
    labels = np.where(rng.random(90) < 0.7, p.argmax(axis=1), np.arange(90) % 30)
    return evaluate(
        Predictions(p, rng.random((90, 4), np.float32), labels, np.arange(90)), CODES, 2
    )


@pytest.mark.slow
def test_pictures_of_thirty_classes(report: Report, tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    pictures.ready(folder)
    for path in pictures.draw(report, folder):
        data = path.read_bytes()
        assert data.startswith(b"\x89PNG")
        width, height = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
        assert min(width, height) > 700
    assert {path.name for path in folder.iterdir()} == {"confusion.png", "reliability.png"}
    assert "matplotlib.pyplot" not in sys.modules


def test_every_class_has_its_name_and_every_pair_its_number(report: Report) -> None:
    axes = pictures.confusion_figure(report).axes[0]
    shown = [code for code, row in zip(CODES, report.confusion, strict=True) if row.any()]
    assert set(shown) <= {label.get_text() for label in axes.get_yticklabels()}
    assert len(axes.texts) == np.count_nonzero(report.confusion)


def test_a_class_may_be_named_with_dollars(tmp_path: Path) -> None:
    p = np.eye(2, dtype=np.float32)[[0, 1, 1]]
    latents = np.ones((3, 4), np.float32)
    named = evaluate(
        Predictions(p, latents, np.array([0, 1, 0]), np.arange(3)), ["$x^$", "$\\frac$"], 2
    )
    pictures.ready(tmp_path)
    assert len(pictures.draw(named, tmp_path)) == 2


def test_every_bin_has_its_count(report: Report) -> None:
    above, below = pictures.reliability_figure(report).axes
    assert [int(text.get_text()) for text in below.texts] == [b.n for b in report.reliability]
    bars = [patch for patch in above.patches if isinstance(patch, Rectangle)]
    heights = [bar.get_height() for bar in bars]
    assert heights == pytest.approx([b.right for b in report.reliability if b.n])


def test_a_file_is_no_folder_for_pictures(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is not a folder"):
        pictures.ready(tmp_path / "file")


def test_without_matplotlib_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(LibindexError, match=r"pip install 'libindex\[plots\]'"):
        pictures.ready(tmp_path / "pictures")
    assert not (tmp_path / "pictures").exists()
