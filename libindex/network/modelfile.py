"""A network's files: weights in safetensors, and a JSON with everything else beside them.

This module reads the JSON and computes the fingerprint; it does not import torch.
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
from libindex.network.architecture import (
    Architecture,
    NetworkConfig,
    ResidualConfig,
    parse_architecture,
    to_json,
    with_known_fields,
)
from libindex.sound.mel import LogMel, MelConfig

_FORMAT = "libindex-model"
_VERSION = 1
WEIGHTS_SUFFIX = ".safetensors"
ORIGINAL_SUFFIX = ".model"
FILTERS_KEY = "mel.filters"
"""Stored with the weights, so that a network's input does not depend on librosa's version."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """Everything about a network but the values of its weights.

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
        Divides the logits, which calibrates the probabilities.
    has_percussion_score : bool
        Trained so that the energy of its logits separates percussion from other sounds.
    about : dict
        Metrics, data sources and training settings, as in the JSON.
    """

    path: Path
    name: str
    classes: tuple[str, ...]
    mel: MelConfig = field(default_factory=MelConfig)
    network: Architecture = field(default_factory=NetworkConfig)
    temperature: float = 1.0
    has_percussion_score: bool = False
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
        """Identity of everything that results depend on: weights, input, layers, calibration.

        Renaming a key in here would make every library be analysed again.
        """
        calibration = {"strangers": True} if self.has_percussion_score else {}
        essence = self._essence(temperature=self.temperature, **calibration)
        state = hashlib.blake2b(digest_size=16)
        state.update(json.dumps(essence, sort_keys=True).encode())
        try:
            state.update(self.path.read_bytes())
        except OSError as error:
            raise ModelError(f"can't be read ({error.strerror})", self.path) from None
        return state.hexdigest()

    def log_mel(self) -> LogMel:
        """Its mel spectrogram; needs no librosa if the weights' file has the filters.

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
        calibration = {"percussion_score": True} if self.has_percussion_score else {}
        document = {
            "format": _FORMAT,
            "version": _VERSION,
            "name": self.name,
            **self._essence(temperature=self.temperature, **calibration),
            "about": self.about,
        }
        self.config_path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")

    def _essence(self, **calibration: float) -> dict[str, Any]:
        return {
            "classes": list(self.classes),
            "mel": asdict(self.mel),
            "network": to_json(self.network),
            "calibration": calibration,
        }

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
                f"is not a network; the name of its weights ends in {WEIGHTS_SUFFIX}", weights
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
            mel=with_known_fields(MelConfig, document["mel"]),
            network=parse_architecture(document["network"]),
            temperature=float(calibration["temperature"]),
            has_percussion_score=_has_percussion_score(calibration),
            about=dict(document.get("about", {})),
        )


def _class_names(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise TypeError("classes are not a list of words")
    return tuple(value)


def _has_percussion_score(calibration: Mapping[str, Any]) -> bool:
    older = calibration.get("strangers", False)
    value = calibration.get("percussion_score", older)
    if not isinstance(value, bool):
        raise TypeError(f"percussion_score is {value!r}, neither true nor false")
    return value
