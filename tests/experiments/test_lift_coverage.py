"""The planted effects of small webshops lie within their intervals; 100 larger shops are in docs/results.md."""

import importlib.util
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "lift_coverage.py"


def test_planted_effects_of_eight_shops_are_recovered() -> None:
    spec = importlib.util.spec_from_file_location("lift_coverage", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    table = script.measure(seeds=8, rows=20_000)
    main = table[(table["method"] == "Welch on CUPED") & (table["campaign"] != "all six")]
    held = main.groupby("outcome")["holds planted"].sum()
    # 95 % of 48 is 45.6; fewer than 41 would come of right intervals once in a hundred times.
    assert (held >= 41).all()
    assert (main["shops"] == 8).all()
