"""Notebooks read like a report: the rules of the house, checked cell by cell."""

import ast
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").rglob("*.ipynb"))


def code_cells(path: Path) -> list:
    return [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]


def headings(path: Path) -> list[str]:
    cells = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "markdown"]
    return [line for c in cells for line in c.source.splitlines() if line.startswith("#")]


def test_the_notebooks_are_there() -> None:
    names = {p.stem for p in NOTEBOOKS}
    assert names >= {
        "10_data_quality",
        "20_customers",
        "30_rfm_quantiles",
        "31_rfm_thresholds",
        "32_clusters",
        "33_clv",
        "40_segment_panels",
        "41_behaviour_panels",
        "70_campaigns",
        "71_campaign_results",
        "42_products",
        "customer_360",
        "50_strategy_comparison",
        "60_migration",
    }


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
class TestEveryNotebook:
    def test_title_is_a_question_and_the_only_first_heading(self, path: Path) -> None:
        first = nbformat.read(path, as_version=4).cells[0]
        assert first.cell_type == "markdown"
        titles = [h for h in headings(path) if h.startswith("# ")]
        assert titles == [first.source.splitlines()[0]]
        assert titles[0].endswith("?")

    def test_ends_with_what_we_learned_from_the_data(self, path: Path) -> None:
        cells = nbformat.read(path, as_version=4).cells
        assert headings(path)[-1] == "## What we learned"
        assert cells[-2].source == "## What we learned"
        assert cells[-1].cell_type == "code"
        assert "say(" in cells[-1].source

    def test_code_is_short_and_defines_nothing(self, path: Path) -> None:
        cells = code_cells(path)
        assert len(cells) <= 20
        for cell in cells:
            assert len(cell.source.splitlines()) <= 15, cell.source
            made = [n for n in ast.walk(ast.parse(cell.source)) if isinstance(n, ast.FunctionDef | ast.ClassDef)]
            assert not made, cell.source

    def test_two_code_cells_never_stand_without_words_for_long(self, path: Path) -> None:
        kinds = [c.cell_type for c in nbformat.read(path, as_version=4).cells]
        assert "code code code code" not in " ".join(kinds)

    def test_first_code_cell_declares_literal_parameters(self, path: Path) -> None:
        cells = code_cells(path)
        tagged = [i for i, c in enumerate(cells) if "parameters" in c.metadata.get("tags", [])]
        assert tagged == [0]
        declared = {}
        for statement in ast.parse(cells[0].source).body:
            assert isinstance(statement, ast.Assign)
            declared[statement.targets[0].id] = ast.literal_eval(statement.value)
        assert declared["params"] == "params/cdnow.yml"
        assert declared["as_of"] == ""

    def test_has_no_outputs_and_runs_on_any_python(self, path: Path) -> None:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        assert notebook.metadata.kernelspec.name == "python3"
        for cell in code_cells(path):
            assert not cell.outputs
            assert cell.execution_count is None

    def test_says_nothing_that_holds_for_one_study_only(self, path: Path) -> None:
        cells = nbformat.read(path, as_version=4).cells
        text = " ".join(c.source for c in cells if "parameters" not in c.metadata.get("tags", []))
        for word in ("CDNOW", "1997", "2,357", "USD", "music"):
            assert word not in text
