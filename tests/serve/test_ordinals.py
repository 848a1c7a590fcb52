import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from libindex.serve.ordinals import LEVELS, edges_of, ordinals
from libindex.sound.facts import FACETS

EDGES = {facet.key: edges_of(facet) for facet in FACETS}


def test_edges_are_numbers_as_people_type_them() -> None:
    for facet in FACETS:
        edges = EDGES[facet.key]
        assert list(edges) == sorted(set(edges))
        assert (edges[0], edges[-1]) == facet.span
        assert all(len(f"{abs(edge):g}".replace(".", "").strip("0")) <= 4 for edge in edges)
        assert 2 * len(edges) < np.iinfo(np.uint16).max


@st.composite
def _values(draw: st.DrawFn) -> tuple[tuple[float, ...], float]:
    edges = draw(st.sampled_from([*EDGES.values(), LEVELS]))
    at = draw(st.sampled_from(edges))
    near = st.sampled_from([at, math.nextafter(at, -math.inf), math.nextafter(at, math.inf)])
    return edges, draw(near | st.floats(-1e6, 1e6))


@given(_values(), st.data())
def test_ordinals_compare_as_the_values_do(
    case: tuple[tuple[float, ...], float], data: st.DataObject
) -> None:
    edges, value = case
    edge = data.draw(st.integers(0, len(edges) - 1))
    [ordinal] = ordinals(np.array([value]), edges, np.uint16)
    assert (ordinal >= 2 * edge + 1) == (value >= edges[edge])
    assert (ordinal <= 2 * edge + 1) == (value <= edges[edge])


def test_what_is_not_known() -> None:
    assert ordinals(np.array([math.nan]), LEVELS, np.uint8).tolist() == [255]
