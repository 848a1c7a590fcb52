from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from libindex.errors import ModelError, SampleError, UsageError
from libindex.network.analyser import new_network
from libindex.network.architecture import Architecture, NetworkConfig, ResidualConfig, Stage
from libindex.network.original import CnnLstm
from libindex.sound.mel import LogMel, MelConfig
from libindex.training.config import FitConfig, Progress
from libindex.training.data.dataset import Dataset, Item, class_list, load
from libindex.training.data.sampling import OOD, Views, batches, draw, weights
from libindex.training.fitting.fit import Fit
from libindex.training.fitting.forward import forward, predict_logits

RATE = 22_050
TINY = ResidualConfig((Stage(8, 5, 4), Stage(16, 1), Stage(16, 1)), 16, 8, 16, 0.0, outdim=3)
TINY_ORIGINAL = NetworkConfig(
    num_filters_11=16, num_filters_12=16, num_filters_13=16, lstm_dim=8, fc1_dim=8, outdim=3
)


def hit(kind: str, seed: int) -> np.ndarray:
    """A low thump, a hiss or a whistle, shape (samples,)."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(RATE * rng.uniform(0.08, 0.25))) / RATE
    sound = {
        "thump": np.sin(2 * np.pi * rng.uniform(50, 90) * t) * np.exp(-t / 0.05),
        "hiss": rng.standard_normal(len(t)) * np.exp(-t / 0.02),
        "whistle": np.sin(2 * np.pi * rng.uniform(2000, 3000) * t),
    }[kind]
    return (0.5 * sound).astype(np.float32)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads cost tiny networks more than they give, most of all where cores are busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1, user_api="blas"):
        yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def log_mel() -> LogMel:
    return LogMel(MelConfig())


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory, log_mel: LogMel) -> Dataset:
    """Six sounds of each of three classes."""
    folder = tmp_path_factory.mktemp("sounds")
    items = []
    for kind in ("thump", "hiss", "whistle"):
        for seed in range(6):
            path = folder / f"{kind}{seed}.wav"
            soundfile.write(path, hit(kind, seed), RATE)
            items.append(Item(str(path), kind))
    return load(items, class_list(items), log_mel)


NOTHING = Dataset((), [], np.zeros(0, np.int64), ())


def begin(
    dataset: Dataset, held: Dataset = NOTHING, network: Architecture = TINY, **settings: Any
) -> Fit:
    options: dict[str, Any] = {
        "epochs": 4,
        "batch_size": 6,
        "learning_rate": 0.01,
        "average_steps": 5,
    }
    config = FitConfig(**{**options, **settings})
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return Fit(new_network(network), dataset, held, config)


def state_of(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def assert_same(one: nn.Module, other: nn.Module) -> None:
    for name, value in state_of(one).items():
        torch.testing.assert_close(value, other.state_dict()[name], rtol=0, atol=0)


@pytest.mark.slow
@pytest.mark.parametrize("layers", [TINY, TINY_ORIGINAL])
def test_a_tiny_network_learns(dataset: Dataset, log_mel: LogMel, layers: Architecture) -> None:
    settings = {"learning_rate": 0.03, "mixup_share": 0.0, "ood_share": 0.0, "seed": 2}
    fit = begin(dataset, dataset, layers, epochs=12, **settings)
    reported: list[Progress] = []
    averaged = fit.run(log_mel, on_progress=reported.append)
    losses = [epoch["loss"] for epoch in fit.history]
    assert np.mean(losses[-3:]) < 0.8 * losses[0]
    assert fit.history[-1]["held_top1"] > 0.5  # a guess is right one time in three
    assert not averaged.training
    epochs = [p for p in reported if p.seconds is not None]
    assert [p.epoch for p in epochs] == list(range(1, 13))
    assert all(p.held_top1 is not None and p.step == p.steps == 3 for p in epochs)


@pytest.mark.slow
def test_a_seed_decides_everything(dataset: Dataset, log_mel: LogMel) -> None:
    one, same, other = (begin(dataset, epochs=2, seed=seed) for seed in (5, 5, 6))
    for fit, threads in ((one, 1), (same, 3), (other, 1)):
        fit.run(log_mel, threads=threads)
    assert_same(one.network, same.network)
    assert_same(one.averaged, same.averaged)
    assert one.history == same.history != other.history


@pytest.mark.slow
@pytest.mark.parametrize("stop", [1, 2])
def test_a_resumed_run_equals_an_uninterrupted_one(
    dataset: Dataset, log_mel: LogMel, tmp_path: Path, stop: int
) -> None:
    checkpoint = tmp_path / "run.pt"
    whole, first, second = (begin(dataset, dataset) for _ in range(3))
    whole.run(log_mel)
    first.run(log_mel, checkpoint, until=stop)
    second.resume(checkpoint)
    assert second.epoch == stop
    second.run(log_mel, checkpoint)
    assert_same(whole.network, second.network)
    assert_same(whole.averaged, second.averaged)
    assert whole.history == second.history


def test_the_global_random_state_is_left_alone(dataset: Dataset, log_mel: LogMel) -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    begin(dataset, epochs=1).run(log_mel)
    assert torch.rand(1) == expected


def test_a_checkpoint_of_another_run_is_refused(
    dataset: Dataset, log_mel: LogMel, tmp_path: Path
) -> None:
    checkpoint = tmp_path / "run.pt"
    begin(dataset).save(checkpoint)
    with pytest.raises(ModelError, match="other data or settings"):
        begin(dataset, epochs=9).resume(checkpoint)
    with pytest.raises(ModelError, match="other data or settings"):
        begin(dataset, dataset).resume(checkpoint)  # calibrated on other sounds
    other = begin(dataset).network
    with torch.no_grad():
        other.fc2.bias += 1
    begun_elsewhere = Fit(other, dataset, NOTHING, begin(dataset).config)
    with pytest.raises(ModelError, match="other data or settings"):
        begun_elsewhere.resume(checkpoint)
    student = Fit(begin(dataset).network, dataset, NOTHING, begin(dataset).config, None, [other])
    with pytest.raises(ModelError, match="other data or settings"):
        student.resume(checkpoint)
    with pytest.raises(ModelError, match="no checkpoint"):
        begin(dataset).resume(tmp_path / "none.pt")
    checkpoint.write_bytes(b"damaged")
    with pytest.raises(ModelError, match="is not a checkpoint"):
        begin(dataset).resume(checkpoint)


def test_a_checkpoint_of_an_earlier_version_is_resumed(
    dataset: Dataset, log_mel: LogMel, tmp_path: Path
) -> None:
    checkpoint = tmp_path / "run.pt"
    begin(dataset).run(log_mel, checkpoint, until=1)
    state = torch.load(checkpoint, weights_only=True)
    state["identity"] = state["identity"].replace('"ood_', '"stranger_')
    assert '"stranger_share"' in state["identity"]
    torch.save(state, checkpoint)
    resumed = begin(dataset)
    resumed.resume(checkpoint)
    assert resumed.epoch == 1


@pytest.mark.slow
def test_a_student_learns_what_its_teacher_says(dataset: Dataset, log_mel: LogMel) -> None:
    teacher = new_network(TINY).eval()
    with torch.no_grad():
        teacher.fc2.bias.copy_(torch.tensor([5.0, -5.0, -5.0]))  # "it is always the first class"
    config = FitConfig(
        8, 6, 0.03, teacher_weight=1.0, average_steps=5, ood_share=0.0, contrastive_weight=0.0
    )
    torch.manual_seed(1)
    student = Fit(new_network(TINY), dataset, NOTHING, config, teachers=[teacher]).run(log_mel)
    predicted = predict_logits(student, dataset.mels, torch.device("cpu")).argmax(axis=1)
    assert (predicted == 0).all()


def test_a_teacher_has_no_say_about_out_of_distribution_sounds(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets_seen: list[torch.Tensor] = []

    def watch(logits: torch.Tensor, targets: torch.Tensor, **_: Any) -> torch.Tensor:
        targets_seen.append(targets)
        return logits.sum()

    teacher = new_network(TINY).eval()
    with torch.no_grad():
        teacher.fc2.bias.copy_(torch.tensor([9.0, -9.0, -9.0]))
    config = FitConfig(4, 6, teacher_weight=1.0, mixup_share=0.0)
    fit = Fit(new_network(TINY), dataset, NOTHING, config, teachers=[teacher])
    monkeypatch.setattr("libindex.training.fitting.fit.functional.cross_entropy", watch)
    labels = np.array([1, OOD, 2, OOD])
    fit._step(dataset.mels[:4], labels, np.random.default_rng(0))
    assert (targets_seen[0][:2, 0] > 0.9).all()
    torch.testing.assert_close(targets_seen[0][2:], torch.full((2, 3), 1 / 3))


def test_a_batch_may_be_of_out_of_distribution_sounds_alone(dataset: Dataset) -> None:
    teacher = new_network(TINY).eval()
    fit = Fit(new_network(TINY), dataset, NOTHING, FitConfig(4, 6), teachers=[teacher])
    loss = fit._step(dataset.mels[:2], np.array([OOD] * 2), np.random.default_rng(0))
    assert np.isfinite(loss)
    assert all(torch.isfinite(p).all() for p in fit.network.parameters())


def test_without_held_out_sounds_there_is_no_held_out_figure(
    dataset: Dataset, log_mel: LogMel
) -> None:
    fit = begin(dataset, epochs=1)
    fit.run(log_mel)
    assert fit.history[0]["held_top1"] is None


def test_settings_without_sense_are_refused() -> None:
    with pytest.raises(UsageError, match="at least one epoch"):
        FitConfig(epochs=0)


@pytest.mark.slow
@pytest.mark.parametrize("layers", [TINY, TINY_ORIGINAL])
def test_bfloat16_trains_float32_weights(
    dataset: Dataset, log_mel: LogMel, layers: Architecture
) -> None:
    averaged = begin(dataset, network=layers, epochs=1, bfloat16=True).run(log_mel)
    assert all(p.dtype == torch.float32 for p in averaged.parameters())
    assert np.isfinite(predict_logits(averaged, dataset.mels, torch.device("cpu"))).all()


@pytest.mark.parametrize("sizes", [{}, {"stride_11": (2, 2)}, {"stride_13": (1, 1)}])
def test_a_batch_is_the_same_function_as_its_sounds_alone(
    sizes: dict[str, Any],
) -> None:
    network = CnnLstm(NetworkConfig(**sizes)).eval()
    lengths = (5, 17, 18, 19, 20, 21, 43, 120)
    mels = [torch.rand(length, 128) for length in lengths]
    with torch.no_grad():
        logits, latents = forward(network, mels)
        for i, mel in enumerate(mels):
            alone = network(mel[None], torch.tensor([len(mel)]))
            torch.testing.assert_close(logits[i : i + 1], alone[0], rtol=1e-4, atol=1e-6)
            torch.testing.assert_close(latents[i : i + 1], alone[1], rtol=1e-4, atol=1e-6)


def test_predictions_are_in_the_order_of_the_sounds(dataset: Dataset) -> None:
    network = new_network(TINY).eval()
    together = predict_logits(network, dataset.mels, torch.device("cpu"), batch_size=4)
    alone = [predict_logits(network, [mel], torch.device("cpu"))[0] for mel in dataset.mels]
    np.testing.assert_allclose(together, alone, atol=1e-5)


def items_of(*groups: tuple[str, str, str, int]) -> Dataset:
    items = tuple(
        Item(f"{label} {group} {confidence} {i}", label, "", group, confidence)
        for label, group, confidence, count in groups
        for i in range(count)
    )
    return Dataset(items, [], np.zeros(len(items), np.int64), ())


def test_classes_are_drawn_by_the_root_of_their_size() -> None:
    shares = weights(items_of(("snr", "", "high", 100), ("cui", "", "high", 4)))
    assert shares.sum() == pytest.approx(1)
    assert shares[:100].sum() / shares[100:].sum() == pytest.approx(np.sqrt(100 / 4))


def test_uncertain_labels_and_large_groups_are_drawn_less() -> None:
    shares = weights(items_of(("snr", "", "high", 1), ("snr", "", "medium", 1)))
    assert shares[1] / shares[0] == pytest.approx(0.7)
    shares = weights(items_of(("snr", "big", "high", 16), ("snr", "small", "high", 1)))
    assert shares[16] / shares[0] == pytest.approx(2)


def test_everything_is_drawn_as_often_as_its_share_demands() -> None:
    shares = np.array([0.5, 0.25, 0.05, 0.05, 0.05, 0.05, 0.03, 0.02])
    drawn = draw(shares, np.random.default_rng(0))
    counts = np.bincount(drawn, minlength=8)
    assert counts.sum() == 8
    assert (np.abs(counts - shares * 8) < 1).all()


@pytest.mark.parametrize(("count", "size"), [(7, 3), (64, 64), (65, 64), (2, 64)])
def test_batches_hold_everything_once(count: int, size: int) -> None:
    parts = batches(count, size, np.random.default_rng(0))
    assert sorted(np.concatenate(parts)) == list(range(count))
    assert all(2 <= len(part) <= size for part in parts)


def test_rounds_differ_and_each_is_reproducible(dataset: Dataset, log_mel: LogMel) -> None:
    config = FitConfig()
    with Views(dataset, log_mel, config, 2) as one, Views(dataset, log_mel, config, 1) as two:
        one.start(1)
        first, second = one.round(0), one.round(1)
        again = two.round(1)
    np.testing.assert_array_equal(second.labels, again.labels)
    for mel, same in zip(second.mels, again.mels, strict=True):
        np.testing.assert_array_equal(mel, same)
    assert any(not np.array_equal(a, b) for a, b in zip(first.mels, second.mels, strict=True))


@pytest.mark.slow
def test_a_round_has_ood_sounds_and_synthesised_sounds_of_rare_classes(log_mel: LogMel) -> None:
    labels = np.repeat([0, 1, 2], [95, 4, 1])
    items = tuple(Item("", ("snr", "cui", "my own")[label]) for label in labels)
    silence = [np.zeros((5, 128), np.float16)] * len(items)
    data = Dataset(items, silence, labels, ())
    config = FitConfig(synthetic_share=0.5, ood_share=0.2, unvaried_share=1.0)
    with Views(data, log_mel, config, 1) as views:
        sounds = views.round(0)
    assert len(sounds.labels) == len(sounds.mels) == 170
    assert (sounds.labels[100:150] == 1).sum() > 35
    assert (sounds.labels[100:150] == 2).sum() == 0
    assert (sounds.labels[150:] == OOD).all()
    assert all(not mel.any() for mel in sounds.mels[:100])
    assert all(mel.any() for mel in sounds.mels[100:])


@pytest.mark.slow
def test_only_some_kinds_of_ood_sounds_are_trained_on(
    dataset: Dataset, log_mel: LogMel, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The others show how well detection generalises to unseen kinds.
    kinds: list[str] = []

    def make(kind: str, rng: np.random.Generator) -> np.ndarray:
        kinds.append(kind)
        return rng.standard_normal(9000).astype(np.float32)

    monkeypatch.setattr("libindex.training.data.sampling.synthesise_ood", make)
    config = FitConfig(ood_share=20.0, synthetic_share=0.0)
    with Views(dataset, log_mel, config, 2) as views:
        views.round(0)
    assert set(kinds) == {"speech", "chord", "drone", "tone", "noise", "melody"}


def test_even_a_round_of_few_files_has_an_ood_sound(dataset: Dataset, log_mel: LogMel) -> None:
    # The network will claim to have a percussion score.
    for share, expected in ((0.001, 1), (0.0, 0)):
        with Views(dataset, log_mel, FitConfig(ood_share=share), 1) as views:
            assert (views.round(0).labels == OOD).sum() == expected


@pytest.mark.slow
def test_an_interrupt_stops_the_background_work(
    dataset: Dataset, log_mel: LogMel, tmp_path: Path
) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.epoch == 2:
            raise KeyboardInterrupt

    fit, checkpoint = begin(dataset), tmp_path / "run.pt"
    with pytest.raises(KeyboardInterrupt):
        fit.run(log_mel, checkpoint, interrupt)
    resumed = begin(dataset)
    resumed.resume(checkpoint)
    assert resumed.epoch == 1


def test_a_truncated_file_is_learnt_as_it_was_loaded(
    write_sound: Callable[..., Path], log_mel: LogMel
) -> None:
    paths = [write_sound(f"{i}.ogg", i) for i in range(2)]
    for path in paths:
        path.write_bytes(path.read_bytes()[: int(0.9 * path.stat().st_size)])
    data = load([Item(str(p), "ab"[i]) for i, p in enumerate(paths)], "ab", log_mel)
    assert not data.skipped
    config = FitConfig(unvaried_share=0.0)
    with Views(data, log_mel, config, 1) as views:
        assert len(views.round(0).mels[0]) > 0
        signal = views._decoded(0)
    frames = len(log_mel(signal)[: log_mel.config.max_frames])
    assert frames == len(data.mels[0])


def test_a_file_that_disappears_is_named(write_sound: Callable[..., Path], log_mel: LogMel) -> None:
    paths = [write_sound(f"{i}.wav", i) for i in range(4)]
    data = load([Item(str(p), "ab"[i % 2]) for i, p in enumerate(paths)], "ab", log_mel)
    for path in paths:
        path.unlink()
    with pytest.raises(SampleError, match=r"\.wav: can't be read any more"):
        begin(data, network=replace(TINY, outdim=2)).run(log_mel)
