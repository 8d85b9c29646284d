"""The server of the viewer: its address, who may use it, and the command's errors."""

import os
import re
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from websockets.datastructures import Headers

from egodepth.cli import main
from egodepth.foundation.errors import InputError
from egodepth.video.cloud.point_cloud import Cloud, write_cloud
from egodepth.video.viewer.serving import address_of, from_own_page, is_local, on_visit, serving
from egodepth.video.viewer.settings import ViewerSettings
from egodepth.video.viewer.viewing import viewing
from video.scene_files import write_scene_folder
from video.viewer.pages import opened, received, until
from video.viewer.viewer_model import tiny_model

viser = pytest.importorskip("viser")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scene_folder(tmp_path_factory.mktemp("scene"))


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line of a command that fails; nothing is served."""
    with pytest.raises(SystemExit) as end:
        main(["view", *words])
    out, err = capsys.readouterr()
    assert (end.value.code, out, err.count("\n")) == (2, "", 1)
    return err


def test_a_taken_port_is_one_line(scene, taken, capsys):
    line = refused([str(scene), "--port", str(taken)], capsys)
    assert line == f"egodepth: port {taken} is taken; choose another --port\n"


def test_an_address_of_another_machine_is_one_line(scene, capsys):
    assert "192.0.2.1" in refused([str(scene), "--host", "192.0.2.1", "--port", "0"], capsys)


def test_a_scene_whose_frames_are_gone_is_one_line(tmp_path, capsys):
    clip = write_scene_folder(tmp_path)
    (tmp_path / "frames" / "clip" / "000002.png").unlink()
    assert "frame 2 of this scene is gone" in refused([str(clip), "--port", "0"], capsys)


def test_a_scene_whose_depth_is_gone_is_one_line(tmp_path, capsys):
    clip = write_scene_folder(tmp_path)
    (clip / "depth" / "000000.npz").unlink()
    assert "depth of this scene is gone" in refused([str(clip), "--port", "0"], capsys)


def test_a_cloud_of_no_points_is_one_line(tmp_path, capsys):
    clip = write_scene_folder(tmp_path)
    none = np.zeros((0, 3), np.float32)
    write_cloud(
        clip / "cloud.ply",
        Cloud(none, none.astype(np.uint8), none[:, 0].copy(), none[:, 0].astype(np.int32), 1.0),
    )
    assert "a cloud of no points" in refused([str(clip), "--port", "0"], capsys)


def test_neither_a_scene_nor_a_model_is_one_line(tmp_path, capsys):
    assert "scene.json" in refused([str(tmp_path), "--port", "0"], capsys)
    assert "nowhere" in refused([str(tmp_path / "nowhere"), "--port", "0"], capsys)


def test_options_of_the_other_kind_are_one_line(scene, tmp_path, capsys):
    tiny_model().save(tmp_path / "model")
    assert "--device cpu: " in refused([str(scene), "--device", "cpu", "--port", "0"], capsys)
    assert "--row 1: only a scene has rows" in refused([str(tmp_path / "model"), "--row", "1", "--port", "0"], capsys)


def test_the_command_prints_its_address_and_ends_at_a_signal(scene, capsys, monkeypatch):
    # A signal that comes earlier, while libraries are imported, may be lost in one of them.
    monkeypatch.setattr("webbrowser.open", lambda _: os.kill(os.getpid(), signal.SIGINT))
    # A shell starts programs in the background with this signal ignored.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(SystemExit) as end:
            main(["view", str(scene), "--port", "0", "--open"])
    finally:
        signal.signal(signal.SIGINT, handler)
    out, err = capsys.readouterr()
    assert end.value.code == 128 + signal.SIGINT
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+ \(Ctrl-C ends it\)\n", out)
    assert err == "the viewer is closed\n"


def test_after_the_end_the_port_is_free_again():
    with serving("127.0.0.1", 0) as server:
        port = server.get_port()
        with pytest.raises(InputError, match="is taken"), serving("127.0.0.1", port):
            pass
    with serving("127.0.0.1", port) as server:
        assert server.get_port() == port


def test_viser_cannot_open_a_public_address():
    with serving("127.0.0.1", 0) as server:
        assert not server._websock_server._incoming_handlers.get(viser._messages.ShareUrlRequest)


@pytest.mark.parametrize(
    ("origin", "host", "local", "allowed"),
    [
        (None, "127.0.0.1:8080", True, True),
        ("http://127.0.0.1:8080", "127.0.0.1:8080", True, True),
        ("http://localhost:9000", "localhost:9000", True, True),
        ("http://[::1]:8080", "[::1]:8080", True, True),
        ("http://evil.example", "127.0.0.1:8080", True, False),
        ("http://evil.example:8080", "evil.example:8080", True, False),
        ("null", "127.0.0.1:8080", True, False),
        ("http://127.0.0.1:8081", "127.0.0.1:8080", True, False),
        ("http://car.lan:8080", "car.lan:8080", False, True),
        ("http://evil.example", "car.lan:8080", False, False),
    ],
)
def test_only_the_own_page_is_served(origin, host, local, allowed):
    headers = Headers({"Host": host} | ({"Origin": origin} if origin else {}))
    assert from_own_page(headers, local) == allowed


def test_a_page_of_another_site_gets_nothing_of_the_scene(scene):
    with viewing(str(scene), ViewerSettings(port=0)) as address:
        assert len(received(address, address, 100_000)) > 100_000
        assert len(received(address, "http://evil.example", 100_000)) < 5000


def test_a_page_that_is_closed_while_it_is_made_is_ended_all_the_same():
    entered, gone, ended = threading.Event(), threading.Event(), threading.Event()

    def show(client):
        entered.set()
        assert gone.wait(10)
        return ended.set

    with serving("127.0.0.1", 0) as server:
        on_visit(server, "127.0.0.1", show)
        server.on_client_disconnect(lambda _: gone.set())
        with opened(address_of("127.0.0.1", server.get_port())):
            assert entered.wait(10)
        assert ended.wait(10)


def test_a_page_that_is_closed_is_ended_once():
    ended = []
    with serving("127.0.0.1", 0) as server:
        on_visit(server, "127.0.0.1", lambda client: lambda: ended.append(client.client_id))
        with opened(address_of("127.0.0.1", server.get_port())):
            until(server.get_clients)
        until(lambda: ended)
    assert len(ended) == 1


def test_addresses_to_open_and_local_ones():
    assert address_of("0.0.0.0", 80) == "http://127.0.0.1:80"
    assert address_of("::1", 80) == "http://[::1]:80"
    assert [is_local(host) for host in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "192.168.1.5", "car.lan")] == [
        *(True, True, True, False, False, False)
    ]


def test_another_host_is_warned_about(scene, capsys):
    with viewing(str(scene), ViewerSettings(host="0.0.0.0", port=0)):
        assert "everybody on this network can see" in capsys.readouterr().err
