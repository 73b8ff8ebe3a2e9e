"""The page about clusters: what it shows is what the strategies say of the same customers."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rfm_ml.core.errors import ParamsError
from rfm_ml.features.clusters.clusters import Grouping
from rfm_ml.strategies import Clusters
from rfm_ml.strategies.clusters.refits import refit_stability
from rfm_ml.study import Study
from rfm_ml.study.archive import Archive

PARAMS = """study: shop
as_of: 2025-12-31
orders: {path: data/orders.csv}
strategies:
  quantiles: {use: quantile_rfm, map: twelve}
"""
CLUSTERS = "  groups: {use: clusters, options: {k: 3}}\n"
NOTEBOOKS = "notebooks: [32_clusters]\n"


def make(tmp_path: Path, text: str) -> Study:
    """Three kinds of ten customers each: often and lately, twice in spring, once in winter."""
    rng = np.random.default_rng(3)
    rows = []
    for i in range(10):
        rows += [(f"a{i}", pd.Timestamp("2025-12-25") - pd.Timedelta(days=9 * n), 80.0) for n in range(12)]
        rows += [(f"b{i}", pd.Timestamp("2025-04-01") + pd.Timedelta(days=n), 30.0) for n in (0, 5)]
        rows += [(f"c{i}", pd.Timestamp("2025-01-10"), 5.0)]
    orders = pd.DataFrame(rows, columns=["customer_id", "ordered_at", "amount"])
    orders["amount"] = (orders["amount"] * rng.uniform(0.95, 1.05, len(orders))).round(2)
    orders.insert(1, "order_id", range(len(orders)))
    for folder in ("data", "params"):
        (tmp_path / folder).mkdir()
    orders.to_csv(tmp_path / "data" / "orders.csv", index=False)
    (tmp_path / "params" / "shop.yml").write_text(text)
    return Study(tmp_path / "params" / "shop.yml")


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return make(tmp_path, PARAMS + CLUSTERS + NOTEBOOKS)


def test_the_first_clusters_of_the_study_are_shown(study: Study) -> None:
    grouping = Grouping(study)
    assert (grouping.name, grouping.by_default, grouping.other) == ("groups", False, "quantiles")
    assert grouping.model is study.model("groups")
    assert grouping.profile["customers"].tolist() == [10, 10, 10]
    assert grouping.numbers["k"].tolist() == list(range(4, 11))
    assert not grouping.numbers["chosen"].any()
    assert "the first run of this study" in grouping.origin


def test_centres_are_medians_and_their_place_among_all_customers(study: Study) -> None:
    centres = Grouping(study).centres.set_index(["measure", "group"])
    best = study.model("groups").segments[0]
    assert centres.loc[("orders", best), "value"] == 12
    # 20 of 30 have fewer orders, 10 as many: ties count half.
    assert centres.loc[("orders", best), "position"] == pytest.approx(25 / 30)
    assert centres.loc[("recency_days", best), "value"] == 6
    assert centres.loc[("recency_days", best), "position"] == pytest.approx(25 / 30)


def test_agreement_counts_customers_in_both_divisions(study: Study) -> None:
    grouping = Grouping(study)
    table = grouping.agreement
    joined = grouping.segments.merge(study.segments("quantiles"), on="customer_id")
    for row in table.itertuples():
        parts = joined.loc[joined["segment_x"] == row.group, "segment_y"].value_counts(normalize=True)
        assert parts.max() == pytest.approx(row.largest_share)
    assert table["customers"].sum() == 30
    assert 0 < grouping.same_pairs <= 1


def test_planted_groups_come_back_and_random_ones_do_not(study: Study) -> None:
    refits = Grouping(study).refits
    assert (refits["kept_share"] == 1).all()
    rng = np.random.default_rng(0)
    cloud = pd.DataFrame({c: np.expm1(rng.uniform(0, 6, 300)) for c in ("recency_days", "orders", "spend")})
    shaky = refit_stability(Clusters(k=8).fit(cloud), cloud, refits=5)
    assert shaky["kept_share"].min() < 0.85
    again = refit_stability(Clusters(k=8).fit(cloud), cloud.sample(frac=1, random_state=1), refits=5)
    pd.testing.assert_frame_equal(shaky, again)


def test_without_clusters_in_the_params_some_are_fitted(tmp_path: Path) -> None:
    grouping = Grouping(make(tmp_path, PARAMS + NOTEBOOKS))
    assert grouping.by_default
    assert grouping.origin == "fitted on 2025-12-31, as the params have no clusters"
    assert len(grouping.clusters.labels) >= 3


def test_alone_in_a_study_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    alone = PARAMS.replace("  quantiles: {use: quantile_rfm, map: twelve}\n", CLUSTERS) + NOTEBOOKS
    grouping = Grouping(make(tmp_path, alone))
    assert grouping.other is None
    assert grouping.agreement.empty
    assert np.isnan(grouping.same_pairs)


def test_a_strategy_of_another_kind_is_refused(study: Study) -> None:
    with pytest.raises(ParamsError, match=r"must use clusters\. 'quantiles' is quantile_rfm\. Choose groups\."):
        Grouping(study, "quantiles")


def test_a_later_refit_keeps_the_names(study: Study, tmp_path: Path) -> None:
    """Through the study, as a run does it: the earlier model is handed to the fit that was asked for."""
    folder = tmp_path / "reports" / "shop" / "2025-11-30"
    (folder / "models").mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    state = study.model("groups")
    state.strategy_.learned_ = state.strategy_.learned_._in_order(["Champions", "Loyal", "New"])
    state.shares_ = dict.fromkeys(state.segments, 10)
    (folder / "models" / "groups.json").write_text(state.to_json())
    later = Study(study.path)
    later.settle(Archive(folder.parent), refit=True)
    assert later.model("groups").segments == ["Champions", "Loyal", "New"]
    assert "as asked for; 3 of 3 groups keep the name they had in the model of 2025-12-31" in later.choice("groups").why
    assert Study(study.path).choice("groups").why == later.choice("groups").why
