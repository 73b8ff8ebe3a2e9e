"""What changed since the last published day: movement, data, and alerts beyond limits."""

from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from rfm_ml.core.text import long_day
from rfm_ml.features.feature import Facts, Feature, Report
from rfm_ml.features.migration.alerts import MOST, data_alerts, drift_alerts, size_alerts, stop
from rfm_ml.features.migration.history import History
from rfm_ml.features.migration.sentences import movement_words
from rfm_ml.segments.movement import (
    move_in_words,
    movement_by_segment,
    movement_matrix,
    segment_sizes,
    share_moved,
    up_and_down,
)

BIGGEST = 5
"""Movements that the front page names."""


class Changes(Feature):
    """A study's day against the last published one, run or backfilled.

    Parameters
    ----------
    study
        With its models settled.
    """

    @cached_property
    def last(self) -> dict[str, pd.DataFrame]:
        """The ledger of the last published day of each strategy that has one."""
        every = {name: self.study.last_ledger(name) for name in self.study.strategies}
        return {name: rows for name, rows in every.items() if rows is not None and not rows.empty}

    @cached_property
    def histories(self) -> dict[str, History]:
        """The history of each strategy."""
        return {name: History(self.study, name) for name in self.study.strategies}

    def since(self, name: str) -> date:
        """Return the last published day of a strategy."""
        return pd.Timestamp(self.last[name]["as_of"].iloc[0]).date()

    @cached_property
    def matrices(self) -> dict[str, pd.DataFrame]:
        """The movement of each strategy since its last published day, as `movement_matrix`."""
        now = self.histories
        return {n: movement_matrix(rows, now[n].today, order=now[n].segments) for n, rows in self.last.items()}

    @cached_property
    def by_segment(self) -> dict[str, pd.DataFrame]:
        """The same per segment, as `movement_by_segment`, with what a refit did in `by_refit`."""
        tables = {}
        for name, rows in self.last.items():
            history = self.histories[name]
            table = movement_by_segment(rows, history.today, order=history.segments)
            refit = history.net_causes.set_index("segment")["by_refit"]
            tables[name] = table.assign(by_refit=table["segment"].map(refit).fillna(0).astype("int64"))
        return tables

    def sizes(self, name: str) -> pd.DataFrame:
        """Return `as_of, segment, customers, revenue` of the published days and today, as `segment_sizes`."""
        history, columns = self.histories[name], ["as_of", "segment", "value"]
        days = [frame[columns] for frame in (history.published, history.today) if not frame.empty]
        return segment_sizes(pd.concat(days, ignore_index=True), order=history.segments)

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The movement of each strategy in figures, for the manifest."""
        found = {}
        for name, table in self.by_segment.items():
            matrix, causes = self.matrices[name], self.histories[name].causes
            found[name] = {
                "since": self.since(name).isoformat(),
                "moved_share": _number(share_moved(matrix), 4),
                **{
                    f"moved_{way}": {"customers": n["customers"], "value": round(n["value"], 2)}
                    for way, n in up_and_down(matrix).items()
                },
                "moved_by": {c: int(n) for c, n in causes.groupby("cause")["customers"].sum().items()},
                "segments": {
                    r["segment"]: {
                        k: int(r[k]) for k in ("before", "added", "dropped", "kept", "after", "net", "by_refit")
                    }
                    for r in table.to_dict("records")
                },
            }
        return found

    @cached_property
    def data(self) -> list[dict[str, Any]]:
        """Rows, orders and customers of the last run and of today; nothing without an earlier run."""
        runs = self.study.earlier.runs()
        if not runs:
            return []
        last = next(iter(runs.values())).manifest()["rows"]
        net = self.study.waterfall.iloc[-1]
        now = {"counted": int(net["rows"]), "orders": int(net["orders"]), "customers": int(net["customers"])}
        words = {"counted": "order lines that count", "orders": "orders", "customers": "customers"}
        return [{"what": words[k], "before": int(last[k]), "now": n} for k, n in now.items() if k in last]

    @cached_property
    def alerts(self) -> list[str]:
        """What moved beyond the limits of the params, one sentence each: the data, then scores, then segments."""
        study, limits = self.study, self.study.params.alerts
        if limits is None:
            return []
        told = data_alerts(self.data, limits=limits)
        for name in study.strategies:
            told += drift_alerts(name, study.model(name).drift(study.customers), limits=limits)
        for name, table in self.by_segment.items():
            told += size_alerts(name, table, since=self.since(name), limits=limits)
        return told

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return `sizes_<strategy>`, and `movement_<strategy>` where there is an earlier day."""
        sizes = {f"sizes_{name}": self.sizes(name) for name in self.study.strategies}
        return sizes | {f"movement_{name}": matrix for name, matrix in self.matrices.items()}

    def write(self, report: Report) -> None:
        """Write the tables.

        Raises
        ------
        AlertError
            If there are alerts and the params say that they stop the run; nothing is published then.
        """
        if self.alerts and self.study.params.alerts is not None and self.study.params.alerts.stop:
            stop(self.alerts, failed=report.day.failed)
        super().write(report)

    def facts(self) -> Facts:
        """Return what changed, in words and figures, and the alerts."""
        page = {"changed": self.front_page(), "most_alerts": MOST}
        return Facts(page, {"movement": self.summary, "alerts": self.alerts}, alerts=self.alerts)

    def front_page(self) -> dict[str, Any] | None:
        """Return what the front page tells about the leading strategy, None on the first day."""
        name = self.study.strategies[0]
        if name not in self.by_segment:
            return None
        matrix, table = self.matrices[name], self.by_segment[name]
        moved = matrix[matrix["from_segment"] != matrix["to_segment"]]
        refit = table["by_refit"].abs().sum() > 0
        return {
            "since": long_day(self.since(name)),
            "words": movement_words(matrix, currency=self.study.params.currency),
            "refit": refit,
            "rows": [
                {k: f"{r[k]:,}" for k in ("before", "added", "dropped", "after")}
                | {"segment": r["segment"], "net": f"{r['net']:+,}", "by_refit": f"{r['by_refit']:+,}"}
                for r in table.to_dict("records")
                if r["before"] or r["after"]
            ],
            "biggest": [
                move_in_words(r["from_segment"], r["to_segment"], customers=r["customers"])
                for r in moved.nlargest(BIGGEST, "customers").to_dict("records")
            ],
            "data": [f"{d['before']:,} to {d['now']:,} {d['what']}" for d in self.data if d["before"] != d["now"]],
        }


def _number(value: float, digits: int) -> float | None:
    return None if np.isnan(value) else round(float(value), digits)
