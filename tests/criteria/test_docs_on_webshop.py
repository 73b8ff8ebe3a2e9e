"""Every condition that the docs show, on the webshop's data: the members are those of an independent oracle."""

import ast
import doctest
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest
import yaml

from rfm_ml.core.errors import ParamsError
from rfm_ml.features.dynamic_segments.dynamic_segments import DynamicSegments
from rfm_ml.study import Study
from rfm_ml.study.published import EarlierDay
from tests.criteria.oracle import Oracle
from tests.criteria.probes import CHANNELS, FRAGMENTS, KEYS, NO_CRITERIA, REFUSED, VALUES

ROOT = Path(__file__).parents[2]
PAGES = {p.name: p.read_text(encoding="utf-8") for p in [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"]}
PAGE = PAGES["criteria.md"]
PARAMS = yaml.safe_load((ROOT / "params" / "webshop.yml").read_text(encoding="utf-8"))
SHIPPED = {name: segment["where"] for name, segment in PARAMS["dynamic_segments"].items()}
TABLES = ("orders", "events", "campaigns", "contacts", "products")
TABLE_KEYS = dict(re.findall(r"^\| `(\w+):` \|[^|]+\|(.*)\|$", PAGE, flags=re.MULTILINE))
KINDS = {*TABLE_KEYS, "all", "any", "not"}
ROWS = 6_000
PAST = (date(2024, 2, 29), date(2024, 12, 31), date(2025, 3, 31))

Where = dict[str, Any]


# --- what the docs show -----------------------------------------------------------------------------------------
def blocks(page: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)


def spans(page: str) -> list[str]:
    prose = re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL)
    return [" ".join(span.split()) for span in re.findall("`([^`]+)`", prose)]


def of_code(page: str) -> Iterator[Where]:
    """Yield the criteria of python blocks, as in `DynamicSegments(study, where={"mine": {...}})`."""
    for block in blocks(page, "python"):
        shown = "".join(example.source for example in doctest.DocTestParser().get_examples(block))
        tree = ast.parse(shown or block)
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        for keyword in [k for call in calls for k in call.keywords if k.arg == "where"]:
            yield from ast.literal_eval(keyword.value).values()


def shown_on_pages() -> Iterator[Where]:
    """Yield the criteria of yaml, python and console blocks of all pages."""
    for page in PAGES.values():
        for block in blocks(page, "yaml"):
            segments = (yaml.safe_load(block) or {}).get("dynamic_segments", {})
            yield from [segment["where"] for segment in segments.values()]
        yield from of_code(page)
        for params, text in re.findall(r"rfm-ml count (\S+) .*--where '([^']+)'", page):
            assert params == "params/webshop.yml", f"There is no oracle for {params}."
            yield yaml.safe_load(text)


def shown_in_text() -> Iterator[Where]:
    """Yield the criteria in the text of the page, and those that its fragments are tried in."""
    for span in spans(PAGE):
        try:
            found = yaml.safe_load(span)
        except yaml.YAMLError:
            continue
        if not isinstance(found, dict) or list(found.values()) == [None] or span in NO_CRITERIA:
            continue
        if KINDS & set(found):
            yield found
        else:
            assert span in FRAGMENTS, f"The page shows {span}: write into probes.py in which conditions it is tried."
            yield from FRAGMENTS[span]


def table(heading: str) -> list[str]:
    """Return the first cells of the table under a heading."""
    (part,) = re.findall(rf"^## {heading}$(.*?)(?=^## |\Z)", PAGE, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"^\| (`.+?) \|", part, flags=re.MULTILINE)


def shown() -> list[Where]:
    """Return the criteria that the docs and the params of the webshop show, without those that are refused."""
    return [where for where in [*SHIPPED.values(), *shown_on_pages(), *shown_in_text()] if where not in REFUSED]


def everything() -> list[Where]:
    """Return the shown criteria, and those that try every key, value and source that the page names."""
    found = shown()
    found += [where for probes in (*KEYS.values(), *VALUES.values()) for where in probes]
    found += [
        {kind: {"source": s.strip("`")}} for s in table("Where a visit came from") for kind in ("orders", "events")
    ]
    return [one for i, one in enumerate(found) if one not in found[:i]]


# --- the shop -----------------------------------------------------------------------------------------------------
class Shop(NamedTuple):
    path: Path
    raw: dict[str, pd.DataFrame]


VISITS = (
    (None, None, None, None),
    ("google", "cpc", "brand", "https://www.google.com/"),
    ("Newsletter", None, None, None),
    ("google", None, None, None),
    (None, None, None, "https://www.google.de/?q=hats"),
    ("partner", "Paid-social", None, None),
    (None, None, None, "https://m.facebook.com/"),
    ("instagram", None, "spring", None),
    ("partner", "referral", None, None),
    (None, None, None, "https://blog.example.org/google.com"),
    ("print", "qr", None, None),
    (None, None, "spring", None),
    (None, "organic", None, None),
)


def write_shop(folder: Path) -> Shop:
    """Write a small webshop with what the page speaks of and the webshop lacks: visits of orders, kinds of campaign."""
    (folder / "params").mkdir(parents=True)
    (folder / "data").mkdir()
    path = folder / "params" / "shop.yml"
    kept = ("study", "as_of", "currency", "time_zone", "dynamic_segments")
    params = {k: PARAMS[k] for k in kept} | {t: {"dataset": "webshop", "options": {"rows": ROWS}} for t in TABLES}
    params["strategies"] = {name: PARAMS["strategies"][name] for name in ("quantiles", "thresholds")}
    params["notebooks"] = PARAMS["notebooks"][:1]
    path.write_text(yaml.safe_dump(params))
    source = Study(path).source.files[0].parent
    raw = {name: pd.read_parquet(source / f"{name}.parquet") for name in TABLES}
    visit = raw["orders"]["order_id"].mod(len(VISITS))
    for i, column in enumerate(("utm_source", "utm_medium", "utm_campaign", "referrer")):
        raw["orders"][column] = [VISITS[n][i] for n in visit]
    number = raw["contacts"]["customer_id"].str[1:].astype(int)
    raw["contacts"]["source"] = [("referral", "advert", None)[n % 3] for n in number]
    raw["contacts"]["points"] = [("12.5", "7", "many", "2025-01-31", None)[n % 5] for n in number]
    raw["campaigns"]["campaign_type"] = "Type " + raw["campaigns"]["campaign_id"].map(lambda c: "AB"[int(c[-1]) % 2])
    for name, data in raw.items():
        data.to_parquet(folder / "data" / f"{name}.parquet", index=False)
        params[name] = {"path": f"data/{name}.parquet"}
    path.write_text(yaml.safe_dump(params))
    return Shop(path, raw)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return write_shop(tmp_path_factory.mktemp("shop") / "shop")


def oracle(raw: dict[str, pd.DataFrame], study: Study, *, strategies: tuple[str, ...] = ("quantiles",)) -> Oracle:
    return Oracle(raw, as_of=study.as_of, labels={name: study.segments(name) for name in strategies})


def require_same(study: Study, asked: list[Where], judge: Oracle) -> list[set[str]]:
    """Refuse members that are not the oracle's; return the members of each condition."""
    segments = DynamicSegments(study, where={f"asked_{i}": where for i, where in enumerate(asked)})
    every = [set(segments.members(f"asked_{i}")["customer_id"]) for i in range(len(asked))]
    told = []
    for where, found in zip(asked, every, strict=True):
        right = judge.members(where)
        if found != right:
            told.append(f"{where}: {len(found)} where {len(right)} are right, {len(found ^ right)} differ")
    assert told == []
    return every


# --- the tests ------------------------------------------------------------------------------------------------------
def test_the_page_shows_what_we_look_for() -> None:
    assert {"shoes_again", "spring_2025"} <= set(yaml.safe_load(blocks(PAGE, "yaml")[0])["dynamic_segments"])
    assert len(list(shown_on_pages())) >= 6
    assert len(list(shown_in_text())) >= 15
    assert len(everything()) >= 300


def test_every_key_value_and_fragment_of_the_page_is_tried() -> None:
    above = TABLE_KEYS["orders"].partition(";")[0]
    cells = {kind: cell.replace("filters as above", above) for kind, cell in TABLE_KEYS.items()}
    named = {(kind, key) for kind, cell in cells.items() for key in re.findall(r"`(\w+)`", cell)}
    assert {*KEYS, *CHANNELS} == named | {(kind, "") for kind in TABLE_KEYS}
    assert {span for cell in table("Values") for span in re.findall("`([^`]+)`", cell)} == set(VALUES)
    shown = spans(PAGE)
    assert set(FRAGMENTS) | set(NO_CRITERIA) <= set(shown)
    assert all(where in list(shown_on_pages()) for where in REFUSED)


def test_members_are_those_of_the_oracle(shop: Shop) -> None:
    study, asked = Study(shop.path), everything()
    judge = oracle(shop.raw, study, strategies=("quantiles", "thresholds"))
    found = require_same(study, asked, judge)
    some = [where for where, members in zip(asked, found, strict=True) if 0 < len(members) < len(judge.known)]
    assert [key for key, probes in KEYS.items() if not any(p in some for p in probes)] == []


def test_members_of_a_past_day_are_those_of_the_oracle(shop: Shop) -> None:
    study = Study(shop.path, as_of=PAST[1])
    judge = oracle(shop.raw, study, strategies=("quantiles", "thresholds"))
    require_same(study, shown(), judge)


def test_members_by_channel_are_those_of_the_oracle(shop: Shop) -> None:
    params = yaml.safe_load(shop.path.read_text()) | {"customers": {"by": "channel"}}
    del params["strategies"]["quantiles"]
    params["strategies"]["thresholds"]["options"]["by"] = "channel"
    path = shop.path.with_name("channels.yml")
    path.write_text(yaml.safe_dump(params | {"dynamic_segments": {}}))
    study, asked = Study(path), [where for probes in CHANNELS.values() for where in probes]
    judge = oracle(shop.raw, study, strategies=("thresholds",))
    assert all(0 < len(members) < len(judge.known) for members in require_same(study, asked, judge))


def test_sizes_over_time_are_those_of_the_oracle(shop: Shop) -> None:
    study = Study(shop.path)
    sizes = DynamicSegments(study).sizes([*PAST, study.as_of]).pivot(index="as_of", columns="name", values="customers")
    for day in (*PAST, study.as_of):
        judge = oracle(shop.raw, study if day == study.as_of else EarlierDay(study, as_of=day))
        assert sizes.loc[str(day), list(SHIPPED)].to_dict() == {n: len(judge.members(w)) for n, w in SHIPPED.items()}


@pytest.mark.parametrize("where", REFUSED, ids=str)
def test_what_the_page_says_is_refused_is_refused(shop: Shop, where: Where) -> None:
    with pytest.raises(ParamsError, match=r"^mine\."):
        DynamicSegments(Study(shop.path), where={"mine": where})


def test_shipped_segments_of_the_shipped_webshop() -> None:
    study = Study(ROOT / "params" / "webshop.yml")
    folder = study.source.files[0].parent
    raw = {name: pd.read_parquet(folder / f"{name}.parquet") for name in TABLES}
    judge = oracle(raw, study)
    require_same(study, list(SHIPPED.values()), judge)
    assert len(judge.members(SHIPPED["loyal_lately"])) == 927


def test_history_of_loyal_lately_counts_returns_by_hand() -> None:
    study = Study(ROOT / "params" / "webshop.yml")
    lines = pd.read_parquet(study.source.files[0]).dropna(subset="customer_id").drop_duplicates()
    lines["amount"] = lines["amount"].astype(float)
    orders = lines.groupby("order_id").agg({"customer_id": "first", "ordered_at": "min", "amount": "sum"})
    right = {}
    for day in (*PAST, study.as_of):
        age = (pd.Timestamp(day) - orders["ordered_at"].dt.normalize()).dt.days
        lately = orders[age.between(0, 179)]
        bought = lately[lately["amount"] > 0].groupby("customer_id").size()
        returned = lately.loc[lately["amount"] < 0, "customer_id"]
        right[day] = int((~bought[bought >= 3].index.isin(returned)).sum())
    assert (right[date(2024, 12, 31)], right[date(2025, 3, 31)], right[study.as_of]) == (1027, 1060, 927)
    sizes = DynamicSegments(study, where={}).sizes(list(right)).query("name == 'loyal_lately'")
    assert dict(zip(sizes["as_of"].dt.date, sizes["customers"], strict=True)) == right
