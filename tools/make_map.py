#!/usr/bin/env python3
"""Make the geography of a network's map, from the sounds that it was trained on.

    python tools/make_map.py MODEL CORPUS     (needs openTSNE: pip install openTSNE)

CORPUS has a `manifest.csv` with the columns file, split, class and unit. References are chosen of
the training sounds, evenly over classes and units, and fitted to the plane by openTSNE. What is
printed is measured on the validation sounds, of units that the network and the map never heard.
"""

import csv
import sys
from collections import defaultdict
from itertools import islice, zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from openTSNE import TSNE

from libindex.analysis.engine import Engine
from libindex.errors import SampleError
from libindex.settings import load
from libindex.similarity.embeddings import normalised
from libindex.similarity.geography import SUFFIX, Geography, spread

REFERENCES = 2_000
PERPLEXITY = 30
SEED = 7
# Where the middles of some classes should be, as well as turning and mirroring can bring them.
WANTED = {"kick": (0.2, 0.8), "snr": (0.5, 0.5), "hhc": (0.85, 0.35), "cym": (0.85, 0.2)}

Array = NDArray[np.float64]


def main() -> int:
    """Command line."""
    if len(sys.argv) != 3:
        print(__doc__.strip().splitlines()[2].strip(), file=sys.stderr)
        return 2
    model, corpus = Path(sys.argv[1]), Path(sys.argv[2])
    with (corpus / "manifest.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    settings = load({"model": str(model)})
    with Engine(settings) as engine:
        chosen = _chosen([row for row in rows if row["split"] == "train"])
        vectors, labels = _embedded(engine, corpus, chosen)
        unheard = [row for row in rows if row["split"] == "valid"]
        others, of_others = _embedded(engine, corpus, unheard)
        loaded = engine.model
    fitted = TSNE(
        perplexity=PERPLEXITY, metric="cosine", random_state=SEED, n_jobs=2, initialization="pca"
    ).fit(vectors.astype(np.float64))
    places = spread(_turned(np.asarray(fitted), labels, loaded.classes))
    geography = Geography(vectors, places, labels)
    geography.save(model, loaded.fingerprint)
    size = model.with_suffix(SUFFIX).stat().st_size
    print(f"{len(vectors):,} references in {size / 1e6:.2f} MB: {model.with_suffix(SUFFIX)}")
    placed = geography.place(others)
    print(f"{len(others):,} sounds of units that were never heard:")
    print(f"  of the ten nearest, {_shared(others, placed):.2f} are among the ten nearest places")
    same = _same(of_others, _by_place(placed)), _same(of_others, _by_sound(others))
    print(
        f"  of the ten nearest places, {same[0]:.2f} have the same class ({same[1]:.2f} by sound)"
    )
    return 0


def _chosen(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """References: of each class by the root of its size, so that kicks get more room than whistles.

    Of a class, in turn one of each unit.
    """
    random = np.random.default_rng(SEED)
    classes: dict[str, dict[str, list[dict[str, str]]]] = defaultdict(lambda: defaultdict(list))
    for number in random.permutation(len(rows)):
        classes[rows[number]["class"]][rows[number]["unit"]].append(rows[number])
    roots = {c: sum(map(len, units.values())) ** 0.5 for c, units in classes.items()}
    share = REFERENCES / sum(roots.values())
    chosen = []
    for code in sorted(classes):
        rounds = zip_longest(*classes[code].values())
        in_turn = (row for one_each in rounds for row in one_each if row is not None)
        chosen += islice(in_turn, round(share * roots[code]))
    return chosen


def _embedded(
    engine: Engine, corpus: Path, rows: list[dict[str, str]]
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    labels = {str(corpus / row["file"]): engine.model.classes.index(row["class"]) for row in rows}
    found = {result.path: result for result in engine.analyse(list(labels))}
    pairs = [
        (normalised(result.latent), labels[path])
        for path, result in sorted(found.items())
        if not isinstance(result, SampleError)
    ]
    vectors = np.stack([vector for vector, _ in pairs]).astype(np.float16).astype(np.float32)
    return vectors, np.array([label for _, label in pairs], np.uint8)


def _turned(places: Array, labels: NDArray[np.uint8], classes: tuple[str, ...]) -> Array:
    """Turned and mirrored so that some classes come near to where they are wanted."""
    centred = places - np.median(places, axis=0)
    middles = {c: np.median(centred[labels == classes.index(c)], axis=0) for c in WANTED}

    def miss(turned: Array) -> float:
        wanted = np.array([WANTED[code] for code in middles]) - 0.5
        directions = turned / np.linalg.norm(turned, axis=1, keepdims=True)
        return -float((directions * wanted).sum())

    best, least = centred, np.inf
    for mirror in (1.0, -1.0):
        for angle in np.radians(np.arange(0, 360, 5)):
            c, s = np.cos(angle), np.sin(angle)
            turn = np.array([[c, -s], [s, c]]) @ np.diag([mirror, 1.0])
            found = miss(np.stack(list(middles.values())) @ turn.T)
            if found < least:
                best, least = centred @ turn.T, found
    return best


def _nearest(distances: Array) -> NDArray[np.intp]:
    np.fill_diagonal(distances, np.inf)
    return np.argsort(distances, axis=1, kind="stable")[:, :10]


def _by_place(places: NDArray[np.uint16]) -> NDArray[np.intp]:
    at = places.astype(np.float64)
    return _nearest(np.square(at[:, None] - at[None]).sum(axis=2))


def _by_sound(vectors: NDArray[np.float32]) -> NDArray[np.intp]:
    return _nearest(1 - vectors.astype(np.float64) @ vectors.T.astype(np.float64))


def _shared(vectors: NDArray[np.float32], places: NDArray[np.uint16]) -> float:
    both = zip(_by_sound(vectors), _by_place(places), strict=True)
    return float(np.mean([len(set(a) & set(b)) / 10 for a, b in both]))


def _same(labels: NDArray[np.uint8], nearest: NDArray[np.intp]) -> float:
    return float((labels[nearest] == labels[:, None]).mean())


if __name__ == "__main__":
    raise SystemExit(main())
