"""Where a study's files lie."""

from pathlib import Path


def find_params(path: str | Path) -> Path:
    """Return where a params file lies: as given, or in one of the folders above (notebooks start below)."""
    given = Path(path).expanduser()
    for folder in (Path.cwd(), *Path.cwd().parents):
        if (folder / given).is_file():
            return (folder / given).resolve()
    return given.resolve()


def base_folder(params_folder: Path) -> Path:
    """Return the folder that relative paths of params start from: the one above `params/`, else their own."""
    return params_folder.parent if params_folder.name == "params" else params_folder
