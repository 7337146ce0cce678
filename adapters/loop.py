"""The training loop: one step, and the run over steps with its evaluations on dev. No files, no printing."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from ..base.load import Base
from ..errors import FailedRunError
from ..events import Step
from .averaging import Average
from .evaluation import Evaluation, Scores
from .optimisers import OPTIMISERS
from .processes.world import ALONE, World
from .regularisers import add_squares, shrink
from .schedules import learning_rate_factor
from .settings.joined import TrainSettings
from .sides.protocol import LoopObjective, StepLoss, Steps, repeated_ids
from .strategies.protocol import Strategy
from .token_ids import TokenIds


@dataclass(slots=True, kw_only=True)
class RunState:
    """Where a run is. Together with the configuration and the data it determines everything that follows."""

    step: int = 0
    losses: list[float] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)
    best_weights: list[Tensor] | None = None
    refreshed: list[Tensor] | None = None
    """The weights that the objective was last refreshed with; None where it never was."""

    @property
    def best(self) -> Evaluation | None:
        """The best evaluation, the earliest of equals; None before the first one after a step.

        One whose general ability fell too far is the best only where all of them are such: then that of the highest ability.
        """
        trained = [each for each in self.evaluations if each.step > 0]
        return max(trained, key=lambda each: (not each.fell, each.general if each.fell else each.merit, -each.step)) if trained else None

    def evaluations_without_gain(self, least: float = 0.0, after: float = 0) -> int:
        """Count the evaluations since the last gain: a score that exceeds the gain before it by more than `least`.

        Those of the first `after` steps do not count, and neither does that before the first step.
        """
        last, since = -math.inf, 0
        for score in (each.merit for each in self.evaluations if each.step > after):
            last, since = (score, 0) if score > last + least else (last, since + 1)
        return since


@dataclass(slots=True)
class Run:
    """A base with a strategy put in, an optimiser, and a state that can be saved and put back while it `is_whole`.

    `parameters` are the strategy's, and after them those that the objective has trained along.
    """

    base: Base
    config: TrainSettings
    strategy: Strategy
    objective: LoopObjective
    watch: Scores | None
    parameters: list[nn.Parameter]
    state: RunState
    world: World = ALONE
    optimizer: torch.optim.Optimizer = field(init=False)
    peak_rates: list[float] = field(init=False)
    average: Average = field(init=False)
    token_ids: TokenIds = field(init=False)
    is_whole: bool = field(default=True, init=False)

    def __post_init__(self) -> None:
        beside = self.objective.trained()
        self.parameters = [*self.parameters, *(each.parameter for each in beside)]
        self.optimizer = OPTIMISERS[self.config.optimiser].make([*self.strategy.trained(), *beside], self.config)
        self.peak_rates = [group["lr"] for group in self.optimizer.param_groups]
        self.average = Average(self.config)
        self.token_ids = TokenIds(self.base, self.config.max_tokens)

    @property
    def batches(self) -> Steps:
        """How many steps there are."""
        return self.objective.batches

    def go(self, on_step: Callable[[Step], None], save: Callable[["Run"], None]) -> None:
        """Run to the end, or until dev has not gained for `patience` evaluations. `save` is called before the first step and after each one.

        Raises:
            TrainingError: the loss or a gradient is not a number, or the GPU's memory ran out.
        """
        self._evaluate_if_due()
        save(self)
        list(repeated_ids(self.objective, self.token_ids))  # tokenised once, and not while a GPU waits
        if self.state.refreshed is not None:
            self._refresh_as_before(self.state.refreshed)
        pairs, seconds = 0, 0.0
        while self.state.step < self.batches.steps and not self._is_spent():
            started = time.monotonic()
            done = self._step()
            seconds += time.monotonic() - started
            pairs += done.pairs
            self._evaluate_if_due()
            save(self)
            on_step(self._where(done, pairs / seconds))

    def _where(self, done: StepLoss, pairs_per_s: float) -> Step:
        newest = self.state.evaluations[-1] if self.state.evaluations else None
        return Step(
            step=self.state.step,
            steps=self.batches.steps,
            loss=done.loss,
            dev=newest.score if newest else None,
            metric=self.watch.metric if self.watch is not None else "",
            pairs_per_s=pairs_per_s,
            unit=done.unit,
            beside=newest.beside if newest else {},
            rate=self.rate_of(self.state.step),
            is_evaluated=newest is not None and newest.step == self.state.step,
            stored_layers=self.token_ids.states.layer if self.token_ids.states else 0,
        )

    def rate_of(self, step: int) -> float:
        """Return the learning rate of a step, the first one being 1."""
        return self.config.peak_rate * learning_rate_factor(step - 1, self.batches.steps, self.config)

    def _is_spent(self) -> bool:
        if self.state.evaluations and self.state.evaluations[-1].fell:
            return True
        if self.config.patience is None:
            return False
        begins = self.average.row.start(self.config) * self.batches.steps  # of an average, the scores before it say nothing
        return self.state.evaluations_without_gain(self.config.min_gain, after=begins) >= self.config.patience

    def _evaluate_if_due(self) -> None:
        """Evaluate before the first step, every so many steps and at the end; a run that goes on makes up for one that was cut short."""
        every = self.config.eval_steps or self.batches.steps_per_epoch
        due = self.state.step % every == 0 or self.state.step == self.batches.steps
        done = bool(self.state.evaluations) and self.state.evaluations[-1].step == self.state.step
        if self.watch is not None and due and not done:
            self._evaluate(self.watch)

    def _evaluate(self, watch: Scores) -> None:
        self.strategy.training(False)
        with self._averaged():
            evaluation = self.world.from_first(lambda: self._score(watch))
            weights = [parameter.detach().cpu().clone() for parameter in self.parameters]
        self.is_whole = False
        self.state.evaluations.append(evaluation)
        if self.state.best is evaluation:
            self.state.best_weights = weights
        self.is_whole = True

    def _score(self, watch: Scores) -> Evaluation:
        with self.strategy.as_stored():
            return self._judge(watch.evaluate(self.state.step, self.base))

    def _judge(self, evaluation: Evaluation) -> Evaluation:
        """Say whether general ability is further below that before the first step than is allowed."""
        allowed, first = self.config.max_general_loss, self.state.evaluations[0] if self.state.evaluations else evaluation
        if allowed is None or evaluation.general is None or first.general is None:
            return evaluation
        return replace(evaluation, fell=first.general - evaluation.general > allowed)

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        """Have the average of the parameters in their place, as long as this lasts; without effect where there is none."""
        if self.average.weights is None:
            yield
            return
        present, whole = [parameter.detach().clone() for parameter in self.parameters], self.is_whole
        self.is_whole = False  # a state that is saved now would have the average for the parameters
        try:
            self.set_weights(self.average.weights)
            yield
        finally:
            self.set_weights(present)
            self.is_whole = whole

    def set_kept(self) -> None:
        """Set the parameters to what is kept of a run that has ended: those of the best evaluation, else the average, else the last ones."""
        kept = self.state.best_weights or self.average.weights
        if kept is not None:
            self.set_weights(kept)

    def _refresh_if_due(self) -> None:
        if self.objective.refreshes(self.state.step):
            self.state.refreshed = [parameter.detach().cpu().clone() for parameter in self.parameters]
            self.strategy.training(False)
            self.objective.refresh(self.base, self.token_ids)

    def _refresh_as_before(self, weights: list[Tensor]) -> None:
        """Refresh as the run did that goes on here: with the weights of then, which say as much as what came of them and are smaller."""
        present = [parameter.detach().clone() for parameter in self.parameters]
        self.set_weights(weights)
        self.strategy.training(False)
        self.objective.refresh(self.base, self.token_ids)
        self.set_weights(present)

    def _step(self) -> StepLoss:
        self._refresh_if_due()
        self.strategy.begin_step(self.state.step, self.batches.steps)
        factor = learning_rate_factor(self.state.step, self.batches.steps, self.config)
        for group, peak in zip(self.optimizer.param_groups, self.peak_rates, strict=True):
            group["lr"] = peak * factor
        self.strategy.training(True)
        # Each step seeds its own dropout, so that a run that goes on after a kill draws what it would have drawn.
        seed = (self.config.seed * 1_000_003 + self.state.step) * 1_009
        self.optimizer.zero_grad(set_to_none=True)
        try:
            done = self.objective.accumulate(self.base, self.state.step, seed, self.token_ids)
        except torch.OutOfMemoryError as e:
            raise FailedRunError(
                f"the memory of {self.base.device} ran out at step {self.state.step + 1}; lower max_tokens (now {self.config.max_tokens}), "
                "free memory that others hold, or train on --device cpu"
            ) from e
        self.world.add_up(self.parameters)
        if self.config.l2:
            add_squares(self.strategy.trained(), self.config.l2)
        norm = nn.utils.clip_grad_norm_(self.parameters, self.config.clip_norm)
        if not (math.isfinite(done.loss) and math.isfinite(norm.item())):
            raise FailedRunError(
                f"the loss is not a number at step {self.state.step + 1} (loss {done.loss}, gradient {norm.item()}); lower learning_rate "
                f"(now {self.config.peak_rate:g}), raise temperature (now {self.config.temperature:g}), or compute in full precision with --dtype fp32"
            )
        self._take(done.loss)
        return done

    def _take(self, loss: float) -> None:
        """Change the parameters and count the step: between the two, the state is not one of the run."""
        self.is_whole = False
        self.optimizer.step()
        if self.config.l1:
            shrink(self.optimizer, self.config.l1, [id(each.parameter) for each in self.strategy.trained() if not each.is_factor])
        self.state.losses.append(loss)
        self.state.step += 1
        if self.average.is_due(self.state.step, self.batches.steps):
            self.average.add(self.parameters)
        self.is_whole = True

    def as_dict(self) -> dict:
        """Return everything that `restore` needs, as torch can save it."""
        return {
            "step": self.state.step,
            "losses": self.state.losses,
            "looks": [each.as_dict() for each in self.state.evaluations],  # by the name that states of earlier versions have
            "best_weights": self.state.best_weights,
            **({} if self.state.refreshed is None else {"refreshed": self.state.refreshed}),
            **({} if self.average.weights is None else {"average": [each.cpu() for each in self.average.weights]}),
            **({} if self.average.weights is None else {"averaged": self.average.count}),
            "weights": [parameter.detach().cpu() for parameter in self.parameters],
            "optimizer": self.optimizer.state_dict(),
        }

    @torch.no_grad()
    def restore(self, saved: dict) -> None:
        """Put back what `as_dict` returned."""
        self.state = RunState(
            step=saved["step"],
            losses=saved["losses"],
            evaluations=[Evaluation(**each) for each in saved["looks"]],
            best_weights=saved["best_weights"],
            refreshed=saved.get("refreshed"),
        )
        self.set_weights(saved["weights"])
        if "average" in saved:
            average = [each.to(parameter.device) for each, parameter in zip(saved["average"], self.parameters, strict=True)]
            self.average = Average(self.config, average, saved["averaged"])
        self.optimizer.load_state_dict(saved["optimizer"])

    @torch.no_grad()
    def set_weights(self, weights: list[Tensor]) -> None:
        """Set the parameters."""
        for parameter, weight in zip(self.parameters, weights, strict=True):
            parameter.copy_(weight)
