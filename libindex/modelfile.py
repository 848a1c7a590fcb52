"""A network's files: weights in safetensors, and beside them a JSON with all that belongs to them.

This module reads the JSON and names the network; it does not import torch.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from safetensors import SafetensorError, safe_open

from libindex.errors import ModelError
from libindex.mel import LogMel, MelConfig

_FORMAT = "libindex-model"
_VERSION = 1
WEIGHTS_SUFFIX = ".safetensors"
ORIGINAL_SUFFIX = ".model"
FILTERS_KEY = "mel.filters"
"""Beside the weights, so that a network hears the same whatever librosa does one day."""


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """Layer sizes of the original's CNN-LSTM, under the original's names and with its defaults.

    Kernels, strides and pools are (time, frequency). 11, 12 and 13 are the three convolutions.
    """

    n_channels: int = 3
    dropout_11: float = 0.05
    num_filters_11: int = 64
    kernel_size_11: tuple[int, int] = (4, 24)
    stride_11: tuple[int, int] = (1, 2)
    maxpool_size11: tuple[int, int] = (1, 2)
    maxpool_stride11: tuple[int, int] = (1, 2)
    dropout_12: float = 0.02
    num_filters_12: int = 96
    kernel_size_12: tuple[int, int] = (3, 7)
    stride_12: tuple[int, int] = (2, 2)
    maxpool_size12: tuple[int, int] = (1, 2)
    maxpool_stride12: tuple[int, int] = (1, 2)
    dropout_13: float = 0.05
    num_filters_13: int = 128
    kernel_size_13: tuple[int, int] = (3, 5)
    stride_13: tuple[int, int] = (2, 1)
    lstm_dim: int = 128
    fc1_dropout: float = 0.1
    fc1_dim: int = 128
    outdim: int = 30

    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            if not _is_size(value, f.type):
                raise ValueError(f"{f.name} is {value!r}")
        if self.n_channels != 3:
            raise ValueError(f"n_channels is {self.n_channels}; time, band and mel are 3")

    @property
    def latent_size(self) -> int:
        """Length of a latent: the LSTM's final states of both directions."""
        return 2 * self.lstm_dim

    @property
    def filters(self) -> tuple[int, ...]:
        """Of each convolution, in their order."""
        return self.num_filters_11, self.num_filters_12, self.num_filters_13


class Stage(NamedTuple):
    """Convolutions of a `ResidualConfig` that look at one number of bands.

    The first halves the bands; it spans `kernel` frames and advances by `stride`. Then come
    `residuals` more of the same kernel, each added to what it gets.
    """

    filters: int
    kernel: int
    stride: int = 1
    residuals: int = 0


@dataclass(frozen=True, slots=True)
class ResidualConfig:
    """Layer sizes of libindex's own CNN-LSTM.

    Attributes
    ----------
    stages : tuple of Stage
        Of convolutions.
    features : int
        What the LSTM reads in each step.
    lstm_dim : int
        Of each direction.
    fc1_dim : int
        Of the hidden linear layer.
    dropout : float
        Of feature maps and, doubled, of what the LSTM reads.
    bands : int
        Of the spectrogram; the stages halve them to 2 or more.
    outdim : int
        Classes.
    """

    stages: tuple[Stage, ...] = (
        Stage(16, 3),
        Stage(32, 3),
        Stage(64, 3, 2, 1),
        Stage(96, 1, 1, 1),
        Stage(128, 1),
    )
    features: int = 128
    lstm_dim: int = 128
    fc1_dim: int = 128
    dropout: float = 0.1
    bands: int = 128
    outdim: int = 30

    def __post_init__(self) -> None:
        try:
            stages = tuple(Stage(*stage) for stage in self.stages)
        except TypeError:
            raise ValueError(f"stages is {self.stages!r}") from None
        object.__setattr__(self, "stages", stages)
        for stage in stages:
            if not all(_is_size(v, int) for v in stage[:3]) or stage.kernel % 2 == 0:
                raise ValueError(f"stages has {tuple(stage)!r}")
            if not isinstance(stage.residuals, int) or stage.residuals < 0:
                raise ValueError(f"stages has {tuple(stage)!r}")
        for f in fields(self):
            if f.name != "stages" and not _is_size(getattr(self, f.name), f.type):
                raise ValueError(f"{f.name} is {getattr(self, f.name)!r}")
        if not stages or self.bands % 2 ** len(stages):
            raise ValueError(f"{len(stages)} stages can't halve {self.bands} bands")

    @property
    def latent_size(self) -> int:
        """Length of a latent: the LSTM's final states of both directions."""
        return 2 * self.lstm_dim

    @property
    def filters(self) -> tuple[int, ...]:
        """Of each convolution, in their order."""
        return tuple(stage.filters for stage in self.stages for _ in range(1 + stage.residuals))


LayerSizes = NetworkConfig | ResidualConfig


@dataclass(frozen=True, slots=True)
class ModelFile:
    """What a network is, without its weights' values.

    Attributes
    ----------
    path : Path
        The weights.
    name : str
        For people.
    classes : tuple of str
        Class codes in the order of the network's outputs.
    mel : MelConfig
        Its input.
    network : NetworkConfig or ResidualConfig
        Its layers.
    temperature : float
        Logits are divided by it, so that probabilities are right as often as they say.
    knows_strangers : bool
        It was trained so that its undivided logits tell percussion from other sounds.
    about : dict
        Metrics, data sources and training settings, as the JSON has them.
    """

    path: Path
    name: str
    classes: tuple[str, ...]
    mel: MelConfig = field(default_factory=MelConfig)
    network: LayerSizes = field(default_factory=NetworkConfig)
    temperature: float = 1.0
    knows_strangers: bool = False
    about: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.classes) != self.network.outdim or len(set(self.classes)) != len(self.classes):
            raise ModelError(
                f"names {len(set(self.classes))} classes for {self.network.outdim} outputs",
                self.path,
            )
        if not self.temperature > 0:
            raise ModelError(f"its temperature is {self.temperature}, not above 0", self.path)

    @property
    def config_path(self) -> Path:
        """The JSON beside the weights."""
        return self.path.with_suffix(".json")

    @property
    def fingerprint(self) -> str:
        """Identity of all that a result depends on: weights, input, layers, calibration."""
        state = hashlib.blake2b(digest_size=16)
        state.update(json.dumps(self._essence(), sort_keys=True).encode())
        try:
            state.update(self.path.read_bytes())
        except OSError as error:
            raise ModelError(f"can't be read ({error.strerror})", self.path) from None
        return state.hexdigest()

    def log_mel(self) -> LogMel:
        """What makes its input; without librosa, where the weights' file has the filters.

        Raises
        ------
        ModelError
            If the file is damaged or belongs to other parameters.
        """
        if self.path.suffix != WEIGHTS_SUFFIX:
            return LogMel(self.mel)
        try:
            with safe_open(self.path, framework="numpy") as file:
                stored = FILTERS_KEY in file.keys()  # noqa: SIM118 - it is no dictionary
                filters = file.get_tensor(FILTERS_KEY) if stored else None
        except (OSError, SafetensorError) as error:
            raise ModelError(f"is not a safetensors file ({error})", self.path) from None
        if filters is not None and filters.shape != (self.mel.n_fft // 2 + 1, self.mel.n_mels):
            raise ModelError("its mel filters don't fit its mel parameters", self.path)
        return LogMel(self.mel, filters)

    def write(self) -> None:
        """Write the JSON; the weights are the caller's."""
        document = {
            "format": _FORMAT,
            "version": _VERSION,
            "name": self.name,
            **self._essence(),
            "about": self.about,
        }
        self.config_path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")

    def _essence(self) -> dict[str, Any]:
        return {
            "classes": list(self.classes),
            "mel": asdict(self.mel),
            "network": _described(self.network),
            "calibration": self._calibration(),
        }

    def _calibration(self) -> dict[str, Any]:
        # Said only where it is so: networks from before it could be said keep their fingerprints.
        strangers = {"strangers": True} if self.knows_strangers else {}
        return {"temperature": self.temperature, **strangers}

    @classmethod
    def read(cls, path: str | Path) -> "ModelFile":
        """Read the JSON of a network.

        Parameters
        ----------
        path : str or Path
            The weights (.safetensors); the JSON has the same name.

        Raises
        ------
        ModelError
            If either is missing, or the JSON is damaged or from a newer libindex.
        """
        weights = Path(path)
        if weights.suffix == ORIGINAL_SUFFIX:
            raise ModelError(
                "is a checkpoint of the original program; "
                "convert it with: libindex model import FILE.model OUT.safetensors",
                weights,
            )
        if weights.suffix != WEIGHTS_SUFFIX:
            raise ModelError(
                f"is no network; the name of its weights ends in {WEIGHTS_SUFFIX}", weights
            )
        if not weights.is_file():
            raise ModelError("no such network", weights)
        config = weights.with_suffix(".json")
        try:
            document = json.loads(config.read_text(encoding="utf-8"))
            return cls._from_document(weights, document)
        except FileNotFoundError:
            raise ModelError("is missing; it belongs beside the weights", config) from None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ModelError(f"is not a network's description ({error})", config) from None

    @classmethod
    def _from_document(cls, weights: Path, document: Mapping[str, Any]) -> "ModelFile":
        if document["format"] != _FORMAT:
            raise ValueError(f"format is {document['format']!r}")
        if document["version"] > _VERSION:
            raise ModelError("is from a newer libindex; update this one", weights)
        calibration = document["calibration"]
        return cls(
            path=weights,
            name=str(document["name"]),
            classes=tuple(document["classes"]),
            mel=_dataclass_from(MelConfig, document["mel"]),
            network=network_config(document["network"]),
            temperature=float(calibration["temperature"]),
            knows_strangers=_yes_or_no("strangers", calibration.get("strangers", False)),
            about=dict(document.get("about", {})),
        )


def network_config(values: object) -> LayerSizes:
    """Layer sizes from a JSON object or the original's ``params`` dictionary.

    Raises
    ------
    ValueError, TypeError
        If a name is not known or a value is of another kind.
    """
    if not isinstance(values, Mapping):
        raise TypeError("layer sizes are no dictionary")
    sizes = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    kind = sizes.pop("kind", "drumclassifier")
    if kind == "residual":
        return _dataclass_from(ResidualConfig, sizes)
    if kind == "drumclassifier":
        return _dataclass_from(NetworkConfig, sizes)
    raise ValueError(f"network is of an unknown kind, {kind!r}")


def _described(network: LayerSizes) -> dict[str, Any]:
    """For JSON. The original's kind is not named: networks had no kind before there were two."""
    if isinstance(network, NetworkConfig):
        return asdict(network)
    return {"kind": "residual", **asdict(network)}


def _yes_or_no(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{name} is {value!r}, neither true nor false")
    return value


def _is_size(value: object, kind: object) -> bool:
    if kind is float:
        return isinstance(value, (int, float)) and 0 <= value <= 1  # a dropout
    if kind is int:
        return isinstance(value, int) and value >= 1
    return isinstance(value, tuple) and len(value) == 2 and all(_is_size(v, int) for v in value)


_T = TypeVar("_T", MelConfig, NetworkConfig, ResidualConfig)


def _dataclass_from(kind: type[_T], values: Mapping[str, Any]) -> _T:
    unknown = set(values) - {f.name for f in fields(kind)}
    if unknown:
        raise ValueError(f"unknown keys {', '.join(sorted(unknown))}")
    return kind(**values)
