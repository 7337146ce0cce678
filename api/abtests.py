"""Comparisons on live traffic: how much a test needs, and what its log says."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..abtests.plan import Plan
    from ..abtests.report.figures import Report
    from ..pages.words import PageLanguage


def plan_test(
    metric: str = "ctr",
    *,
    effect: float,
    baseline: float | None = None,
    sd: float | None = None,
    per_day: float | None = None,
    design_effect: float = 1.0,
    power: float = 0.8,
    alpha: float = 0.05,
    keep: str | PathLike[str] | None = None,
) -> Plan:
    """Return how much traffic a test of two arms needs, tested once at the end or looked at whenever one likes.

    Args:
        metric: What decides; `preference`, of interleaved lists.
        effect: As this and the next five are in `PlanRequest`.
        baseline: Its value today; none of `preference`.
        sd: The standard deviation of an answer.
        per_day: What is counted, a day, both arms together.
        design_effect: How many times as much is needed because the answers of a user are alike.
        power: The chance to find the effect.
        alpha: The chance to find one where there is none.
        keep: The folder of the event log beside which the plan is kept, so that `report_test` takes it from there; None: it is not.

    Raises:
        ConfigError: the metric is unknown, a number is out of its bounds, another plan is kept there, or it cannot be written.
    """
    from ..abtests.kept_plan import keep_plan, kept_of
    from ..abtests.plan import make_plan
    from ..abtests.plan_request import PlanRequest

    request = PlanRequest(
        metric=metric, effect=effect, baseline=baseline, sd=sd, per_day=per_day, design_effect=design_effect, power=power, alpha=alpha
    )
    plan = make_plan(request)
    if keep is not None:
        keep_plan(Path(keep).expanduser(), kept_of(request))
    return plan


def report_test(
    folder: str | PathLike[str],
    *,
    experiment: str | None = None,
    metric: str | None = None,
    effect: float | None = None,
    alpha: float | None = None,
    power: float | None = None,
    k: int = 5,
    again_s: float = 300.0,
    keep_bots: bool = False,
    html: str | PathLike[str] | None = None,
    html_lang: PageLanguage = "en",
) -> Report:
    """Return what an event log tells of an experiment's arms.

    Args:
        folder: What `adapt serve --events` was given.
        experiment: Which one; None: the newest.
        metric: What decides; None, as of the next three: what the plan beside the log says, else a default (`ReportRequest`).
        effect: The smallest difference that matters, in the metric's unit.
        alpha: The chance of a wrong decision over all looks.
        power: The chance to find the effect, for the time that is left.
        k: Precision and purchases are counted in the first k places.
        again_s: A search so many seconds after one without a click is the same need asked again.
        keep_bots: Whether users who search or click faster than a person count.
        html: A page to write, with the difference over time; None: none.
        html_lang: Its language.

    Raises:
        DataError: there is no log, no experiment of that id or no answer of it, or a record is damaged.
        ConfigError: the metric is unknown, a number is out of its bounds, or the page cannot be written.
    """
    from ..abtests.measures.outcomes import Counting
    from ..abtests.report.job import make_report
    from ..abtests.report.request import ReportRequest

    where = Path(folder).expanduser()
    counting = Counting(k=k, again_s=again_s)
    report = make_report(
        ReportRequest(
            folder=where,
            experiment=experiment,
            metric=metric,
            effect=effect,
            alpha=alpha,
            power=power,
            counting=counting,
            keep_bots=keep_bots,
        )
    )
    if html is not None:
        from ..abtests.report.page import write_page

        write_page(report, Path(html).expanduser(), f"report_test({str(where)!r})", html_lang)
    return report
