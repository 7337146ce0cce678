"""A requirement as it is written: `nDCG@10 >= base + 0.02`, `STSBenchmark >= base - 0.01`, `law:R@100 > 0.9`.

requirement = what operator limit          operator: >=  >  <=  <
what        = TASK | TASK:METRIC | METRIC  TASK alone: its main metric; METRIC alone: its mean over the domain's tasks that have it
limit       = NUMBER | base | base + NUMBER | base - NUMBER
"""

import math
import re
from dataclasses import dataclass

from ...errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One requirement, read but not compared with tasks yet. `of_base`: the limit is the base's own value plus `number`."""

    text: str
    what: str
    operator: str
    of_base: bool
    number: float


def parse_requirement(text: str) -> Requirement:
    """Read a requirement.

    Raises:
        ConfigError: it is none.
    """
    match = re.fullmatch(r"\s*([^<>=]+?)\s*(>=|<=|>|<)\s*([^<>=]+?)\s*", text)
    if match is None:
        raise ConfigError(f'{text!r} is not a requirement; expected one such as "nDCG@10 >= base + 0.02" or "TASK:METRIC > 0.6"')
    what, sign, limit = match.groups()
    of_base, number = _parse_limit(limit, text)
    return Requirement(text=" ".join(text.split()), what=what, operator=sign, of_base=of_base, number=number)


def _parse_limit(limit: str, text: str) -> tuple[bool, float]:
    match = re.fullmatch(r"(base)?\s*(?:([+-]?)\s*(\S+))?", limit)
    base, sign, digits = match.groups() if match else (None, None, None)
    try:
        number = float(f"{sign}{digits}") if digits else 0.0
    except ValueError:
        number = math.nan
    if match is None or not math.isfinite(number) or (base and digits and not sign):
        raise ConfigError(f"{text!r}: the limit {limit!r} is neither a number nor base, base + NUMBER or base - NUMBER")
    return base is not None, number
