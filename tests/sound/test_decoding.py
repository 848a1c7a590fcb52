import io
import os
import struct
import tracemalloc
from collections.abc import Callable
from functools import cache
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from libindex.errors import SampleError
from libindex.paths import SUFFIXES
from libindex.sound.decoding import FloatArray, Signal, decode, resample

RATE = 48_000
SECONDS = 7.0

# (suffix, libsndfile's format, encoding and byte order, how far a sample may be off)
FORMATS = [
    (".wav", "WAV", "PCM_U8", "FILE", 2**-7),
    (".wav", "WAV", "PCM_16", "FILE", 2**-15),
    (".wav", "WAV", "PCM_24", "FILE", 2**-23),
    (".wav", "WAV", "PCM_32", "FILE", 2**-23),
    (".wav", "WAV", "FLOAT", "FILE", 0),
    (".wav", "WAV", "DOUBLE", "FILE", 0),
    (".wave", "WAVEX", "PCM_24", "FILE", 2**-23),
    (".wav", "WAVEX", "FLOAT", "FILE", 0),
    (".wav", "WAV", "IMA_ADPCM", "FILE", 0.1),
    (".aif", "AIFF", "PCM_16", "FILE", 2**-15),
    (".aiff", "AIFF", "PCM_24", "FILE", 2**-23),
    (".aifc", "AIFF", "PCM_16", "LITTLE", 2**-15),
    (".aifc", "AIFF", "FLOAT", "FILE", 0),
    (".flac", "FLAC", "PCM_16", "FILE", 2**-15),
    (".flac", "FLAC", "PCM_24", "FILE", 2**-23),
    (".ogg", "OGG", "VORBIS", "FILE", 0.1),
    (".oga", "OGG", "VORBIS", "FILE", 0.1),
    (".opus", "OGG", "OPUS", "FILE", 0.1),
    (".mp3", "MP3", "MPEG_LAYER_III", "FILE", 0.1),
    (".caf", "CAF", "PCM_16", "FILE", 2**-15),
    (".caf", "CAF", "ALAC_24", "FILE", 2**-23),
    (".w64", "W64", "PCM_24", "FILE", 2**-23),
    (".rf64", "RF64", "PCM_16", "FILE", 2**-15),
    (".au", "AU", "PCM_16", "FILE", 2**-15),
    (".snd", "AU", "FLOAT", "FILE", 0),
]
LOSSLESS = [f[1:3] for f in FORMATS if f[4] < 0.01]
TRUNCATABLE = [("WAV", "PCM_16"), ("WAV", "FLOAT"), ("WAVEX", "PCM_24"), ("AIFF", "PCM_16")]
TRUNCATABLE += [("FLAC", "PCM_16"), ("W64", "PCM_24"), ("RF64", "PCM_16"), ("AU", "PCM_16")]
TRUNCATABLE += [("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")]


@cache
def sweep(seconds: float = 0.5) -> FloatArray:
    """A falling tone that every lossy encoder keeps."""
    time = np.arange(int(seconds * RATE)) / RATE
    level = 0.7 * (1 - np.exp(-100 * time)) * np.exp(-time)
    return (level * np.sin(2000 * (1 - np.exp(-3 * time)))).astype(np.float32)


def encoded(
    sound: FloatArray,
    container: str = "WAV",
    encoding: str = "FLOAT",
    rate: int = RATE,
    endian: str = "FILE",
) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, sound, rate, format=container, subtype=encoding, endian=endian)
    return file.getvalue()


@cache
def opus() -> bytes:
    """Three pages of audio, of one second each."""
    return encoded(sweep(2.5), "OGG", "OPUS")


def replaced(data: bytes, position: int, new: bytes) -> bytes:
    return data[:position] + new + data[position + len(new) :]


def refusal(data: bytes) -> str:
    with pytest.raises(SampleError) as caught:
        decode(data, SECONDS)
    return caught.value.reason


def test_the_table_has_every_ending() -> None:
    assert {f[0] for f in FORMATS} == SUFFIXES


@pytest.mark.parametrize(("suffix", "container", "encoding", "endian", "off"), FORMATS)
def test_formats(
    tmp_path: Path, suffix: str, container: str, encoding: str, endian: str, off: float
) -> None:
    data = encoded(sweep(), container, encoding, endian=endian)
    got = decode(data, SECONDS)
    assert (got.container, got.encoding, got.channels) == (container, encoding, 1)
    assert got.signal.sample_rate == RATE
    assert got.signal.samples.dtype == np.float32
    count = min(len(sweep()), len(got.signal.samples))
    np.testing.assert_allclose(got.signal.samples[:count], sweep()[:count], atol=off)
    assert len(got.signal.samples) - len(sweep()) in range(4096 if encoding == "IMA_ADPCM" else 1)
    assert got.duration_s == len(got.signal.samples) / RATE
    assert got.peak == pytest.approx(float(np.abs(got.signal.samples).max()))
    assert got.warning is None
    # The ending does not matter, and a path is as good as the bytes.
    for name in (f"sound{suffix}", f"SOUND{suffix.upper()}", "sound.xyz"):
        (tmp_path / name).write_bytes(data)
        again = decode(str(tmp_path / name), SECONDS)
        np.testing.assert_array_equal(again.signal.samples, got.signal.samples)
        assert (again.container, again.encoding) == (container, encoding)


@pytest.mark.parametrize(
    "name", ["an mp3.wav", "🥁.wav", "two\nlines.wav", os.fsdecode(b"snare\xff\xfe.wav"), "a" * 255]
)
def test_names(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(encoded(sweep(), "MP3", "MPEG_LAYER_III"))
    assert decode(str(path), SECONDS).container == "MP3"


@pytest.mark.parametrize(
    "rate", [8_000, 11_025, 16_000, 22_050, 44_100, 88_200, 96_000, 192_000, 384_000]
)
def test_sample_rates(tone: Callable[..., FloatArray], rate: int) -> None:
    sound = tone(1, seconds=0.1, rate=rate)
    signal = decode(encoded(sound, rate=rate), SECONDS).signal
    assert signal.sample_rate == rate
    np.testing.assert_array_equal(signal.samples, sound)
    expected = librosa.resample(sound, orig_sr=rate, target_sr=22_050, res_type="soxr_hq")
    np.testing.assert_allclose(resample(signal, 22_050).samples, expected, atol=1e-6)


def test_a_signal_at_its_own_rate_is_left_alone() -> None:
    signal = Signal(sweep(), RATE)
    assert resample(signal, RATE) is signal


@given(count=st.integers(1, 3000), rate=st.sampled_from([8_000, 44_100, 48_000, 96_000]))
def test_length_after_resampling(count: int, rate: int) -> None:
    signal = resample(Signal(np.ones(count, np.float32), rate), 22_050)
    assert len(signal.samples) == int(np.ceil(count * (22_050 / rate)))


@pytest.mark.parametrize("rate", [1, 999, 800_000])
def test_rates_that_no_recording_has(rate: int) -> None:
    assert refusal(encoded(sweep(), rate=rate)) == f"has a sample rate of {rate} Hz"


@pytest.mark.parametrize("channels", [1, 2, 3, 6, 8, 32])
def test_channels_are_averaged(channels: int) -> None:
    sound = np.random.default_rng(channels).uniform(-0.5, 0.5, (3000, channels)).astype(np.float32)
    sound[5, channels - 1] = -0.875
    got = decode(encoded(sound), SECONDS)
    assert got.channels == channels
    np.testing.assert_allclose(got.signal.samples, sound.mean(axis=1), atol=1e-6)
    assert got.peak == 0.875


def test_only_the_beginning_is_decoded() -> None:
    sound = np.concatenate([sweep(2.0), np.full(100, 0.9, np.float32)])
    got = decode(encoded(sound), 0.25)
    np.testing.assert_array_equal(got.signal.samples, sound[: RATE // 4])
    assert got.duration_s == len(sound) / RATE
    assert got.peak < 0.9
    assert got.warning is None


@pytest.mark.parametrize("as_path", [False, True])
def test_memory_is_bounded(tmp_path: Path, as_path: bool) -> None:
    rate, channels = 384_000, 32
    noise = np.random.default_rng(0).integers(-9999, 9999, (rate // 10, channels), np.int16)
    data = encoded(np.tile(noise, (8, 1)), "WAV", "PCM_16", rate)
    path = tmp_path / "many.wav"
    path.write_bytes(data)
    tracemalloc.start()
    try:
        got = decode(str(path) if as_path else data, SECONDS)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert got.signal.samples.shape == (8 * len(noise),)
    assert peak < 20 * 2**20  # as floats the whole of it takes 40 MB


def test_an_empty_file(tmp_path: Path) -> None:
    assert refusal(b"") == "is empty (0 bytes)"
    (tmp_path / "empty.wav").touch()
    with pytest.raises(SampleError):
        decode(str(tmp_path / "empty.wav"), SECONDS)


@pytest.mark.parametrize(
    "data",
    [
        b"Kick from the 1973 session, see notes.txt\n" * 50,
        bytes(5000),
        b"RIFF",
        b"RIFF\x24\x00\x00\x00WAVEfmt ",
        b"OggS",
        b"OggS" + bytes(100),
        b"fLaC" + bytes(100),
        b"ID3\x04" + bytes(100),
        # What macOS leaves on foreign disks as "._kick.wav": an AppleDouble resource fork.
        b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        \x00\x02" + bytes(4000),
    ],
)
def test_what_is_not_audio(data: bytes) -> None:
    assert refusal(data) == "is not audio, or is damaged"


@pytest.mark.parametrize("container", ["WAV", "AIFF", "CAF", "W64", "AU"])
def test_no_frames(container: str) -> None:
    assert refusal(encoded(np.zeros(0, np.float32), container, "PCM_16")) == "holds no audio"


def test_too_few_samples() -> None:
    assert refusal(encoded(sweep()[:1])) == "is too short (1 samples)"
    assert refusal(encoded(sweep()[:47])) == "is too short (47 samples)"
    assert len(decode(encoded(sweep()[:48]), SECONDS).signal.samples) == 48


@pytest.mark.parametrize(("container", "encoding"), TRUNCATABLE)
@pytest.mark.parametrize("kept", [0.97, 0.7, 0.4])
def test_what_is_left_of_a_truncated_file(container: str, encoding: str, kept: float) -> None:
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, len(sweep(3.0)))
    data = encoded(sweep(3.0) + noise.astype(np.float32), container, encoding)
    got = decode(data[: int(kept * len(data))], SECONDS)
    assert got.warning == "truncated"
    assert kept - 0.1 < len(got.signal.samples) / len(noise) <= kept + 0.01
    assert got.duration_s == len(got.signal.samples) / RATE
    lossy = (container, encoding) not in LOSSLESS
    count = len(got.signal.samples) - (2000 if lossy else 0)  # a packet ends in the one after it
    whole = decode(data, SECONDS).signal.samples
    np.testing.assert_allclose(got.signal.samples[:count], whole[:count], atol=1e-3 if lossy else 0)


@given(
    form=st.sampled_from([*TRUNCATABLE, ("CAF", "PCM_16"), ("WAV", "IMA_ADPCM")]),
    kept=st.floats(0, 1, exclude_max=True),
)
def test_any_truncation_is_used_or_refused(form: tuple[str, str], kept: float) -> None:
    data = encoded(sweep(), *form)
    cut = int(kept * len(data))
    try:
        got = decode(data[:cut], SECONDS)
    except SampleError:
        return
    assert np.isfinite(got.signal.samples).all()
    assert 0 < len(got.signal.samples) <= len(decode(data, SECONDS).signal.samples)
    assert got.warning == "truncated" or len(data) - cut < 16  # libsndfile tolerates a few bytes


def whole_packets(data: bytes) -> int:
    """How many packets of an Ogg stream are complete."""
    count = 0
    while data:
        table = data[27 : 27 + data[26]] if len(data) > 26 else b""
        size = 27 + len(table)
        for length in table:
            size += length
            count += length < 255 and size <= len(data)
        data = data[size:]
    return count


@given(st.floats(0.05, 1, exclude_max=True))
def test_an_ogg_file_keeps_every_whole_packet(kept: float) -> None:
    data = opus()
    first = data.index(b"OggS", data.index(b"OpusTags"))
    cut = first + int(kept * (len(data) - first))
    # 20 ms each, less the encoder's delay. (When the very first page is cut, libsndfile takes that
    # delay off the end and not off the beginning.)
    frames = whole_packets(data[first:cut]) * 960 - 312
    got = decode(data[:cut], SECONDS)
    assert len(got.signal.samples) == frames
    assert got.warning == "truncated"


@pytest.mark.parametrize("tag", [b"TAG" + bytes(125), b"APETAGEX" + bytes(50)])
def test_tags_after_an_ogg_file_do_no_harm(tag: bytes) -> None:
    data = encoded(sweep(), "OGG", "VORBIS")
    got = decode(data + tag, SECONDS)
    assert got.warning is None
    np.testing.assert_array_equal(got.signal.samples, decode(data, SECONDS).signal.samples)


@pytest.mark.parametrize("size", [0x7FFFFFFF, 0xFFFFFFFE, 26_461 * 4])
def test_a_wav_header_that_promises_too_much(size: int) -> None:
    data = encoded(sweep())
    got = decode(replaced(data, data.index(b"data") + 4, struct.pack("<I", size)), SECONDS)
    np.testing.assert_array_equal(got.signal.samples, sweep())
    assert got.duration_s == len(sweep()) / RATE
    assert got.warning == "truncated"


def test_a_wav_header_of_a_stream_promises_nothing() -> None:
    data = encoded(sweep())
    data = replaced(data, 4, b"\xff" * 4)
    got = decode(replaced(data, data.index(b"data") + 4, b"\xff" * 4), SECONDS)
    np.testing.assert_array_equal(got.signal.samples, sweep())
    assert got.warning is None


def test_a_wav_header_that_promises_too_little() -> None:
    data = encoded(sweep())
    got = decode(replaced(data, data.index(b"data") + 4, struct.pack("<I", 4000)), SECONDS)
    np.testing.assert_array_equal(got.signal.samples, sweep()[:1000])
    data = replaced(data, data.index(b"data") + 4, bytes(4))
    assert refusal(data) == "holds no audio"


@pytest.mark.parametrize(("offset", "new"), [(16, struct.pack("<I", 1)), (20, b"\x08\x00")])
def test_other_faults_of_a_header_are_no_truncation(offset: int, new: bytes) -> None:
    data = encoded(sweep(), "WAV", "PCM_16")
    got = decode(replaced(data, data.index(b"fmt ") + offset, new), SECONDS)
    assert len(got.signal.samples) == len(sweep())
    assert got.warning is None


@pytest.mark.parametrize("riff_size", [0, 8, 0xFFFFFFFF])
def test_a_riff_size_alone_does_not_matter(riff_size: int) -> None:
    got = decode(replaced(encoded(sweep()), 4, struct.pack("<I", riff_size)), SECONDS)
    np.testing.assert_array_equal(got.signal.samples, sweep())
    assert got.warning is None


def test_bytes_after_the_audio_do_no_harm() -> None:
    got = decode(encoded(sweep(), "WAV", "PCM_16") + b"LIST\x00junk", SECONDS)
    assert len(got.signal.samples) == len(sweep())
    assert got.warning is None


@pytest.mark.parametrize("frames", [0, 10**6, 2**36 - 1])
def test_a_flac_header_that_does_not_know_its_length(frames: int) -> None:
    data = encoded(sweep(), "FLAC", "PCM_16")
    at = 8 + 13  # the last 36 bits before STREAMINFO's checksum
    unknown = bytes([data[at] & 0xF0 | frames >> 32]) + struct.pack(">I", frames & 0xFFFFFFFF)
    tracemalloc.start()
    try:
        got = decode(replaced(data, at, unknown), SECONDS)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    count = len(got.signal.samples)
    assert 0 <= len(sweep()) - count <= 64
    np.testing.assert_allclose(got.signal.samples, sweep()[:count], atol=2**-15)
    assert got.duration_s == count / RATE
    assert peak < 30 * 2**20


@pytest.mark.parametrize("frames", [10**6, 2**32 - 1])
def test_an_mp3_header_that_promises_too_much(frames: int) -> None:
    data = encoded(sweep(), "MP3", "MPEG_LAYER_III")
    at = max(data.find(b"Xing"), data.find(b"Info")) + 8
    got = decode(replaced(data, at, struct.pack(">I", frames)), SECONDS)
    assert len(got.signal.samples) == pytest.approx(len(sweep()), abs=2 * 1152)
    assert got.warning == "truncated"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_some_values_that_are_not_numbers(value: float) -> None:
    sound = sweep().copy()
    sound[100:107] = value
    got = decode(encoded(sound), SECONDS)
    expected = np.where(np.isfinite(sound), sweep(), 0)
    np.testing.assert_array_equal(got.signal.samples, expected)
    assert got.peak == pytest.approx(float(np.abs(expected).max()))
    assert got.warning == "7 samples are not finite numbers; taken as silence"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_no_value_is_a_number(value: float) -> None:
    reason = refusal(encoded(np.full(1000, value, np.float32)))
    assert reason == "holds no finite numbers (all samples are NaN or infinite)"


def test_peaks_beyond_full_scale_stay() -> None:
    got = decode(encoded(sweep() * np.float32(20)), SECONDS)
    assert got.peak == pytest.approx(20 * float(np.abs(sweep()).max()))
    assert got.warning is None


def test_silence_decodes() -> None:
    got = decode(encoded(np.zeros(1000, np.float32)), SECONDS)
    assert (got.peak, len(got.signal.samples)) == (0, 1000)
