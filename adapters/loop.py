"""The training loop: one step, and the run over steps with its looks at dev. No files, no printing."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

import torch
from torch import Tensor, nn

from ..base.load import Base
from ..data.dev_set import DevSet
from ..errors import TrainingError
from .batches import Batches, TextBatch
from .config import TrainConfig
from .dev import dev_encoder
from .gradients import accumulate_gradients
from .lora_layers import as_stored, set_training
from .token_ids import TokenIds


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at the dev split: after how many steps, and the mean nDCG@10."""

    step: int
    score: float


@dataclass(slots=True, kw_only=True)
class RunState:
    """Where a run is. Together with the configuration and the data it determines everything that follows."""

    step: int = 0
    losses: list[float] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    best_weights: list[Tensor] | None = None

    @property
    def best(self) -> Look | None:
        """The look with the highest score, the earliest of equals; None before the first look after a step."""
        trained = [look for look in self.looks if look.step > 0]
        return max(trained, key=lambda look: (look.score, -look.step)) if trained else None

    def looks_without_gain(self) -> int:
        """Count the looks after the best one."""
        return 0 if self.best is None else len(self.looks) - 1 - self.looks.index(self.best)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What is told after each step."""

    step: int
    steps: int
    loss: float
    dev: float | None
    pairs_per_s: float


@dataclass(slots=True)
class Run:
    """A base with LoRA layers in it, an optimiser, and a state that can be saved and put back while it `is_whole`."""

    base: Base
    config: TrainConfig
    batches: Batches
    dev: DevSet | None
    parameters: list[nn.Parameter]
    state: RunState
    optimizer: torch.optim.Optimizer = field(init=False)
    token_ids: TokenIds = field(init=False)
    is_whole: bool = field(default=True, init=False)

    def __post_init__(self) -> None:
        is_fused = self.base.device.type == "cuda"  # one operation for all factors, where the processor's time is short
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=self.config.learning_rate, weight_decay=self.config.weight_decay, fused=is_fused or None
        )
        self.token_ids = TokenIds(self.base, self.config.max_tokens)

    def go(self, on_step: Callable[[Progress], None], save: Callable[["Run"], None]) -> None:
        """Run to the end, or until dev has not gained for `patience` looks. `save` is called before the first step and after each step and look.

        Raises:
            TrainingError: the loss or a gradient is not a number, or the GPU's memory ran out.
        """
        self._look_if_due()
        save(self)
        for role, texts in self.batches.texts().items():
            self.token_ids.of(texts, role)
        pairs, seconds = 0, 0.0
        while self.state.step < self.batches.steps and not self._is_spent():
            started = time.monotonic()
            batch = self.batches.batch(self.state.step)
            loss = self._step(batch)
            seconds += time.monotonic() - started
            pairs += int(batch.positive.sum())
            self._look_if_due()
            save(self)
            dev = self.state.looks[-1].score if self.state.looks else None
            on_step(Progress(step=self.state.step, steps=self.batches.steps, loss=loss, dev=dev, pairs_per_s=pairs / seconds))

    def _is_spent(self) -> bool:
        return self.config.patience is not None and self.state.looks_without_gain() >= self.config.patience

    def _look_if_due(self) -> None:
        """Look at dev before the first step, every so many steps and at the end; a run that goes on makes up for a look that was cut short."""
        every = self.config.eval_steps or self.batches.steps_per_epoch
        due = self.state.step % every == 0 or self.state.step == self.batches.steps
        done = bool(self.state.looks) and self.state.looks[-1].step == self.state.step
        if self.dev is not None and due and not done:
            self._look(self.dev)

    def _look(self, dev: DevSet) -> None:
        set_training(self.base, False)
        with as_stored(self.base, self.config):
            score = dev.score(dev_encoder(self.base, self.config))
        look = Look(step=self.state.step, score=score)
        weights = [parameter.detach().cpu().clone() for parameter in self.parameters]
        self.is_whole = False
        self.state.looks.append(look)
        if self.state.best is look:
            self.state.best_weights = weights
        self.is_whole = True

    def _step(self, batch: TextBatch) -> float:
        rate = self.config.learning_rate * learning_rate_factor(self.state.step, self.batches.steps, self.config)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        set_training(self.base, True)
        # Each step seeds its own dropout, so that a run that goes on after a kill draws what it would have drawn.
        seed = (self.config.seed * 1_000_003 + self.state.step) * 1_009
        self.optimizer.zero_grad(set_to_none=True)
        try:
            loss = accumulate_gradients(self.base, batch, self.config, seed, token_ids=self.token_ids)
        except torch.OutOfMemoryError as e:
            raise TrainingError(
                f"the memory of {self.base.device} ran out at step {self.state.step + 1}; lower max_tokens (now {self.config.max_tokens}), "
                "free memory that others hold, or train on --device cpu"
            ) from e
        norm = nn.utils.clip_grad_norm_(self.parameters, self.config.clip_norm)
        if not (math.isfinite(loss) and math.isfinite(norm.item())):
            raise TrainingError(
                f"the loss is not a number at step {self.state.step + 1} (loss {loss}, gradient {norm.item()}); lower learning_rate "
                f"(now {self.config.learning_rate:g}), raise temperature (now {self.config.temperature:g}), or compute in full precision with --dtype fp32"
            )
        self._take(loss)
        return loss

    def _take(self, loss: float) -> None:
        """Change the factors and count the step: between the two, the state is no state of the run."""
        self.is_whole = False
        self.optimizer.step()
        self.state.losses.append(loss)
        self.state.step += 1
        self.is_whole = True

    def as_dict(self) -> dict:
        """Return everything that `restore` needs, as torch can save it."""
        return {
            "step": self.state.step,
            "losses": self.state.losses,
            "looks": [asdict(look) for look in self.state.looks],
            "best_weights": self.state.best_weights,
            "weights": [parameter.detach().cpu() for parameter in self.parameters],
            "optimizer": self.optimizer.state_dict(),
        }

    @torch.no_grad()
    def restore(self, saved: dict) -> None:
        """Put back what `as_dict` returned."""
        self.state = RunState(
            step=saved["step"], losses=saved["losses"], looks=[Look(**look) for look in saved["looks"]], best_weights=saved["best_weights"]
        )
        self.set_weights(saved["weights"])
        self.optimizer.load_state_dict(saved["optimizer"])

    @torch.no_grad()
    def set_weights(self, weights: list[Tensor]) -> None:
        """Set the factors."""
        for parameter, weight in zip(self.parameters, weights, strict=True):
            parameter.copy_(weight)


def learning_rate_factor(step: int, steps: int, config: TrainConfig) -> float:
    """Return the learning rate of a step as a share of its peak: a linear rise, then a fall to zero."""
    warmup = max(1, round(config.warmup_share * steps))
    if step < warmup:
        return (step + 1) / warmup
    done = (step - warmup) / max(1, steps - warmup)
    return 0.5 * (1 + math.cos(math.pi * done)) if config.schedule == "cosine" else 1 - done
