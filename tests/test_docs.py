"""The docs say what is so: every block of the guide is run, every name in the docs exists."""

import ast
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pytest
import typer.main
import yaml

from rfm_ml import cli
from rfm_ml.core import columns
from rfm_ml.customers.engagement import EVENT_WEIGHTS, FORGOTTEN_DAYS, HALF_LIFE_DAYS
from rfm_ml.customers.regularity import CYCLIC_MAX_CV, REGULAR_MAX_CV, RHYTHM_MIN_GAPS, SEASON_MONTHS
from rfm_ml.customers.rfm import ANNUALISE_FLOOR_DAYS
from rfm_ml.params import Params
from rfm_ml.reporting import run as running
from rfm_ml.reporting.notebooks import declared_parameters, title_of
from rfm_ml.strategies import stability_index
from rfm_ml.study import Study
from rfm_ml.transactions.waterfall import STEPS

ROOT = Path(__file__).parents[1]
DOCS = ("README.md", "docs/guide.md", "docs/glossary.md")
GUIDE = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
HOME = "/home/you/rfm_ml"


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, the file it is saved as, the output shown below it."""

    language: str
    text: str
    file: str | None
    output: str | None


def blocks(text: str) -> Iterator[Block]:
    fence = r"```(\w+)\n(.*?)```\n"
    pattern = rf"(?:Save as `([^`]+)`:\n\n)?{fence}(?:\n```text\n(.*?)```\n)?"
    for file, language, content, output in re.findall(pattern, text, flags=re.DOTALL):
        if language != "text":
            yield Block(language, content, file or None, output or None)


def calls(console: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a console block and the output shown below it."""
    for part in re.split(r"^\$ ", console, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def at_home(text: str, folder: Path) -> str:
    """Put an output where the guide says that the clone lies."""
    return text.replace(str(folder), HOME).replace(str(Path(sys.executable).parent), f"{HOME}/.venv/bin")


def alike(text: str) -> list[str]:
    """Return the words of an output, whatever its width; seconds differ from run to run."""
    return re.sub(r"\b\d+\.\d s\b", "0.0 s", text).split()


def shown(source: str, names: dict[str, Any], printed: Any) -> str:
    """Run Python as a notebook cell does: what is printed, then the value of the last expression."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "guide.md", "exec"), names)
    value = eval(compile(ast.Expression(last.value), "guide.md", "eval"), names) if last else None
    return str(printed.readouterr().out) + ("" if value is None else repr(value))


def told(command: str, printed: Any) -> str:
    """Run an `rfm-ml` command here: what it prints, and where it fails what it says."""
    program, *arguments = shlex.split(command)
    assert program == "rfm-ml"
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    out, err = printed.readouterr()
    return str(out if ended.value.code == 0 else err[err.index("rfm-ml:") :])


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder like a clone, in which notebooks that are known to work are copied and not executed."""
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    (tmp_path / "params").mkdir()
    for name in ("cdnow", "webshop"):
        shutil.copy(ROOT / "params" / f"{name}.yml", tmp_path / "params")
    execute = running.execute_all

    def copied(runs: list[Any], to: Path, **options: Any) -> Any:
        if any(r.parameters.get("strategy") == "clv" for r in runs):  # the one that is to fail
            return execute(runs, to, **options)
        to.mkdir()
        for r in runs:
            shutil.copy(r.source, to / f"{r.name}.ipynb")
        return runs

    monkeypatch.setattr(running, "execute_all", copied)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return tmp_path


def replay(text: str, folder: Path, printed: Any) -> Iterator[tuple[str, str, str]]:
    """Save, run and type everything in the order of the text; yield what was done, what is shown, what came."""
    names: dict[str, Any] = {}
    for block in blocks(text):
        if block.file:
            place = folder / block.file
            place.parent.mkdir(exist_ok=True)
            place.write_text(block.text, encoding="utf-8")
        elif block.language == "python":
            came = shown(block.text, names, printed)
            yield block.text, block.output or "", at_home(came, folder)
        elif block.language == "console":
            for command, output in calls(block.text):
                yield command, output, at_home(told(command, printed), folder)


def test_every_block_of_the_guide_does_what_is_shown(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seen = 0
    with pd.option_context("display.width", 100, "display.max_columns", 20):
        for done, output, came in replay(GUIDE, clone, capsys):
            assert alike(came) == alike(output), f"after\n{done}\nthe guide shows\n{output}\nand we get\n{came}"
            seen += 1
    assert seen >= 25
    for done, output, came in replay((ROOT / "README.md").read_text(encoding="utf-8"), clone, capsys):
        assert alike(came) == alike(output) or not output, done
    _own_strategy_is_frozen_and_listed(clone)
    kept = nbformat.read(clone / "reports/broken/1997-09-30.failed/31_rfm_thresholds.ipynb", as_version=4)
    assert any(o.output_type == "error" for c in kept.cells if c.cell_type == "code" for o in c.outputs)


def _own_strategy_is_frozen_and_listed(clone: Path) -> None:
    listed = pd.read_csv(clone / "reports/overdue/1997-09-30/segments/overdue.csv")
    customers = Study(clone / "params" / "overdue.yml").customers
    gap = customers["gap_mean_days"].fillna(customers["gap_mean_days"].median())
    late = listed["segment"] == "Overdue"
    assert late.any()
    assert not late.all()
    assert (late.to_numpy() == (customers["recency_days"] > 3 * gap).to_numpy()).all()
    later = running.run_study(clone / "params" / "overdue.yml", as_of="1997-12-31")
    models = [clone / "reports" / "overdue" / day / "models" / "overdue.json" for day in ("1997-09-30", "1997-12-31")]
    assert later.folder == models[1].parents[1]
    assert models[0].read_bytes() == models[1].read_bytes()


def test_yaml_fragments_of_the_guide_are_keys_we_know() -> None:
    fragments = [yaml.safe_load(b.text) for b in blocks(GUIDE) if b.language == "yaml" and b.file is None]
    assert fragments
    whole = yaml.safe_load((ROOT / "params" / "cdnow.yml").read_text())
    for fragment in fragments:
        Params.model_validate(whole | fragment)


def commands() -> dict[str, set[str]]:
    group = typer.main.get_command(cli.app)
    found = {name: {o for p in command.params for o in p.opts} for name, command in group.commands.items()}  # type: ignore[attr-defined]
    return {name: options | {"--help"} for name, options in found.items()}


def spans(text: str) -> list[str]:
    """Return everything set as code: spans, and the lines of blocks for a shell."""
    shells = re.findall(r"```(?:sh|console)\n(.*?)```", text, flags=re.DOTALL)
    plain = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return re.findall(r"`([^`\n]+)`", plain) + [line.removeprefix("$ ") for s in shells for line in s.splitlines()]


@pytest.mark.parametrize("document", DOCS)
def test_commands_and_options_exist(document: str) -> None:
    known = commands()
    text = (ROOT / document).read_text(encoding="utf-8")
    for span in spans(text):
        named = re.match(r"rfm-ml (\w+)", span)
        if named:
            assert named[1] in known, span
            for option in re.findall(r"(?<!\S)--[\w-]+", span):
                assert option in known[named[1]], span
        elif span.startswith("--"):
            assert any(span.split()[0] in options for options in known.values()), span
        elif span.startswith("make "):
            for target in re.findall(r"make (\w+)", span):
                assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE), span


def test_every_command_is_named_in_the_readme_or_the_guide() -> None:
    text = GUIDE + (ROOT / "README.md").read_text(encoding="utf-8")
    missing = [name for name in commands() if not re.search(rf"rfm-ml {name}\b", text)]
    assert missing == []


@pytest.mark.parametrize("document", DOCS)
def test_files_and_links_exist(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    written = {b.file for b in blocks(GUIDE) if b.file} | {"params/my_shop.yml", "data/orders.csv", "data/scored.csv"}
    for span in spans(text):
        if re.fullmatch(r"(params|notebooks|docs|benchmarks|tests|rfm_ml|maps)/[\w./-]*", span):
            assert (ROOT / span).exists() or span in written or span == "maps/", span
        elif re.fullmatch(r"\d\d_\w+", span):
            assert (ROOT / "notebooks" / f"{span}.ipynb").exists(), span
    for target in re.findall(r"\]\(([^)]+)\)", text):
        file, _, heading = target.partition("#")
        place = (ROOT / document).parent / file if file else ROOT / document
        assert place.exists(), target
        if heading:
            assert heading in anchors(place.read_text(encoding="utf-8")), target


def anchors(text: str) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", t.lower()).replace(" ", "-") for t in titles}


def test_every_notebook_is_in_the_readme_with_its_title_and_its_parameters() -> None:
    rows = {
        name: (title.strip(), set(re.findall(r"`(\w+)`", parameters)))
        for name, title, parameters in re.findall(
            r"^\| \[`(\d\d_\w+|explore/\w+)`\]\([^)]+\) \|([^|]+)\|([^|]+)\|$",
            (ROOT / "README.md").read_text(encoding="utf-8"),
            flags=re.MULTILINE,
        )
    }
    folder = ROOT / "notebooks"
    files = {p.relative_to(folder).as_posix()[:-6]: nbformat.read(p, as_version=4) for p in folder.rglob("*.ipynb")}
    assert rows == {name: (title_of(nb, name), set(declared_parameters(nb))) for name, nb in files.items()}


def glossary(section: str) -> dict[str, str]:
    """Return the rows of the tables of one section: first cell without its marks, rest of the row."""
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    part = re.split(r"^## ", text, flags=re.MULTILINE)
    body = next(p for p in part if p.startswith(f"{section}\n"))
    rows = re.findall(r"^\| ([^|]+) \|(.+)\|$", body, flags=re.MULTILINE)
    return {name.strip().strip("`*"): rest.strip() for name, rest in rows}


def test_glossary_explains_every_step_of_the_waterfall_in_order() -> None:
    assert [s for s in glossary("Steps of the waterfall") if s in STEPS] == list(STEPS)


def test_glossary_explains_every_column(tmp_path: Path) -> None:
    described = glossary("Columns")
    for group in (columns.ORDERS, columns.OPTIONAL_LINE, columns.RFM, columns.REPEAT_BUYING):
        assert set(group) <= set(described)
    text = (ROOT / "params" / "webshop.yml").read_text().replace("rows: 100000", "rows: 2000")
    (tmp_path / "webshop.yml").write_text(text)
    study = Study(tmp_path / "webshop.yml")
    names = [re.sub(r"^channel_share_.*", "channel_share_<name>", c) for c in study.customers.columns]
    assert [c for c in names if c not in described] == []


def test_glossary_gives_the_limits_that_the_code_uses() -> None:
    words = glossary("Words")
    rhythm = glossary("Columns")["buying_rhythm"]
    assert f"fewer than {RHYTHM_MIN_GAPS} gaps" in rhythm
    assert f"at most {REGULAR_MAX_CV}" in rhythm
    assert f"at most {CYCLIC_MAX_CV:g}" in rhythm
    assert f"{SEASON_MONTHS} successive months" in rhythm
    score = glossary("Columns")["engagement_score"]
    assert f"{HALF_LIFE_DAYS} days" in score
    assert f"{FORGOTTEN_DAYS} days" in score
    for kind, weight in EVENT_WEIGHTS.items():
        assert re.search(rf"`{kind}`[^;.]*? {weight}\b", score), kind
    assert f"at least {ANNUALISE_FLOOR_DAYS} days" in words["annualise"]
    low, high = (float(n) for n in re.findall(r"below (\d\.\d\d)\b", words["drift, PSI"]))
    half = np.array([0.5, 0.5])
    moved = [np.array([0.5 + d, 0.5 - d]) for d in np.linspace(0, 0.4, 400)]
    for now in moved:
        index, verdict = stability_index(half, now)
        assert verdict == ("stable" if index < low else "some drift" if index < high else "large drift")


@pytest.mark.parametrize("picture", sorted((ROOT / "docs").glob("*.png")), ids=lambda p: p.name)
def test_pictures_are_small_and_shown(picture: Path) -> None:
    assert picture.stat().st_size < 300_000
    assert any(picture.name in (ROOT / d).read_text(encoding="utf-8") for d in DOCS)
