"""Lists in folders elsewhere: here, in memory, and in a bucket of a real S3 server where one is installed."""

import json
import os
from pathlib import Path
from typing import Any

import fsspec
import pytest

from rfm_ml.campaigns.carriers import FolderCarrier, Parcel
from rfm_ml.core.errors import DeliveryError, ParamsError
from tests.campaigns.carriers.conftest import CONTENT


@pytest.mark.parametrize("beginning", ["file://", ""])
def test_a_folder_of_this_machine_is_private(tmp_path: Path, parcel: Parcel, beginning: str) -> None:
    FolderCarrier(f"{beginning}{tmp_path}/drop").deliver(parcel)
    place = tmp_path / "drop" / "shop" / "2024-06-30" / "vips"
    assert (place / "vips.csv").read_bytes() == CONTENT
    assert json.loads((place / "manifest.json").read_text())["audience"] == "vips"
    assert {p.name for p in place.iterdir()} == {"vips.csv", "manifest.json"}
    assert {p.stat().st_mode & 0o777 for p in place.iterdir()} == {0o600}


def test_the_same_list_again_replaces_the_files(tmp_path: Path, parcel: Parcel) -> None:
    folder = FolderCarrier(f"file://{tmp_path}/drop")
    folder.deliver(parcel)
    place = tmp_path / "drop" / "shop" / "2024-06-30" / "vips"
    (place / "vips.csv").write_bytes(b"half")
    folder.deliver(parcel)
    assert (place / "vips.csv").read_bytes() == CONTENT


def test_any_file_system_of_fsspec(parcel: Parcel) -> None:
    FolderCarrier("memory://lists/of/us").deliver(parcel)
    files = fsspec.filesystem("memory")
    assert files.cat_file("/lists/of/us/shop/2024-06-30/vips/vips.csv") == CONTENT


def test_a_folder_that_cannot_be_written(tmp_path: Path, parcel: Parcel) -> None:
    (tmp_path / "drop").write_text("a file, no folder")
    with pytest.raises(DeliveryError, match=r"Writing to it failed \((NotADirectory|FileExists)Error\)"):
        FolderCarrier(f"file://{tmp_path}/drop").deliver(parcel)


def test_a_file_that_arrives_with_another_size_is_told(parcel: Parcel, monkeypatch: Any) -> None:
    folder = FolderCarrier("memory://short")
    monkeypatch.setattr(folder._files, "put_file", lambda _, target: folder._files.pipe_file(target, b"half"))
    with pytest.raises(DeliveryError, match="must arrive whole"):
        folder.deliver(parcel)


def test_urls_that_cannot_be_used() -> None:
    with pytest.raises(ParamsError, match="must hold no password") as raised:
        FolderCarrier("sftp://user:s3cret@host/lists")
    assert "s3cret" not in str(raised.value)
    with pytest.raises(ParamsError, match="does not know gopher"):
        FolderCarrier("gopher://host/lists")


def test_a_missing_package_is_named(monkeypatch: Any) -> None:
    def missing(*_: Any, **__: Any) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec.core, "url_to_fs", missing)
    with pytest.raises(ParamsError, match=r"the package s3fs installed.*rfm_ml\[delivery\]"):
        FolderCarrier("s3://bucket/lists")


def test_where_says_no_user() -> None:
    assert FolderCarrier("memory://lists/of/us").where == "memory://lists/of/us"


@pytest.mark.filterwarnings("ignore")
def test_a_bucket_of_a_real_s3_server(parcel: Parcel) -> None:
    pytest.importorskip("s3fs")
    server_of = pytest.importorskip("moto.server").ThreadedMotoServer
    server = server_of(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    secrets = {"key": "k", "secret": "s", "endpoint_url": f"http://{host}:{port}"}
    try:
        fsspec.filesystem("s3", **secrets).mkdir("bucket")
        folder = FolderCarrier("s3://bucket/lists", options=secrets)
        folder.deliver(parcel)
        folder.deliver(parcel)
        files = fsspec.filesystem("s3", **secrets)
        files.invalidate_cache()
        assert files.cat_file("bucket/lists/shop/2024-06-30/vips/vips.csv") == CONTENT
        assert len(files.find("bucket")) == 2
        with pytest.raises(DeliveryError):
            FolderCarrier("s3://nobodys/lists", options=secrets).deliver(parcel)
    finally:
        server.stop()


@pytest.mark.filterwarnings("ignore")
def test_a_folder_of_a_real_sftp_server(tmp_path: Path, parcel: Parcel) -> None:
    pytest.importorskip("paramiko")
    from tests.campaigns.carriers.sftp_server import serving

    with serving(tmp_path) as port:
        secrets = {"port": port, "username": "user", "password": "s3cret"}
        FolderCarrier("sftp://127.0.0.1/drop", options=secrets).deliver(parcel)
        FolderCarrier("sftp://127.0.0.1/drop", options=secrets).deliver(parcel)
        with pytest.raises(DeliveryError, match="AuthenticationException"):
            FolderCarrier("sftp://127.0.0.1/drop", options=secrets | {"password": "wrong"}).deliver(parcel)
    place = tmp_path / "drop" / "shop" / "2024-06-30" / "vips"
    assert sorted(os.listdir(place)) == ["manifest.json", "vips.csv"]  # noqa: PTH208
    assert (place / "vips.csv").read_bytes() == CONTENT
    assert (place / "vips.csv").stat().st_mode & 0o777 == 0o600
