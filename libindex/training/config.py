"""Settings of a training run, and its progress."""

from dataclasses import dataclass

from libindex.errors import UsageError


@dataclass(frozen=True, slots=True)
class FitConfig:
    """Settings of a training run.

    Attributes
    ----------
    epochs : int
        Passes over as many sounds as the data set has.
    batch_size : int
        Sounds per batch.
    learning_rate : float
        AdamW's, at the end of the warm-up; then it decays to 0 along a cosine.
    warm_up : float
        Share of all steps over which the learning rate rises.
    weight_decay : float
        Of weight matrices; biases and batch norm have none.
    label_smoothing : float
        Probability that is spread evenly over all classes.
    mixup_alpha, mixup_share : float
        See `mel_augmentation.mix_up`; the share is of each batch.
    synthetic_share : float
        Synthesised sounds of the same classes, relative to the number of real ones.
    ood_share : float
        Synthesised out-of-distribution sounds (not percussion), likewise.
    unvaried_share : float
        Share of the real sounds whose audio is not augmented.
    ood_weight : float
        Of the loss that separates percussion from out-of-distribution sounds.
    teacher_weight : float
        Weight of the teachers' probabilities in the targets, if there are teachers.
    contrastive_weight, contrastive_temperature : float
        Of the contrastive loss.
    proxy_weight, proxy_temperature : float
        Of `losses.ProxyLoss`.
    average_steps : int
        The result is an exponential moving average of the weights over about this many steps.
    epochs_per_round : int
        How many epochs use one set of augmented spectrograms.
    seed : int
        Of all random choices.
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
    ood_share: float = 0.06
    unvaried_share: float = 0.2
    ood_weight: float = 0.3
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
            raise UsageError("training needs at least one epoch, and batches of two or more")


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of training.

    Attributes
    ----------
    epoch, epochs, step, steps : int
        Both count from 1.
    loss : float
        Mean of the epoch so far.
    seconds : float or None
        Duration of the epoch [s]; None until it is complete.
    held_top1 : float or None
        After an epoch: accuracy of the averaged network on held-out sounds.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    seconds: float | None = None
    held_top1: float | None = None
