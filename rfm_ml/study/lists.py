"""Lists of a study as files."""

from pathlib import Path

import pandas as pd

from rfm_ml.study.study import Study


def write_list(study: Study, frame: pd.DataFrame, to: Path) -> None:
    """Write a list as `<to>.csv` and `<to>.parquet`, through the engine, which is quick for millions of rows.

    Objecting to direct marketing covers profiling for it: objectors are left out.
    """
    frame = frame[~frame["customer_id"].isin(study.objectors)]
    con = study.con.con
    con.register("_list", frame)
    for ending, options in {"csv": "HEADER, DELIMITER ','", "parquet": "FORMAT parquet, COMPRESSION zstd"}.items():
        con.execute(f"COPY (SELECT * FROM _list) TO '{to}.{ending}' ({options})")
    con.unregister("_list")
