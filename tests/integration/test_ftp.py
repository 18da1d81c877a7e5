"""The FTP server, met by real clients: Python's ftplib and curl."""

import ftplib
import hashlib
import io
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import pytest

from core.names import is_ignored
from tests.integration.ftp_process import PASSWORD, USER, FtpProcess, running, settings_for

PHOTO = hashlib.sha256(b"kenal").digest() * 4000  # 128 kB
OLD = b"the photo that was there before"
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FtpProcess]:
    with running(tmp_path_factory.mktemp("ftp"), {"KENAL_MAX_UPLOAD_MB": "1"}) as server:
        yield server


@pytest.fixture
def server(shared: FtpProcess) -> FtpProcess:
    """The one server of this file, with an empty drop folder."""
    for path in shared.photos.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    return shared


@pytest.fixture
def client(server: FtpProcess) -> Iterator[ftplib.FTP]:
    with server.client() as client:
        yield client


def store(client: ftplib.FTP, name: str, data: bytes = PHOTO) -> str:
    return client.storbinary(f"STOR {name}", io.BytesIO(data))


def curl(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    login = f"{USER}:{PASSWORD}"
    return subprocess.run(
        ["curl", "-sS", "-m", "20", "-u", login, *arguments], capture_output=True, check=False
    )


def until(condition: Callable[[], bool], seconds: float = 5) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def begin_upload(client: ftplib.FTP, server: FtpProcess, part: bytes) -> socket.socket:
    """An upload of which the server holds `part` and waits for more."""
    data = client.transfercmd("STOR 1042.jpg")
    data.sendall(part)
    assert until(lambda: any(size == len(part) for size in hidden_sizes(server)))
    return data


def hidden_sizes(server: FtpProcess) -> list[int]:
    return [path.stat().st_size for path in server.photos.glob(".*")]


def test_a_photo_arrives_whole_under_its_name(server: FtpProcess, client: ftplib.FTP) -> None:
    assert store(client, "1042.jpg").startswith("226")
    assert (server.photos / "1042.jpg").read_bytes() == PHOTO
    assert server.names() == {"1042.jpg"}


@needs_curl
def test_curl_uploads_into_a_folder_of_its_making(server: FtpProcess, tmp_path: Path) -> None:
    source = tmp_path / "front.jpg"
    source.write_bytes(PHOTO)
    done = curl("--ftp-create-dirs", "-T", str(source), server.url("1042/front.jpg"))
    assert done.returncode == 0, done.stderr
    assert (server.photos / "1042" / "front.jpg").read_bytes() == PHOTO


@needs_curl
def test_curl_lists_and_reads_the_report(server: FtpProcess) -> None:
    (server.photos / "_report.csv").write_text("file,status\n1042.jpg,enrolled\n")
    assert b"_report.csv" in curl(server.url("")).stdout
    assert curl(server.url("_report.csv")).stdout == b"file,status\n1042.jpg,enrolled\n"


def test_ascii_mode_does_not_rewrite_a_photo(server: FtpProcess, client: ftplib.FTP) -> None:
    data = b"\xff\xd8 one\r\ntwo\rthree\n"
    client.voidcmd("TYPE A")
    with client.transfercmd("STOR 7.jpg") as channel:
        channel.sendall(data)
    client.voidresp()
    assert (server.photos / "7.jpg").read_bytes() == data


def test_an_upload_is_hidden_until_it_is_complete(server: FtpProcess, client: ftplib.FTP) -> None:
    data = begin_upload(client, server, PHOTO[:1000])
    (hidden,) = server.photos.iterdir()
    assert is_ignored(PurePosixPath(hidden.relative_to(server.photos)))
    with server.client() as other:
        assert other.nlst() == []
    time.sleep(1)
    data.sendall(PHOTO[1000:])
    data.close()
    assert client.voidresp().startswith("226")
    assert (server.photos / "1042.jpg").read_bytes() == PHOTO


def test_overwriting_keeps_the_old_photo_until_the_end(
    server: FtpProcess, client: ftplib.FTP
) -> None:
    (server.photos / "1042.jpg").write_bytes(OLD)
    data = begin_upload(client, server, PHOTO[:1000])
    assert (server.photos / "1042.jpg").read_bytes() == OLD
    data.sendall(PHOTO[1000:])
    data.close()
    client.voidresp()
    assert (server.photos / "1042.jpg").read_bytes() == PHOTO


def lose_both(client: ftplib.FTP, data: socket.socket) -> None:
    client.close()
    data.close()


def reset_data(client: ftplib.FTP, data: socket.socket) -> None:
    data.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    data.close()
    with pytest.raises(ftplib.error_temp, match="426"):
        client.voidresp()


def abort(client: ftplib.FTP, data: socket.socket) -> None:
    client.abort()
    data.close()


@pytest.mark.parametrize("breaking", [lose_both, reset_data, abort])
def test_an_upload_broken_at_60_percent_changes_nothing(
    server: FtpProcess,
    client: ftplib.FTP,
    breaking: Callable[[ftplib.FTP, socket.socket], None],
) -> None:
    (server.photos / "1042.jpg").write_bytes(OLD)
    data = begin_upload(client, server, PHOTO[: len(PHOTO) * 6 // 10])
    breaking(client, data)
    assert until(lambda: server.names() == {"1042.jpg"})
    assert until(lambda: "not stored" in server.log[-1])
    assert (server.photos / "1042.jpg").read_bytes() == OLD


def test_temporary_name_then_rename(server: FtpProcess, client: ftplib.FTP) -> None:
    (server.photos / "1042.jpg").write_bytes(OLD)
    store(client, "1042.jpg.filepart")
    client.rename("1042.jpg.filepart", "1042.jpg")
    assert server.names() == {"1042.jpg"}
    assert (server.photos / "1042.jpg").read_bytes() == PHOTO


def test_a_client_may_remove_what_is_its_own(server: FtpProcess, client: ftplib.FTP) -> None:
    client.mkd("1042")
    store(client, "1042/a.jpg")
    client.delete("1042/a.jpg")
    client.rmd("1042")
    assert server.names() == set()


def test_too_large_is_told_and_not_stored(server: FtpProcess, client: ftplib.FTP) -> None:
    (server.photos / "1042.jpg").write_bytes(OLD)
    with pytest.raises(ftplib.error_perm, match="552 The file is larger than 1000000 bytes"):
        store(client, "1042.jpg", b"x" * 1_000_001)
    assert store(client, "7.jpg", b"x" * 1_000_000).startswith("226")
    assert (server.photos / "1042.jpg").read_bytes() == OLD


def test_far_too_large_is_cut_off(server: FtpProcess, client: ftplib.FTP) -> None:
    with client.transfercmd("STOR 1042.jpg") as data:
        with pytest.raises(ConnectionError):
            data.sendall(b"x" * 100_000_000)
        with pytest.raises(ftplib.error_perm, match="552"):
            client.voidresp()
    assert server.names() == set()


def test_an_empty_upload_does_not_replace_a_photo(server: FtpProcess, client: ftplib.FTP) -> None:
    (server.photos / "1042.jpg").write_bytes(OLD)
    with pytest.raises(ftplib.error_perm, match="550 The file is empty"):
        store(client, "1042.jpg", b"")
    assert (server.photos / "1042.jpg").read_bytes() == OLD


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("APPE 1042.jpg", "502"),
        ("REST 100", "502"),
        ("STOU", "502"),
        ("SITE CHMOD 777 1042.jpg", "502"),
        ("STOR .hidden.jpg", "550"),
        ("STOR _report.csv", "550"),
        ("DELE _report.csv", "550"),
        ("RNFR _report.csv", "550"),
        ("DELE README.md", "550"),
        ("STOR a/b/c.jpg", "550"),
        ("MKD a/b", "550"),
        ("RMD /", "550"),
        ("STOR link/x.jpg", "550"),
        ("STOR link.jpg", "550"),
        ("RETR link.jpg", "550"),
        ("CWD link", "550"),
        ("RETR pipe", "550"),
        ("STOR folder", "550"),
        ("STOR " + "n" * 300 + ".jpg", "550"),
        ("STOR bell\a.jpg", "501"),
        ("RETR .kenal-upload-0.tmp", "550"),
    ],
)
def test_what_is_refused_is_told(server: FtpProcess, command: str, code: str) -> None:
    outside = server.data.parent / "outside"
    outside.mkdir(exist_ok=True)
    (outside / "secret.jpg").write_bytes(OLD)
    (server.photos / "link").symlink_to(outside)
    (server.photos / "link.jpg").symlink_to(outside / "secret.jpg")
    subprocess.run(["mkfifo", server.photos / "pipe"], check=True)
    for name in ("_report.csv", "README.md", ".kenal-upload-0.tmp", "1042.jpg"):
        (server.photos / name).write_bytes(OLD)
    (server.photos / "folder").mkdir()
    before = server.names()
    with server.client() as client, pytest.raises(ftplib.error_perm, match=f"^{code} ") as told:
        client.sendcmd(command)
    assert str(server.photos) not in str(told.value)
    assert server.names() == before
    assert {path.name for path in outside.iterdir()} == {"secret.jpg"}


def test_dots_stay_in_the_folder(server: FtpProcess, client: ftplib.FTP) -> None:
    store(client, "/../../up.jpg")
    client.cwd("/../..")
    assert client.pwd() == "/"
    assert server.names() == {"up.jpg"}


def test_links_and_hidden_names_are_not_listed(server: FtpProcess, client: ftplib.FTP) -> None:
    (server.photos / "link.jpg").symlink_to("/etc/hosts")
    (server.photos / ".hidden").write_bytes(OLD)
    (server.photos / "1042.jpg").write_bytes(OLD)
    assert client.nlst() == ["1042.jpg"]
    assert [name for name, _ in client.mlsd()] == ["1042.jpg"]


def test_names_of_any_script_and_names_that_are_no_utf8(server: FtpProcess) -> None:
    with server.client() as client:
        store(client, "José 王.jpg")
    with server.client(encoding="latin-1") as client:
        with pytest.raises(ftplib.error_perm, match="501 File names must be UTF-8"):
            client.sendcmd("STOR José.jpg")
        assert client.sendcmd("NOOP").startswith("200")
    assert server.names() == {"José 王.jpg"}


def test_a_wrong_password_is_refused_and_not_logged(server: FtpProcess) -> None:
    with pytest.raises(ftplib.error_perm, match="530"):
        server.client("guessed-wrong")
    assert until(lambda: "login refused" in server.log[-1])
    assert "guessed-wrong" not in "".join(server.log)


def test_twenty_uploads_at_once(server: FtpProcess) -> None:
    def upload(number: int) -> None:
        with server.client() as client:
            store(client, f"{number}.jpg", PHOTO + bytes([number]))

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(upload, range(20)))
    for number in range(20):
        assert (server.photos / f"{number}.jpg").read_bytes() == PHOTO + bytes([number])
    assert len(server.names()) == 20


def test_the_log_names_no_place_of_the_server(server: FtpProcess, client: ftplib.FTP) -> None:
    store(client, "1042.jpg")
    assert until(lambda: "received /1042.jpg" in server.log[-1])
    text = "".join(server.log)
    assert str(server.photos.parent) not in text
    assert PASSWORD not in text
    assert "Traceback" not in text


def test_ftps(tmp_path: Path) -> None:
    with running(tmp_path, {"KENAL_FTP_TLS": "true"}) as server:
        with server.tls_client() as client:
            store(client, "1042.jpg")
            assert client.nlst() == ["1042.jpg"]
            data = begin_upload(client, server, PHOTO[:1000])
            lose_both(client, data)
        assert until(lambda: server.names() == {"1042.jpg"})
        assert (server.photos / "1042.jpg").read_bytes() == PHOTO
        with pytest.raises(ftplib.error_perm, match="SSL/TLS required"):
            server.client()
        assert (server.data / "ftp-key.pem").stat().st_mode & 0o777 == 0o600
        certificate = (server.data / "ftp-certificate.pem").read_bytes()
    with running(tmp_path, {"KENAL_FTP_TLS": "true"}) as server, server.tls_client():
        assert (server.data / "ftp-certificate.pem").read_bytes() == certificate


def test_ftps_leaves_nothing_unread_behind_the_handshake(tmp_path: Path) -> None:
    """A client that closes with unread bytes resets the connection, and its upload with it."""
    with running(tmp_path, {"KENAL_FTP_TLS": "true"}) as server:
        context = ssl.create_default_context(cafile=server.data / "ftp-certificate.pem")
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain:
            assert plain.recv(100).startswith(b"220")
            plain.sendall(b"AUTH TLS\r\n")
            assert plain.recv(100).startswith(b"234")
            arrived, leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
            client = context.wrap_bio(arrived, leaving, server_hostname="127.0.0.1")
            shake_hands(client, plain, arrived, leaving)
            plain.settimeout(1)
            with pytest.raises(TimeoutError):
                plain.recv(1)


def shake_hands(
    client: ssl.SSLObject, plain: socket.socket, arrived: ssl.MemoryBIO, leaving: ssl.MemoryBIO
) -> None:
    while True:
        try:
            client.do_handshake()
        except ssl.SSLWantReadError:
            plain.sendall(leaving.read())
            arrived.write(plain.recv(65536))
        else:
            plain.sendall(leaving.read())
            return


@needs_curl
def test_ftps_by_curl(tmp_path: Path) -> None:
    source = tmp_path / "source.jpg"
    source.write_bytes(PHOTO)
    with running(tmp_path, {"KENAL_FTP_TLS": "true"}) as server:
        authority = str(server.data / "ftp-certificate.pem")
        tls = ("--ssl-reqd", "--cacert", authority)
        done = curl(*tls, "-T", str(source), server.url("1042.jpg"))
        assert done.returncode == 0, done.stderr
        assert (server.photos / "1042.jpg").read_bytes() == PHOTO


def test_what_a_killed_server_leaves_is_swept(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        client = server.client()
        data = begin_upload(client, server, PHOTO[:1000])
        server.process.kill()
        server.process.wait()
        lose_both(client, data)
    assert len(server.names()) == 1
    with running(tmp_path) as server:
        assert server.names() == set()
        client = server.client()
        data = begin_upload(client, server, PHOTO[:1000])
        with running(tmp_path):
            # A second server must not sweep what the first one is still receiving.
            assert hidden_sizes(server) == [1000]
        lose_both(client, data)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    with running(tmp_path) as server:
        client = server.client()
        data = begin_upload(client, server, PHOTO[:1000])
        server.process.send_signal(number)
        assert server.process.wait(10) == 0
        assert server.names() == set()
        lose_both(client, data)


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    mount = f"mount -t tmpfs -o size=64k none {tmp_path}/photos"
    (tmp_path / "photos").mkdir()
    namespace = ["unshare", "--user", "--map-root-user", "--mount"]
    possible = (
        shutil.which("unshare")
        and not subprocess.run(
            [*namespace, "sh", "-c", mount], capture_output=True, check=False
        ).returncode
    )
    if not possible:
        pytest.skip("this machine lets nobody mount a small disk")
    prefix = [*namespace, "sh", "-c", f'{mount} && exec "$@"', "sh"]
    with running(tmp_path, prefix=prefix) as server, server.client() as client:
        store(client, "old.jpg", OLD)
        with pytest.raises(ftplib.error_perm, match="552 The disk is full"):
            store(client, "1042.jpg")
        assert client.nlst() == ["old.jpg"]
        assert store(client, "small.jpg", b"x" * 30_000).startswith("226")


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        ({"KENAL_FTP_ENABLED": "false"}, "KENAL_FTP_ENABLED=true"),
        ({"KENAL_FTP_PASSWORD": ""}, "KENAL_FTP_PASSWORD"),
        ({"KENAL_FTP_HOST": "192.0.2.1"}, "cannot serve FTP on 192.0.2.1"),
    ],
)
def test_it_says_why_it_does_not_start(tmp_path: Path, extra: dict[str, str], reason: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "pipeline.ftp"],
        env=settings_for(tmp_path, extra),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert ended.returncode != 0
    assert reason in ended.stderr
    assert "Traceback" not in ended.stderr
