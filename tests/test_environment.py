"""environment.yml, pyproject.toml and constraints.txt say the same thing."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
# conda-forge calls a few packages by other names.
CONDA = {"matplotlib-base": "matplotlib", "ibis-duckdb": "ibis-framework", "python-duckdb": "duckdb"}


def bounds(requirement: str) -> tuple[str, str]:
    found = re.match(r"([A-Za-z0-9_.-]+)(?:\[[^]]*\])?\s*(.*)", requirement)
    assert found, requirement
    name = found[1].lower().replace("_", "-")
    return CONDA.get(name, name), found[2].replace(" ", "")


def project() -> dict[str, object]:
    return dict(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"])


def test_conda_users_get_the_same_packages_with_the_same_bounds() -> None:
    entries = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    conda = dict(bounds(e) for e in entries if isinstance(e, str))
    by_pip = dict(bounds(e) for e in entries[-1]["pip"] if not e.startswith("-"))
    wanted = project()
    extras = wanted["optional-dependencies"]
    assert isinstance(extras, dict)
    expected = dict(bounds(r) for r in [*wanted["dependencies"], *extras["data"]])  # type: ignore[misc]
    assert conda.pop("python") == wanted["requires-python"]
    conda.pop("pip")
    assert conda | by_pip == expected


@pytest.mark.parametrize("group", ["dependencies", "data", "dev"])
def test_constraints_pin_every_direct_dependency_by_name_and_version_only(group: str) -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9.+!]+", line) for line in lines)
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in lines}
    wanted = project()
    found = wanted["dependencies"] if group == "dependencies" else wanted["optional-dependencies"][group]  # type: ignore[index]
    for requirement in found:  # type: ignore[union-attr]
        assert bounds(requirement)[0] in pinned


def test_every_dependency_has_a_reason() -> None:
    reasons = "".join(p.read_text().lower() for p in (ROOT / "docs" / "adr").glob("*.md"))
    for requirement in project()["dependencies"]:  # type: ignore[attr-defined]
        assert f"`{bounds(requirement)[0]}`" in reasons
