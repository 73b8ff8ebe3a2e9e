"""Publishing: whole or not at all, one writer at a time, also when a run is killed."""

import contextlib
import hashlib
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rfm_ml.core.errors import DataError, LockedError
from rfm_ml.reporting.run import run_study
from rfm_ml.study import archive
from rfm_ml.study.archive import Archive

# Where the process dies, as a patch that kills it with the signal that cannot be caught.
KILLED_AT = {
    "before models are settled": "study.Study.settle = die",
    "while lists are written": "run.write_outputs = lambda *a, **k: (outputs.write_outputs(*a, **k), die())",
    "while notebooks run": "notebooks.register_engine = die",
    "after the notebooks": "run.write_pages = die",
    "before the index": "run.write_index = die",
    "before the manifest": "run.write_manifest = die",
    "before the exchange": "archive._move_into_place = die",
    "after the exchange": "archive.shutil = type('Shutil', (), {'rmtree': staticmethod(die)})",
    "between the renames, where folders cannot be exchanged": (
        "archive._exchange = lambda one, other: False\n"
        "rename = Path.rename\n"
        "Path.rename = lambda self, to: die() if self.name.startswith('.building-') else rename(self, to)"
    ),
}

SCRIPT = """
import os, signal, sys
from pathlib import Path
from rfm_ml.reporting import notebooks, outputs, run
from rfm_ml.study import archive, study
def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)
{patch}
run.run_study(sys.argv[1])
"""


def tree(folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.mark.parametrize("moment", KILLED_AT)
def test_killed_run_leaves_the_last_report_and_the_next_run_is_clean(moment: str, shop: Any) -> None:
    run_study(shop.params)
    old = tree(shop.report())
    shop.orders.write_text(shop.orders.read_text() + "gus,11,2024-06-30,1.00\n")

    script = SCRIPT.format(patch=KILLED_AT[moment])
    process = subprocess.run([sys.executable, "-c", script, str(shop.params)], capture_output=True, text=True)
    assert process.returncode == -signal.SIGKILL, process.stderr

    if moment == "after the exchange":
        assert "gus" in (shop.report() / "segments" / "quantiles.csv").read_text()
    elif moment.startswith("between the renames"):
        # For a moment there is no report; whoever takes the lock next brings the old one back.
        with Archive(shop.report().parent).locked():
            assert tree(shop.report()) == old
    else:
        assert tree(shop.report()) == old

    run_study(shop.params)
    assert "gus" in (shop.report() / "segments" / "quantiles.csv").read_text()
    assert {p.name for p in shop.report().parent.iterdir()} == {".lock", "2024-06-30"}


def test_second_writer_is_refused_with_a_sentence(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from rfm_ml.study.archive import Archive\n"
        "with Archive(Path(sys.argv[1])).locked(): print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LockedError, match="Only one run may write"), Archive(tmp_path).locked():
            pass
    finally:
        holder.kill()
        holder.communicate()
    # The system freed the lock with its holder.
    with Archive(tmp_path).locked():
        pass


def test_building_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    place = tmp_path / "2024-01-01"
    with contextlib.suppress(RuntimeError), Archive(tmp_path).publish(place.name) as part:
        (part.place / "half").write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("can_exchange", [True, False])
def test_new_content_replaces_the_old_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, can_exchange: bool
) -> None:
    if not can_exchange:
        monkeypatch.setattr(archive, "_exchange", lambda one, other: False)
    place = tmp_path / "2024-01-01"
    with Archive(tmp_path).publish(place.name) as part:
        (part.place / "old").write_text("old")
    with Archive(tmp_path).publish(place.name) as part:
        (part.place / "new").write_text("new")
        assert (place / "old").exists()
    assert [p.name for p in place.iterdir()] == ["new"]
    assert [p.name for p in tmp_path.iterdir()] == ["2024-01-01"]


def test_reader_always_finds_a_whole_report(tmp_path: Path) -> None:
    """A second process reads all the time while reports are replaced; it never finds a gap or a mixture."""
    place = tmp_path / "report"
    with Archive(tmp_path).publish(place.name) as part:
        (part.place / "a").write_text("0")
        (part.place / "b").write_text("0")
    code = (
        "import os, sys\n"
        "seen, place = set(), sys.argv[1]\n"
        "while os.path.exists(sys.argv[2]):\n"
        "    fd = os.open(place, os.O_RDONLY)\n"
        "    try: seen.add(tuple(open(f'/proc/self/fd/{fd}/{n}').read() for n in 'ab'))\n"
        "    except FileNotFoundError: pass  # the folder we hold was replaced and is being removed\n"
        "    os.close(fd)\n"
        "print(sum(a != b for a, b in seen), len(seen))"
    )
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("needs /proc")
    flag = tmp_path / "flag"
    flag.touch()
    reader = subprocess.Popen([sys.executable, "-c", code, str(place), str(flag)], stdout=subprocess.PIPE, text=True)
    for round_ in range(300):
        with Archive(tmp_path).publish(place.name) as part:
            (part.place / "a").write_text(str(round_))
            (part.place / "b").write_text(str(round_))
    flag.unlink()
    out, _ = reader.communicate(timeout=30)
    assert reader.returncode == 0
    mixed, seen = map(int, out.split())
    assert mixed == 0
    assert seen > 1


def test_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file, not a folder")
    with pytest.raises(DataError, match="must be writable"), Archive(tmp_path / "reports" / "shop").locked():
        pass
