"""How a training run is set, and how it tells where it is."""

from dataclasses import dataclass

from libindex.errors import UsageError


@dataclass(frozen=True, slots=True)
class FitConfig:
    """Settings of a training run.

    Attributes
    ----------
    epochs : int
        How often as many sounds as there are pass through the network.
    batch_size : int
        Sounds in a batch.
    learning_rate : float
        AdamW's, at the end of the warm-up; a cosine brings it down to 0.
    warm_up : float
        Part of all steps over which the learning rate rises.
    weight_decay : float
        Of weights; biases and batch norm have none.
    label_smoothing : float
        Probability given evenly to all classes.
    mixup_alpha, mixup_share : float
        See `mel_augmentation.mix_up`; this part of each batch is mixed.
    synthetic_share : float
        So many synthesised sounds of the same classes are learnt besides, relative to real ones.
    stranger_share : float
        So many synthesised sounds that are no percussion.
    unvaried_share : float
        Part of the real sounds that is not varied as audio.
    stranger_weight : float
        Of the loss that tells percussion from other sounds.
    teacher_weight : float
        Part of the labels that is what the teachers say, where there are any.
    contrastive_weight, contrastive_temperature : float
        Of the contrastive loss.
    proxy_weight, proxy_temperature : float
        Of `losses.ProxyLoss`.
    average_steps : int
        The result is an exponential moving average of the weights over about this many steps.
    epochs_per_round : int
        How many epochs use one set of varied spectrograms.
    seed : int
        Decides everything random.
    bfloat16 : bool
        Compute layers in bfloat16 (weights stay float32).
    """

    epochs: int = 60
    batch_size: int = 64
    learning_rate: float = 2e-3
    warm_up: float = 0.08
    weight_decay: float = 0.03
    label_smoothing: float = 0.08
    mixup_alpha: float = 0.4
    mixup_share: float = 0.4
    synthetic_share: float = 0.05
    stranger_share: float = 0.06
    unvaried_share: float = 0.2
    stranger_weight: float = 0.3
    teacher_weight: float = 0.7
    contrastive_weight: float = 0.3
    contrastive_temperature: float = 0.1
    proxy_weight: float = 1.0
    proxy_temperature: float = 0.07
    average_steps: int = 250
    epochs_per_round: int = 3
    seed: int = 0
    bfloat16: bool = False

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 2:
            raise UsageError("training needs at least one epoch, and batches of at least two")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far training is.

    Attributes
    ----------
    epoch, epochs, step, steps : int
        Both count from 1.
    loss : float
        Mean of the epoch so far.
    seconds : float or None
        How long the epoch took [s]; None until it is complete.
    held_top1 : float or None
        After an epoch: share of held-out sounds that the averaged network gets right.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    seconds: float | None = None
    held_top1: float | None = None
