"""The manifest of a run: `run.json`, from which anybody can tell what a report rests on."""

import hashlib
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import rfm_ml
from rfm_ml.features.feature import Facts
from rfm_ml.reporting.notebooks import NotebookRun
from rfm_ml.study import Study
from rfm_ml.study.archive import Day

PACKAGES = ("pandas", "numpy", "scikit-learn", "duckdb", "ibis-framework", "pyarrow", "matplotlib", "papermill")


def write_manifest(
    study: Study,
    runs: list[NotebookRun],
    day: Day,
    *,
    timings: dict[str, float],
    facts: Sequence[Facts],
    warnings: list[str],
) -> None:
    """Write `run.json`: what went in, what came out, by which rules; all else of the day is there already."""
    net = study.waterfall.iloc[-1].to_dict()
    outputs = {str(p.relative_to(day.place)): _sha256(p) for p in sorted(day.place.rglob("*")) if p.is_file()}
    manifest = {
        "study": study.params.study,
        "as_of": study.as_of,
        "status": "done",
        "basis": study.basis,
        "input": {"fingerprint": study.source.fingerprint, "files": [f.name for f in study.source.files]},
        "rows": {
            "source": study.log.rows,
            "quarantined": study.log.quarantined,
            "counted": int(net["rows"]),
            "orders": int(net["orders"]),
            "customers": int(net["customers"]),
        },
        "strategies": {
            name: {
                "frozen": c.frozen,
                "why": c.why,
                "fingerprint": c.model.fingerprint,
                "follows": study.earlier.follows(name),
            }
            for name in study.strategies
            if (c := study.choice(name))
        },
        "objectors": len(study.objectors),
        **{name: figures for one in facts for name, figures in one.run.items()},
        "notebooks": {r.name: {"seconds": round(r.seconds, 2), "parameters": r.parameters} for r in runs},
        "seconds": timings,
        "notes": study.log.notes,
        "warnings": warnings,
        "versions": {"rfm_ml": rfm_ml.__version__, "python": platform.python_version()}
        | {p: version(p) for p in PACKAGES},
        "params": study.params.model_dump(mode="json", exclude={"delivery"}),  # it holds people's addresses
        "outputs": outputs,
    }
    day.write_manifest(manifest)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
