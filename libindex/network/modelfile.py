"""A network's files: weights in safetensors, and beside them a JSON with all that belongs to them.

This module reads the JSON and names the network; it does not import torch.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from libindex.errors import ModelError
from libindex.network import architecture
from libindex.network.architecture import LayerSizes, NetworkConfig, ResidualConfig
from libindex.sound.mel import LogMel, MelConfig

_FORMAT = "libindex-model"
_VERSION = 1
WEIGHTS_SUFFIX = ".safetensors"
ORIGINAL_SUFFIX = ".model"
FILTERS_KEY = "mel.filters"
"""Beside the weights, so that a network hears the same whatever librosa does one day."""


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
        if isinstance(self.network, ResidualConfig) and self.network.bands != self.mel.n_mels:
            raise ModelError(
                f"its layers take {self.network.bands} mel bands, its input has {self.mel.n_mels}",
                self.path,
            )
        if not 0 < self.temperature < math.inf:
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
            "network": architecture.described(self.network),
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
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
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
            classes=_class_names(document["classes"]),
            mel=architecture.with_known_fields(MelConfig, document["mel"]),
            network=architecture.layer_sizes(document["network"]),
            temperature=float(calibration["temperature"]),
            knows_strangers=_yes_or_no("strangers", calibration.get("strangers", False)),
            about=dict(document.get("about", {})),
        )


def _class_names(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise TypeError("classes are no list of words")
    return tuple(value)


def _yes_or_no(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{name} is {value!r}, neither true nor false")
    return value
