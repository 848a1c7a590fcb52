import pytest
from hypothesis import given
from hypothesis import strategies as st

from libindex.errors import UsageError
from libindex.instruments import CODES, INSTRUMENTS, Instrument, name_of, nearest, resolve

BY_INSTRUMENT = pytest.mark.parametrize("instrument", INSTRUMENTS, ids=CODES)
# These plurals mean more than one class.
GROUPS = {
    "hats": ("hhc", "hho", "ped"),
    "hi-hats": ("hhc", "hho", "ped"),
    "toms": ("tom", "tomf"),
    "cymbals": ("cym", "rid"),
}


def words(instrument: Instrument) -> tuple[str, ...]:
    return (instrument.code, instrument.name, *instrument.synonyms)


def test_the_classes_are_the_originals_in_its_order() -> None:
    assert (
        tuple(
            "whis met cow taik clav hhc cah tim tab kick rid bass thd hho rim shk stick tom clp "
            "wood cong snr tri vib cym gui fx tomf ped cui".split()
        )
        == CODES
    )


@BY_INSTRUMENT
def test_a_class_has_a_name(instrument: Instrument) -> None:
    assert name_of(instrument.code) == instrument.name


def test_an_unknown_class_is_its_own_name() -> None:
    assert name_of("theremin") == "theremin"


@BY_INSTRUMENT
def test_each_word_means_its_own_class_only(instrument: Instrument) -> None:
    for word in words(instrument):
        assert resolve(word) == (instrument.code,)


@BY_INSTRUMENT
def test_spelling_does_not_matter(instrument: Instrument) -> None:
    for word in words(instrument):
        for spelling in (
            word.upper(),
            word.title(),
            word.replace(" ", "-"),
            word.replace("-", "_"),
            word.replace(" ", "").replace("-", ""),
            f" {word} ",
        ):
            assert resolve(spelling) == (instrument.code,)


@BY_INSTRUMENT
def test_plurals(instrument: Instrument) -> None:
    for word in words(instrument):
        plural = f"{word}s"
        assert resolve(plural) == GROUPS.get(plural, (instrument.code,))


@pytest.mark.parametrize(("word", "codes"), GROUPS.items())
def test_words_for_several_classes(word: str, codes: tuple[str, ...]) -> None:
    assert resolve(word) == codes
    assert resolve(word.upper().replace("-", " ")) == codes


def test_a_hat_is_any_of_three() -> None:
    assert resolve("hat") == resolve("HiHat") == ("hhc", "hho", "ped")


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("snair", "snr (snare drum)"),
        ("kik drum", "kick (kick drum)"),
        ("cowbel", "cow (cowbell)"),
        ("high hat", "hhc (closed hi-hat)"),
    ],
)
def test_an_unknown_word_lists_near_ones(word: str, near: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(word)
    message = caught.value.reason
    assert message.startswith(f"no class {word!r}: did you mean ")
    assert near in message
    assert message.endswith(f"All classes: {', '.join(sorted(CODES))}")


@pytest.mark.parametrize("word", ["", "s", "-", "qqqqqq", "🥁"])
def test_a_word_like_no_other_lists_all_classes(word: str) -> None:
    with pytest.raises(UsageError, match=r"All classes: bass, cah, .*, wood$"):
        resolve(word)


@given(st.text(max_size=12))
def test_any_text_means_some_classes_or_is_refused(text: str) -> None:
    try:
        found = resolve(text)
    except UsageError:
        return
    assert set(found) <= set(CODES)
    assert len(found) == len(set(found)) >= 1


def test_only_classes_of_the_network_in_use() -> None:
    assert resolve("hats", ("hhc", "snr")) == ("hhc",)
    with pytest.raises(UsageError, match=r"no class 'kick'.*All classes: hhc, snr$"):
        resolve("kick", ("hhc", "snr"))


def test_classes_of_a_users_own_network() -> None:
    assert resolve("zap", ("Zap", "snr")) == ("Zap",)
    assert resolve("zaps", ("Zap", "snr")) == ("Zap",)
    assert resolve("snare", ("Zap", "snr")) == ("snr",)
    # Their own meaning comes first.
    assert resolve("hats", ("hats", "hhc")) == ("hats",)


@pytest.mark.parametrize(
    ("text", "word"),
    [("snaer", "snare"), ("kikc", "kick"), ("cowbel", "cowbell"), ("qqqq", None)],
)
def test_the_nearest_word(text: str, word: str | None) -> None:
    assert nearest(text) == word
