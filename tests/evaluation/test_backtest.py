"""The backtest on customers made by hand: who knows nothing, who knows all, who cheats, who fails."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from rfm_ml.core.errors import DataError
from rfm_ml.customers.table import customer_table
from rfm_ml.evaluation.backtest import Settings, judge, run_backtest
from rfm_ml.evaluation.backtest_results import backtest_results
from rfm_ml.evaluation.built_in import BASELINES, all_candidates
from rfm_ml.evaluation.candidates import BASELINE, OPEN, SAME, Baseline, Segmentation, cut_rule, segmentation
from rfm_ml.evaluation.leakage import leaking_candidates
from rfm_ml.evaluation.origins import Origin, Plan, choose_origins, make_origins
from rfm_ml.evaluation.scorecard import leagues, pairs_table, ranks_table, scorecard_table
from rfm_ml.segments import SegmentModel, load_map
from rfm_ml.strategies import make_strategy

QUICK = Settings(bootstraps=100, refits=10)


def simple_table(orders: object, day: date) -> pd.DataFrame:
    return customer_table(orders, as_of=day, with_features=False)


@pytest.fixture(scope="module")
def orders() -> pd.DataFrame:
    """A year of 120 customers: the higher the number, the more often and the more expensively they buy."""
    rng = np.random.default_rng(5)
    rows = []
    for customer in range(120):
        for day in range(364):
            if rng.random() < 0.004 + customer / 6000:
                rows.append((customer, pd.Timestamp("2024-01-01") + timedelta(days=day), 5.0 + customer / 4))
    return pd.DataFrame(rows, columns=["customer_id", "ordered_on", "amount"])


@pytest.fixture(scope="module")
def origins(orders: pd.DataFrame) -> list[Origin]:
    plan = choose_origins(date(2024, 1, 1), date(2024, 12, 29), horizon_days=60, origins=3)
    return make_origins(orders, plan, build=simple_table)


class TestOrigins:
    def test_a_long_log_is_tested_at_four_origins_a_horizon_apart(self) -> None:
        plan = choose_origins(date(1997, 1, 1), date(1998, 6, 30))
        assert plan.horizon_days == 91
        assert [(b - a).days for a, b in zip(plan.days, plan.days[1:], strict=False)] == [91, 91, 91]
        assert plan.days[-1] + timedelta(days=91) == date(1998, 6, 30)

    def test_a_shorter_log_has_overlapping_periods_and_says_so(self) -> None:
        plan = choose_origins(date(2017, 1, 1), date(2017, 12, 31))
        assert (plan.horizon_days, len(plan.days)) == (91, 4)
        assert "overlap" in plan.words
        # Before the first origin lie a period to learn values in and half of one to know customers from.
        assert plan.days[0] >= date(2017, 1, 1) + timedelta(days=91 + 45)

    def test_a_short_log_is_judged_by_28_days(self) -> None:
        assert choose_origins(date(2017, 1, 1), date(2017, 9, 30)).horizon_days == 28

    def test_fewer_origins_than_wanted_are_told(self) -> None:
        plan = choose_origins(date(2017, 1, 1), date(2017, 4, 15))
        assert len(plan.days) == 2
        assert "too short for 4" in plan.words

    def test_nothing_is_left_of_a_log_of_two_months(self) -> None:
        with pytest.raises(DataError, match="must span at least 70 days"):
            choose_origins(date(2017, 1, 1), date(2017, 3, 1))

    def test_truth_and_learning_are_cut_at_the_right_days(self) -> None:
        plan = Plan((date(2024, 3, 1),), 30, "")
        days = ["2024-01-01", "2024-01-31", "2024-02-01", "2024-03-01", "2024-03-02", "2024-03-31", "2024-04-01"]
        amounts = [1.0, 10.0, 100.0, 1000.0, 7.0, 20.0, 5000.0]
        log = pd.DataFrame({"customer_id": 1, "ordered_on": pd.to_datetime(days), "amount": amounts})
        (origin,) = make_origins(log, plan, build=simple_table)
        assert origin.history.before.day == date(2024, 1, 31)
        assert origin.history.before.base["spend"].tolist() == [11.0]
        assert origin.history.between.tolist() == [1100.0]  # (T - H, T]
        assert origin.history.now.base["spend"].tolist() == [1111.0]
        assert origin.history.now.recent_spend.tolist() == [1100.0]
        assert origin.spend.tolist() == [27.0]  # (T, T + H]
        assert origin.later.now.day == date(2024, 3, 31)

    def test_a_sample_is_the_same_whatever_the_order_of_rows(self, orders: pd.DataFrame) -> None:
        plan = Plan((date(2024, 7, 1),), 60, "")
        ids = [
            make_origins(log, plan, build=simple_table, most_customers=40)[0].history.now.customers["customer_id"]
            for log in (orders, orders.sample(frac=1, random_state=1))
        ]
        assert len(ids[0]) == 40
        assert ids[0].tolist() == ids[1].tolist()


class TestJudging:
    def test_baselines_are_what_they_say(self, origins: list[Origin]) -> None:
        now = origins[0].history.now
        mean, rate, recent, hiatus = (b.learn(origins[0].history).scores(now) for b in BASELINES)
        assert np.ptp(mean) == 0
        assert mean[0] == pytest.approx(now.recent_spend.mean())
        assert rate[3] == pytest.approx(now.base["spend"][3] / (now.base["age_days"][3] + 1) * 60)
        assert recent.tolist() == now.recent_spend.tolist()
        assert hiatus.tolist() == (-now.base["recency_days"]).tolist()

    def test_segments_are_worth_their_mean_spend_since_and_new_ones_that_of_all(self, origins: list[Origin]) -> None:
        history = origins[-1].history
        candidate = Segmentation("q", SegmentModel(make_strategy("quantile_rfm", bins=2)))
        rule = candidate.learn(history)
        labels = rule.labels(history.before)
        one = labels == labels[0]
        assert rule.values[labels[0]] == pytest.approx(history.between[one].mean())
        rule.values.pop(labels[0])
        assert rule.scores(history.before)[0] == pytest.approx(history.between.mean())

    def test_who_knows_the_future_is_perfect_and_who_knows_nothing_finds_nothing(self, origins: list[Origin]) -> None:
        origin = origins[0]
        oracle = Baseline("oracle", lambda past: origin.spend if past.day == origin.day else past.recent_spend)
        known = judge(oracle, origin, settings=QUICK, with_refits=False).judged[0].table.set_index("measure")["value"]
        assert known["normalised_gini"] == pytest.approx(1)
        assert known["missed_top_20"] == pytest.approx(0, abs=0.01)  # two who spent the same share the last place
        mean = judge(BASELINES[0], origin, settings=QUICK, with_refits=False).judged
        assert len(mean) == 1  # one score for all cannot be cut
        assert mean[0].table.set_index("measure").loc["normalised_gini", "value"] == pytest.approx(0, abs=1e-9)

    def test_scores_are_cut_into_five_and_ten_groups(self, origins: list[Origin]) -> None:
        found = judge(BASELINES[1], origins[0], settings=QUICK, with_refits=True).judged
        assert [(j.strategy, j.groups) for j in found] == [
            ("past_spend_rate", 0), ("past_spend_rate/5", 5), ("past_spend_rate/10", 10)
        ]  # fmt: skip
        table = found[1].table.set_index("measure")
        assert 0.05 < table.loc["smallest_share", "value"] <= 0.2  # equal as of T - H, and drifting since
        assert 0.5 < table.loc["rand_index", "value"] <= 1
        assert {"kept_frozen", "kept_refit", "migration_entropy", "tree_accuracy"} <= set(table.index)

    def test_equal_scores_are_never_parted(self, origins: list[Origin]) -> None:
        now = origins[0].history.now
        coarse = Baseline("coarse", lambda past: (past.recent_spend > 0).astype(float)).learn(origins[0].history)
        labels = cut_rule(coarse, origins[0].history, groups=10).labels(now)
        assert len(set(zip(labels, coarse.scores(now), strict=True))) == len(set(coarse.scores(now)))

    def test_cut_scores_learn_edges_and_values_a_horizon_before(self, origins: list[Origin]) -> None:
        """Everything by hand: quintiles of the score as of T - H, and what these customers spent until T."""
        history = origins[1].history
        rate = BASELINES[1].learn(history)
        before = rate.scores(history.before)
        cut = cut_rule(rate, history, groups=5)
        size = len(before)
        edges = [np.sort(before)[int(np.ceil(size * k / 5)) - 1] for k in range(1, 5)]
        np.testing.assert_allclose(cut.edges, edges)
        best = before > edges[-1]
        assert cut.values[-1] == pytest.approx(history.between[best].mean())
        now = rate.scores(history.now)
        assert (cut.labels(history.now)[now > edges[-1]] == "5").all()
        assert set(cut.scores(history.now)[now > edges[-1]]) == {cut.values[-1]}

    def test_who_cannot_answer_is_left_out_with_the_reason(self, origins: list[Origin]) -> None:
        def broken(past: object) -> np.ndarray:
            raise ZeroDivisionError("no luck")

        outcome = judge(Baseline("broken", broken), origins[0], settings=QUICK, with_refits=False)
        assert not outcome.judged
        assert outcome.notes == (f"broken is left out at {origins[0].day}. ZeroDivisionError: no luck",)

    def test_the_same_from_two_processes(self, origins: list[Origin]) -> None:
        progress: list[tuple[int, int]] = []
        one, two = (
            run_backtest(
                BASELINES, origins[:2], settings=QUICK, jobs=jobs, progress=lambda d, n: progress.append((d, n))
            )
            for jobs in (1, 2)
        )
        tables = [scorecard_table([j for o in found for j in o.judged]) for found in (one, two)]
        pd.testing.assert_frame_equal(*tables)
        assert progress[:8] == [(i, 8) for i in range(1, 9)]


class TestTracks:
    def test_a_strategy_on_rfm_plays_with_the_same_information(self, origins: list[Origin]) -> None:
        history = origins[0].history
        assert segmentation("q", SegmentModel(make_strategy("quantile_rfm")), history=history).track == SAME
        assert BASELINES[0].track == BASELINE

    def test_a_strategy_that_needs_more_is_on_the_open_track(self, origins: list[Origin]) -> None:
        history = origins[0].history
        for past in (history.now, history.before):
            past.customers["clicks"] = past.base["orders"] * 2.0
        model = SegmentModel(make_strategy("quantile_rfm", bins=2, monetary="clicks"))
        assert segmentation("clicks", model, history=history).track == OPEN

    def test_built_in_candidates_take_part_once(self, origins: list[Origin]) -> None:
        own = {"mine": SegmentModel(make_strategy("quantile_rfm", bins=5), load_map("twelve"))}
        names = [c.name for c in all_candidates(own, None, history=origins[0].history)]
        assert "twelve" not in names
        assert names[-4:] == ["mean", "past_spend_rate", "recent_spend", "hiatus"]


class TestLeakage:
    def test_a_planted_leak_is_found_and_nobody_else_is_accused(self, orders: pd.DataFrame) -> None:
        """A column computed from all rows it is handed, and a strategy that relies on it."""

        def leaky(log: object, day: date) -> pd.DataFrame:
            frame = simple_table(log, day)
            table = log if isinstance(log, pd.DataFrame) else log.to_pyarrow().to_pandas()  # type: ignore[attr-defined]
            total = table.groupby("customer_id")["amount"].sum()
            return frame.assign(total_ever=total.reindex(frame["customer_id"]).astype(float).to_numpy())

        plan = Plan((date(2024, 6, 1),), 60, "")
        honest, seen = (make_origins(orders, plan, build=leaky, cut=c)[0].history for c in (True, False))
        cheat = Segmentation("cheat", SegmentModel(make_strategy("quantile_rfm", monetary="total_ever")))
        fair = Segmentation("fair", SegmentModel(make_strategy("quantile_rfm")))
        found = leaking_candidates([cheat, fair, *BASELINES], honest=honest, seen=seen)
        assert list(found) == ["cheat"]
        assert found["cheat"] > 0.2
        assert leaking_candidates([cheat], honest=honest, seen=honest) == {}

    def test_who_reads_the_future_elsewhere_is_too_good_to_be_true(self, origins: list[Origin]) -> None:
        truth = {o.day: o.spend for o in origins}
        oracle = Baseline("oracle", lambda past: truth.get(past.day, past.recent_spend))
        judged = [
            j
            for o in origins
            for c in (*BASELINES, oracle)
            for j in judge(c, o, settings=QUICK, with_refits=False).judged
        ]
        tables, facts = backtest_results(judged, origins, plan="", notes=[], settings=QUICK, leading="mean")
        assert "oracle is too good to be true: it seems to know what comes. Do not use it." in facts["notes"]
        assert "oracle" not in set(tables["ranks"]["strategy"])
        assert facts["recommendation"]["chosen"] not in ("oracle", "oracle/5", "oracle/10")


@pytest.fixture(scope="module")
def judged(origins: list[Origin]) -> list:
    own = Segmentation("five", SegmentModel(make_strategy("clusters", method="kmeans", k=5)))
    found = run_backtest([own, *BASELINES], origins, settings=QUICK)
    assert not [n for o in found for n in o.notes if "left out" in n]
    return [j for o in found for j in o.judged]


class TestScorecard:
    def test_one_row_per_strategy_origin_and_measure(self, judged: list) -> None:
        table = scorecard_table(judged, currency="EUR")
        assert not table.duplicated(["strategy", "origin", "measure"]).any()
        known = table.dropna()
        inside = (known["low"] <= known["high"]).all()
        assert inside
        assert set(table.loc[table["measure"] == "best_profit_0.1", "unit"]) == {"EUR"}

    def test_budgets_are_matched(self, judged: list) -> None:
        found = leagues(judged)
        assert found["5 groups"] == ["five", "past_spend_rate/5", "recent_spend/5", "hiatus/5"]
        assert "five" not in found["10 groups"]

    def test_differences_are_paired_and_counted(self, judged: list) -> None:
        pairs = pairs_table(judged)
        some = pairs[(pairs["measure"] == "normalised_gini") & (pairs["other"] == "past_spend_rate")]
        against = some[(some["league"] == "as they are") & (some["strategy"] == "mean")]
        assert (against["verdict"] == "worse").all()  # the mean finds nothing
        assert (pairs["p_holm"].dropna() >= pairs.loc[pairs["p_holm"].notna(), "p_value"]).all()
        ranks = ranks_table(judged, pairs)
        row = ranks[(ranks["league"] == "as they are") & (ranks["measure"] == "normalised_gini")].set_index("strategy")
        assert row.loc["mean", ["wins", "losses", "origins"]].tolist() == [0, 3, 3]
