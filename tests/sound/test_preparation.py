import hashlib
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from libindex.errors import SampleError
from libindex.sound.decoding import FloatArray, Signal
from libindex.sound.descriptors import centroid_hz, loudness_dbfs
from libindex.sound.mel import LogMel, MelConfig
from libindex.sound.preparation import Preparer

WriteSound = Callable[..., Path]


@pytest.fixture(scope="module")
def prepare() -> Preparer:
    return Preparer(LogMel(MelConfig()))


def write(path: Path, samples: FloatArray, subtype: str = "FLOAT", rate: int = 44_100) -> str:
    soundfile.write(path, samples, rate, subtype=subtype)
    return str(path)


def refusal(prepare: Preparer, path: str | Path) -> SampleError:
    with pytest.raises(SampleError) as caught:
        prepare(str(path))
    assert caught.value.path == str(path)
    return caught.value


def test_all_that_is_known_of_a_file(
    prepare: Preparer, write_sound: WriteSound, tone: Callable[..., FloatArray]
) -> None:
    path = write_sound("kick.wav", seed=3, rate=48_000, subtype="PCM_24")
    sound = soundfile.read(path, dtype="float32")[0]
    prepared = prepare(str(path))
    facts = prepared.facts
    assert prepared.path == str(path)
    assert prepared.digest == hashlib.blake2b(path.read_bytes(), digest_size=20).digest()
    assert facts.size_bytes == path.stat().st_size
    assert (facts.container, facts.encoding) == ("WAV", "PCM_24")
    assert (facts.sample_rate, facts.channels, facts.duration_s) == (48_000, 1, 0.2)
    assert facts.peak == pytest.approx(0.8, abs=1e-6)
    assert facts.loudness_dbfs == loudness_dbfs(Signal(sound, 48_000))
    assert facts.centroid_hz == centroid_hz(Signal(sound, 48_000))
    assert facts.warning is None
    np.testing.assert_array_equal(prepared.mel, prepare.log_mel(Signal(sound, 48_000)))


def test_the_network_gets_the_beginning(prepare: Preparer, write_sound: WriteSound) -> None:
    path = write_sound("mix.wav", seconds=9, rate=11_025)
    prepared = prepare(str(path))
    assert prepared.mel.shape == (300, 128)
    assert prepared.facts.duration_s == 9
    sound = soundfile.read(path, dtype="float32")[0]
    whole = prepare.log_mel(Signal(sound, 11_025))
    np.testing.assert_allclose(prepared.mel, whole[:300], atol=1e-6)


def test_a_file_too_large_to_be_read_whole(
    prepare: Preparer, write_sound: WriteSound, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_sound("mix.wav", seconds=4)
    whole = prepare(str(path))
    monkeypatch.setattr("libindex.sound.digests.WHOLE_LIMIT_BYTES", 2**18)
    prepared = prepare(str(path))
    np.testing.assert_array_equal(prepared.mel, whole.mel)
    assert prepared.facts == whole.facts
    assert prepared.digest != whole.digest


def test_a_gigantic_file_costs_no_more(prepare: Preparer, tmp_path: Path) -> None:
    beginning = np.random.default_rng(0).uniform(-1, 1, 44_100).astype(np.float32)
    path = tmp_path / "mix.wav"
    write(path, beginning, "PCM_16")
    header = path.read_bytes()[:44]
    size = 2**31 - 100
    with path.open("r+b") as file:
        file.write(header[:4] + (size + 36).to_bytes(4, "little") + header[8:40])
        file.write(size.to_bytes(4, "little"))
        file.truncate(size + 44)
    prepared = prepare(str(path))
    assert prepared.mel.shape == (300, 128)
    assert prepared.facts.duration_s == pytest.approx(size / 2 / 44_100)
    assert prepared.facts.warning is None


def test_a_missing_file_has_no_digest(prepare: Preparer, tmp_path: Path) -> None:
    error = refusal(prepare, tmp_path / "gone.wav")
    assert error.reason == "can't be read (No such file or directory)"
    assert error.digest is None


def test_a_folder_and_a_pipe_have_no_digest(prepare: Preparer, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    for path, why in ((tmp_path, "is a folder"), (tmp_path / "pipe.wav", "not a regular file")):
        error = refusal(prepare, path)
        assert error.reason == f"can't be read ({why})"
        assert error.digest is None


def test_a_file_that_can_not_be_read_has_no_digest(
    prepare: Preparer, write_sound: WriteSound
) -> None:
    path = write_sound("private.wav")
    path.chmod(0)
    user = os.geteuid()
    try:
        if user == 0:  # who may read everything
            os.seteuid(65534)
        error = refusal(prepare, path)
    finally:
        os.seteuid(user)
    assert error.reason == "can't be read (Permission denied)"
    assert error.digest is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty (0 bytes)"),
        (b"not a sound" * 100, "is not audio, or is damaged"),
        (b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        ", "is not audio, or is damaged"),
    ],
)
def test_a_fault_of_the_bytes_has_their_digest(
    prepare: Preparer, tmp_path: Path, data: bytes, reason: str
) -> None:
    path = tmp_path / "._kick.wav"
    path.write_bytes(data)
    error = refusal(prepare, path)
    assert error.reason == reason
    assert error.digest == hashlib.blake2b(data, digest_size=20).digest()
    assert error.size_bytes == len(data)


@pytest.mark.parametrize("level", [0, 1e-30, 2**-18])
def test_silence_is_refused(prepare: Preparer, tmp_path: Path, level: float) -> None:
    path = write(tmp_path / "a.wav", np.full(1000, level, np.float32))
    assert refusal(prepare, path).reason == "is silent"


def test_the_quietest_sound_that_16_bits_hold_is_used(prepare: Preparer, tmp_path: Path) -> None:
    sound = np.zeros(1000, np.int16)
    sound[500] = 1
    path = tmp_path / "a.wav"
    soundfile.write(path, sound, 44_100)
    assert prepare(str(path)).facts.peak == 2**-15


def test_one_sample_is_too_short(prepare: Preparer, tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", np.ones(1, np.float32))
    assert refusal(prepare, path).reason == "is too short (1 samples)"


def test_a_click_is_used(prepare: Preparer, tmp_path: Path) -> None:
    sound = np.zeros(45, np.float32)
    sound[3] = 1
    prepared = prepare(write(tmp_path / "a.wav", sound))
    assert prepared.mel.shape == (1, 128)


@pytest.mark.parametrize("channels", [1, 2])
def test_an_absurd_peak_is_refused(prepare: Preparer, tmp_path: Path, channels: int) -> None:
    path = write(tmp_path / "a.wav", np.full((1000, channels), 1e30, np.float32))
    error = refusal(prepare, path)
    assert error.reason == "is not audio (samples of up to 1e+30 times full scale)"
    assert error.digest is not None


def test_a_loud_float_file_is_used(prepare: Preparer, tmp_path: Path) -> None:
    sound = np.linspace(-13, 13, 4000, dtype=np.float32)
    prepared = prepare(write(tmp_path / "a.wav", sound))
    assert prepared.facts.peak == 13
    assert prepared.facts.loudness_dbfs > 0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_few_values_that_are_not_numbers(
    prepare: Preparer, tmp_path: Path, tone: Callable[..., FloatArray], value: float
) -> None:
    sound = tone(1)
    sound[100:103] = value
    prepared = prepare(write(tmp_path / "a.wav", sound))
    assert prepared.facts.warning == "3 samples are not finite numbers; taken as silence"
    assert np.isfinite(prepared.mel).all()
    assert prepared.facts.peak == pytest.approx(0.8)
    assert np.isfinite(prepared.facts.loudness_dbfs)
    assert np.isfinite(prepared.facts.centroid_hz)


def test_only_values_that_are_not_numbers(prepare: Preparer, tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", np.full(1000, np.nan, np.float32))
    assert refusal(prepare, path).reason.startswith("holds no finite numbers")


def test_a_truncated_file_is_flagged(prepare: Preparer, write_sound: WriteSound) -> None:
    path = write_sound("a.flac")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    prepared = prepare(str(path))
    assert prepared.facts.warning == "truncated"
    assert 0 < (prepared.facts.duration_s or 0) < 0.2
    assert prepared.facts.size_bytes == len(data) // 2


@pytest.mark.parametrize("name", [os.fsdecode(b"kick\xff.wav"), "🥁\n.wav", "~kick.wav"])
def test_any_name(prepare: Preparer, write_sound: WriteSound, tmp_path: Path, name: str) -> None:
    path = write_sound("kick.wav").rename(tmp_path / name)
    assert prepare(str(path)).path == str(path)


@pytest.mark.parametrize(("rate", "channels"), [(384_000, 2), (44_100, 32), (8_000, 1)])
def test_rates_and_channels(prepare: Preparer, tmp_path: Path, rate: int, channels: int) -> None:
    sound = np.random.default_rng(0).uniform(-1, 1, (rate // 10, channels)).astype(np.float32)
    prepared = prepare(write(tmp_path / "a.wav", sound, rate=rate))
    assert (prepared.facts.sample_rate, prepared.facts.channels) == (rate, channels)
    assert prepared.mel.shape == (1 + 2205 // 256, 128)


def test_answers_travel(prepare: Preparer, write_sound: WriteSound) -> None:
    prepared = prepare(str(write_sound("a.wav")))
    copy = pickle.loads(pickle.dumps(prepared))
    assert (copy.path, copy.digest, copy.facts) == (prepared.path, prepared.digest, prepared.facts)
    np.testing.assert_array_equal(copy.mel, prepared.mel)


@pytest.mark.slow
def test_a_worker_loads_neither_torch_nor_librosa(
    prepare: Preparer, write_sound: WriteSound
) -> None:
    program = (
        "import pickle, sys\n"
        "prepare = pickle.load(sys.stdin.buffer)\n"
        "prepare(sys.argv[1])\n"
        "print(sorted({'torch', 'librosa', 'numba', 'sqlalchemy', 'faiss'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, write_sound("a.wav")],
        input=pickle.dumps(prepare),
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode().strip() == "[]"
