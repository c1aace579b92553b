"""What the training loop knows of an algorithm: `loss`, `update`, `predict` and its state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from melib.compute import generator
from melib.learning.networks.base import Network, run_network

Inputs = tuple[Tensor, ...]  # one tensor an input of the network


@dataclass(frozen=True)
class Batch:
    """What an algorithm is given at a time.

    Args:
        x: one tensor (N, ...) an input of the network.
        y: (N,) classes.
        domain: (N,) numbers of the source datasets, or of the placebo groups that take their place.
        domains: (G,) the numbers that occur in `domain`.
        epoch: counted from 1.
        target_x: inputs of held-out clips, never their labels; only for algorithms whose Spec says `uses_target`.
    """

    x: Inputs
    y: Tensor
    domain: Tensor
    domains: Tensor
    epoch: int
    target_x: Inputs | None = None


@dataclass(frozen=True)
class Task:
    """What an algorithm is built for.

    Args:
        options: the values of the algorithm's options.
        device: where it is trained.
        groups: (G,) the numbers of the training clips' sources or placebo groups, ascending.
        first_epoch: the epoch from which a penalty acts (`brl_start`).
        lr, weight_decay: of the optimiser.
        optimizer: "adam" or "sgd", which has a momentum of 0.9.
        label_smoothing: of the cross-entropy.
        class_weights: (3,) of the cross-entropy, or None.
        seed: of the random draws (`generator`).
        precision: "fp32" or "bf16".
    """

    options: Mapping[str, object]
    device: torch.device
    groups: Tensor
    first_epoch: int
    lr: float
    weight_decay: float
    optimizer: str = "adam"
    label_smoothing: float = 0.0
    class_weights: Tensor | None = None
    seed: int = 0
    precision: str = "fp32"


class Algorithm(nn.Module):
    """How a network is trained. A new one writes `loss`; with modules or optimisers of its own, `build` too.

    It owns its network, its optimiser and whatever else it remembers, all of it in `state_dict`.
    """

    def __init__(self, network: Network, task: Task):
        super().__init__()
        self.network = network
        self.task = task
        self.options = task.options
        self.build()
        self.to(task.device)
        common = {"lr": task.lr, "weight_decay": task.weight_decay, "fused": True}
        if task.optimizer == "sgd":
            self.optimizer = torch.optim.SGD(self.parameters(), momentum=0.9, **common)
        else:  # Adam skips a parameter without gradient, weight decay too
            self.optimizer = torch.optim.Adam(self.parameters(), **common)

    def build(self) -> None:
        """Make modules of one's own, before the optimiser that trains them all is made."""

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """The scalars of a batch, "loss" among them: what is minimised. The others are recorded."""
        logits, _ = self(batch.x)
        return {"loss": self.cross_entropy(logits, batch.y)}

    def update(self, batch: Batch) -> dict[str, Tensor]:
        """One step on a batch; returns what `loss` said of it."""
        losses = self.loss(batch)
        self.optimizer.zero_grad()
        losses["loss"].backward()
        self.optimizer.step()
        return losses

    def set_rate(self, lr: float) -> None:
        """Change the learning rate."""
        for group in self.optimizer.param_groups:
            group["lr"] = lr

    def predict(self, x: Inputs) -> Tensor:
        """Logits (N, 3)."""
        return self(x)[0]

    def forward(self, x: Inputs) -> tuple[Tensor, Tensor]:
        """Logits (N, 3) and features (N, D) as float32, whatever the precision inside."""
        return run_network(self.network, x, self.task.precision)

    def cross_entropy(self, logits: Tensor, y: Tensor, reduction: str = "mean") -> Tensor:
        """Cross-entropy with the run's class weights and label smoothing; reduction "mean" or "none" (N,)."""
        return nn.functional.cross_entropy(
            logits, y, self.task.class_weights, reduction=reduction, label_smoothing=self.task.label_smoothing
        )

    def started(self, batch: Batch) -> bool:
        """Whether the penalty acts yet."""
        return batch.epoch >= self.task.first_epoch

    def generator(self, name: str) -> torch.Generator:
        """A generator on the CPU for one named use of randomness."""
        return generator(self.task.seed, name)

    def get_extra_state(self) -> dict:
        return {"optimizer": self.optimizer.state_dict()}

    def set_extra_state(self, state: dict) -> None:
        self.optimizer.load_state_dict(state["optimizer"])
