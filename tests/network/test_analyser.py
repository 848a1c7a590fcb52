import csv
import json
import math
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st

from libindex.errors import ModelError
from libindex.instruments import CODES
from libindex.network.analyser import Analyser, import_original, load_network, save_network
from libindex.network.architecture import NetworkConfig
from libindex.network.modelfile import ModelFile
from libindex.network.original import CnnLstm
from libindex.sound.decoding import FloatArray, Signal
from libindex.sound.mel import MelConfig, mel_filters
from libindex.sound.preparation import Preparer

SMALL = NetworkConfig(num_filters_11=4, num_filters_12=6, num_filters_13=8, lstm_dim=8, fc1_dim=8)


def formula_network() -> CnnLstm:
    """A small network whose weights are sines: the same everywhere and for ever."""
    network = CnnLstm(SMALL).eval()
    for number, (name, values) in enumerate(network.state_dict().items()):
        if not values.is_floating_point():
            continue
        wave = torch.sin(1.7 * torch.arange(values.numel(), dtype=torch.float64) ** 1.1 + number)
        if name.endswith("running_var"):
            wave = 1 + wave**2
        elif name.startswith("conv") and name.endswith("2.weight"):  # of a batch norm
            wave = 1.5 + wave
        elif values.dim() > 1:
            wave *= (9 if name == "fc2.weight" else 3) / math.sqrt(values[0].numel())
        else:
            wave *= 0.3
        values.copy_(wave.reshape(values.shape))
    return network


@pytest.fixture(scope="module")
def analyser(tmp_path_factory: pytest.TempPathFactory) -> Analyser:
    path = tmp_path_factory.mktemp("model") / "sines.safetensors"
    save_network(ModelFile(path, "sines", CODES, network=SMALL), formula_network())
    return Analyser.load(path, "cpu")


@pytest.fixture
def checkpoint(tmp_path: Path) -> Callable[..., Path]:
    """Write a file as `torch.save` does; by default as the original does."""

    def write(content: object = None, **options: Any) -> Path:
        path = tmp_path / "original.model"
        if content is None:
            state = formula_network().state_dict()
            content = {"params": asdict(SMALL), "model_state_dict": state}
        torch.save(content, path, **options)
        return path

    return write


def random_mels(lengths: list[int]) -> list[FloatArray]:
    rng = np.random.default_rng(lengths)
    return [
        (rng.random((length, 128)) * np.linspace(rng.random(), rng.random(), 128)).astype(
            np.float32
        )
        for length in lengths
    ]


def refusal(path: Path) -> ModelError:
    with pytest.raises(ModelError) as caught:
        Analyser.load(path)
    return caught.value


# (seconds, rate and pitch of a sound; its most probable classes; its latent), made with
# librosa.load, librosa.feature.melspectrogram, librosa.amplitude_to_db and the plain forward pass
# of test_network.py.
FIGURES = [
    (
        (0.05, 44100, 900.0),
        {"clav": 0.46921, "cah": 0.20132, "thd": 0.08364, "tab": 0.0561},
        "-0.28285 -0.34398 0.54495 0.13834 0.11886 0.19126 0.04602 0.18888 "
        "0.06677 0.00441 -0.03943 0.09237 -0.24248 -0.08325 -0.26639 -0.23233",
    ),
    (
        (0.4, 44100, 150.0),
        {"clav": 0.62604, "cah": 0.18747, "tab": 0.06401, "thd": 0.04408},
        "-0.41245 -0.51129 0.64821 0.21703 0.13399 0.22326 0.06295 0.20244 "
        "0.06783 0.00278 -0.04520 0.08138 -0.27703 -0.10905 -0.39187 -0.31850",
    ),
    (
        (0.3, 8000, 2500.0),
        {"clav": 0.62018, "cah": 0.17971, "tab": 0.07222, "thd": 0.04241},
        "-0.39997 -0.42846 0.65134 0.24933 0.16870 0.22283 0.06799 0.18901 "
        "0.06877 0.00374 -0.03292 0.02712 -0.32558 -0.14032 -0.45533 -0.33666",
    ),
    (
        (4.0, 48000, 6000.0),
        {"clav": 0.64185, "cah": 0.18551, "tab": 0.06145, "thd": 0.04177},
        "-0.43079 -0.54370 0.64938 0.22435 0.13927 0.22043 0.06671 0.20072 "
        "0.06039 0.00222 -0.03823 0.10749 -0.26339 -0.07558 -0.35825 -0.28284",
    ),
    (
        (0.15, 96000, 11000.0),
        {"clav": 0.41584, "cah": 0.21168, "thd": 0.10772, "tri": 0.04374},
        "-0.20111 -0.33142 0.47831 0.02495 0.08725 0.21453 0.02446 0.22387 "
        "0.06025 0.00450 -0.02669 0.12932 -0.25235 -0.05358 -0.23752 -0.19921",
    ),
]


def sound(seconds: float, rate: int, pitch: float) -> FloatArray:
    time = np.arange(int(seconds * rate)) / rate
    falling = np.sin(2 * np.pi * pitch * (1 - np.exp(-8 * time)) / 8)
    rough = np.sin(1e6 * time**1.5) * 0.3
    return ((falling + rough) * np.exp(-6 * time) * 0.7).astype(np.float32)


@pytest.mark.parametrize(("form", "probabilities", "latent"), FIGURES)
def test_figures_of_the_original(
    analyser: Analyser,
    tmp_path: Path,
    form: tuple[float, int, float],
    probabilities: dict[str, float],
    latent: str,
) -> None:
    path = tmp_path / "sound.wav"
    soundfile.write(path, sound(*form), form[1], subtype="PCM_16")
    mel = Preparer(analyser.model.log_mel())(str(path)).mel
    output = analyser.analyse([mel])
    np.testing.assert_allclose(output.latents, [[float(n) for n in latent.split()]], atol=1e-4)
    got = dict(zip(analyser.classes, output.probabilities[0].tolist(), strict=True))
    assert sorted(got, key=lambda code: -got[code])[: len(probabilities)] == list(probabilities)
    assert {code: got[code] for code in probabilities} == pytest.approx(probabilities, abs=1e-4)


def test_as_the_original(golden: Path) -> None:
    analyser = Analyser.load(golden / "random_weights.model", "cpu")
    prepare = Preparer(analyser.model.log_mel())
    latents = np.load(golden / "features_and_latents.npz")
    with (golden / "probabilities.csv").open() as file:
        header, *rows = csv.reader(file)
    assert tuple(header[1:]) == analyser.classes
    assert len(rows) == 12
    mels = [prepare(str(golden / row[0])).mel for row in rows]
    expected = [[float(p) for p in row[1:]] for row in rows]
    expected_latents = [latents[f"latent/{row[0]}"] for row in rows]
    together = analyser.analyse(mels)
    np.testing.assert_allclose(together.probabilities, expected, atol=1e-4)
    np.testing.assert_allclose(together.latents, expected_latents, atol=1e-4)
    for row, mel in enumerate(mels):
        alone = analyser.analyse([mel])
        np.testing.assert_allclose(alone.probabilities[0], together.probabilities[row], atol=1e-5)
        np.testing.assert_allclose(alone.latents[0], together.latents[row], atol=1e-5)


def test_probabilities_and_latents(analyser: Analyser) -> None:
    output = analyser.analyse(random_mels([5, 30, 300]))
    assert output.probabilities.shape == (3, 30)
    assert output.latents.shape == (3, 16)
    assert output.probabilities.dtype == output.latents.dtype == np.float32
    np.testing.assert_allclose(output.probabilities.sum(axis=1), 1, atol=1e-5)
    assert (output.probabilities >= 0).all()


@pytest.mark.slow
@given(lengths=st.lists(st.integers(1, 60), min_size=1, max_size=6))
def test_a_batch_is_its_members(analyser: Analyser, lengths: list[int]) -> None:
    mels = random_mels(lengths)
    together = analyser.analyse(mels)
    for row, mel in enumerate(mels):
        alone = analyser.analyse([mel])
        np.testing.assert_allclose(together.probabilities[row], alone.probabilities[0], atol=1e-5)
        np.testing.assert_allclose(together.latents[row], alone.latents[0], atol=1e-5)


def test_the_temperature_softens_probabilities_only(analyser: Analyser, tmp_path: Path) -> None:
    model = replace(analyser.model, path=tmp_path / "soft.safetensors", temperature=2.0)
    save_network(model, formula_network())
    mels = random_mels([20, 40])
    soft, hard = Analyser.load(model.path, "cpu").analyse(mels), analyser.analyse(mels)
    np.testing.assert_array_equal(soft.latents, hard.latents)
    expected = np.sqrt(hard.probabilities)
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(soft.probabilities, expected, atol=1e-5)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("offset", [-12.0, -5.0, 0.0])
def test_percussion_is_what_the_undivided_logits_add_up_to(
    tmp_path: Path, temperature: float, offset: float
) -> None:
    path, network = tmp_path / "knowing.safetensors", formula_network()
    with torch.no_grad():
        network.fc2.bias.add_(offset)  # leaves the probabilities as they are
    save_network(ModelFile(path, "", CODES, MelConfig(), SMALL, temperature, True), network)
    mels = random_mels([20, 40, 90])
    output = Analyser.load(path, "cpu").analyse(mels)
    assert output.percussion is not None
    assert (output.percussion.shape, output.percussion.dtype) == ((3,), np.float32)
    for mel, percussion in zip(mels, output.percussion, strict=True):
        with torch.no_grad():
            logits, _ = network(torch.from_numpy(mel)[None], torch.tensor([len(mel)]))
        total = np.exp(logits.numpy().astype(np.float64)).sum()
        assert percussion == pytest.approx(total / (1 + total), abs=1e-5)
        alone = Analyser.load(path, "cpu").analyse([mel]).percussion
        assert alone == pytest.approx(percussion, abs=1e-5)
    if offset == -12:
        assert output.percussion.max() < 0.5


def test_a_network_without_a_score_says_nothing_of_percussion(
    analyser: Analyser, checkpoint: Callable[..., Path]
) -> None:
    assert analyser.analyse(random_mels([20])).percussion is None
    assert Analyser.load(checkpoint(), "cpu").analyse(random_mels([20])).percussion is None


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    saved = ModelFile(
        tmp_path / "new folder" / "mine.safetensors",
        "mine",
        ("kick", "zap"),
        MelConfig(max_frames=40),
        small := replace(SMALL, outdim=2),
        about={"top1": 0.5},
    )
    network = CnnLstm(small).train()
    save_network(saved, network)
    assert network.training
    model, loaded = load_network(saved.path)
    assert model == saved
    assert not loaded.training
    for key, values in network.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[key], values, rtol=0, atol=0)


def test_a_loaded_network_can_be_trained_while_it_is_used(analyser: Analyser) -> None:
    model, network = load_network(analyser.model.path)
    used = Analyser(model, network, "cpu")
    before = used.analyse(random_mels([20]))
    assert all(p.requires_grad for p in network.parameters())
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    np.testing.assert_array_equal(used.analyse(random_mels([20])).latents, before.latents)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_checkpoint_of_the_original_is_used_as_it_is(
    analyser: Analyser, checkpoint: Callable[..., Path], zipped: bool
) -> None:
    loaded = Analyser.load(checkpoint(_use_new_zipfile_serialization=zipped), "cpu")
    assert loaded.classes == CODES
    assert loaded.model.mel == MelConfig()
    assert loaded.model.network == SMALL
    mels = random_mels([7, 33])
    got, expected = loaded.analyse(mels), analyser.analyse(mels)
    np.testing.assert_array_equal(got.probabilities, expected.probabilities)


@pytest.mark.parametrize("out", ["new.safetensors", "new", "folder/new.safetensors", "new-v1.2"])
def test_import_of_a_checkpoint(
    analyser: Analyser, checkpoint: Callable[..., Path], tmp_path: Path, out: str
) -> None:
    model = import_original(checkpoint(), tmp_path / out)
    assert model.path == tmp_path / f"{out.removesuffix('.safetensors')}.safetensors"
    assert model.config_path.is_file()
    assert (model.name, model.classes) == (model.path.stem, CODES)
    assert model.about["imported_from"] == "original.model"
    loaded = Analyser.load(model.path, "cpu")
    assert loaded.model == model
    mels = random_mels([7, 33])
    got, expected = loaded.analyse(mels), analyser.analyse(mels)
    np.testing.assert_array_equal(got.probabilities, expected.probabilities)
    assert model.fingerprint == ModelFile.read(model.path).fingerprint


def test_import_into_what_can_not_be_written(
    checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "folder.safetensors").mkdir()
    (tmp_path / "file").touch()
    for out in ("folder.safetensors", "file/new.safetensors"):
        with pytest.raises(ModelError, match="can't be written"):
            import_original(checkpoint(), tmp_path / out)


class Malicious:
    """Unpickling it makes a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("place", ["params", "model_state_dict", "extra", None])
@pytest.mark.parametrize("zipped", [True, False])
def test_a_malicious_checkpoint_is_refused(
    checkpoint: Callable[..., Path], tmp_path: Path, place: str | None, zipped: bool
) -> None:
    payload = Malicious(tmp_path / "owned")
    content: object = payload
    if place:
        state = formula_network().state_dict()
        content = {"params": asdict(SMALL), "model_state_dict": state, place: payload}
    path = checkpoint(content, _use_new_zipfile_serialization=zipped)
    message = "contains code or objects, not only weights; refused"
    assert message in refusal(path).reason
    with pytest.raises(ModelError, match=message):
        import_original(path, tmp_path / "out.safetensors")
    assert not (tmp_path / "owned").exists()
    assert not (tmp_path / "out.safetensors").exists()
    torch.load(path, weights_only=False)  # what somebody else would do
    assert (tmp_path / "owned").exists()


def test_a_whole_pickled_network_is_refused(checkpoint: Callable[..., Path]) -> None:
    error = refusal(checkpoint(formula_network()))
    assert error.reason.startswith("contains code or objects")


@pytest.mark.parametrize("kept", [0, 10, 100, 0.5, 0.99])
def test_a_truncated_checkpoint(checkpoint: Callable[..., Path], kept: float) -> None:
    path = checkpoint()
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data)) if isinstance(kept, float) else kept])
    error = refusal(path)
    assert error.reason == "is damaged (not a checkpoint of DrumClassifier)"
    assert error.path == path


def test_text_in_place_of_a_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "a.model"
    path.write_text("just some text\n" * 100)
    assert refusal(path).reason == "is damaged (not a checkpoint of DrumClassifier)"


def test_no_checkpoint(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.model").reason == "no such network"
    (tmp_path / "folder.model").mkdir()
    assert refusal(tmp_path / "folder.model").path == tmp_path / "folder.model"


@pytest.mark.parametrize(
    "content",
    [
        [1, 2],
        {},
        3.5,
        torch.zeros(3),
        {"params": {}},
        {"params": [1], "model_state_dict": {}},
        {"params": {"learning_rate": 1}, "model_state_dict": {}},
        {"params": {"lstm_dim": "many"}, "model_state_dict": {}},
        {"params": {"lstm_dim": -1}, "model_state_dict": {}},
        {"params": {"n_channels": 1}, "model_state_dict": {}},
    ],
)
def test_another_kind_of_checkpoint(checkpoint: Callable[..., Path], content: object) -> None:
    assert "is not a checkpoint of DrumClassifier" in refusal(checkpoint(content)).reason


def test_a_checkpoint_with_other_classes(checkpoint: Callable[..., Path]) -> None:
    error = refusal(checkpoint({"params": {"outdim": 5}, "model_state_dict": {}}))
    assert error.reason == "names 30 classes for 5 outputs"


def changed_state(**changes: Any) -> dict[str, object]:
    state: dict[str, object] = {**formula_network().state_dict(), **changes}
    return {key: value for key, value in state.items() if value is not None}


@pytest.mark.parametrize(
    "state",
    [
        None,
        [1],
        {},
        changed_state(**{"fc2.bias": None}),
        changed_state(more=torch.zeros(1)),
        changed_state(**{"fc2.bias": torch.zeros(31)}),
        changed_state(**{"fc2.bias": 1}),
    ],
)
def test_a_checkpoint_whose_weights_do_not_fit(
    checkpoint: Callable[..., Path], state: object
) -> None:
    error = refusal(checkpoint({"params": asdict(SMALL), "model_state_dict": state}))
    assert error.reason == "its weights don't fit its layer sizes"


@pytest.fixture
def saved(analyser: Analyser, tmp_path: Path) -> ModelFile:
    """A copy of the network's files, to be damaged."""
    for path in (analyser.model.path, analyser.model.config_path):
        shutil.copy(path, tmp_path / f"mine{path.suffix}")
    return ModelFile.read(tmp_path / "mine.safetensors")


@pytest.mark.parametrize("kept", [0, 7, 8, 100, 0.5, 0.999])
def test_truncated_weights(saved: ModelFile, kept: float) -> None:
    data = saved.path.read_bytes()
    saved.path.write_bytes(data[: int(kept * len(data)) if isinstance(kept, float) else kept])
    error = refusal(saved.path)
    assert error.reason.startswith("is not a safetensors file")
    assert error.path == saved.path
    with pytest.raises(ModelError, match="is not a safetensors file"):
        saved.log_mel()


def test_weights_of_another_kind(saved: ModelFile) -> None:
    saved.path.write_bytes(np.random.default_rng(0).bytes(5000))
    assert refusal(saved.path).reason.startswith("is not a safetensors file")


def test_a_damaged_json(saved: ModelFile) -> None:
    saved.config_path.write_text(saved.config_path.read_text()[:-20])
    error = refusal(saved.path)
    assert error.reason.startswith("is not a network's description")
    assert error.path == saved.config_path


def test_a_newer_network(saved: ModelFile) -> None:
    document = json.loads(saved.config_path.read_text())
    saved.config_path.write_text(json.dumps({**document, "version": 2}))
    assert refusal(saved.path).reason == "is from a newer libindex; update this one"


def test_missing_files(saved: ModelFile) -> None:
    saved.config_path.unlink()
    assert refusal(saved.path).path == saved.config_path
    saved.path.unlink()
    assert refusal(saved.path).reason == "no such network"


@pytest.mark.parametrize("layers", [{"lstm_dim": 9}, {"num_filters_12": 7}, {"fc1_dim": 4}])
def test_weights_of_other_sizes(saved: ModelFile, layers: dict[str, Any]) -> None:
    replace(saved, network=replace(SMALL, **layers)).write()
    assert refusal(saved.path).reason == "its weights don't fit its layer sizes"


@pytest.mark.parametrize(
    ("layers", "mel"),
    [
        ({"kernel_size_11": (18, 24)}, {}),  # longer than the shortest input
        ({"kernel_size_13": (3, 4)}, {}),  # leaves two bands
        ({}, {"n_mels": 20}),  # fewer bands than the first kernel
        ({}, {"n_mels": 200}),
    ],
)
def test_layers_that_do_not_fit_the_input(
    tmp_path: Path, layers: dict[str, Any], mel: dict[str, int]
) -> None:
    config = replace(SMALL, **layers)
    model = ModelFile(tmp_path / "a.safetensors", "a", CODES, MelConfig(**mel), config)
    save_network(model, CnnLstm(config))
    error = refusal(model.path)
    assert "don't fit its mel parameters" in error.reason or "bands instead of 1" in error.reason
    assert error.path == model.path


def test_stored_filters_are_the_mel_parameters(analyser: Analyser, saved: ModelFile) -> None:
    tensors = safetensors.torch.load_file(saved.path)
    np.testing.assert_array_equal(tensors["mel.filters"].numpy(), mel_filters(saved.mel))
    del tensors["mel.filters"]  # a file that was made without
    safetensors.torch.save_file(tensors, saved.path)
    signal = Signal(sound(0.1, 22_050, 500), 22_050)
    np.testing.assert_array_equal(saved.log_mel()(signal), analyser.model.log_mel()(signal))
    mels = random_mels([9])
    got = Analyser.load(saved.path, "cpu").analyse(mels)
    np.testing.assert_array_equal(got.latents, analyser.analyse(mels).latents)


@pytest.mark.parametrize("mel", [{"n_mels": 127}, {"n_fft": 1024}])
def test_stored_filters_of_other_mel_parameters(saved: ModelFile, mel: dict[str, int]) -> None:
    other = replace(saved, mel=replace(saved.mel, **mel))
    other.write()
    with pytest.raises(ModelError, match="its mel filters don't fit its mel parameters") as caught:
        ModelFile.read(saved.path).log_mel()
    assert caught.value.path == saved.path


def test_devices(analyser: Analyser) -> None:
    assert Analyser.load(analyser.model.path, "cpu").device.type == "cpu"
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    if torch.backends.mps.is_available():
        expected = "mps"
    assert Analyser.load(analyser.model.path, "auto").device.type == expected


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_device_that_is_not_there(
    analyser: Analyser, monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ModelError, match=f"device '{device}' is not available here; use"):
        Analyser.load(analyser.model.path, device)
    assert Analyser.load(analyser.model.path, "auto").device.type == "cpu"


@pytest.mark.parametrize("device", ["", "gpu", "cuda:9", "meta"])
def test_a_device_that_does_not_exist(analyser: Analyser, device: str) -> None:
    with pytest.raises(ModelError, match=r"no device .*; choose from auto, cpu, cuda, mps"):
        Analyser.load(analyser.model.path, device)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_gpu_computes_the_same(analyser: Analyser) -> None:
    mels = random_mels([3, 17, 60, 300])
    got = Analyser.load(analyser.model.path, "cuda").analyse(mels)
    expected = analyser.analyse(mels)
    np.testing.assert_allclose(got.probabilities, expected.probabilities, atol=1e-4)
    np.testing.assert_allclose(got.latents, expected.latents, atol=1e-4)
