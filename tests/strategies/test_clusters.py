"""Clusters: planted groups are found by every method, named by where they lie, and keep their names."""

import json
import re
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from rfm_ml.core.errors import DataError, NotFittedError, ParamsError
from rfm_ml.segments import SegmentModel
from rfm_ml.strategies import Clusters, QuantileRFM
from rfm_ml.strategies.clusters.methods import NAMES
from rfm_ml.strategies.clusters.naming import name_groups, score_scales
from rfm_ml.strategies.clusters.selection import choose_number
from rfm_ml.study.model_choice import choose_model

FAR = {
    # days since the last order, orders, spend: five kinds of customers, far apart
    "Champions": (5, 30, 3000.0),
    "Potentially loyal": (12, 8, 60.0),
    "Needs attention": (60, 3, 700.0),
    "Losing VIPs": (400, 12, 9000.0),
    "Lost": (900, 1, 8.0),
}


def planted(n: int = 60, *, seed: int = 0, kinds: dict[str, tuple] = FAR) -> pd.DataFrame:
    """n customers of each kind, within a tenth or so of its figures."""
    rng = np.random.default_rng(seed)
    parts = [
        pd.DataFrame(
            {
                "kind": kind,
                "recency_days": np.round(days * rng.lognormal(0, 0.08, n)),
                "orders": np.maximum(1, np.round(orders * rng.lognormal(0, 0.08, n))),
                "spend": np.round(spend * rng.lognormal(0, 0.08, n), 2),
            }
        )
        for kind, (days, orders, spend) in kinds.items()
    ]
    frame = pd.concat(parts, ignore_index=True)
    return frame.assign(customer_id=range(len(frame)))


def made(method: str, **options) -> Clusters:
    return Clusters(method, **({"smallest_share": 0.1} if method == "hdbscan" else {"k": 5}), **options)


def agree(labels: pd.Series, kinds: pd.Series) -> bool:
    table = pd.crosstab(labels, kinds) > 0
    return bool((table.sum() == 1).all() and (table.sum(axis=1) == 1).all())


@pytest.mark.parametrize("method", NAMES)
def test_every_method_finds_the_planted_groups(method):
    customers = planted()
    fitted = made(method, sample=200).fit(customers)
    assert agree(fitted.predict(customers), customers["kind"])
    assert agree(fitted.predict(planted(30, seed=5)), planted(30, seed=5)["kind"])  # and for others of the kinds


@pytest.mark.parametrize("method", ["kmeans", "bisecting_kmeans", "hierarchical", "mini_batch_kmeans"])
def test_the_number_of_planted_groups_is_chosen_and_the_reason_told(method):
    fitted = Clusters(method, k_range=(2, 8)).fit(planted())
    table = fitted.k_table_
    assert table.columns.tolist() == ["k", "silhouette", "gap", "gap_se", "bic", "stability", "chosen"]
    assert table["k"].tolist() == [2, 3, 4, 5, 6, 7, 8]
    assert table.loc[table["chosen"], "k"].tolist() == [5]
    assert table.loc[table["k"] == 5, "stability"].item() > 0.99
    assert table.loc[table["k"] == 5, "silhouette"].item() == table["silhouette"].max() > 0.8
    assert fitted.reason_.startswith("5 groups: silhouette")
    assert re.search(r"stability points? to this number.*; silhouette 0.9\d, stability 1.00\.", fitted.reason_)


def test_groups_have_the_names_of_the_cells_they_lie_in_best_first():
    fitted = Clusters(k=5).fit(planted())
    assert fitted.labels == ["Champions", "Potentially loyal", "Needs attention", "Losing VIPs", "Lost"]
    assert (fitted.predict(planted()) == planted()["kind"]).all()
    table = fitted.summary()
    assert table["customers"].tolist() == [60] * 5
    assert table["recency_days"].tolist() == pytest.approx([5, 12, 60, 400, 900], rel=0.1)


def test_namesakes_are_told_apart_by_what_differs_most():
    hundred = pd.DataFrame({"recency_days": range(1, 101), "orders": range(1, 101), "spend": np.arange(1, 101.0)})
    scales = score_scales(hundred)
    centres = pd.DataFrame(
        [(10, 95, 95.0), (10, 94, 85.0), (5, 85, 94.0), (15, 84, 84.0), (15, 84, 84.0), (90, 10, 10.0), (95, 10, 5.0)],
        columns=["recency_days", "orders", "spend"],
    )
    assert name_groups(centres, scales=scales) == [
        "Champions",
        "Champions, lower spend",
        "Champions, more recent",
        "Champions, longer ago",
        "Champions, fewer orders",
        "Lost",
        "Lost, lower spend",
    ]
    kept = {0: "Loyal", 5: "Champions"}
    assert name_groups(centres, scales=scales, kept=kept)[:2] == ["Loyal", "Champions, more orders"]
    twins = pd.concat([centres.head(1)] * 3, ignore_index=True)
    assert name_groups(twins, scales=scales) == ["Champions", "Champions, 2", "Champions, 3"]


def test_the_number_is_the_one_most_measures_point_to_among_the_stable():
    table = pd.DataFrame(
        {
            "k": [2, 3, 4, 5],
            "silhouette": [0.3, 0.6, 0.5, 0.2],
            "gap": [0.1, 0.5, 0.9, 0.8],
            "gap_se": [0.01] * 4,
            "bic": [40.0, 30.0, 20.0, 10.0],
            "stability": [0.99, 0.85, 0.9, 0.4],
        }
    )
    assert choose_number(table) == (
        2,
        "2 groups: stability points to this number, silhouette to 3, gap to 4, BIC to 5; silhouette 0.30, stability "
        "0.99. Divisions into 5 do not come back well enough in resampled data.",
    )
    clear = table.assign(silhouette=[0.3, 0.6, 0.9, 0.2])
    assert choose_number(clear)[0] == 4
    assert choose_number(clear)[1].startswith("4 groups: silhouette and gap point to this number, BIC to 5, stab")
    shaky = clear.assign(stability=[0.5, 0.4, 0.47, 0.3])
    k, reason = choose_number(shaky)
    assert k == 4
    assert "Divisions into 5 do not come back well enough in resampled data. No number comes back well" in reason


def test_other_features_are_named_too_and_numbered_without_recency_orders_and_spend():
    customers = planted().assign(share_of_sales=lambda f: np.where(f["kind"] == "Lost", 0.9, 0.1))
    assert Clusters(k=2, features=["share_of_sales"]).fit(customers).labels[-1] == "Lost"
    bare = customers[["customer_id", "recency_days", "share_of_sales"]]
    fitted = Clusters(k=2, features=["share_of_sales"]).fit(bare)
    assert fitted.labels == ["Group 1", "Group 2"]
    assert fitted.move_up(bare).unique().tolist() == [
        "These groups do not depend on orders or spend, so no order moves anybody."
    ]


@pytest.mark.parametrize("method", NAMES)
def test_names_survive_refits_on_resampled_and_permuted_customers(method):
    customers = planted(120)
    first = made(method, sample=300).fit(customers)
    for seed in range(5):
        again = customers.sample(frac=1, replace=True, random_state=seed)
        refit = made(method, sample=300, seed=seed).fit(again)
        told = refit.align(first, again)
        assert told == "5 of 5 groups keep the name they had"
        assert refit.labels == first.labels
        assert (refit.predict(customers) == first.predict(customers)).all()


def test_a_group_keeps_its_name_where_its_own_cell_would_say_another():
    before, after = planted(), planted()
    now = after["kind"] == "Needs attention"
    after.loc[now, "spend"] /= 20  # the same customers, who now lie among the low spenders
    first = Clusters(k=5).fit(before)
    refit = Clusters(k=5).fit(after)
    assert "Needs attention" not in refit.labels
    refit.align(first, after)
    assert "Needs attention" in refit.labels
    assert (refit.predict(after) == after["kind"]).all()


def test_a_new_group_gets_a_name_of_its_own():
    kinds = {k: v for k, v in FAR.items() if k != "Losing VIPs"}
    first = Clusters(k=4).fit(planted(kinds=kinds))
    refit = Clusters(k=5).fit(planted())
    assert refit.align(first, planted()) == "4 of 5 groups keep the name they had"
    assert len(set(refit.labels)) == 5
    assert set(first.labels) < set(refit.labels)


def test_nothing_is_aligned_with_another_strategy_or_other_columns():
    customers = planted()
    refit = Clusters(k=5).fit(customers)
    before = refit.fingerprint
    assert refit.align(QuantileRFM().fit(customers), customers) == ""
    other = Clusters(k=2, features=["age_days"]).fit(customers.assign(age_days=customers["recency_days"]))
    assert refit.align(other, customers) == ""
    assert refit.fingerprint == before


def test_a_run_that_fits_anew_hands_over_the_earlier_model(tmp_path):
    customers = planted()
    earlier = SegmentModel(Clusters(k=5)).fit(customers, fitted_on="2026-01-31")
    file = tmp_path / "clusters.json"
    file.write_text(earlier.to_json())
    later = customers.assign(spend=customers["spend"].where(customers["kind"] != "Needs attention", 30.0))
    day = pd.Timestamp("2026-02-28").date()

    alone = choose_model(SegmentModel(Clusters(k=5)), later, as_of=day)
    assert "Needs attention" not in alone.model.segments
    assert alone.why == "fitted on 2026-02-28, the first run of this study"

    asked = choose_model(SegmentModel(Clusters(k=5)), later, as_of=day, previous=file, why="as asked for")
    assert asked.model.segments == earlier.segments
    assert (
        asked.why
        == "fitted on 2026-02-28, as asked for; 5 of 5 groups keep the name they had in the model of 2026-01-31"
    )
    assert set(asked.model.shares_) == set(earlier.segments)

    changed = choose_model(SegmentModel(Clusters("hierarchical", k=5)), later, as_of=day, frozen=file)
    assert changed.model.segments == earlier.segments
    assert "as the rules changed since the model of 2026-01-31; 5 of 5 groups keep" in changed.why

    file.write_text("{")
    anew = choose_model(SegmentModel(Clusters(k=5)), later, as_of=day, previous=file)
    assert anew.model.segments == alone.model.segments


def test_customers_between_dense_groups_have_a_home():
    customers = planted(100)
    between = pd.DataFrame({"kind": "between", "recency_days": [25.0], "orders": [5.0], "spend": [200.0]})
    fitted = Clusters("hdbscan", smallest_share=0.1).fit(pd.concat([customers, between], ignore_index=True))
    assert fitted.labels == ["Champions", "Potentially loyal", "Needs attention", "Losing VIPs", "Lost"]
    assert fitted.predict(between).item() in fitted.labels
    assert "as many dense ones" in fitted.reason_
    assert "0% of customers lay between them and went to the nearest" in fitted.reason_


def test_hdbscan_keeps_the_shape_of_a_long_group():
    """Two parallel stripes in recency: a single centre each would cut them across."""
    rng = np.random.default_rng(1)
    n = 300
    customers = pd.DataFrame(
        {
            "recency_days": np.expm1(rng.uniform(0, 7, 2 * n)).round(),
            "orders": np.repeat([2, 12], n) * rng.lognormal(0, 0.03, 2 * n),
            "spend": 100.0,
        }
    )
    fitted = Clusters("hdbscan", smallest_share=0.1, features=["recency_days", "orders"]).fit(customers)
    found = fitted.predict(customers)
    assert agree(found, pd.Series(np.repeat(["rare", "often"], n)))


def test_most_customers_in_no_group_is_a_warning():
    rng = np.random.default_rng(0)
    scattered = pd.DataFrame(
        {"recency_days": rng.uniform(0, 900, 120), "orders": rng.uniform(1, 50, 120), "spend": rng.uniform(1, 9e3, 120)}
    )
    with pytest.warns(UserWarning, match=r"1 group: the customers do not differ enough|lie between the groups"):
        fitted = Clusters("hdbscan", smallest_share=0.4).fit(scattered)
    assert (fitted.predict(scattered) != "").all()


def test_scaling_by_hand():
    """log1p of 0, 3, 15, 63, 255 is 0, 2, 4, 6, 8 times log 2: median 4, quartiles 2 and 6."""
    customers = planted().head(5).assign(orders=[0, 3, 15, 63, 255], spend=[-7.0, 7.0, 7.0, 7.0, 7.0])
    fitted = Clusters(k=2, features=["orders", "spend"]).fit(customers)
    scaled = fitted.learned_.scaling.transform(customers)
    np.testing.assert_allclose(scaled[:, 0], [-1, -0.5, 0, 0.5, 1], atol=1e-12)
    # The quartiles of spend are equal: 1.349 standard deviations (of -3, 3, 3, 3, 3 times log 2: 2.4) instead.
    np.testing.assert_allclose(scaled[:, 1], [-6 / (1.349 * 2.4), 0, 0, 0, 0], atol=1e-12)


def test_a_feature_that_is_the_same_for_all_decides_nothing():
    customers = planted()
    with_constant = Clusters(k=5, features=["recency_days", "orders", "spend", "age_days"])
    labels = with_constant.fit(customers.assign(age_days=7)).predict(customers.assign(age_days=7))
    assert (labels == Clusters(k=5).fit(customers).predict(customers)).all()


def test_missing_values_count_as_the_median_and_no_order_has_no_group():
    customers = planted()
    fitted = Clusters(k=5).fit(customers)
    middle = customers.head(1).assign(spend=float(customers["spend"].median()))
    gap = customers.head(1).assign(spend=np.nan)
    assert fitted.predict(gap).item() == fitted.predict(middle).item()
    assert "spend missing (group: " in fitted.explain(gap).item()
    assert fitted.predict(gap.assign(recency_days=np.nan)).item() == ""
    assert fitted.move_up(gap.assign(recency_days=np.nan)).item() == "A first order."


@pytest.mark.parametrize("method", NAMES)
@pytest.mark.parametrize("rows", [1, 2, 3])
def test_few_customers_make_few_groups_and_a_warning(method, rows):
    customers = planted(1).head(rows)
    with pytest.warns(UserWarning, match="Fewer groups than asked for"):
        fitted = made(method).fit(customers)
    assert 1 <= len(fitted.labels) <= rows
    assert fitted.predict(customers).isin(fitted.labels).all()
    assert "do not differ enough" in fitted.reason_


@pytest.mark.parametrize("method", NAMES)
def test_equal_customers_are_one_group(method):
    customers = pd.concat([planted(1).head(1)] * 40, ignore_index=True)
    with pytest.warns(UserWarning, match="1 group: the customers do not differ enough"):
        fitted = (made(method) if method == "hdbscan" else Clusters(method)).fit(customers)
    assert fitted.predict(customers).unique().tolist() == fitted.labels


def test_columns_that_are_not_there_or_hold_no_number_are_refused():
    with pytest.raises(DataError, match=r"'spent'.*Did you mean 'spend'"):
        Clusters(features=["spent"]).fit(planted())
    with pytest.raises(DataError, match="spend must hold at least one number"):
        Clusters().fit(planted().assign(spend=np.nan))
    with pytest.raises(DataError, match="kind must be a column of numbers"):
        Clusters(features=["kind"]).fit(planted())


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"method": "k-means"}, "Did you mean 'kmeans'"),
        ({"k": 0}, "k must be auto or a whole number from 1 to 50. Got 0."),
        ({"k": "five"}, "k must be auto or a whole number"),
        ({"k": True}, "k must be auto or a whole number"),
        ({"method": "hdbscan", "k": 4}, "k must be left out with hdbscan"),
        ({"k_range": [5]}, "k_range must be two whole numbers"),
        ({"k_range": [8, 4]}, "k_range must be two whole numbers"),
        ({"features": "spend"}, "features must be a list of different columns"),
        ({"features": []}, "features must be a list of different columns"),
        ({"features": ["spend", "spend"]}, "features must be a list of different columns"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"sample": 10}, "sample must be a whole number of at least 100"),
        ({"smallest_share": 0.9}, "smallest_share must be between 0 and 0.5"),
    ],
)
def test_arguments_are_checked(options, told):
    with pytest.raises(ParamsError, match=re.escape(told)):
        Clusters(**options).fit(planted())


@pytest.mark.parametrize("method", NAMES)
def test_frozen_is_small_and_needs_no_library_that_found_the_groups(method, customers):
    fitted = (Clusters(method) if method == "hdbscan" else Clusters(method, k=8)).fit(customers)
    text = json.dumps(fitted.to_dict())
    assert len(text) < 8_000
    back = Clusters.from_dict(json.loads(text))
    assert back.fits(customers).tobytes() == fitted.fits(customers).tobytes()
    assert (back.reason_, back.labels) == (fitted.reason_, fitted.labels)


@pytest.mark.parametrize("part", ["scaling", "model", "names", "centres", "scales", "score_counts", "counts"])
def test_every_damaged_part_is_refused(part):
    state = Clusters(k=5).fit(planted()).to_dict()
    for bad in ({}, [], None, 7, {**state["scaling"], "spread": [0, 1, 1]} if part == "scaling" else "x"):
        with pytest.raises(ParamsError, match="A frozen clusters must be as it was written"):
            Clusters.from_dict({**state, part: bad})


def test_reasons_show_the_customer_beside_his_group():
    customers = planted()
    told = Clusters(k=5).fit(customers).explain(customers)
    pattern = r"Last order 5 days ago \(group: 5\), \d+ orders \(group: 30\), spend \d+\.\d\d \(group: \d+\.\d\d\); "
    assert re.fullmatch(pattern + r"nearest of 5 groups, then Needs attention\.|" + pattern + r".*", told.iloc[0])
    model = SegmentModel(Clusters(k=5)).fit(customers)
    assert model.explain(customers).iloc[0].startswith("Champions: last order ")


def test_what_moves_a_customer_up_does_move_him_up(customers):
    fitted = Clusters(k=6).fit(customers)
    rank = {name: i for i, name in enumerate(fitted.labels)}
    tried = 0
    for (_, row), told in zip(customers.iterrows(), fitted.move_up(customers), strict=True):
        found = re.fullmatch(r"(\d) more orders? worth (\d+\.\d\d)(?: each)? now would lead to (.+)\.", told)
        if not found:
            assert "not enough" in told or told == "Already in the top segment."
            continue
        more, name = int(found[1]), found[3]
        value = row["spend"] / row["orders"]
        for orders in range(1, more + 1):
            then = pd.DataFrame(
                [{**row, "recency_days": 0, "orders": row["orders"] + orders, "spend": row["spend"] + orders * value}]
            )
            reached = fitted.predict(then).item()
            here = fitted.predict(pd.DataFrame([row])).item()
            assert (rank[reached] < rank[here]) == (orders == more)
        assert reached == name
        tried += 1
    assert tried > 50


def test_comparing_numbers_afterwards_gives_the_table_of_the_fit():
    customers = planted()
    auto = Clusters(k_range=(3, 6)).fit(customers)
    given = Clusters(k=5, k_range=(3, 6)).fit(customers)
    assert not len(given.k_table_)
    assert given.reason_ == "5 groups, as given."
    pd.testing.assert_frame_equal(given.compare_numbers(customers.sample(frac=1, random_state=2)), auto.k_table_)
    assert not len(Clusters("hdbscan").fit(customers).compare_numbers(customers))


def test_many_rows_start_from_a_sample_and_find_the_same(monkeypatch):
    from rfm_ml.strategies.clusters import methods

    customers = planted(200)
    whole = Clusters(k=5).fit(customers)
    monkeypatch.setattr(methods, "START_ROWS", 100)
    started = Clusters(k=5).fit(customers)
    assert (started.predict(customers) == whole.predict(customers)).all()


def test_not_fitted_has_no_labels_so_that_a_playbook_is_not_checked_against_them():
    assert not hasattr(Clusters(), "labels")
    with pytest.raises(NotFittedError):
        Clusters().summary()


def test_nothing_is_printed_or_warned_on_plain_customers(customers):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clone(Clusters()).fit(customers)
