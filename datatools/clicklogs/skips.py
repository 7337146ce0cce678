"""What a shopper passed over: items above a click in the same list, which were looked at and not wanted.

Source: Joachims, Granka, Pan, Hembrooke, Gay, "Accurately Interpreting Clickthrough Data as Implicit Feedback", SIGIR 2005
(https://doi.org/10.1145/1076034.1076063): click > skip above.
"""

from __future__ import annotations

import numpy as np

from .rows import LogRows
from .tally import Tally


def count_skips(rows: LogRows) -> Tally:
    """Return how often each item was above a click and not clicked: key query * items + item -> (1, n).

    A list that lies across two chunks of the log is taken for two, which may miss skips and makes none.
    """
    tally = Tally(1)
    for chunk in rows.chunks():
        part = chunk[(chunk["list"] != 0) & (chunk["position"] > 0) & (chunk["shown"] > 0)]
        names, at = np.unique(part["list"], return_inverse=True)
        lowest = np.zeros(len(names), dtype=np.int64)
        np.maximum.at(lowest, at, np.where(part["clicked"] > 0, part["position"], 0))
        skipped = part[(part["clicked"] == 0) & (part["position"] < lowest[at])]
        tally.add(skipped["query"].astype(np.int64) * len(rows.items) + skipped["item"], skipped["shown"])
    return tally
