"""Speed, memory and disk use: scans, queries, exports, kits and the watcher."""

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil

from benchmarks import material, page
from benchmarks import watching as watcher
from libindex import resources
from libindex.disk.walk import audio_files
from libindex.library import Library

MODEL = resources.default_model()
Row = tuple[str, str, str]


def main() -> None:
    """Run the benchmarks and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--library", type=Path, help="one-shots  [default: synthesised]")
    parser.add_argument("--files", type=int, default=2000, help="number of one-shots to synthesise")
    parser.add_argument(
        "--sounds", type=int, default=page.SOUNDS, help="number of the page's sounds"
    )
    parser.add_argument("--work", type=Path, default=Path("build/bench"), help="working folder")
    parser.add_argument(
        "--only",
        choices=sorted(_PARTS),
        action="append",
        help="run only this part; can be repeated",
    )
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    os.environ.pop("LIBINDEX_MODEL", None)
    print(f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}")
    rows = [row for part in arguments.only or _PARTS for row in _PARTS[part](arguments)]
    print("\n| benchmark | result | target |\n|---|---|---|")
    for name, result, target in rows:
        print(f"| {name} | {result} | {target} |")


def scanning(arguments: argparse.Namespace) -> list[Row]:
    """A scan, end to end, and a plain librosa loop over the same files."""
    root = arguments.library or material.one_shots(arguments.work, arguments.files)
    files = audio_files(root, recursive=True)
    for path in files:  # fill the disk cache: the disk is not measured
        Path(path).read_bytes()
    plain = plain_loop(files[:: max(1, len(files) // 400)])
    with tempfile.TemporaryDirectory() as folder:
        command, peak = _timed_with_memory(
            [sys.executable, "-m", "libindex", "scan", str(root), "--db", f"{folder}/a.db"]
        )
        with Library.open(f"{folder}/b.db") as library:
            library.scan(root)
        steady = []
        for number in range(3):
            with Library.open(f"{folder}/c{number}.db") as library:
                steady.append(len(files) / library.scan(root).seconds)
    rate, warm = len(files) / command, statistics.median(steady)
    return [
        ("plain librosa loop in a warm process", f"{plain:.0f} files/s", "-"),
        (
            f"`scan` of {len(files):,} files, including start-up",
            f"{rate:.0f} files/s ({rate / plain:.1f} times the plain loop)",
            "5 times",
        ),
        (
            "the same scan in a warm process",
            f"{warm:.0f} files/s ({warm / plain:.1f} times)",
            "250 files/s",
        ),
        ("its peak memory (all processes)", f"{peak / 1e6:.0f} MB", "under 900 MB"),
    ]


def plain_loop(files: list[str]) -> float:
    """Files per second of librosa and the original's network, one file at a time."""
    import librosa
    import torch

    from libindex.network.architecture import NetworkConfig
    from libindex.network.original import CnnLstm
    from libindex.sound.mel import MelConfig

    warnings.simplefilter("ignore")  # librosa's, of short files
    mel_config, network = MelConfig(), CnnLstm(NetworkConfig()).eval()

    def classify(path: str) -> None:
        samples, rate = librosa.load(path)
        mel = librosa.feature.melspectrogram(y=samples, sr=rate, hop_length=mel_config.hop_length)
        mel = (librosa.amplitude_to_db(mel, ref=np.max) + 80) / 80
        frames = torch.from_numpy(mel.T[: mel_config.max_frames].copy())[None]
        with torch.no_grad():
            torch.softmax(network(frames, torch.tensor([frames.shape[1]]))[0], dim=1)

    done, start = 0, 0.0
    for path in files:
        if done == 20:  # after the warm-up
            start = time.perf_counter()
        try:
            classify(path)
        except Exception:  # noqa: BLE001 - a broken file in somebody's library
            continue
        done += 1
    return (done - 20) / (time.perf_counter() - start)


def network(_: argparse.Namespace) -> list[Row]:
    """Speed of the network, compared with the original's in libindex."""
    import torch

    from libindex.network.analyser import Analyser, load_network
    from libindex.network.architecture import NetworkConfig
    from libindex.network.modelfile import ModelFile
    from libindex.network.original import CnnLstm

    sounds = np.random.default_rng(0).lognormal(-0.7, 0.8, 512).clip(0.05, 3.4)  # [s]

    def milliseconds(analyser: Analyser) -> float:
        mel = analyser.model.mel
        frames = (sounds * mel.sample_rate / mel.hop_length).astype(int) + 1
        mels = [np.random.default_rng(n).random((n, mel.n_mels), np.float32) for n in frames]
        analyser.analyse(mels)
        times = []
        for _ in range(7):
            start = time.perf_counter()
            for first in range(0, len(mels), 256):
                analyser.analyse(mels[first : first + 256])
            times.append(time.perf_counter() - start)
        return 1000 * statistics.median(times) / float(sounds.sum())

    model, trained = load_network(MODEL)
    plain = ModelFile(Path("original.model"), "original", model.classes)
    torch.manual_seed(0)
    original = milliseconds(Analyser(plain, CnnLstm(NetworkConfig()).eval(), "cpu"))
    ours = milliseconds(Analyser(model, trained, "cpu"))
    return [
        ("the original's network, per second of sound", f"{original:.2f} ms", "-"),
        (
            "libindex's network",
            f"{ours:.2f} ms ({ours / original:.2f} times)",
            "at most 1.3 times",
        ),
    ]


def big(arguments: argparse.Namespace) -> list[Row]:
    """Scans of huge files."""
    root = material.big_files(arguments.work)
    short = material.one_shots(arguments.work, 32) / "Pack 00"
    with tempfile.TemporaryDirectory() as folder:
        base, base_peak = _timed_with_memory(
            [sys.executable, "-m", "libindex", "scan", str(short), "--db", f"{folder}/a.db"]
        )
        seconds, peak = _timed_with_memory(
            [sys.executable, "-m", "libindex", "scan", str(root), "--db", f"{folder}/b.db"]
        )
    return [
        ("`scan` of two one-shots", f"{base:.1f} s, {base_peak / 1e6:.0f} MB", "-"),
        (
            "`scan` of a 2 GB WAV and a three-hour MP3",
            f"{seconds:.1f} s, {peak / 1e6:.0f} MB",
            "as above",
        ),
    ]


def unchanged(arguments: argparse.Namespace) -> list[Row]:
    """Scans without changes."""
    rows = []
    for count, target in ((10_000, "under 1 s"), (100_000, "under 6 s")):
        database = _filled(arguments.work, count)
        command = [sys.executable, "-m", "libindex", "scan", "--db", str(database)]
        rows.append((f"`scan` of {count:,} unchanged files", _median(command), target))
    return rows


def answers(arguments: argparse.Namespace) -> list[Row]:
    """Cold starts of queries in 100,000 samples."""
    database = str(_filled(arguments.work, 100_000))
    libindex = [sys.executable, "-m", "libindex"]
    query = [*libindex, "query", "--class", "snr", "--min-prob", "0.8", "--db", database]
    similar = [*libindex, "similar", "Snare Hit 000007 (dry).wav", "--db", database]
    subprocess.run(similar, check=True, stdout=subprocess.DEVNULL)
    size = Path(database).stat().st_size
    return [
        ("`--help`", _median([*libindex, "--help"]), "under 0.15 s"),
        (
            "`query --class snr --min-prob 0.8`, all hits of 100,000 samples",
            _median(query),
            "under 0.5 s",
        ),
        ("`query`, best 50", _median([*query, "--limit", "50"]), "under 0.5 s"),
        ("`similar` to an indexed file, 100,000 samples", _median(similar), "under 0.7 s"),
        ("database size per sample", f"{size / 100_000:.0f} bytes", "at most 3,072"),
    ]


def kits(arguments: argparse.Namespace) -> list[Row]:
    """A kit from the same one-shots as `scanning`."""
    root = arguments.library or material.one_shots(arguments.work, arguments.files)
    with tempfile.TemporaryDirectory() as folder:
        database = f"{folder}/a.db"
        with Library.open(database) as library:
            count = library.scan(root).new
        build = [sys.executable, "-m", "libindex", "kit", "build", "K", "--layout", "gm"]
        build += ["--format", "sfz", "--out", folder, "--overwrite", "--min-prob", "0"]
        known = _median([*build, "--db", database])
    return [(f"`kit build` of General MIDI's 47 pads from {count:,} samples", known, "-")]


def exports(arguments: argparse.Namespace) -> list[Row]:
    """Exports of 100,000 samples in every format."""
    database = str(_filled(arguments.work, 100_000))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in ("csv", "json", "npz", "parquet"):
            command = [sys.executable, "-m", "libindex", "export", "--db", database]
            duration = _median([*command, "-o", f"{folder}/a.{name}"], times=3)
            rows.append((f"`export` of 100,000 samples as {name}", duration, "-"))
    return rows


def watching(arguments: argparse.Namespace) -> list[Row]:
    """The watcher with 100,000 samples."""
    root = material.tiny_files(arguments.work, 100_000).resolve()
    return watcher.measure(_filled(arguments.work, 100_000), root, _memory)


def _filled(work: Path, count: int) -> Path:
    database = work / f"filled-{count}.db"
    root = material.tiny_files(work, count).resolve()
    if not database.exists():
        aside = work / f"filling-{count}.db"
        for leftover in work.glob(f"{aside.name}*"):
            leftover.unlink()
        material.filled_library(aside, root, MODEL)
        shutil.move(aside, database)
    return database


def _median(command: list[str], times: int = 5) -> str:
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - start)
    return f"{statistics.median(seconds):.2f} s"


def _timed_with_memory(command: list[str]) -> tuple[float, int]:
    """Duration [s] and peak memory [bytes] of a process and its children.

    Memory is the proportional set size: shared pages count once.
    """
    start = time.perf_counter()
    process = psutil.Popen(command, stdout=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        peak = max(peak, _memory(process))
        time.sleep(0.05)
    if process.returncode:
        raise SystemExit(f"{command} failed")
    return time.perf_counter() - start, peak


def _memory(process: psutil.Process) -> int:
    total = 0
    try:
        for one in (process, *process.children(recursive=True)):
            total += getattr(one.memory_full_info(), "pss", 0) or one.memory_info().rss
    except psutil.Error:
        pass
    return total


_PARTS: dict[str, Callable[[argparse.Namespace], list[Row]]] = {
    "scanning": scanning,
    "network": network,
    "big": big,
    "unchanged": unchanged,
    "answers": answers,
    "kits": kits,
    "exports": exports,
    "watching": watching,
    "page": lambda arguments: page.measure(arguments.work, arguments.sounds),
}

if __name__ == "__main__":
    main()
