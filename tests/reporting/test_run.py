"""A run end to end: what is published, how it fails, what stays, what is the same again."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from rfm_ml.core.errors import DataError, NotebookError, ParamsError
from rfm_ml.reporting.run import run_study


def digests(folder: Path, *parts: str) -> dict[str, str]:
    files = sorted(p for part in parts for p in (folder / part).rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_run_publishes_everything_the_design_names(shop: Any) -> None:
    result = run_study(shop.params)

    place = shop.report()
    assert result.folder == place
    present = {str(p.relative_to(place)) for p in place.rglob("*") if p.is_file()}
    assert present == {
        "index.html",
        "run.json",
        "pages/hello.html",
        "pages/hello-code.html",
        "notebooks/hello.ipynb",
        "tables/waterfall.csv",
        "tables/quarantine.csv",
        "tables/customers.parquet",
        "tables/concentration.csv",
        "tables/profile_quantiles.csv",
        "tables/scores_quantiles.csv",
        "tables/drift_quantiles.csv",
        "tables/ledger_quantiles.parquet",
        "tables/rules_quantiles.csv",
        "tables/sizes_quantiles.csv",
        "tables/funnel.csv",
        "tables/portrait.csv",
        "segments/quantiles.csv",
        "segments/quantiles.parquet",
        "models/quantiles.json",
        "models/quantiles.sql",
    }
    assert {p.name for p in place.parent.iterdir()} == {".lock", "2024-06-30"}


def test_segment_list_has_one_row_per_customer_in_both_formats(shop: Any) -> None:
    run_study(shop.params)

    listed = pd.read_csv(shop.report() / "segments" / "quantiles.csv")
    assert listed["customer_id"].tolist() == ["ann", "bob", "cat", "dan", "eve", "fay"]
    assert list(listed.columns) == [
        "customer_id",
        "segment",
        "R",
        "F",
        "M",
        "cell",
        "funnel_stage",
        "reason",
        "next_step",
    ]
    # Edges: recency 10, 29, 31, 140; orders 1, 1, 2, 2; spend 9.99, 22, 67.75, 95 (sorted values 2 to 5 of 6).
    assert listed["cell"].astype(str).tolist() == ["553", "234", "311", "535", "112", "411"]
    assert listed["segment"].tolist() == ["Loyal", "At risk", "About to sleep", "Loyal", "Lost", "New"]
    parquet = pd.read_parquet(shop.report() / "segments" / "quantiles.parquet")
    assert parquet["segment"].tolist() == listed["segment"].tolist()


def test_manifest_counts_and_fingerprints_every_file(shop: Any) -> None:
    run_study(shop.params)

    manifest = json.loads((shop.report() / "run.json").read_text())
    assert manifest["status"] == "done"
    assert manifest["rows"] == {"source": 10, "quarantined": 0, "counted": 10, "orders": 10, "customers": 6}
    every = digests(shop.report(), ".")
    del every["run.json"]
    assert manifest["outputs"] == every
    assert manifest["notebooks"]["hello"]["parameters"] == {"params": "params/shop.yml", "as_of": "2024-06-30"}


def test_rerun_gives_the_same_bytes_with_and_without_cache(shop: Any) -> None:
    run_study(shop.params)
    first = digests(shop.report(), "tables", "segments", "models")
    run_study(shop.params)
    again = digests(shop.report(), "tables", "segments", "models")
    shutil.rmtree(shop.base / ".rfm_cache")
    run_study(shop.params)
    anew = digests(shop.report(), "tables", "segments", "models")

    assert len(first) == 16
    assert first == again == anew


def test_next_month_is_scored_with_the_frozen_model(shop: Any) -> None:
    run_study(shop.params, as_of="2024-05-31")
    run_study(shop.params, as_of="2024-06-30")

    may = (shop.report("2024-05-31") / "models" / "quantiles.json").read_bytes()
    assert (shop.report() / "models" / "quantiles.json").read_bytes() == may
    told = json.loads((shop.report() / "run.json").read_text())["strategies"]["quantiles"]
    assert told["frozen"] is True
    assert told["why"] == "frozen since 2024-05-31"
    assert "frozen since 2024-05-31" in (shop.report() / "index.html").read_text()


def test_refit_learns_anew_and_says_so(shop: Any) -> None:
    run_study(shop.params, as_of="2024-05-31")
    run_study(shop.params, refit=True)

    may = (shop.report("2024-05-31") / "models" / "quantiles.json").read_bytes()
    assert (shop.report() / "models" / "quantiles.json").read_bytes() != may
    told = json.loads((shop.report() / "run.json").read_text())["strategies"]["quantiles"]
    assert told["frozen"] is False
    assert told["why"] == "fitted on 2024-06-30, as asked for"


def test_changed_rules_are_a_refit_not_the_old_model(shop: Any) -> None:
    run_study(shop.params, as_of="2024-05-31")
    shop.params.write_text(shop.params.read_text().replace("map: twelve", "map: classic"))
    run_study(shop.params)

    told = json.loads((shop.report() / "run.json").read_text())["strategies"]["quantiles"]
    assert told["frozen"] is False
    assert "the rules changed since the model of 2024-05-31" in told["why"]


def test_notebook_that_fails_leaves_the_last_report_and_shows_the_cell(shop: Any) -> None:
    run_study(shop.params)
    before = digests(shop.report(), ".")
    shop.notebook("hello", "limit + 1", "limit / 0", "'never reached'")

    with pytest.raises(NotebookError) as caught:
        run_study(shop.params)

    assert caught.value.exit_code == 4
    message = str(caught.value)
    assert "hello failed" in message
    assert "limit / 0" in message
    assert "ZeroDivisionError" in message
    assert digests(shop.report(), ".") == before
    half = json.loads((shop.report().parent / "2024-06-30.failed" / "hello.ipynb").read_text())
    outputs = [c["outputs"] for c in half["cells"] if c["cell_type"] == "code"]
    assert any("4" in str(o) for o in outputs)
    # The next good run takes the remains away.
    shop.notebook("hello", "limit")
    run_study(shop.params)
    assert not (shop.report().parent / "2024-06-30.failed").exists()


def test_only_keeps_the_other_pages_while_their_basis_holds(shop: Any) -> None:
    shop.notebook("second", "'as it was'", title="And the second?")
    shop.write_params(notebooks="hello, second")
    run_study(shop.params)
    shop.notebook("second", "'changed'", title="And the second?")

    run_study(shop.params, only=["hello"])
    assert "as it was" in (shop.report() / "pages" / "second.html").read_text()
    index = (shop.report() / "index.html").read_text()
    assert index.index("Who said hello?") < index.index("And the second?")

    shop.orders.write_text(shop.orders.read_text() + "gus,11,2024-06-30,1.00\n")
    run_study(shop.params, only=["hello"])
    assert not (shop.report() / "pages" / "second.html").exists()


def test_parameter_that_no_cell_declares_stops_before_anything_runs(shop: Any) -> None:
    shop.write_params(notebooks="{name: hello, parameters: {limt: 4}}")

    with pytest.raises(ParamsError, match=r"It has no 'limt'. Did you mean 'limit'\?"):
        run_study(shop.params)
    assert not (shop.base / "reports").exists()


def test_parameters_of_the_params_reach_the_notebook(shop: Any) -> None:
    shop.notebook("hello", "limit * 11")
    shop.write_params(notebooks="{name: hello, parameters: {limit: 4}}")
    run_study(shop.params)
    assert "44" in (shop.report() / "pages" / "hello.html").read_text()


def test_as_of_before_the_first_order_publishes_nothing(shop: Any) -> None:
    with pytest.raises(DataError, match="first order is on 2023-11-15"):
        run_study(shop.params, as_of="2020-01-01")
    assert not shop.report("2020-01-01").exists()


def test_pages_load_nothing_from_elsewhere(shop: Any) -> None:
    shop.notebook("hello", "import pandas as pd\npd.DataFrame({'a': [1]})")
    run_study(shop.params)
    for page in [shop.report() / "index.html", *(shop.report() / "pages").glob("*.html")]:
        text = page.read_text()
        assert "http://" not in text, page
        assert "https://" not in text, page
        assert "<script" not in text, page


def test_links_of_the_index_lead_somewhere(shop: Any) -> None:
    import re

    run_study(shop.params)
    for page in [shop.report() / "index.html", *(shop.report() / "pages").glob("*.html")]:
        links = re.findall(r'href="([^"#]+)"', page.read_text())
        assert links
        for link in links:
            assert (page.parent / link).exists(), (page.name, link)


def test_nothing_in_the_report_names_this_machine(shop: Any) -> None:
    run_study(shop.params)
    for file in shop.report().rglob("*"):
        if file.suffix in (".html", ".json", ".ipynb", ".csv"):
            assert str(shop.base) not in file.read_text(), file
