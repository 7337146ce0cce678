"""The tools that make training data better: each takes training data and gives training data and a report of what it did.

One package a tool; `report.py` is what they all give, `job.py` how a command runs one. A tool imports no other tool. The functions and
their settings are names of this package, imported when they are asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazily

if TYPE_CHECKING:
    from .augmenting import AugmentSettings as AugmentSettings
    from .augmenting import augment as augment
    from .cleaning import CleanSettings as CleanSettings
    from .cleaning import clean as clean
    from .clicklogs import ClickSettings as ClickSettings
    from .clicklogs import click_pairs as click_pairs
    from .comparing import CompareRequest as CompareRequest
    from .comparing import compare_bases as compare_bases
    from .comparing import compare_on_source as compare_on_source
    from .glossaries import GlossarySettings as GlossarySettings
    from .glossaries import apply_rules as apply_rules
    from .glossaries import pair_glossary as pair_glossary
    from .glossaries import read_rules as read_rules
    from .mining import MineSettings as MineSettings
    from .mining import mine as mine
    from .scoring import ScoreSettings as ScoreSettings
    from .scoring import score as score
    from .splitting import SplitSettings as SplitSettings
    from .splitting import split as split
    from .statistics import StatsRequest as StatsRequest
    from .statistics import StatsSettings as StatsSettings
    from .statistics import measure_source as measure_source
    from .statistics import stats as stats

_MODULES = {
    "augmenting": ("AugmentSettings", "augment"),
    "cleaning": ("CleanSettings", "clean"),
    "clicklogs": ("ClickSettings", "click_pairs"),
    "comparing": ("CompareRequest", "compare_bases", "compare_on_source"),
    "glossaries": ("GlossarySettings", "apply_rules", "pair_glossary", "read_rules"),
    "mining": ("MineSettings", "mine"),
    "scoring": ("ScoreSettings", "score"),
    "splitting": ("SplitSettings", "split"),
    "statistics": ("StatsRequest", "StatsSettings", "measure_source", "stats"),
}
"""Package of a tool -> its names."""

__getattr__ = lazily(__name__, {name: package for package, names in _MODULES.items() for name in names})
