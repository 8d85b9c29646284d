import asyncio
import errno
import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
import torch
from fsspec.asyn import AsyncFileSystem
from fsspec.implementations.memory import MemoryFileSystem
from PIL import Image

from egodepth.cli import main
from egodepth.config import ModelConfig
from egodepth.data.opening import has_split, open_drives
from egodepth.data.storage.store import FrameStore
from egodepth.foundation.errors import InputError
from egodepth.foundation.remote import RemoteFolder, faults, is_remote, local_folder, local_run, local_store, mirror
from egodepth.foundation.remote.address import address
from egodepth.inference.predictor import DepthPredictor
from egodepth.weights import DepthModel, ModelCard, load_model

STORE = "memory://bucket/set"


@pytest.fixture(autouse=True)
def _empty_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The memory file system belongs to the process; and nobody wants to wait for a network that is not there."""
    monkeypatch.setenv("EGODEPTH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(faults, "WAITS", [0.0, 0.0])
    mirror.seen_once.cache_clear()
    clear_memory()
    yield
    clear_memory()
    mirror.seen_once.cache_clear()


def clear_memory() -> None:
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]


def memory() -> MemoryFileSystem:
    return fsspec.filesystem("memory")


def put(files: dict[str, bytes], url: str = STORE) -> None:
    fs, root = fsspec.core.url_to_fs(url)
    for name, content in files.items():
        fs.makedirs(f"{root}/{name}".rpartition("/")[0], exist_ok=True)
        fs.pipe_file(f"{root}/{name}", content)


def there(url: str = STORE) -> dict[str, bytes]:
    fs, root = fsspec.core.url_to_fs(url)
    return {path.removeprefix(root + "/"): fs.cat_file(path) for path in fs.find(root)}


def here(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def write(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def upload(folder: Path, url: str) -> None:
    put(here(folder), url)


def refused(*words: str, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that a command ends with."""
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


@pytest.fixture(params=["memory", "file"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return STORE if request.param == "memory" else f"file://{tmp_path}/elsewhere/set"


@pytest.fixture
def transfers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that are fetched from memory or sent there, in order."""
    done: list[str] = []
    for verb in ("get_file", "put_file"):
        real = getattr(MemoryFileSystem, verb)

        def counted(self: Any, source: str, target: str, *a: Any, real: Any = real, verb: str = verb, **k: Any) -> Any:
            done.append((source if verb == "get_file" else target).removeprefix("/bucket/set/"))
            return real(self, source, target, *a, **k)

        monkeypatch.setattr(MemoryFileSystem, verb, counted)
    return done


def failing(
    monkeypatch: pytest.MonkeyPatch, verb: str, when: Callable[[str], bool], error: Exception, half: bool = False
) -> None:
    """Have the memory file system fail for some files; with `half`, after half of what is sent is there."""
    real = getattr(MemoryFileSystem, verb)

    def fails(self: Any, path: str, *arguments: Any, **more: Any) -> Any:
        target = str(arguments[0]) if verb == "put_file" else path
        if when(target):
            if half:
                content = Path(path).read_bytes()
                self.pipe_file(target, content[: len(content) // 2])
            raise error
        return real(self, path, *arguments, **more)

    monkeypatch.setattr(MemoryFileSystem, verb, fails)


# What a URL is


@pytest.mark.parametrize("text", ["s3://b/k", "memory://x", "file:///a/b", "gs:/b/k", "S3://b", "hf://datasets/a/b"])
def test_a_scheme_makes_a_url_also_where_a_path_has_lost_a_slash(text):
    assert is_remote(text)
    assert is_remote(Path(text))


@pytest.mark.parametrize("text", ["runs/x", "/data/x", "C:/data", "c:\\data", "owner/name", "./s3://x", "a b://c", ""])
def test_paths_drives_of_windows_and_hub_ids_are_no_urls(text):
    assert not is_remote(text)
    assert local_folder(text) == Path(text)


def test_a_url_has_one_spelling_whoever_writes_it():
    assert {address(text) for text in ("s3://b/k", "s3://b/k/", "S3://b/k", Path("s3://b/k"))} == {"s3://b/k"}
    assert {address(text) for text in ("file:///a/b", Path("file:///a/b"), "file:/a/b/")} == {"file:///a/b"}
    assert address("memory:///a") == address("memory://a") == address(Path("memory://a"))


def test_a_url_without_a_folder_or_with_a_password_is_refused_and_the_password_not_repeated():
    with pytest.raises(InputError, match="names no folder"):
        address("s3://")
    with pytest.raises(InputError, match="password") as caught:
        address("ftp://me:secret@host/data")
    assert "secret" not in str(caught.value)


# Fetching and sending


def test_a_folder_is_fetched_and_fetched_again_only_as_far_as_it_differs(tmp_path: Path, url: str):
    put({"a.txt": b"one", "deep/er/b.txt": b"two", ".git/x": b"hidden"}, url)
    local = tmp_path / "local"
    RemoteFolder(url).pull(local)
    assert here(local) == {"a.txt": b"one", "deep/er/b.txt": b"two"}
    before = (local / "a.txt").stat().st_ino
    fs, root = fsspec.core.url_to_fs(url)
    fs.rm_file(f"{root}/deep/er/b.txt")
    put({"c.txt": b"three"}, url)
    RemoteFolder(url).pull(local)
    assert here(local) == {"a.txt": b"one", "c.txt": b"three"}
    assert (local / "a.txt").stat().st_ino == before
    assert not (local / "deep").exists()


def test_a_change_of_the_same_length_is_noticed_on_both_sides(tmp_path: Path, url: str):
    put({"a.txt": b"one"}, url)
    local = tmp_path / "local"
    RemoteFolder(url).pull(local)
    put({"a.txt": b"two"}, url)
    RemoteFolder(url).pull(local)
    assert here(local) == {"a.txt": b"two"}
    (local / "a.txt").write_bytes(b"own")
    RemoteFolder(url).pull(local)
    assert here(local) == {"a.txt": b"two"}


def test_only_what_is_new_is_sent_and_nothing_removed(tmp_path: Path, transfers: list[str]):
    local = tmp_path / "local"
    put({"other.txt": b"of somebody"})
    write(local, {"a.txt": b"one", "deep/b.txt": b"two", ".lock": b"", ".x.part/y": b""})
    RemoteFolder(STORE).push(local)
    assert there() == {"a.txt": b"one", "deep/b.txt": b"two", "other.txt": b"of somebody"}
    transfers.clear()
    write(local, {"a.txt": b"another"})
    RemoteFolder(STORE).push(local)
    assert there()["a.txt"] == b"another"
    assert transfers == [".a.txt.part"]
    RemoteFolder(STORE).pull(local)
    assert here(local) == {"a.txt": b"another", "deep/b.txt": b"two", "other.txt": b"of somebody"}
    assert transfers == [".a.txt.part", "other.txt"]


def test_files_are_sent_to_a_folder_that_is_not_there_yet(tmp_path: Path, url: str):
    write(tmp_path / "local", {"a.txt": b"one", "deep/b.txt": b"two"})
    RemoteFolder(url).push(tmp_path / "local")
    assert there(url) == {"a.txt": b"one", "deep/b.txt": b"two"}


def test_an_interrupted_pull_goes_on_where_it_stood(tmp_path: Path, monkeypatch, transfers: list[str]):
    put({f"{i}.txt": bytes([i]) for i in range(6)})
    local = tmp_path / "local"
    with monkeypatch.context() as patch:
        failing(patch, "get_file", lambda path: path.endswith("/4.txt"), KeyboardInterrupt())  # type: ignore[arg-type]
        with pytest.raises(KeyboardInterrupt):
            RemoteFolder(STORE).pull(local)
    before = here(local)
    assert before.items() >= {f"{i}.txt": bytes([i]) for i in range(4)}.items()
    assert "4.txt" not in before
    transfers.clear()
    RemoteFolder(STORE).pull(local)
    assert here(local) == {f"{i}.txt": bytes([i]) for i in range(6)}
    assert transfers == [f"{i}.txt" for i in range(6) if f"{i}.txt" not in before]


def test_a_record_cut_off_by_a_power_cut_costs_one_file_and_what_was_left_beside_is_removed(
    tmp_path: Path, transfers: list[str]
):
    put({"a.txt": b"one", "b.txt": b"two"})
    local = tmp_path / "local"
    RemoteFolder(STORE).pull(local)
    record = tmp_path / ".local.synced.jsonl"
    before, name, _ = record.read_text().partition('{"name": "b.txt"')
    record.write_text(before + name)
    write(local, {".b.123.part.txt": b"tw"})
    transfers.clear()
    RemoteFolder(STORE).pull(local)
    RemoteFolder(STORE).pull(local)
    assert transfers == ["b.txt"]
    assert here(local) == {"a.txt": b"one", "b.txt": b"two"}


class SlowMemory(AsyncFileSystem):
    """The memory file system as drivers of object stores are: each transfer waits, and others go on meanwhile."""

    protocol = "slow"
    cachable = False

    def __init__(self) -> None:
        super().__init__()
        self.running = self.most = 0

    async def _find(self, path: str, **_: Any) -> dict[str, Any]:
        return memory().find(path, detail=True)

    async def _get_file(self, source: str, target: str, **_: Any) -> None:
        await self._waited()
        memory().get_file(source, target)

    async def _put_file(self, source: str, target: str, **_: Any) -> None:
        await self._waited()
        memory().put_file(source, target)

    async def _makedirs(self, path: str, exist_ok: bool = False) -> None:
        memory().makedirs(path, exist_ok=exist_ok)

    def mv(self, source: str, target: str) -> None:
        memory().mv(source, target)

    async def _waited(self) -> None:
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(0.001)
        self.running -= 1


def test_several_files_travel_at_once_where_the_driver_can(tmp_path: Path, monkeypatch):
    slow = SlowMemory()
    monkeypatch.setattr("egodepth.foundation.remote.folder.connect", lambda url: (slow, url.removeprefix("memory:/")))
    files = {f"{i % 7}/{i}.bin": os.urandom(1000) for i in range(100)}
    put(files)
    RemoteFolder(STORE).pull(tmp_path / "local")
    assert here(tmp_path / "local") == files
    assert slow.most == 16
    slow.most = 0
    RemoteFolder("memory://copy").push(tmp_path / "local")
    assert there("memory://copy") == files
    assert slow.most == 16


def test_a_fault_that_passes_is_waited_out_and_one_that_stays_is_named(tmp_path: Path, monkeypatch):
    put({"a.txt": b"one"})
    attempts: list[str] = []
    with monkeypatch.context() as patch:
        failing(patch, "get_file", lambda path: len(attempts) < 2 and not attempts.append(path), TimeoutError("slow"))
        RemoteFolder(STORE).pull(tmp_path / "local")
    assert len(attempts) == 2
    assert here(tmp_path / "local") == {"a.txt": b"one"}
    failing(monkeypatch, "find", lambda _: True, ConnectionError("line is dead"))
    with pytest.raises(InputError, match=r"memory://bucket/set: not reachable after 3 attempts .*line is dead"):
        RemoteFolder(STORE).pull(tmp_path / "local")


@pytest.mark.parametrize("error", [PermissionError(errno.EACCES, "AccessDenied"), RuntimeError("No credentials found")])
def test_no_access_is_said_at_once(tmp_path: Path, monkeypatch, error):
    monkeypatch.setattr(faults, "WAITS", [1000.0])
    failing(monkeypatch, "find", lambda _: True, error)
    with pytest.raises(InputError, match=r"no access .*your rights"):
        RemoteFolder(STORE).pull(tmp_path / "local")


def test_a_full_disk_is_said_at_once_and_the_file_is_not_there(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(faults, "WAITS", [1000.0])
    put({"a.txt": b"one"})
    failing(monkeypatch, "get_file", lambda _: True, OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(InputError, match=r"a\.txt: cannot be written .No space left"):
        RemoteFolder(STORE).pull(tmp_path / "local")
    assert here(tmp_path / "local") == {}


def test_what_does_not_fit_is_not_begun(tmp_path: Path, monkeypatch, transfers: list[str]):
    put({"a.txt": b"one"})
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=2))
    with pytest.raises(InputError, match="EGODEPTH_CACHE"):
        RemoteFolder(STORE).pull(tmp_path / "local")
    assert transfers == []


def test_a_folder_that_changes_while_it_is_fetched_is_fetched_as_it_was_at_one_time(tmp_path: Path, monkeypatch):
    put({"a.txt": b"old", "b.txt": b"old"})
    real = MemoryFileSystem.get_file
    changed: list[str] = []

    def get(self: Any, path: str, *arguments: Any, **more: Any) -> None:
        real(self, path, *arguments, **more)
        if not changed:  # after the first file
            changed.append(path)
            put({"a.txt": b"new", "b.txt": b"newer"})

    monkeypatch.setattr(MemoryFileSystem, "get_file", get)
    RemoteFolder(STORE).pull(tmp_path / "local")
    assert here(tmp_path / "local") == {"a.txt": b"new", "b.txt": b"newer"}


def test_a_folder_that_never_stands_still_is_refused(tmp_path: Path, monkeypatch):
    put({"a.txt": b"old"})
    real = MemoryFileSystem.get_file

    def get(self: Any, path: str, *arguments: Any, **more: Any) -> None:
        real(self, path, *arguments, **more)
        put({"a.txt": os.urandom(8)})

    monkeypatch.setattr(MemoryFileSystem, "get_file", get)
    with pytest.raises(InputError, match="changes while it is fetched"):
        RemoteFolder(STORE).pull(tmp_path / "local")


@pytest.mark.parametrize("name", ["../evil.txt", "a/../../evil.txt", "a//evil.txt", "a/./evil.txt"])
def test_a_name_that_leads_elsewhere_is_refused_and_nothing_is_written(tmp_path: Path, name):
    put({"good.txt": b"x"})
    memory().store[f"/bucket/set/{name}"] = memory().store["/bucket/set/good.txt"]
    with pytest.raises(InputError, match="cannot be mirrored"):
        RemoteFolder(STORE).pull(tmp_path / "local" / "set")
    assert here(tmp_path) == {}


def test_links_to_files_are_followed_and_to_folders_refused(tmp_path: Path):
    write(tmp_path / "set", {"a.txt": b"one"})
    (tmp_path / "set" / "b.txt").symlink_to("a.txt")
    RemoteFolder(f"file://{tmp_path}/set").pull(tmp_path / "local")
    assert here(tmp_path / "local") == {"a.txt": b"one", "b.txt": b"one"}
    (tmp_path / "set" / "c").symlink_to(tmp_path / "cache", target_is_directory=True)
    (tmp_path / "cache").mkdir()
    with pytest.raises(InputError, match="c is a link to a folder"):
        RemoteFolder(f"file://{tmp_path}/set").pull(tmp_path / "local")


# Data, stores and models


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("rendered") / "set"
    words = "--train 1 --val 1 --test 1 --frames 4 --size 64 96 --processes 1"
    main(["data", "render", "--out", str(root), *words.split()])
    return root


def test_a_rendered_set_is_the_same_from_a_url(rendered: Path, url: str, capsys):
    upload(rendered, url)
    for split in ("train", "test"):
        local, remote = open_drives(rendered, split), open_drives(Path(url), split)
        assert [drive.name for drive in local] == [drive.name for drive in remote]
        for one, other in zip(local, remote, strict=True):
            assert list(one.frames) == list(other.frames)
            assert all(np.array_equal(one.read_image(f), other.read_image(f)) for f in one.frames)
    assert has_split(url, "val")
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1  # once, though it was opened three times
    assert said[0].startswith(f"{url}: {len(here(rendered))} files, ")


def test_a_folder_of_frames_keeps_the_name_that_its_drive_has(tmp_path: Path, make_clip):
    upload(make_clip(tmp_path / "my street"), "memory://bucket/my_street")
    assert [drive.name for drive in open_drives("memory://bucket/my_street")] == ["my_street"]


def test_training_on_a_url_gives_the_same_weights(tmp_path: Path, make_clip):
    clip = make_clip(tmp_path / "clip", frames=5, partner=True)
    upload(clip, "memory://bucket/clip")
    words = (
        "--data.size 64 64 --model.encoder test_resnet --trainer.steps 2 --trainer.batch-size 1 --trainer.device cpu"
    )
    words += " --trainer.checkpoint-every 2 --data.min-motion 0"
    for name, data in (("a", str(clip)), ("b", "memory://bucket/clip")):
        main(["train", "synthetic-s", "--data", data, "--run", str(tmp_path / name), *words.split()])
    one, other = (load_model(tmp_path / name).state_dict() for name in "ab")
    assert all(torch.equal(one[key], other[key]) for key in one)


def a_model(folder: Path) -> Path:
    card = ModelCard(
        network=ModelConfig(encoder="test_resnet", pose="posecnn"), size=(64, 96), metric=True, has_pose_net=False
    )
    DepthModel(card).save(folder)
    return folder


def test_a_model_from_a_url_predicts_the_same_and_of_a_run_the_model_alone_is_fetched(tmp_path: Path, url: str):
    run = tmp_path / "run"
    a_model(run / "model")
    write(run, {"config.json": b"{}", "log.jsonl": b"", "checkpoints/step_00000001/state.safetensors": b"much"})
    upload(run, url)
    image = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    expected = DepthPredictor.load(run, "cpu")(image).depth
    assert torch.equal(DepthPredictor.load(url, "cpu")(image).depth, expected)
    assert set(here(local_folder(url, "model"))) == {"config.json", "model/config.json", "model/model.safetensors"}
    upload(run / "model", f"{url}_alone")
    assert torch.equal(DepthPredictor.load(f"{url}_alone", "cpu")(image).depth, expected)


def test_a_model_that_was_trained_further_is_fetched_again(tmp_path: Path):
    upload(a_model(tmp_path / "model"), STORE)
    first = load_model(STORE).state_dict()
    upload(a_model(tmp_path / "model"), STORE)
    second = load_model(STORE).state_dict()
    assert any(not torch.equal(first[key], second[key]) for key in first)


def test_without_a_network_what_was_fetched_before_is_used_and_said(tmp_path: Path, monkeypatch, capsys):
    upload(a_model(tmp_path / "model"), STORE)
    expected = load_model(STORE).state_dict()
    failing(monkeypatch, "find", lambda _: True, ConnectionError("line is dead"))
    capsys.readouterr()
    found = load_model(STORE).state_dict()
    assert all(torch.equal(found[key], expected[key]) for key in expected)
    assert "line is dead); run the same command again; using the files fetched before" in capsys.readouterr().err
    with pytest.raises(InputError, match="not reachable"):
        load_model("memory://bucket/another")


def test_without_a_network_half_a_mirror_is_not_used(monkeypatch):
    put({"a.txt": b"one", "b.txt": b"two"})
    failing(monkeypatch, "get_file", lambda path: path.endswith("b.txt"), ConnectionError("line is dead"))
    with pytest.raises(InputError, match="not reachable"):
        local_folder(STORE)
    with pytest.raises(InputError, match="not reachable"):
        local_folder(STORE)


def test_a_store_is_prepared_here_and_sent_index_last(tmp_path: Path, transfers: list[str]):
    with local_store(STORE) as folder:
        write(folder, {"index.json": b"{}", "a.crc": b"1", "a.u8": b"pixels", "b.u8": b"pixels", ".lock": b""})
    assert transfers == [".a.u8.part", ".b.u8.part", ".a.crc.part", ".index.json.part"]
    assert here(local_folder(STORE, "store")) == there()
    with local_store(STORE) as folder:
        assert here(folder) == {**there(), ".lock": b""} or here(folder) == there()
        write(folder, {"b.crc": b"2"})
    assert there()["b.crc"] == b"2"
    with local_store(tmp_path / "own") as folder:
        assert folder == tmp_path / "own"


def test_a_store_prepared_on_one_machine_serves_another(tmp_path: Path, monkeypatch, make_clip, capsys):
    clip = make_clip(tmp_path / "clip", frames=5)
    main(["data", "prepare", str(clip), "--out", STORE, "--size", "64", "96", "--workers", "1"])
    assert capsys.readouterr().out.startswith(f"{STORE}: 5 frames")
    another_machine(monkeypatch, tmp_path / "second")
    store = FrameStore(open_drives(clip), (64, 96), folder=local_folder(STORE, "store"))
    assert store.on_disk() == (5, 5)
    assert np.array_equal(store.read(0, 2), FrameStore(open_drives(clip), (64, 96)).read(0, 2))


def test_a_store_that_is_half_sent_has_no_index(monkeypatch):
    with local_store(STORE) as folder:
        write(folder, {"index.json": b"{}", "a.u8": b"pixels"})
    failing(monkeypatch, "put_file", lambda path: "b.u8" in path, ConnectionError("line is dead"), half=True)
    with pytest.raises(InputError, match="not reachable"), local_store(STORE) as folder:
        write(folder, {"b.u8": b"more pixels"})
    assert "index.json" not in there()
    assert "b.u8" not in there()


# Runs

RUN = "memory://bucket/set"


def train_to(folder: Path, step: int, saved: Callable[[], None], every: int = 100, keep: int = 2) -> None:
    """What a training does to its folder: each byte of it a function of the step, checkpoints renamed when whole."""
    steps = sorted(int(path.name[5:]) for path in (folder / "checkpoints").glob("step_*"))
    begin = steps[-1] if steps else 0
    if steps:
        assert (folder / "checkpoints" / f"step_{begin:08d}" / "state.safetensors").read_bytes() == state(begin)
    write(folder, {"config.json": b'{"seed": 0}'})
    log = folder / "log.jsonl"
    lines = log.read_text().splitlines() if log.exists() else []
    kept = [line for line in lines if json.loads(line)["step"] < begin]
    assert len(kept) == begin // every
    log.write_text("".join(line + "\n" for line in kept))
    write(folder, {f"events.out.tfevents.{begin}": b""})
    for done in range(begin + every, step + 1, every):
        with log.open("a") as file:
            file.write(json.dumps({"step": done - every}) + "\n")
        write(folder, {"model/config.json": b"{}", "model/model.safetensors": state(done)})
        beside = folder / "checkpoints" / f".step_{done:08d}.writing"
        write(beside, {"state.safetensors": state(done), "checkpoint.json": b"{}", "model/config.json": b"{}"})
        beside.rename(folder / "checkpoints" / f"step_{done:08d}")
        for old in sorted((folder / "checkpoints").glob("step_*"))[:-keep]:
            shutil.rmtree(old)
        saved()


def state(step: int) -> bytes:
    return f"weights after {step}".encode() * 10


def another_machine(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("EGODEPTH_CACHE", str(folder))


def checkpoints_of(names: dict[str, bytes] | set[str]) -> set[str]:
    return {name.split("/")[1] for name in names if name.startswith("checkpoints/")}


def finished() -> list[str]:
    names = there(RUN)
    return sorted(name.split("/")[1] for name in names if name.endswith("/checkpoint.json"))


def lasting(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: content for name, content in files.items() if "events" not in name and name.count("/") < 3}


def test_a_run_with_a_path_is_its_own_folder(tmp_path: Path):
    with local_run(tmp_path / "run") as local:
        assert local.folder == tmp_path / "run"
        train_to(local.folder, 200, local.saved)
    assert not (tmp_path / "cache").exists()


def test_a_run_goes_on_on_another_machine_as_if_it_had_never_stopped(tmp_path: Path, monkeypatch, url: str):
    train_to(tmp_path / "straight", 500, lambda: None)
    with local_run(Path(url)) as local:
        train_to(local.folder, 300, local.saved)
    assert checkpoints_of(there(url)) == {"step_00000200", "step_00000300"}
    another_machine(monkeypatch, tmp_path / "second")
    with local_run(url) as local:
        train_to(local.folder, 500, local.saved)
    assert lasting(there(url)) == lasting(here(tmp_path / "straight"))
    assert {name for name in there(url) if "events" in name} == {"events.out.tfevents.0", "events.out.tfevents.300"}


def test_a_machine_that_vanishes_loses_what_came_after_the_last_push(tmp_path: Path, monkeypatch):
    class PowerCut(BaseException):
        pass

    def cut() -> None:
        raise PowerCut

    with pytest.raises(PowerCut), local_run(RUN) as local:  # noqa: PT012
        train_to(local.folder, 200, local.saved)
        train_to(local.folder, 300, cut)
    assert finished() == ["step_00000100", "step_00000200"]
    another_machine(monkeypatch, tmp_path / "second")
    with local_run(RUN) as local:
        train_to(local.folder, 300, local.saved)
    train_to(tmp_path / "straight", 300, lambda: None)
    assert lasting(there(RUN)) == lasting(here(tmp_path / "straight"))


def test_on_the_same_machine_even_that_is_not_lost(capsys):
    with pytest.raises(KeyboardInterrupt), local_run(RUN) as local:  # noqa: PT012
        train_to(local.folder, 200, local.saved)
        train_to(local.folder, 300, lambda: None)
        raise KeyboardInterrupt
    with local_run(RUN) as local:
        assert checkpoints_of(here(local.folder)) == {"step_00000200", "step_00000300"}
    assert "which is newer" in capsys.readouterr().err
    assert finished() == ["step_00000200", "step_00000300"]


@pytest.mark.parametrize("at", ["state.safetensors", "checkpoint.json", "model.safetensors", "log.jsonl"])
def test_an_interrupted_push_never_leaves_a_checkpoint_that_looks_finished_but_is_not(
    tmp_path: Path, monkeypatch, at: str
):
    with local_run(RUN) as local:
        train_to(local.folder, 200, local.saved)
    with monkeypatch.context() as patch:
        failing(patch, "put_file", lambda path: at in path, KeyboardInterrupt(), half=True)  # type: ignore[arg-type]
        with pytest.raises(KeyboardInterrupt), local_run(RUN) as local:
            train_to(local.folder, 300, local.saved)
    for step in finished():
        assert there(RUN)[f"checkpoints/{step}/state.safetensors"] == state(int(step[5:]))
    assert finished() == ["step_00000100", "step_00000200"]
    another_machine(monkeypatch, tmp_path / "second")
    with local_run(RUN) as local:
        assert checkpoints_of(here(local.folder)) == {"step_00000100", "step_00000200"}
        train_to(local.folder, 400, local.saved)
    train_to(tmp_path / "straight", 400, lambda: None)
    assert lasting({n: c for n, c in there(RUN).items() if not n.endswith(".part")}) == lasting(
        here(tmp_path / "straight")
    )


def test_a_checkpoint_that_is_written_anew_is_not_finished_meanwhile(tmp_path: Path, monkeypatch):
    with local_run(RUN) as local:
        train_to(local.folder, 200, local.saved)
    write(local.folder, {"checkpoints/step_00000200/state.safetensors": b"of other arithmetic"})
    failing(monkeypatch, "put_file", lambda path: "state" in path, ConnectionError("line is dead"), half=True)
    with pytest.raises(InputError, match="not reachable"):
        local.send()
    assert finished() == ["step_00000100"]


def test_a_network_that_fails_for_a_while_does_not_end_the_training(monkeypatch, capsys):
    with local_run(RUN) as local:
        train_to(local.folder, 100, local.saved)
        with monkeypatch.context() as patch:
            failing(patch, "find", lambda _: True, ConnectionError("line is dead"))
            train_to(local.folder, 300, local.saved)
            said = capsys.readouterr().err
            assert said.count("not sent, next attempt at the next save") == 2
        assert finished() == ["step_00000100"]
        train_to(local.folder, 400, local.saved)
    assert finished() == ["step_00000300", "step_00000400"]


def test_a_network_that_is_gone_at_the_end_says_where_the_run_is(monkeypatch):
    def gone() -> None:
        failing(monkeypatch, "find", lambda _: True, ConnectionError("line is dead"))

    with pytest.raises(InputError, match=r"not reachable.*the run is complete in .*cache/remote/run-set"):  # noqa: SIM117
        with local_run(RUN) as local:
            train_to(local.folder, 100, gone)


def test_what_cannot_be_sent_at_all_ends_the_training_at_its_first_word(monkeypatch):
    failing(monkeypatch, "put_file", lambda _: True, PermissionError(errno.EACCES, "AccessDenied"))
    with pytest.raises(InputError, match="no access"), local_run(RUN) as local:  # noqa: PT012
        write(local.folder, {"config.json": b"{}"})
        local.saved()


def test_a_bucket_that_is_not_there_is_said(monkeypatch):
    failing(monkeypatch, "put_file", lambda _: True, FileNotFoundError("The specified bucket does not exist"))
    with pytest.raises(InputError, match=r"bucket does not exist.; create the bucket"), local_run(RUN) as local:  # noqa: PT012
        write(local.folder, {"config.json": b"{}"})
        local.saved()


def test_the_other_processes_of_a_training_fetch_and_never_send():
    with local_run(RUN) as local:
        train_to(local.folder, 100, local.saved)
    with local_run(RUN, sending=False) as local:
        assert checkpoints_of(here(local.folder)) == {"step_00000100"}
        train_to(local.folder, 200, local.saved)
    assert finished() == ["step_00000100"]


def test_a_machine_that_was_overtaken_takes_what_the_other_has_done(tmp_path: Path, monkeypatch):
    with local_run(RUN) as local:
        train_to(local.folder, 100, local.saved)
        train_to(local.folder, 300, lambda: None)
        first = local.folder
        another_machine(monkeypatch, tmp_path / "second")
        with local_run(RUN) as other:
            train_to(other.folder, 200, other.saved)
        another_machine(monkeypatch, tmp_path / "cache")
        with local_run(RUN, sending=False) as again:
            assert again.folder == first
            assert checkpoints_of(here(first)) == {"step_00000100", "step_00000200"}
            assert here(first)["model/model.safetensors"] == state(200)


def test_a_slower_machine_does_not_remove_the_newer_checkpoints_of_another(tmp_path: Path, monkeypatch):
    with local_run(RUN) as slow:
        train_to(slow.folder, 100, slow.saved)
        another_machine(monkeypatch, tmp_path / "second")
        with local_run(RUN) as fast:
            train_to(fast.folder, 400, fast.saved)
        train_to(slow.folder, 200, slow.saved)
    assert "step_00000400" in finished()


def test_a_run_that_was_removed_there_begins_anew_and_the_mirror_is_set_aside(capsys):
    with local_run(RUN) as local:
        train_to(local.folder, 200, local.saved)
    clear_memory()
    with local_run(RUN) as local:
        assert here(local.folder) == {}
        assert checkpoints_of(here(local.folder.with_name("set.aside"))) == {"step_00000100", "step_00000200"}
        train_to(local.folder, 100, local.saved)
    assert "no longer exists" in capsys.readouterr().err
    assert finished() == ["step_00000100"]


def test_a_folder_of_something_else_is_no_run():
    put({"photo.jpg": b"x"})
    with pytest.raises(InputError, match="not empty and not a run"), local_run(RUN):
        pass


# What a user is told


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("memory://bucket/nothing", "memory://bucket/nothing: no such folder; check the URL"),
        ("nosuch://bucket/x", "fsspec does not know nosuch://"),
        ("memory://bucket/set/a.txt", "is a file; give its folder"),
    ],
)
def test_a_url_that_cannot_be_used_is_one_line_and_exit_code_2(tmp_path: Path, capsys, given, said):
    put({"a.txt": b"one"})
    Image.new("RGB", (96, 64)).save(tmp_path / "street.png")
    predict = ("predict", given, str(tmp_path / "street.png"), "--out", str(tmp_path / "out"))
    evaluate = ("evaluate", str(a_model(tmp_path / "model")), "--benchmark", "synthetic", "--data", given)
    for words in (predict, evaluate):
        assert said in refused(*words, capsys=capsys)


def test_a_driver_that_is_not_installed_is_named(monkeypatch, tmp_path: Path, capsys):
    def missing(*_: object) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec.core, "url_to_fs", missing)
    words = ("evaluate", str(a_model(tmp_path / "model")), "--benchmark", "synthetic", "--data", "s3://bucket/set")
    line = refused(*words, capsys=capsys)
    assert line == "egodepth: s3://bucket/set: the driver for s3:// is not installed; pip install s3fs"


def test_a_hub_id_is_still_a_hub_id(monkeypatch):
    monkeypatch.setattr(socket, "socket", None)  # nobody is asked
    monkeypatch.setattr("egodepth.weights.folder.download", lambda hub_id, files, revision: pytest.fail(hub_id))
    with pytest.raises(pytest.fail.Exception, match="owner/name"):
        load_model("owner/name")
