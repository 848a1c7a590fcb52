import itertools

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from support.kits import make_sound

from libindex.instruments import CODES
from libindex.kits import assignment
from libindex.kits.assignment import assign
from libindex.kits.layouts import LAYOUTS, Pad
from libindex.queries.sounds import Sound

KICK, SNARE, TOM = Pad(36, ("kick",)), Pad(38, ("snr",)), Pad(41, ("tom",))


def put(assignment, pads, sounds, min_probability=0.0, **options):
    chosen = assign(assignment, pads, sounds, CODES, min_probability, **options)
    return {key: choice.sound.path for key, choice in chosen.items()}


class TestClass:
    def test_each_pad_takes_the_most_probable_sound_of_its_class(self) -> None:
        sounds = [make_sound("a", kick=0.6, snr=0.3), make_sound("b", kick=0.5, snr=0.2)]
        assert put("class", [KICK, SNARE], sounds) == {36: "a", 38: "a"}

    def test_two_pads_of_a_class_take_the_same(self) -> None:
        pads = [KICK, Pad(37, ("kick",))]
        sounds = [make_sound("a", kick=0.6), make_sound("b", kick=0.7)]
        assert put("class", pads, sounds) == {36: "b", 37: "b"}

    def test_it_takes_what_there_is_however_improbable(self) -> None:
        [choice] = assign("class", [KICK], [make_sound("a", snr=0.99)], CODES, 0.5).values()
        assert choice.probability < 0.001
        assert choice.class_code == "kick"


class TestSample:
    def test_each_sound_goes_to_its_own_class_and_pads_may_stay_empty(self) -> None:
        sounds = [make_sound("a", kick=0.6, snr=0.3), make_sound("b", kick=0.5, snr=0.4)]
        pads = [KICK, Pad(37, ("kick",)), SNARE]
        assert put("sample", pads, sounds) == {36: "a", 37: "b"}

    def test_the_more_probable_come_first(self) -> None:
        sounds = [make_sound("a", kick=0.5), make_sound("b", kick=0.9), make_sound("c", kick=0.7)]
        assert put("sample", [KICK, Pad(37, ("kick",))], sounds) == {36: "b", 37: "c"}


class TestBest:
    def test_a_sound_that_two_pads_want_goes_where_the_whole_is_best(self) -> None:
        sounds = [make_sound("a", kick=0.6, tom=0.35), make_sound("b", kick=0.55, tom=0.05)]
        assert put("best", [KICK, TOM], sounds) == {36: "b", 41: "a"}

    def test_pads_stay_empty_rather_than_filled_with_nonsense(self) -> None:
        sounds = [make_sound("a", kick=0.9), make_sound("b", snr=0.4)]
        assert put("best", [KICK, SNARE], sounds, min_probability=0.5) == {36: "a"}
        assert put("best", [KICK, SNARE], sounds, min_probability=0.4 - 1e-6) == {36: "a", 38: "b"}

    def test_a_pads_first_class_is_preferred_to_a_somewhat_more_probable_second(self) -> None:
        pad = Pad(37, ("rim", "stick"))
        sounds = [make_sound("rim", rim=0.6), make_sound("stick", stick=0.9)]
        assert put("best", [pad], sounds) == {37: "rim"}
        [choice] = assign("best", [pad], sounds[1:], CODES, 0.5).values()
        assert (choice.class_code, round(choice.probability, 2)) == ("stick", 0.9)

    def test_pads_of_a_class_differ_from_each_other(self) -> None:
        pads = [KICK, Pad(37, ("kick",))]
        sounds = [
            make_sound("a", seed=1, kick=0.95),
            make_sound("almost a", seed=1, kick=0.94),
            make_sound("another", seed=2, kick=0.8),
        ]
        assert put("best", pads, sounds) == {36: "a", 37: "another"}

    def test_two_pairs_of_twins_give_one_of_each(self) -> None:
        pads = [KICK, Pad(37, ("kick",))]
        sounds = [
            make_sound("a", seed=1, kick=0.97),
            make_sound("a2", seed=1, kick=0.97),
            make_sound("c", seed=2, kick=0.9),
            make_sound("c2", seed=2, kick=0.9),
        ]
        assert {name[0] for name in put("best", pads, sounds).values()} == {"a", "c"}

    def test_likeness_never_empties_a_pad(self) -> None:
        pads = [Pad(36 + i, ("kick",)) for i in range(3)]
        sounds = [make_sound(f"{i}", seed=1, kick=0.3) for i in range(3)]
        assert len(put("best", pads, sounds)) == 3

    def test_higher_sounds_lie_on_higher_pads(self) -> None:
        pads = [Pad(41, ("tomf", "tom"), pitch=1), Pad(45, ("tom",), 2), Pad(50, ("tom",), 3)]
        heights = {"high": 3000.0, "low": 100.0, "middle": 800.0}
        sounds = [
            make_sound(name, seed=i, centroid_hz=hz, tom=0.9)
            for i, (name, hz) in enumerate(heights.items())
        ]
        assert put("best", pads, sounds) == {41: "low", 45: "middle", 50: "high"}

    def test_the_most_probable_lies_on_the_first_pad(self) -> None:
        pads = [KICK, Pad(37, ("kick",))]
        sounds = [make_sound("b", seed=1, kick=0.7), make_sound("a", seed=2, kick=0.9)]
        assert put("best", pads, sounds) == {36: "a", 37: "b"}

    def test_seeds_choose_otherwise_and_always_the_same(self) -> None:
        sounds = [make_sound(f"{i}", seed=i, kick=0.9 - i / 1000) for i in range(30)]
        assert put("best", [KICK], sounds) == {36: "0"}
        drawn = [put("best", [KICK], sounds, seed=seed)[36] for seed in range(20)]
        assert len(set(drawn)) > 5
        assert drawn == [put("best", [KICK], sounds, seed=seed)[36] for seed in range(20)]

    def test_a_sound_of_more_weight_is_preferred(self) -> None:
        sounds = [make_sound("a", kick=0.9), make_sound("b", kick=0.8)]
        assert put("best", [KICK], sounds, weights=np.array([0.5, 1.0])) == {36: "b"}

    def test_a_class_that_the_network_does_not_know_leaves_its_pad_empty(self) -> None:
        assert put("best", [Pad(36, ("zap",)), SNARE], [make_sound("a", snr=0.9)]) == {38: "a"}


def codes_of(count: int, code: str) -> list[Sound]:
    """Sounds of a class, each less probable and brighter than the one before."""
    return [
        make_sound(f"{code}{i}", seed=i, centroid_hz=100.0 * (i + 1), **{code: 0.95 - i / 50})
        for i in range(count)
    ]


class TestPriority:
    """Of equal pads the main one is filled first, and gets the best sound."""

    @pytest.mark.parametrize("assignment", ["best", "sample"])
    @pytest.mark.parametrize(
        ("code", "keys"),
        [
            ("kick", [36, 35]),
            ("snr", [38, 40]),
            ("cym", [49, 57, 52, 55]),
            ("hhc", [42]),
            ("rid", [51, 53, 59]),
            ("gui", [73, 74]),
        ],
    )
    def test_pads_of_general_midi_are_filled_in_order(self, assignment, code, keys) -> None:
        for count in range(1, len(keys) + 1):
            chosen = put(assignment, LAYOUTS["gm"].pads, codes_of(count, code), 0.5)
            assert chosen == {key: f"{code}{i}" for i, key in enumerate(keys[:count])}

    @pytest.mark.parametrize(
        ("layout", "code", "keys"),
        [
            ("24", "kick", [36, 37]),
            ("24", "snr", [38, 50]),
            ("36", "kick", [36, 37, 24, 25]),
            ("36", "snr", [38, 26, 50]),
            ("36", "cym", [46, 34]),
        ],
    )
    def test_pads_of_the_originals_layouts_too(self, layout, code, keys) -> None:
        for count in range(1, len(keys) + 1):
            chosen = put("best", LAYOUTS[layout].pads, codes_of(count, code), 0.5)
            assert chosen == {key: f"{code}{i}" for i, key in enumerate(keys[:count])}

    def test_more_sounds_than_pads_change_nothing(self) -> None:
        sounds = [*codes_of(9, "kick"), *codes_of(9, "snr")]
        chosen = put("best", LAYOUTS["gm"].pads, sounds, 0.5)
        assert (chosen[36], chosen[38]) == ("kick0", "snr0")
        assert {chosen[35][:4], chosen[40][:3]} == {"kick", "snr"}

    def test_toms_are_filled_from_the_lowest_and_ordered_by_pitch(self) -> None:
        toms = [pad for pad in LAYOUTS["gm"].pads if pad.classes == ("tom",)]
        for count in range(1, len(toms) + 1):
            sounds = codes_of(count, "tom")
            keys = [pad.key for pad in toms[:count]]
            expected = {key: f"tom{i}" for i, key in enumerate(keys)}
            assert put("best", LAYOUTS["gm"].pads, sounds, 0.5) == expected
            assert put("best", LAYOUTS["gm"].pads, sounds[::-1], 0.5) == expected

    def test_the_best_sound_for_the_pad_is_not_always_the_most_probable(self) -> None:
        pads = [Pad(36, ("rim", "stick")), Pad(37, ("rim", "stick"), priority=1)]
        sounds = [make_sound("rim", seed=1, rim=0.6), make_sound("stick", seed=2, stick=0.9)]
        assert put("best", pads, sounds, 0.5) == {37: "rim", 36: "stick"}

    def test_a_sound_that_fits_better_elsewhere_goes_there(self) -> None:
        pads = [Pad(36, ("kick", "tom"), priority=9), Pad(41, ("tom",))]
        assert put("best", pads, codes_of(1, "tom"), 0.5) == {41: "tom0"}


@pytest.mark.parametrize("assignment", ["best", "class", "sample"])
def test_nothing_to_choose_from(assignment) -> None:
    assert put(assignment, LAYOUTS["24"].pads, []) == {}
    assert put(assignment, [], [make_sound("a", kick=0.9)]) == {}


@st.composite
def collections(draw):
    codes = st.sampled_from(("kick", "snr", "tom", "hhc"))
    probability = st.floats(0.05, 0.45)
    sounds = [
        make_sound(
            f"{i}", seed=draw(st.integers(0, 3)), **{draw(codes): draw(probability), "fx": 0.5}
        )
        for i in range(draw(st.integers(1, 6)))
    ]
    pads = [
        Pad(key, tuple(draw(st.lists(codes, min_size=1, max_size=2, unique=True))))
        for key in range(36, 36 + draw(st.integers(1, 4)))
    ]
    return pads, sounds


@given(collections(), st.floats(0, 0.4), st.none() | st.integers(0, 9))
def test_best_is_one_to_one_and_above_the_threshold(found, min_probability, seed) -> None:
    pads, sounds = found
    chosen = assign("best", pads, sounds, CODES, min_probability, seed)
    used = [choice.sound.path for choice in chosen.values()]
    assert len(used) == len(set(used))
    for pad in pads:
        if pad.key in chosen:
            choice = chosen[pad.key]
            assert choice.class_code in pad.classes
            assert choice.probability >= min_probability
            column = CODES.index(choice.class_code)
            assert choice.probability == pytest.approx(float(choice.sound.probabilities[column]))


@given(collections())
def test_best_is_the_best_of_all_assignments_where_variety_costs_nothing(found) -> None:
    pads, sounds = found
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assignment, "_VARIETY", 0.0)
        chosen = assign("best", pads, sounds, CODES, 0.0)
    table = assignment._Table(pads, sounds, CODES)
    row = {pad.key: i for i, pad in enumerate(pads)}
    value = sum(table.fit[row[k], sounds.index(c.sound)] for k, c in chosen.items())
    places = [*range(len(sounds)), *[None] * len(pads)]
    most = (
        max(
            sum(table.fit[i, sound] for i, sound in enumerate(order) if sound is not None)
            for order in set(itertools.permutations(places, len(pads)))
        )
        if len(places) <= 8
        else None
    )
    if most is not None:
        assert value == pytest.approx(most)
