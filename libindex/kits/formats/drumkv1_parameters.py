"""DrumKV1's parameters: their defaults, and how `PadSettings` translate to them.

The laws were measured on version 0.9.29 and are held by tests/kits/test_in_programs.py.
"""

import math

from libindex.kits.kit import PadSettings, Voice


def _values(text: str) -> dict[str, float]:
    words = text.split()
    return {name: float(value) for name, value in zip(words[::2], words[1::2], strict=True)}


ELEMENT = _values("""
    GEN1_SAMPLE   36   GEN1_REVERSE 0   GEN1_OFFSET  0   GEN1_OFFSET_1 0   GEN1_OFFSET_2 1
    GEN1_GROUP    0    GEN1_COARSE  0   GEN1_FINE    0   GEN1_ENVTIME  0.2
    DCF1_ENABLED  1    DCF1_CUTOFF  1   DCF1_RESO    0   DCF1_TYPE     0   DCF1_SLOPE    0
    DCF1_ENVELOPE 1    DCF1_ATTACK  0   DCF1_DECAY1  0.5 DCF1_LEVEL2   0.2 DCF1_DECAY2   0.5
    LFO1_ENABLED  1    LFO1_SHAPE   1   LFO1_WIDTH   1   LFO1_BPM      180 LFO1_RATE     0.5
    LFO1_SWEEP    0    LFO1_PITCH   0   LFO1_CUTOFF  0   LFO1_RESO     0   LFO1_PANNING  0
    LFO1_VOLUME   0    LFO1_ATTACK  0   LFO1_DECAY1  0.5 LFO1_LEVEL2   0.2 LFO1_DECAY2   0.5
    DCA1_ENABLED  1    DCA1_VOLUME  0.5 DCA1_ATTACK  0   DCA1_DECAY1   0.5 DCA1_LEVEL2   0.2
    DCA1_DECAY2   0.5
    OUT1_WIDTH    0    OUT1_PANNING 0   OUT1_FXSEND  1   OUT1_VOLUME   0.5
""")
"""Of each element, in the program's order: what it takes where a preset says nothing.

Older versions know 36 of them: none of GEN1_OFFSET*, LFO1_BPM, OUT1_FXSEND and *_ENABLED.
"""

INSTRUMENT = _values("""
    DEF1_PITCHBEND 0.2 DEF1_MODWHEEL 0.2 DEF1_PRESSURE 0.2 DEF1_VELOCITY 0.2 DEF1_CHANNEL 0
    DEF1_NOTEOFF   0
    CHO1_WET 0 CHO1_DELAY 0.5 CHO1_FEEDB 0.5 CHO1_RATE  0.5 CHO1_MOD  0.5
    FLA1_WET 0 FLA1_DELAY 0.5 FLA1_FEEDB 0.5 FLA1_DAFT  0
    PHA1_WET 0 PHA1_RATE  0.5 PHA1_FEEDB 0.5 PHA1_DEPTH 0.5 PHA1_DAFT 0
    DEL1_WET 0 DEL1_DELAY 0.5 DEL1_FEEDB 0.5 DEL1_BPM   180
    REV1_WET 0 REV1_ROOM  0.5 REV1_DAMP  0.5 REV1_FEEDB 0.5 REV1_WIDTH 0
    DYN1_COMPRESS 0 DYN1_LIMITER 0
    DEL1_BPMSYNC  0 DEL1_BPMHOST 180
""")
"""Of the whole kit, as it is written.

The program's defaults but for two: a key that is let go does not end its sound (DEF1_NOTEOFF, 1),
and the limiter, which bends every peak, is off (DYN1_LIMITER, 1). The last two parameters are known
to older versions only; newer ones ignore them.
"""

# Nothing has an envelope: a cymbal plays to its end, however long it is. Versions that know no
# *_ENABLED play ten seconds as they are, and fade out in ten more.
_PLAIN = _values("""
    GEN1_ENVTIME 1
    DCF1_ENABLED 0 DCF1_DECAY1 1 DCF1_LEVEL2 1 DCF1_DECAY2 1
    LFO1_ENABLED 0 LFO1_DECAY1 1 LFO1_LEVEL2 1 LFO1_DECAY2 1 LFO1_SHAPE 2
    DCA1_ENABLED 0 DCA1_DECAY1 1 DCA1_LEVEL2 1 DCA1_DECAY2 1
""")

# A pad plays at the program's usual level, OUT1_VOLUME 0.5 times DCA1_VOLUME 0.5: four pads at
# full scale together do not clip, and 12 dB are left to raise one.
_LEVEL = 0.25

# The filter's corner is this far up for each unit of the bent cutoff, at 44.1 kHz [Hz].
_FILTER_HZ = 44_100 / math.pi


def of_voice(voice: Voice) -> dict[str, float]:
    """All parameters of the element that plays a voice."""
    settings = voice.settings
    group = min(voice.choke_group, 128)
    return {
        **ELEMENT,
        **_PLAIN,
        "GEN1_SAMPLE": voice.key,
        "GEN1_GROUP": group,
        **_tuning(settings),
        **_filter(settings),
        **_tremolo(settings),
        **_output(settings),
    }


def settings_of(values: dict[str, float]) -> PadSettings:
    """An element's parameters as `PadSettings`, as far as these can express them."""
    depth = abs(values["LFO1_VOLUME"]) if values["LFO1_ENABLED"] > 0.5 else 0.0
    level = values["OUT1_VOLUME"] * values["DCA1_VOLUME"] * (1 + depth) / _LEVEL
    is_filtered = values["DCF1_ENABLED"] > 0.5 and values["DCF1_TYPE"] < 0.5
    hertz = _FILTER_HZ * _bent(values["DCF1_CUTOFF"])
    resonance_db = -20 * math.log10(1 - _bent(values["DCF1_RESO"]))
    rate = values["LFO1_BPM"] / max(0.01, 60.01 - 60 * values["LFO1_RATE"])
    return PadSettings(
        gain_db=_tidy(20 * math.log10(max(level, 1e-6))),
        pan=values["OUT1_PANNING"],
        width=_tidy(abs(values["OUT1_WIDTH"]) - 1),
        tune_semitones=_tidy(12 * values["GEN1_COARSE"] + values["GEN1_FINE"]),
        cutoff=_tidy(PadSettings.cutoff_of(hertz)) if is_filtered else 1.0,
        resonance=_tidy(resonance_db / 40) if is_filtered and values["DCF1_RESO"] > 0 else 0.0,
        lfo_rate_hz=_tidy(rate) if depth else 0.0,
        lfo_depth=_tidy(2 * depth / (1 + depth)),
    )


def _tuning(settings: PadSettings) -> dict[str, float]:
    semitones = _clip(settings.tune_semitones, -48, 48)
    return {"GEN1_COARSE": round(semitones) / 12, "GEN1_FINE": semitones - round(semitones)}


def _filter(settings: PadSettings) -> dict[str, float]:
    """Off where it has nothing to do, since it is audible even when it is wide open."""
    if settings.cutoff >= 1:
        return {}
    return {
        "DCF1_ENABLED": 1,
        "DCF1_CUTOFF": _unbent(settings.cutoff_hz / _FILTER_HZ),
        "DCF1_RESO": _unbent(1 - 10 ** (-2 * settings.resonance)),
    }


def _tremolo(settings: PadSettings) -> dict[str, float]:
    if settings.lfo_depth <= 0 or settings.lfo_rate_hz <= 0:
        return {}
    # Its frequency is the tempo / (60.01 - 60 * rate) [Hz], and a tempo is at most 360.
    tempo = min(360.0, 60.01 * settings.lfo_rate_hz)
    return {
        "LFO1_ENABLED": 1,
        "LFO1_BPM": tempo,
        "LFO1_RATE": _clip((60.01 - tempo / settings.lfo_rate_hz) / 60, 0, 1),
        "LFO1_VOLUME": _swing(settings),
    }


def _output(settings: PadSettings) -> dict[str, float]:
    # The tremolo swings about the level, and its loudest moment is to be the pad's level.
    level = _LEVEL * 10 ** (settings.gain_db / 20) / (1 + _swing(settings))
    volume = _clip(2 * level, 0, 1)
    return {
        "DCA1_VOLUME": volume,
        "OUT1_VOLUME": 0.5 if volume < 1 else _clip(level, 0.5, 1),
        # 0 is mono, 1 the sample as it is, and nothing is wider.
        "OUT1_WIDTH": _clip(1 + settings.width, 0, 1),
        "OUT1_PANNING": _clip(settings.pan, -1, 1),
    }


def _swing(settings: PadSettings) -> float:
    """How far a tremolo swings about the level so that it takes `lfo_depth` of the maximum."""
    depth = _clip(settings.lfo_depth, 0, 1) if settings.lfo_rate_hz > 0 else 0.0
    return depth / (2 - depth)


def _bent(value: float) -> float:
    """The S-shaped curve that cutoff and resonance go through."""
    x = _clip(2 * value - 1, -1, 1)
    return 0.5 + 0.495 * x * (1.5 - 0.5 * x * x)


def _unbent(value: float) -> float:
    """The inverse of `_bent`: three times a sine less four of its cubes is the sine of thrice."""
    return 0.5 + math.sin(math.asin(_clip((value - 0.5) / 0.495, -1, 1)) / 3)


def _clip(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def _tidy(value: float) -> float:
    """Without the digits that come of computing back and forth; not -0."""
    return round(value, 4) + 0.0
