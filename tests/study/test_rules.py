"""Strategies that learn from what came next, inside a study; every strategy in words beside its model."""

from datetime import date

import duckdb
import pandas as pd
import pytest

from rfm_ml.core.errors import DataError
from rfm_ml.customers.holdout import split_holdout
from rfm_ml.reporting.backfill import backfill
from rfm_ml.reporting.outputs import write_outputs
from rfm_ml.segments import SegmentModel
from rfm_ml.strategies import RuleTree
from rfm_ml.study import Study
from rfm_ml.study.archive import Day
from rfm_ml.study.statement import rules_statement

PARAMS = """
study: small
as_of: {as_of}
orders: {{dataset: webshop, options: {{rows: 4000, seed: 3}}}}
{more}
strategies:
  rules: {{use: rule_tree, options: {{max_leaves: 5, horizon_days: {days}}}}}
  quantiles: {{use: quantile_rfm, map: twelve}}
notebooks: [20_customers]
"""


@pytest.fixture
def made(tmp_path):
    def write(*, as_of: str = "2025-06-30", days: int = 60, more: str = "") -> Study:
        path = tmp_path / "params" / "small.yml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(PARAMS.format(as_of=as_of, days=days, more=more))
        return Study(path)

    return write


def test_rules_are_learned_from_the_last_days_and_used_on_today(made):
    study = made()
    strategy = study.model("rules").strategy_
    past = split_holdout(study.orders, as_of="2025-05-01", until="2025-06-30", lines=study.lines)
    expected = RuleTree(5, horizon_days=60).fit(past, past["actual_spend"])
    assert strategy.rules_ == expected.rules_
    assert strategy.means_.tolist() == expected.means_.tolist()
    assert study.segments("rules")["segment"].tolist() == expected.predict(study.customers).tolist()
    # Shares since the fit are those of today's customers, of whom there are more.
    assert study.model("rules").customers_ == len(study.customers) > len(past)


def test_a_log_that_ends_before_the_day_is_looked_back_from_its_end(made):
    study = made(as_of="2025-07-20")
    last = study.customers["last_order_on"].max()
    past = split_holdout(study.orders, as_of=(last - pd.Timedelta(days=60)).date(), lines=study.lines)
    assert study.model("rules").strategy_.rules_ == RuleTree(5, horizon_days=60).fit(past).rules_


def test_too_short_a_history_is_said_with_the_way_out(made):
    with pytest.raises(DataError, match=r"in 30000 days: the log must begin before .* Set a smaller horizon_days"):
        made(days=30_000).model("rules")


def test_with_channels_each_row_has_the_outcome_of_its_channel(made):
    study = made(more="customers: {by: channel}")
    model = study.model("rules")
    assert model.customers_ == len(study.customers)
    past = split_holdout(study.orders, as_of="2025-05-01", until="2025-06-30", by="channel")
    whole = split_holdout(study.orders, as_of="2025-05-01", until="2025-06-30")
    known = past.groupby("customer_id")["actual_orders"].sum()
    # A channel he had not used by then has no row, so its orders have no place.
    assert (known <= whole.set_index("customer_id")["actual_orders"]).all()
    one = past.iloc[int(past["actual_orders"].argmax())]
    orders = study.orders.to_pandas()
    his = orders[(orders["customer_id"] == one["customer_id"]) & (orders["channel"] == one["channel"])]
    days = pd.to_datetime(his["ordered_on"])
    later = his[(days > "2025-05-01") & (days <= "2025-06-30")]
    assert one["actual_orders"] == (later["order_kind"] == "order").sum() > 0
    assert "  channel," in rules_statement(study, "rules").splitlines()


def test_files_of_a_run_hold_the_rules_of_every_strategy(made, tmp_path):
    study = made()
    write_outputs(study, Day(tmp_path))
    customers = tmp_path / "tables" / "customers.parquet"
    for name in study.strategies:
        table = pd.read_csv(tmp_path / "tables" / f"rules_{name}.csv")
        assert table.columns.tolist() == ["segment", "rule", "customers", "share", "right"]
        assert table["customers"].sum() == len(study.customers)
        statement = (tmp_path / "models" / f"{name}.sql").read_text()
        assert f"Segments of the strategy {name} of the study small, as of 2025-06-30." in statement
        con = duckdb.connect()
        con.execute(f"CREATE TABLE customers AS FROM '{customers}'")
        said = dict(con.execute(statement).fetchall())
        con.close()
        listed = pd.read_parquet(tmp_path / "segments" / f"{name}.parquet")
        agree = (listed["customer_id"].map(said) == listed["segment"]).mean()
        assert agree == pytest.approx(study.rules(name).fidelity)
    assert study.rules("rules").exact
    assert study.rules("rules").fidelity == 1


def test_backfilled_days_learn_from_their_own_past(made):
    study = made(as_of="2025-06-30")
    backfill(study.path, start=date(2025, 4, 30), end=date(2025, 5, 31), out=study.base / "reports")
    written = sorted((study.base / "reports").rglob("rules.json"))
    assert written
    # With no run before, one model for all days, fitted on the last of them.
    past = split_holdout(study.orders, as_of="2025-04-01", until="2025-05-31", lines=study.lines)
    frozen = SegmentModel.from_json(written[0].read_text())
    assert frozen.strategy_.rules_ == RuleTree(5, horizon_days=60).fit(past).rules_
