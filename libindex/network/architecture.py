"""Layer sizes of the networks, and their form in JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, NamedTuple, TypeVar

_T = TypeVar("_T")


class _Sizes:
    """What all networks share: an LSTM."""

    __slots__ = ()
    lstm_dim: int

    @property
    def latent_size(self) -> int:
        """Length of a latent: the LSTM's final states of both directions."""
        return 2 * self.lstm_dim


@dataclass(frozen=True, slots=True)
class NetworkConfig(_Sizes):
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
    def filters(self) -> tuple[int, ...]:
        """Of each convolution, in their order."""
        return self.num_filters_11, self.num_filters_12, self.num_filters_13


class Stage(NamedTuple):
    """Convolutions of a `ResidualConfig` over one number of bands.

    The first halves the bands; it spans `kernel` frames and advances by `stride`. Then come
    `residuals` more of the same kernel, each added to its input.
    """

    filters: int
    kernel: int
    stride: int = 1
    residuals: int = 0


@dataclass(frozen=True, slots=True)
class ResidualConfig(_Sizes):
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
        Of the spectrogram; every stage halves them.
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
        if self.dropout > 0.5:  # it is doubled
            raise ValueError(f"dropout is {self.dropout!r}, more than 0.5")
        if not stages or self.bands % 2 ** len(stages):
            raise ValueError(f"{len(stages)} stages can't halve {self.bands} bands")

    @property
    def filters(self) -> tuple[int, ...]:
        """Of each convolution, in their order."""
        return tuple(stage.filters for stage in self.stages for _ in range(1 + stage.residuals))


Architecture = NetworkConfig | ResidualConfig


def parse_architecture(values: object) -> Architecture:
    """Layer sizes from a JSON object or the original's ``params`` dictionary.

    Raises
    ------
    ValueError, TypeError
        If a name is not known or a value is of another kind.
    """
    if not isinstance(values, Mapping):
        raise TypeError("layer sizes are not a dictionary")
    sizes = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    kind = sizes.pop("kind", "drumclassifier")
    if kind == "residual":
        return with_known_fields(ResidualConfig, sizes)
    if kind == "drumclassifier":
        return with_known_fields(NetworkConfig, sizes)
    raise ValueError(f"network is of an unknown kind, {kind!r}")


def to_json(network: Architecture) -> dict[str, Any]:
    """For JSON. The original's has no `kind`: files from before there were two kinds have none."""
    if isinstance(network, NetworkConfig):
        return asdict(network)
    return {"kind": "residual", **asdict(network)}


def _is_size(value: object, kind: object) -> bool:
    if kind is float:
        return isinstance(value, (int, float)) and 0 <= value <= 1  # a dropout
    if kind is int:
        return isinstance(value, int) and value >= 1
    return isinstance(value, tuple) and len(value) == 2 and all(_is_size(v, int) for v in value)


def with_known_fields(kind: type[_T], values: Mapping[str, Any]) -> _T:
    """A dataclass from a JSON object.

    Raises
    ------
    ValueError, TypeError
        If a name is not known or a value is of another kind.
    """
    unknown = set(values) - {f.name for f in fields(kind)}  # type: ignore[arg-type]
    if unknown:
        raise ValueError(f"unknown keys {', '.join(sorted(unknown))}")
    return kind(**values)
