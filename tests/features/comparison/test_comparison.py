"""The comparison of a study: from the params, with a strategy of one's own, to the tables of a run."""

import shutil
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rfm_ml.core.errors import ParamsError
from rfm_ml.features.comparison.comparison import StrategyComparison
from rfm_ml.reporting.run import run_study
from rfm_ml.study import Study

ROOT = Path(__file__).parents[3]

OWN = '''
from sklearn.base import BaseEstimator


class Spenders(BaseEstimator):
    """Whoever spent more than the median, and the others."""

    def fit(self, customers, y=None):
        self.limit_ = float(customers["spend"].median())
        return self

    def predict(self, customers):
        return (customers["spend"] > self.limit_).map({True: "Above", False: "Below"})

    def explain(self, customers):
        return customers["spend"].map("spent {:.2f}".format)

    def to_dict(self):
        return {"limit": self.limit_}

    @classmethod
    def from_dict(cls, state):
        made = cls()
        made.limit_ = state["limit"]
        return made
'''

PARAMS = """
study: small
as_of: 2024-12-31
currency: EUR
orders:
  path: data/orders.csv
  columns: {customer_id: customer, order_id: number, ordered_at: day, amount: total}
strategies:
  quantiles: {use: quantile_rfm, map: three_level, options: {bins: 3}}
  mine: {use: spenders_of_mine:Spenders}
comparison:
  horizon_days: 60
  origins: 2
  bootstraps: 100
  refits: 10
  candidates: [quantiles, mine]
notebooks: [50_strategy_comparison]
"""


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hundred customers over a year, the higher their number the more they buy; a run with the page."""
    base = tmp_path_factory.mktemp("small")
    for folder in ("params", "data", "notebooks"):
        (base / folder).mkdir()
    rng, rows = np.random.default_rng(3), []
    for customer in range(200):
        for day in np.flatnonzero(rng.random(366) < 0.004 + customer / 8000):
            ordered = date(2024, 1, 1) + timedelta(days=int(day))
            rows.append((f"c{customer:03}", len(rows), ordered, round(5 + customer / 4 + rng.random(), 2)))
    log = pd.DataFrame(rows, columns=["customer", "number", "day", "total"])
    log.to_csv(base / "data" / "orders.csv", index=False)
    (base / "spenders_of_mine.py").write_text(OWN)
    (base / "params" / "small.yml").write_text(PARAMS)
    shutil.copy(ROOT / "notebooks" / "50_strategy_comparison.ipynb", base / "notebooks")
    folder = run_study(base / "params" / "small.yml", jobs=1).folder
    assert "Which segmentation should we use?" in (folder / "pages" / "50_strategy_comparison.html").read_text()
    return folder / "tables"


def test_one_row_per_strategy_origin_and_measure(tables: Path) -> None:
    card = pd.read_csv(tables / "scorecard.csv")
    assert list(card) == ["strategy", "track", "groups", "origin", "measure", "unit", "value", "low", "high"]
    assert not card.duplicated(["strategy", "origin", "measure"]).any()
    assert set(card["origin"]) == {"2024-09-02", "2024-11-01"}
    gini = card[card["measure"] == "normalised_gini"].set_index(["strategy", "origin"])["value"]
    baselines = {"mean", "past_spend_rate", "recent_spend", "hiatus"}
    cut = {f"{name}/{k}" for name in baselines - {"mean"} for k in (5, 10)}
    assert set(gini.index.get_level_values(0)) == {"quantiles", "mine"} | baselines | cut
    assert gini["mean"].abs().max() < 1e-9
    assert (gini["mine"] > 0.1).all()
    assert card.loc[card["strategy"] == "mine", "groups"].eq(2).all()
    assert card.loc[card["strategy"] == "mine", "track"].eq("same information").all()


def test_differences_to_past_spend_are_told_for_ones_own_class(tables: Path) -> None:
    pairs = pd.read_csv(tables / "scorecard_pairs.csv")
    some = pairs[(pairs["strategy"] == "mine") & (pairs["other"] == "past_spend_rate")]
    some = some[some["measure"] == "normalised_gini"]
    assert (some["verdict"] == np.where(some["high"] < 0, "worse", "no difference")).all()
    assert "worse" in set(some["verdict"])  # two groups cannot rank two hundred customers
    card = pd.read_csv(tables / "scorecard.csv").set_index(["strategy", "measure", "origin"])["value"]
    for row in some.itertuples():
        values = [card[name, "normalised_gini", row.origin] for name in ("mine", "past_spend_rate")]
        assert row.difference == pytest.approx(values[0] - values[1])
    ranks = pd.read_csv(tables / "scorecard_ranks.csv")
    mine = ranks[(ranks["strategy"] == "mine") & (ranks["league"] == "as they are")]
    assert mine.loc[mine["measure"] == "normalised_gini", ["wins", "losses"]].to_numpy().tolist() == [
        [0, int((some["verdict"] == "worse").sum())]
    ]


def test_equal_customers_recommend_nothing_and_the_page_says_so(tmp_path: Path) -> None:
    """Two hundred customers with the same twenty orders: no strategy can tell them apart."""
    for folder in ("params", "data", "notebooks"):
        (tmp_path / folder).mkdir()
    days = [date(2024, 1, 1) + timedelta(days=18 * i) for i in range(20)]
    rows = [(f"c{c:03}", c * 20 + i, day, 10.0) for c in range(200) for i, day in enumerate(days)]
    log = pd.DataFrame(rows, columns=["customer", "number", "day", "total"])
    log.to_csv(tmp_path / "data" / "orders.csv", index=False)
    mine = "  mine: {use: spenders_of_mine:Spenders}\n"
    asked = PARAMS.replace(mine, "").replace("[quantiles, mine]", "[quantiles, rfm_cells]")
    (tmp_path / "params" / "small.yml").write_text(asked)
    shutil.copy(ROOT / "notebooks" / "50_strategy_comparison.ipynb", tmp_path / "notebooks")
    folder = run_study(tmp_path / "params" / "small.yml", jobs=1).folder
    page = (folder / "pages" / "50_strategy_comparison.html").read_text()
    assert "recommend anything" in page or "none is recommended" in page
    assert "200 customers were judged." in page


def test_an_unknown_candidate_is_refused_before_anything_runs(tables: Path) -> None:
    base = next(folder for folder in tables.parents if (folder / "params").is_dir())
    wrong = base / "params" / "wrong.yml"
    wrong.write_text(PARAMS.replace("[quantiles, mine]", "[quantils]"))
    with pytest.raises(ParamsError, match="Did you mean 'quantiles'"):
        StrategyComparison(Study(wrong)).require_usable()
