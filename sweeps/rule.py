"""When a sweep has found enough: `--until "nDCG@10>=0.7"`, in the words of `adapt bench --require`."""

from __future__ import annotations

import operator
from dataclasses import dataclass

from ..bench.judge.requirement import Requirement, parse_requirement
from ..errors import ConfigError, RequestError
from ..metric_names import read_metric

_HOLDS = {">=": operator.ge, ">": operator.gt}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A score on dev that ends a sweep: `metric` is how it is spelled, `requirement` what it must be."""

    metric: str
    requirement: Requirement

    def holds(self, score: float, base: float | None) -> bool:
        """Return whether a score is enough; `base` is the base's own."""
        if self.requirement.of_base and base is None:
            return False
        limit = self.requirement.number + (base or 0.0) * self.requirement.of_base
        return bool(_HOLDS[self.requirement.operator](score, limit))

    def check_metric(self, metric: str) -> None:
        """Refuse a rule of another metric than trials are compared by.

        Raises:
            RequestError: it is.
        """
        if metric != self.metric:
            raise RequestError(
                f"--until is of {self.metric}, and trials are compared by {metric}; give the rule in {metric}, or add --set metric={self.metric}"
            )


def read_rule(text: str) -> Rule:
    """Read a rule.

    Raises:
        ConfigError: it is none, or its metric is unknown.
    """
    requirement = parse_requirement(text)
    if requirement.operator not in _HOLDS:
        raise ConfigError(f"{text!r} would end the sweep at a low score; expected >= or >, such as {requirement.what}>=0.7")
    return Rule(metric=read_metric(requirement.what), requirement=requirement)
