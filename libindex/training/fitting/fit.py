"""Fitting a network: supervised classes, and latents whose nearest neighbours share a class.

The loss is cross-entropy with smoothed labels over mixtures of sounds, plus a supervised
contrastive term (Khosla et al. 2020, NeurIPS) over the L2-normalised latents of the unmixed ones,
because similarity search compares exactly these, and a proxy loss over all of them. Teachers'
probabilities are part of the targets (Hinton, Vinyals and Dean 2015), for the same augmented
sounds (Beyer et al. 2022, CVPR).
"""

import copy
import hashlib
import json
import math
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from libindex.errors import ModelError
from libindex.network.analyser import AnyNetwork
from libindex.network.architecture import Architecture
from libindex.sound.mel import LogMel
from libindex.training.config import FitConfig, Progress
from libindex.training.data.batch import make_batch
from libindex.training.data.dataset import Dataset, MelArray
from libindex.training.data.sampling import Views, batches
from libindex.training.fitting.forward import forward, predict_logits
from libindex.training.fitting.losses import ProxyLoss, contrastive_loss, energy_loss, smoothed

_CLIP_NORM = 2.0


class Fit:
    """A training run, one epoch after another.

    Parameters
    ----------
    network : CnnLstm or ResidualCnnLstm
        Trained in place.
    dataset : Dataset
        Training sounds.
    held : Dataset
        Held-out sounds, to measure progress on.
    config : FitConfig
        Settings.
    device : torch.device, optional
        By default the CPU.
    teachers : sequence of CnnLstm or ResidualCnnLstm
        Networks to distil, with the same input and classes.

    Attributes
    ----------
    averaged : CnnLstm or ResidualCnnLstm
        The result: the moving average of the weights.
    epoch : int
        Epochs done.
    history : list of dict
        Loss and held-out accuracy of each epoch.
    """

    def __init__(
        self,
        network: AnyNetwork,
        dataset: Dataset,
        held: Dataset,
        config: FitConfig,
        device: torch.device | None = None,
        teachers: Sequence[AnyNetwork] = (),
    ) -> None:
        self.device = device or torch.device("cpu")
        self.network = network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.averaged: AnyNetwork = copy.deepcopy(self.network).eval()
        self.dataset, self.held, self.config = dataset, held, config
        self._teachers = [copy.deepcopy(t).to(self.device).eval() for t in teachers]
        self._beginnings = [_identified(n) for n in (network, *teachers)]
        self.epoch = 0
        self.history: list[dict[str, float | None]] = []
        self._proxies = _proxies(network.config, config).to(self.device)
        groups = _groups(self.network, self._proxies, config)
        self._optimizer = torch.optim.AdamW(groups, config.learning_rate)

    def run(
        self,
        log_mel: LogMel,
        checkpoint: Path | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        threads: int = 1,
        until: int | None = None,
    ) -> AnyNetwork:
        """Train to the end.

        Parameters
        ----------
        log_mel : LogMel
            The network's input.
        checkpoint : Path, optional
            Written after each epoch.
        on_progress : callable, optional
            Called after each step and each epoch.
        threads : int
            How many compute augmented spectrograms in the background.
        until : int, optional
            Stop after this epoch, as if interrupted.

        Returns
        -------
        CnnLstm or ResidualCnnLstm
            `averaged`.
        """
        report = on_progress or (lambda _: None)
        last = self.config.epochs if until is None else until
        with Views(self.dataset, log_mel, self.config, threads) as views:
            while self.epoch < last:
                self._run_epoch(views, report)
                if checkpoint is not None:
                    self.save(checkpoint)
        return self.averaged

    def save(self, path: Path) -> None:
        """Write a checkpoint, replacing the previous one when complete."""
        partial = path.with_name(path.name + ".part")
        torch.save(
            {
                "identity": self._identity(),
                "epoch": self.epoch,
                "history": self.history,
                "network": self.network.state_dict(),
                "averaged": self.averaged.state_dict(),
                "proxies": self._proxies.state_dict(),
                "optimizer": self._optimizer.state_dict(),
            },
            partial,
        )
        partial.replace(path)

    def resume(self, path: Path) -> None:
        """Continue from a checkpoint.

        Raises
        ------
        ModelError
            If it is missing, damaged, or from other data or settings.
        """
        try:
            state = torch.load(path, map_location=self.device, weights_only=True)
            identity = state["identity"].replace('"stranger_', '"ood_')  # names of earlier versions
        except FileNotFoundError:
            raise ModelError("no checkpoint to resume from", path) from None
        except Exception as error:  # noqa: BLE001 - torch raises half a dozen kinds for bad files
            raise ModelError(f"is not a checkpoint ({type(error).__name__})", path) from None
        if identity != self._identity():
            raise ModelError("was made with other data or settings; start without --resume", path)
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self._proxies.load_state_dict(state["proxies"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.epoch, self.history = state["epoch"], state["history"]

    def _identity(self) -> str:
        """What has to match for a checkpoint to be continued."""
        files = [[Path(item.path).name, item.label] for item in self.dataset.items]
        held = [[Path(item.path).name, item.label] for item in self.held.items]
        return json.dumps([asdict(self.config), self._beginnings, files, held])

    def _run_epoch(self, views: Views, report: Callable[[Progress], None]) -> None:
        config, started = self.config, time.monotonic()
        number = self.epoch // config.epochs_per_round
        sounds = views.round(number)
        if (number + 1) * config.epochs_per_round < config.epochs:
            views.start(number + 1)
        rng = np.random.default_rng([config.seed, 4, self.epoch])
        parts = batches(len(sounds.mels), config.batch_size, rng)
        self.network.train()
        total, count = 0.0, len(parts)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(rng.integers(2**62)))
            for step, part in enumerate(parts, start=1):
                self._set_rate((self.epoch + step / count) / config.epochs)
                total += self._step([sounds.mels[i] for i in part], sounds.labels[part], rng)
                report(Progress(self.epoch + 1, config.epochs, step, count, total / step))
        self.epoch += 1
        top1, loss = self._held_top1(), total / count
        self.history.append({"loss": loss, "held_top1": top1})
        seconds = time.monotonic() - started
        report(Progress(self.epoch, config.epochs, count, count, loss, seconds, top1))

    def _step(
        self, chosen: Sequence[MelArray], labels: NDArray[np.int64], rng: np.random.Generator
    ) -> float:
        config = self.config
        batch = make_batch(chosen, labels, self.network.config.outdim, config, rng)
        mels = [mel.to(self.device) for mel in batch.mels]
        targets = smoothed(batch.targets, config.label_smoothing).to(self.device)
        known, single = slice(batch.known), slice(batch.mixed, batch.known)
        if self._teachers and batch.known:
            # Teachers have no say in out-of-distribution sounds, whose targets stay uniform.
            taught = self._teacher_targets(mels[known])
            targets[known] = targets[known].lerp(taught, config.teacher_weight)
        with self._precision():
            logits, latents = forward(self.network, mels)
        logits, latents = logits.float(), latents.float()
        loss = functional.cross_entropy(logits, targets)
        loss = loss + config.ood_weight * energy_loss(logits, batch.known)
        loss = loss + config.proxy_weight * self._proxies(latents[known], targets[known])
        loss = loss + config.contrastive_weight * contrastive_loss(
            latents[single], batch.labels[single], config.contrastive_temperature
        )
        self._optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), _CLIP_NORM)
        self._optimizer.step()
        self._average()
        return float(loss.detach())

    def _teacher_targets(self, mels: Sequence[Tensor]) -> Tensor:
        """The mean of the teachers' probabilities for these sounds."""
        with torch.no_grad(), self._precision():
            logits = [forward(teacher, mels)[0].float() for teacher in self._teachers]
        return torch.stack([one.softmax(dim=1) for one in logits]).mean(dim=0)

    def _precision(self) -> AbstractContextManager[Any]:
        if not self.config.bfloat16:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16)

    def _set_rate(self, done: float) -> None:
        """Linear warm-up, then half a cosine to zero; `done` runs from 0 to 1."""
        warm = self.config.warm_up
        if done < warm:
            factor = done / warm
        else:
            factor = 0.5 + 0.5 * math.cos(math.pi * (done - warm) / (1 - warm))
        for group in self._optimizer.param_groups:
            group["lr"] = self.config.learning_rate * factor

    @torch.no_grad()
    def _average(self) -> None:
        # Early on the average follows closely, so that the random start is forgotten.
        steps_done = int(next(iter(self._optimizer.state.values()))["step"])
        keep = min(1 - 1 / self.config.average_steps, steps_done / (10 + steps_done))
        state = self.network.state_dict()
        for name, value in self.averaged.state_dict().items():
            if value.is_floating_point():
                value.lerp_(state[name], 1 - keep)
            else:
                value.copy_(state[name])

    def _held_top1(self) -> float | None:
        if not self.held.items:
            return None
        guess = predict_logits(self.averaged, self.held.mels, self.device).argmax(axis=1)
        return float((guess == self.held.labels).mean())


def _identified(network: AnyNetwork) -> list[str]:
    """Identity of layers and weights."""
    state = hashlib.blake2b(digest_size=16)
    for value in network.state_dict().values():
        state.update(value.detach().cpu().contiguous().numpy().tobytes())
    return [json.dumps(asdict(network.config)), state.hexdigest()]


def _proxies(architecture: Architecture, config: FitConfig) -> ProxyLoss:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return ProxyLoss(architecture.outdim, architecture.latent_size, config.proxy_temperature)


def _groups(network: nn.Module, proxies: ProxyLoss, config: FitConfig) -> list[dict[str, Any]]:
    """Parameters with and without weight decay."""
    matrices = [p for p in network.parameters() if p.ndim > 1]
    vectors = [p for p in network.parameters() if p.ndim <= 1]
    return [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": [*vectors, *proxies.parameters()], "weight_decay": 0.0},
    ]
