import hashlib
import importlib
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from libindex.analysis.workers import Answer, WorkerPool
from libindex.errors import LibindexError, SampleError
from libindex.sound.mel import LogMel, MelConfig
from libindex.sound.preparation import Prepared, Preparer

pytestmark = pytest.mark.slow  # processes of its own

NEVER_S = 600.0
SOON_S = 0.5


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., WorkerPool]]:
    """Make a pool that behaves as `strange_preparers` says; it is closed after the test."""
    monkeypatch.syspath_prepend(Path(__file__).parents[1])
    strange = importlib.import_module("support.strange_preparers").Strange()
    pools = []

    def start(jobs: int = 1, timeout_s: float = NEVER_S) -> WorkerPool:
        pools.append(WorkerPool(strange, jobs, timeout_s))
        return pools[-1]

    before = children()
    yield start
    for pool in pools:
        pool.close()
    assert children() <= before


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., list[str]]:
    """Make files of these names; their bytes are their names."""

    def make(*names: str) -> list[str]:
        for name in names:
            (tmp_path / name).write_bytes(os.fsencode(name))
        return [str(tmp_path / name) for name in names]

    return make


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


def prepared(pool: WorkerPool, paths: list[str]) -> Iterator[Answer]:
    """All answers for these paths, as they come."""
    pool.submit(paths)
    while pool.waiting:
        answer = pool.answer()
        assert answer is not None
        yield answer


def worker_of(answer: Answer) -> int:
    assert isinstance(answer, Prepared)
    return answer.facts.sample_rate


def by_path(answers: list[Answer]) -> dict[str, Answer]:
    found = {str(answer.path): answer for answer in answers}
    assert len(found) == len(answers)
    return found


def good(count: int) -> list[str]:
    return [f"good {number}.wav" for number in range(count)]


@pytest.mark.parametrize("jobs", [1, 3])
def test_one_answer_for_each_path(
    start: Callable[..., WorkerPool], files: Callable[..., list[str]], jobs: int
) -> None:
    paths = files(*good(50))
    answers = by_path(list(prepared(start(jobs), paths)))
    assert set(answers) == set(paths)
    for path, answer in answers.items():
        assert isinstance(answer, Prepared)
        name = os.fsencode(Path(path).name)
        assert answer.digest == hashlib.blake2b(name, digest_size=20).digest()


def test_one_worker_keeps_the_order(
    start: Callable[..., WorkerPool], files: Callable[..., list[str]]
) -> None:
    paths = files(*good(30), "kill it", *(f"good {n} more" for n in range(9)), "refuse it")
    assert [answer.path for answer in prepared(start(), paths)] == paths


def test_a_path_twice_has_two_answers(
    start: Callable[..., WorkerPool], files: Callable[..., list[str]]
) -> None:
    (path,) = files("good.wav")
    assert [answer.path for answer in prepared(start(), [path] * 20)] == [path] * 20


def test_no_paths_need_no_process(start: Callable[..., WorkerPool]) -> None:
    before = children()
    assert list(prepared(start(2), [])) == []
    assert children() == before


def test_workers_are_kept_for_the_next_call(
    start: Callable[..., WorkerPool], files: Callable[..., list[str]]
) -> None:
    pool, paths = start(), files(*good(3))
    first = {worker_of(answer) for answer in prepared(pool, paths)}
    assert {worker_of(answer) for answer in prepared(pool, paths)} == first


@pytest.mark.parametrize(
    "name",
    ["two\nlines.wav", "🥁.wav", os.fsdecode(b"caf\xe9 \xff.wav"), "a" * 250, "'\"$"],
)
def test_any_name(
    start: Callable[..., WorkerPool], files: Callable[..., list[str]], name: str
) -> None:
    paths = files(f"good {name}")
    (answer,) = prepared(start(), paths)
    assert isinstance(answer, Prepared)
    assert answer.path == paths[0]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("crash it", "crashed the decoder (exit status -11)"),
        ("abort it", "crashed the decoder (exit status -6)"),
        ("stumble over it", "can't be analysed (ValueError: two lines)"),
        # These are not known to be the file's fault: it is tried again by the next scan.
        ("kill it", "was not decoded: the decoder was ended (status -9)"),
        ("leave it", "was not decoded: the decoder was ended (status 7)"),
        ("exit from it", "was not decoded: the decoder was ended (status 1)"),
    ],
)
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_file_that_ends_its_worker_costs_only_itself(
    start: Callable[..., WorkerPool],
    files: Callable[..., list[str]],
    name: str,
    reason: str,
    jobs: int,
) -> None:
    paths = files(*good(10), name, *(f"good {n} more" for n in range(10)))
    pool = start(jobs)
    answers = by_path(list(prepared(pool, paths)))
    assert set(answers) == set(paths)
    error = answers.pop(paths[10])
    assert isinstance(error, SampleError)
    assert error.reason == reason
    digest = hashlib.blake2b(name.encode(), digest_size=20).digest()
    assert error.digest == (None if "not decoded" in reason else digest)
    assert error.size_bytes == (None if error.digest is None else len(name))
    assert all(isinstance(answer, Prepared) for answer in answers.values())
    # The pool goes on.
    assert set(by_path(list(prepared(pool, paths)))) == set(paths)


@pytest.mark.parametrize(
    ("name", "timeout_s", "reason"),
    [
        ("spin on it", SOON_S, "took longer than 0.5 s to decode"),
        ("hang on it", SOON_S / 10, "took longer than 0.5 s to read and decode"),
    ],
)
def test_a_file_that_takes_too_long_costs_only_itself(
    start: Callable[..., WorkerPool],
    files: Callable[..., list[str]],
    name: str,
    timeout_s: float,
    reason: str,
) -> None:
    paths = files(*good(3), name, *(f"good {n} more" for n in range(10)))
    pool = start(timeout_s=timeout_s)
    answers = by_path(list(prepared(pool, paths)))
    assert set(answers) == set(paths)
    error = answers.pop(paths[3])
    assert isinstance(error, SampleError)
    assert error.reason == reason
    assert error.digest is None  # it is not held against the bytes
    assert all(isinstance(answer, Prepared) for answer in answers.values())
    assert isinstance(next(iter(prepared(pool, paths[:1]))), Prepared)


def test_a_file_that_waits_takes_no_time(
    start: Callable[..., WorkerPool], files: Callable[..., list[str]]
) -> None:
    (answer,) = prepared(start(timeout_s=SOON_S), files("sleep.wav"))
    assert isinstance(answer, Prepared)


def test_a_worker_that_is_stopped_for_a_while_takes_no_time(
    start: Callable[..., WorkerPool], files: Callable[..., list[str]]
) -> None:
    pool = start(timeout_s=SOON_S)
    pool.submit(files("pause.wav"))
    worker = psutil.Process()
    while worker.status() != psutil.STATUS_STOPPED:
        assert pool.answer(timeout_s=0.01) is None
        worker = next(iter(psutil.Process().children()), worker)
    assert pool.answer(timeout_s=2 * SOON_S) is None
    worker.resume()
    assert isinstance(pool.answer(), Prepared)


def test_a_folder_full_of_trouble(
    start: Callable[..., WorkerPool], files: Callable[..., list[str]]
) -> None:
    troubles = ("kill", "crash", "leave", "stumble", "refuse", "hang", "kill")
    bad = files(*(f"{trouble} {number}" for number, trouble in enumerate(troubles)))
    paths = [*bad[:4], *files(*good(20)), *bad[4:]]
    answers = by_path(list(prepared(start(2, timeout_s=SOON_S), paths)))
    assert set(answers) == set(paths)
    failed = {path for path, answer in answers.items() if isinstance(answer, SampleError)}
    assert failed == set(bad)


def test_only_trouble(start: Callable[..., WorkerPool], files: Callable[..., list[str]]) -> None:
    paths = files(*(f"kill {number}" for number in range(9)))
    answers = list(prepared(start(2), paths))
    assert {answer.path for answer in answers} == set(paths)
    assert all(isinstance(answer, SampleError) for answer in answers)


def test_a_refusal_arrives_as_it_was_made(
    start: Callable[..., WorkerPool], files: Callable[..., list[str]]
) -> None:
    paths = files("refuse it")
    (error,) = prepared(start(), paths)
    assert isinstance(error, SampleError)
    assert (error.reason, error.path, error.digest) == ("is silent", paths[0], b"its digest")


def test_a_file_that_went_before_its_worker_died_has_no_digest(
    start: Callable[..., WorkerPool], tmp_path: Path
) -> None:
    (error,) = prepared(start(), [str(tmp_path / "crash gone.wav")])
    assert isinstance(error, SampleError)
    assert error.reason == "can't be read (No such file or directory)"
    assert error.digest is None


def test_a_file_that_is_gone_has_no_digest(
    start: Callable[..., WorkerPool], tmp_path: Path
) -> None:
    (error,) = prepared(start(), [str(tmp_path / "stumble gone.wav")])
    assert isinstance(error, SampleError)
    assert error.digest is None


def test_what_a_decoder_prints_is_no_answer(
    start: Callable[..., WorkerPool], files: Callable[..., list[str]]
) -> None:
    paths = files("good.wav", "print.wav", "print again.wav", "good too.wav")
    answers = list(prepared(start(), paths))
    assert [answer.path for answer in answers] == paths
    assert all(isinstance(answer, Prepared) for answer in answers)


def test_signals_to_all_processes_are_the_parents_business(
    start: Callable[..., WorkerPool], files: Callable[..., list[str]]
) -> None:
    # A shell's background job begins with interrupts ignored, and would hand that on.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        answers = list(prepared(start(), files("interrupt.wav", "terminate.wav", "good.wav")))
    finally:
        signal.signal(signal.SIGINT, before)
    assert len({worker_of(answer) for answer in answers}) == 1


@pytest.mark.parametrize("timeout_s", [float("inf"), 1e300, 1e10])
def test_any_timeout(
    start: Callable[..., WorkerPool], files: Callable[..., list[str]], timeout_s: float
) -> None:
    (answer,) = prepared(start(timeout_s=timeout_s), files("good.wav"))
    assert isinstance(answer, Prepared)


def test_a_worker_that_is_killed_in_its_work(
    start: Callable[..., WorkerPool], files: Callable[..., list[str]]
) -> None:
    paths = files(*good(4), "wait to be killed", *(f"good {n} more" for n in range(12)))
    os.mkfifo(f"{paths[4]}.pipe")

    def kill() -> None:
        os.kill(int(Path(f"{paths[4]}.pipe").read_text()), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    answers = by_path(list(prepared(start(), paths)))
    killer.join()
    assert set(answers) == set(paths)
    error = answers.pop(paths[4])
    assert isinstance(error, SampleError)
    assert error.reason == "was not decoded: the decoder was ended (status -9)"
    assert error.digest is None
    assert all(isinstance(answer, Prepared) for answer in answers.values())


def test_a_worker_that_is_killed_between_calls_costs_nothing(
    start: Callable[..., WorkerPool], files: Callable[..., list[str]]
) -> None:
    pool, paths = start(), files(*good(3))
    worker = worker_of(next(iter(list(prepared(pool, paths)))))
    process = psutil.Process(worker)
    process.kill()
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        os.sched_yield()
    answers = list(prepared(pool, paths))
    assert len(answers) == 3
    assert worker not in {worker_of(answer) for answer in answers}


@pytest.mark.parametrize("jobs", [1, 3])
def test_closing_early_leaves_no_process(
    start: Callable[..., WorkerPool], files: Callable[..., list[str]], jobs: int
) -> None:
    before, pool, paths = children(), start(jobs), files(*good(100))
    pool.submit(paths * 10)
    assert isinstance(pool.answer(), Prepared)
    pool.close()
    assert pool.waiting == 0
    assert children() == before
    assert {answer.path for answer in prepared(pool, paths)} == set(paths)


def test_closing_at_any_moment_leaves_no_process(
    start: Callable[..., WorkerPool], files: Callable[..., list[str]]
) -> None:
    before, pool, paths = children(), start(2), files(*good(100))
    for moment in range(20):  # before, while and after its processes are started
        pool.submit(paths)
        pool.answer(timeout_s=moment / 100)
        pool.close()
        assert children() == before


def test_closing_while_a_worker_hangs_leaves_no_process(
    start: Callable[..., WorkerPool], files: Callable[..., list[str]]
) -> None:
    before, pool = children(), start(2)
    pool.submit(files("good.wav", *(f"hang {number}" for number in range(20))))
    assert isinstance(pool.answer(), Prepared)
    pool.close()
    assert children() == before


def test_waiting_for_an_answer_ends(
    start: Callable[..., WorkerPool], files: Callable[..., list[str]]
) -> None:
    pool = start()
    pool.submit(files("hang"))
    assert pool.answer(timeout_s=0.01) is None
    assert pool.waiting == 1


def test_close_ends_the_processes_and_may_be_repeated(
    start: Callable[..., WorkerPool], files: Callable[..., list[str]]
) -> None:
    before, paths = children(), files(*good(3))
    with start(2) as pool:
        list(prepared(pool, paths))
        assert children() > before
    assert children() == before
    pool.close()
    assert len(list(prepared(pool, paths))) == 3


def test_workers_end_with_their_parent(
    files: Callable[..., list[str]], start: Callable[..., WorkerPool]
) -> None:
    pool, paths = start(), files("good.wav")
    (answer,) = prepared(pool, paths)
    worker = psutil.Process(worker_of(answer))
    # What the kernel does when the parent is killed.
    pool._crew.workers[0].child.close_input()
    assert worker.wait(timeout=60) == 0


def test_a_process_that_can_not_be_started(
    monkeypatch: pytest.MonkeyPatch, files: Callable[..., list[str]]
) -> None:
    before, paths = children(), files(*good(20))
    with WorkerPool(Preparer(LogMel(MelConfig())), 2, NEVER_S) as pool:
        for program in (shutil.which("false"), "/nowhere/python"):
            monkeypatch.setattr(sys, "executable", program)
            with pytest.raises(LibindexError, match=f"can't start {program} to decode files"):
                list(prepared(pool, paths))
        monkeypatch.undo()
        answers = list(prepared(pool, paths))
    assert {answer.path for answer in answers} == set(paths)
    assert children() == before
