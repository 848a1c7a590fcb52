"""A network ready to use: weights, mel parameters, class list and calibration."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from libindex.errors import ModelError
from libindex.instruments import CODES
from libindex.network.architecture import Architecture, NetworkConfig, parse_architecture
from libindex.network.modelfile import FILTERS_KEY, ORIGINAL_SUFFIX, WEIGHTS_SUFFIX, ModelFile
from libindex.network.original import MIN_FRAMES, CnnLstm
from libindex.network.original_folded import FoldedCnnLstm
from libindex.network.residual import ResidualCnnLstm
from libindex.settings import DEVICES
from libindex.sound.decoding import FloatArray
from libindex.sound.mel import MelConfig, mel_filters

AnyNetwork = CnnLstm | ResidualCnnLstm
"""The original's network, or libindex's own."""


@dataclass(frozen=True, slots=True)
class Output:
    """The network's results for a batch.

    Attributes
    ----------
    probabilities : ndarray of float32, shape (batch, classes)
        Calibrated; each row sums to 1.
    latents : ndarray of float32, shape (batch, 256)
        The LSTM's final states of both directions.
    percussion : ndarray of float32, shape (batch,), or None
        Probability that the sound is percussion at all; None if the network has no such score.
    """

    probabilities: FloatArray
    latents: FloatArray
    percussion: FloatArray | None


class Analyser:
    """Mels in, probabilities and latents out.

    Parameters
    ----------
    model : ModelFile
        Description of the network.
    network : CnnLstm or ResidualCnnLstm
        Its layers and weights.
    device : str, optional
        "cpu", "cuda", "mps", or "auto" for the fastest available.
    """

    def __init__(self, model: ModelFile, network: AnyNetwork, device: str = "auto") -> None:
        self.model = model
        self.device = resolve_device(device)
        self._network = _folded(model, network).to(self.device)

    @classmethod
    def load(cls, path: str | Path, device: str = "auto") -> "Analyser":
        """Load a network from .safetensors with its JSON, or from the original's .model.

        Raises
        ------
        ModelError
            If the files are missing, damaged, unsafe or don't fit together.
        """
        model, network = load_network(path)
        return cls(model, network, device)

    @property
    def classes(self) -> tuple[str, ...]:
        """Class codes, in the order of the probabilities' columns."""
        return self.model.classes

    def analyse(self, mels: Sequence[FloatArray]) -> Output:
        """Run the network.

        Parameters
        ----------
        mels : sequence of ndarray of float32, shape (frames, n_mels) each
            Any lengths up to `max_frames`; a result does not depend on its neighbours.

        Returns
        -------
        Output
            In the order of `mels`.
        """
        with torch.inference_mode():
            logits, latents = self._network([torch.from_numpy(m).to(self.device) for m in mels])
            probabilities = torch.softmax(logits / self.model.temperature, dim=1)
            # Free energy of the logits; see `training.fitting.losses.energy_loss`.
            percussion = torch.sigmoid(torch.logsumexp(logits, dim=1))
        score = _numpy(percussion) if self.model.has_percussion_score else None
        return Output(_numpy(probabilities), _numpy(latents), score)


def resolve_device(name: str) -> torch.device:
    """The device of that name, or for "auto" the fastest available.

    Raises
    ------
    ModelError
        If it is not available.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name not in DEVICES:
        raise ModelError(f"no device {name!r}; choose from {', '.join(DEVICES)}")
    if name == "auto":
        return torch.device(next(kind for kind, usable in available.items() if usable))
    if not available[name]:
        raise ModelError(f"device {name!r} is not available here; use --device cpu")
    return torch.device(name)


def load_network(path: str | Path) -> tuple[ModelFile, AnyNetwork]:
    """Read a network's description and weights, for use or for further training.

    Raises
    ------
    ModelError
        As `Analyser.load`.
    """
    path = Path(path)
    if path.suffix == ORIGINAL_SUFFIX:
        return _load_original(path)
    model = ModelFile.read(path)
    try:
        state = safetensors.torch.load_file(path)
        state.pop(FILTERS_KEY, None)  # not weights; see `ModelFile.log_mel`
    except (OSError, safetensors.SafetensorError) as error:
        raise ModelError(f"is not a safetensors file ({error})", path) from None
    return model, _with_state(model.network, state, path)


def save_network(model: ModelFile, network: AnyNetwork) -> None:
    """Write the weights to `model.path` and the JSON beside it.

    Raises
    ------
    ModelError
        If they can't be written. Existing weights are then left as they were.
    """
    state = {k: v.detach().cpu().contiguous() for k, v in network.state_dict().items()}
    state[FILTERS_KEY] = torch.from_numpy(mel_filters(model.mel))
    partial = model.path.with_name(model.path.name + ".part")
    try:
        model.path.parent.mkdir(parents=True, exist_ok=True)
        safetensors.torch.save_file(state, partial)
        partial.chmod(0o644)  # safetensors makes it readable by its owner only
        partial.replace(model.path)
        model.write()
    except (OSError, safetensors.SafetensorError) as error:
        partial.unlink(missing_ok=True)
        raise ModelError(f"can't be written ({error})", model.path) from None


def import_original(checkpoint: str | Path, out: str | Path) -> ModelFile:
    """Convert a checkpoint of the original program.

    Parameters
    ----------
    checkpoint : str or Path
        A .model file; no code in it is ever executed.
    out : str or Path
        The .safetensors to write; the JSON goes beside it.

    Raises
    ------
    ModelError
        If it is not such a file, or contains more than numbers.
    """
    model, network = _load_original(Path(checkpoint))
    target = Path(out)
    if target.suffix != WEIGHTS_SUFFIX:
        target = target.with_name(target.name + WEIGHTS_SUFFIX)
    converted = ModelFile(
        target,
        target.stem,
        model.classes,
        model.mel,
        model.network,
        about={"imported_from": Path(checkpoint).name},
    )
    try:
        save_network(converted, network)
    except (OSError, safetensors.SafetensorError) as error:
        raise ModelError(f"can't be written ({error})", target) from None
    return converted


def _load_original(path: Path) -> tuple[ModelFile, AnyNetwork]:
    try:
        # weights_only: tensors and plain containers are read, anything else is refused.
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ModelError("no such network", path) from None
    except Exception as error:  # noqa: BLE001 - torch raises a dozen kinds for bad files
        unsafe = "GLOBAL" in str(error)  # pickle's word for a function or class that it names
        reason = "contains code or objects, not only weights; refused" if unsafe else "is damaged"
        raise ModelError(f"{reason} (not a checkpoint of DrumClassifier)", path) from None
    try:
        config = parse_architecture(checkpoint["params"] if isinstance(checkpoint, dict) else None)
        state = checkpoint["model_state_dict"]
        model = ModelFile(path, path.stem, CODES, MelConfig(), config)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"is not a checkpoint of DrumClassifier ({error})", path) from None
    return model, _with_state(config, state, path)


def new_network(config: Architecture) -> AnyNetwork:
    """A network of these sizes, with random weights."""
    return CnnLstm(config) if isinstance(config, NetworkConfig) else ResidualCnnLstm(config)


def _with_state(config: Architecture, state: dict[str, Tensor], path: Path) -> AnyNetwork:
    try:
        network = new_network(config)
        network.load_state_dict(state)
    except (RuntimeError, AttributeError, TypeError):
        raise ModelError("its weights don't fit its layer sizes", path) from None
    return network.eval()


def _folded(model: ModelFile, network: AnyNetwork) -> FoldedCnnLstm | ResidualCnnLstm:
    """The network for inference, after one trial run."""
    folded: FoldedCnnLstm | ResidualCnnLstm
    try:
        if isinstance(network, ResidualCnnLstm):
            folded = network.folded()
        else:
            folded = FoldedCnnLstm(network, model.mel.max_frames, model.mel.n_mels).eval()
        folded([torch.zeros(MIN_FRAMES, model.mel.n_mels)])
    except ModelError as error:
        raise ModelError(error.reason, model.path) from None
    except RuntimeError:
        raise ModelError("its layers don't fit its mel parameters", model.path) from None
    return folded


def _numpy(tensor: Tensor) -> FloatArray:
    return np.asarray(tensor.float().cpu().numpy(), dtype=np.float32)
