"""`egodepth cloud` on a rendered drive: against the true surface, and against the cloud of `egodepth video`."""

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from egodepth.cli import main
from egodepth.commands.cloud import FuseCloud
from egodepth.data.cameras import write_camera
from egodepth.data.footage.extract import extract
from egodepth.data.footage.source import open_footage
from egodepth.data.images import write_image
from egodepth.data.readers.folder import FolderDrive
from egodepth.foundation.trajectory_files import write_kitti_poses, write_tum_poses
from egodepth.geometry import Camera, twist_of
from egodepth.synthetic import RenderedFrame, Street, render_frames
from egodepth.video.aligned_clip import Aligned
from egodepth.video.camera_path import RowTrajectory
from egodepth.video.cloud.against_truth import compare_clouds
from egodepth.video.cloud.fusion import fuse
from egodepth.video.cloud.point_cloud import CloudFrame
from egodepth.video.cloud.settings import CloudSettings
from egodepth.video.depth_maps import FrameMaps, maps_path
from egodepth.video.geometry_files import write_clouds, write_trajectories
from egodepth.video.output_files import write_outputs
from egodepth.video.recording import Recording
from egodepth.video.training_plan import EXTRACT_MOTION
from footage_scenes import write_video
from video.cloud.cloud_scenes import FOCAL_PX, SIZE, ground_and_wall, pose_at

DRIVE_SIZE, FRAMES, THRESHOLD_M = (64, 208), 12, 0.3
OFF = float("inf")
EVERYTHING = CloudSettings(voxel=0.15, min_confidence=0.0, far=OFF, flying=OFF, agreeing=0, min_frames=1, motion=0.0)
COLUMNS = ("x", "y", "z", "red", "green", "blue", "confidence", "frames")


@pytest.fixture(scope="module")
def street() -> Street:
    return Street(21)


@pytest.fixture(scope="module")
def rendered(street: Street) -> list[RenderedFrame]:
    return list(render_frames(street, range(2, 2 + FRAMES), DRIVE_SIZE, noise=False))


@pytest.fixture(scope="module")
def camera(street: Street) -> Camera:
    return Camera(torch.tensor(street.focal).float(), torch.tensor(street.centre).float())


@pytest.fixture(scope="module")
def poses(rendered: list[RenderedFrame]) -> np.ndarray:
    found = np.stack([np.asarray(each.world_from_camera, np.float64) for each in rendered])
    # Off the road's own height, which would be the wall of cubes: rounding would tell to which side its points belong.
    found[:, 1, 3] += 0.05
    return found


@pytest.fixture(scope="module")
def drive(rendered: list[RenderedFrame], camera: Camera, poses: np.ndarray, tmp_path_factory) -> Path:
    """Frames with their camera, true depth as NPZ and as PNG, and the true way in both formats."""
    folder = tmp_path_factory.mktemp("drive")
    (folder / "npz").mkdir()
    for number, each in enumerate(rendered):
        write_image(folder / "clip" / f"{number:06d}.png", each.image)
        np.savez(folder / "npz" / f"{number:06d}.npz", depth=each.depth)
        write_image(folder / "png" / f"{number:06d}.png", np.round(each.depth * 256).astype(np.uint16))
    write_camera(folder / "clip" / "camera.json", camera, DRIVE_SIZE)
    write_kitti_poses(folder / "kitti.txt", poses)
    write_tum_poses(folder / "tum.txt", poses, [number / 10 for number in range(FRAMES)])
    return folder


def read_points(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Places and colours."""
    header, _, body = path.read_bytes().partition(b"end_header\n")
    assert [line.split()[2] for line in header.decode().splitlines() if line.startswith("property")] == [*COLUMNS]
    kinds = ("<f4",) * 3 + ("u1",) * 3 + ("<f4", "<i4")
    rows = np.frombuffer(body, list(zip(COLUMNS, kinds, strict=True)))
    return np.stack([rows[name] for name in "xyz"], 1), np.stack([rows[name] for name in ("red", "green", "blue")], 1)


def fused(drive: Path, out: Path, *more: str | Path, depth: str = "npz", way: str = "kitti.txt") -> np.ndarray:
    """The points of one call."""
    words = [drive / "clip", "--depth", drive / depth, "--trajectory", drive / way, "--out", out, *more]
    main(["cloud", *map(str, words)])
    return read_points(out)[0]


def assert_same_points(found: np.ndarray, expected: np.ndarray, within: float = 1e-4, share: float = 0.999) -> None:
    """But for some that rounding brings to the other side of a cube's wall or of a limit."""
    assert abs(len(found) - len(expected)) <= (1 - share) * len(expected)
    scores = compare_clouds(found, expected, within)
    assert min(scores.precision, scores.completeness) > share


def test_the_cloud_lies_on_the_true_surface(rendered, camera, poses, drive, tmp_path):
    def truth(farthest: float) -> np.ndarray:
        frames = []
        for each, pose in zip(rendered, poses, strict=True):
            depth = np.where(each.masks["moving"] | (each.depth > farthest), 0, each.depth).astype(np.float32)
            frames.append(CloudFrame(each.image, depth, np.ones(DRIVE_SIZE, np.float32), pose))
        return fuse(frames, camera, EVERYTHING).xyz

    xyz = fused(drive, tmp_path / "cloud.ply", "--voxel", "0.15", "--min-frames", "1")
    scores = compare_clouds(xyz, truth(OFF), THRESHOLD_M)
    assert scores.accuracy_mean < 0.1
    assert scores.precision > 0.95
    assert compare_clouds(xyz, truth(30.0), THRESHOLD_M).completeness > 0.85


def test_it_is_what_the_package_makes_of_the_same_frames(rendered, camera, poses, drive, tmp_path):
    confidence = np.ones(DRIVE_SIZE, np.float32)
    frames = [
        CloudFrame(each.image, each.depth.astype(np.float32), confidence, pose)
        for each, pose in zip(rendered, poses, strict=True)
    ]
    fused(drive, tmp_path / "cloud.ply")
    xyz, rgb = read_points(tmp_path / "cloud.ply")
    expected = fuse(frames, camera)
    np.testing.assert_allclose(xyz, expected.xyz, atol=1e-4)
    np.testing.assert_allclose(rgb.astype(int), expected.rgb.astype(int), atol=1)


def test_npz_and_png_and_kitti_and_tum_make_the_same_cloud(drive, tmp_path):
    expected = fused(drive, tmp_path / "npz.ply")
    assert_same_points(fused(drive, tmp_path / "tum.ply", way="tum.txt"), expected)
    # Depth rounded to 1/256 m: a few points land in the cube beside.
    png = fused(drive, tmp_path / "png.ply", "--png-scale", "256", depth="png")
    scores = compare_clouds(png, expected, THRESHOLD_M)
    assert len(png) == pytest.approx(len(expected), rel=0.01)
    assert scores.accuracy_mean < 0.01
    assert scores.completeness_mean < 0.01


@pytest.mark.parametrize("place", ["beside, of images", "beside, of a video", "above"])
def test_the_scale_of_pngs_is_found_where_the_commands_write_it(drive, tmp_path, place: str):
    said = {"depth_png": {"scale": 512.0}}
    for path in (drive / "png").iterdir():
        depth = np.asarray(Image.open(path)).astype(np.uint16)
        write_image(
            tmp_path / "depth" / f"{path.stem}_depth.png", np.minimum(2 * depth.astype(int), 65535).astype("<u2")
        )
        write_image(tmp_path / "depth" / f"{path.stem}_colour.png", np.zeros((*DRIVE_SIZE, 3), np.uint8))
    content = {"videos": [{"name": "other", "depth_png": {"scale": 1.0}}, {"name": "clip", **said}]}
    file = tmp_path / ("report.json" if place == "above" else "depth/predictions.json")
    file.write_text(json.dumps(content if "video" in place else said))
    found = fused(drive, tmp_path / "cloud.ply", "--voxel", "0.3", depth=str(tmp_path / "depth"))
    expected = fused(drive, tmp_path / "known.ply", "--voxel", "0.3", "--png-scale", "256", depth="png")
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_trajectory_with_fewer_poses_is_matched_by_its_times(drive, poses, tmp_path, capsys):
    lines = [line for line in (drive / "tum.txt").read_text().splitlines() if line[0] != "#"]
    (tmp_path / "some.txt").write_text("# time x y z qx qy qz qw\n" + "\n".join(lines[3:9]) + "\n")
    xyz = fused(drive, tmp_path / "some.ply", "--json", tmp_path / "figures.json", way=str(tmp_path / "some.txt"))
    assert f"some.ply: {len(xyz)} points from 6 frames" in capsys.readouterr().out
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert (figures["points"], figures["frames"], figures["frames_without_pose"]) == (len(xyz), 6, 6)
    np.testing.assert_allclose(figures["extent"]["least"], xyz.min(0))
    assert_same_points(xyz, _of_part(drive, poses, tmp_path / "part", slice(3, 9)))


def _of_part(drive: Path, poses: np.ndarray, folder: Path, part: slice) -> np.ndarray:
    """The cloud of some of the frames, given alone."""
    for kind in ("clip", "npz"):
        (folder / kind).mkdir(parents=True)
        for path in sorted((drive / kind).glob("0*"))[part]:
            (folder / kind / path.name).write_bytes(path.read_bytes())
    (folder / "clip" / "camera.json").write_bytes((drive / "clip" / "camera.json").read_bytes())
    write_kitti_poses(folder / "kitti.txt", poses[part])
    return fused(folder, folder / "part.ply")


def test_a_way_that_is_far_too_short_for_the_depth_is_said(drive, poses, tmp_path, capsys):
    poses = poses.copy()
    poses[:, :3, 3] *= 1e-3
    write_kitti_poses(tmp_path / "short.txt", poses)
    fused(drive, tmp_path / "cloud.ply", way=str(tmp_path / "short.txt"))
    assert "no point was seen in more than one frame" in capsys.readouterr().err
    fused(drive, tmp_path / "cloud.ply")
    assert capsys.readouterr().err == ""


def test_confidence_in_the_files_decides_what_is_kept(drive, rendered, tmp_path):
    for number, each in enumerate(rendered):
        confidence = np.where(np.arange(DRIVE_SIZE[1]) < 104, 0.2, 0.9) * np.ones(DRIVE_SIZE)
        np.savez(tmp_path / f"{number:06d}.npz", depth=each.depth, confidence=confidence)
    everything = fused(drive, tmp_path / "all.ply", "--min-confidence", "0.1", depth=str(tmp_path))
    half = fused(drive, tmp_path / "half.ply", "--min-confidence", "0.5", depth=str(tmp_path))
    assert 0.2 * len(everything) < len(half) < 0.8 * len(everything)


def test_expected_errors_in_the_files_can_be_limited(drive, rendered, tmp_path):
    for number, each in enumerate(rendered):
        error = np.where(np.arange(DRIVE_SIZE[1]) < 104, 0.2, 0.02) * np.ones(DRIVE_SIZE)
        np.savez(tmp_path / f"{number:06d}.npz", depth=each.depth, expected_error=error)
    everything = fused(drive, tmp_path / "all.ply", depth=str(tmp_path))
    half = fused(drive, tmp_path / "half.ply", "--max-error", "0.1", depth=str(tmp_path))
    assert 0.2 * len(everything) < len(half) < 0.8 * len(everything)


def test_a_video_and_a_stated_camera_do_as_well(drive, rendered, camera, tmp_path):
    expected = fused(drive, tmp_path / "folder.ply", "--voxel", "0.3")
    matrix = camera.to_pixels(DRIVE_SIZE)
    video = write_video(tmp_path / "ride.mp4", [each.image for each in rendered], rate=10)
    for number in range(FRAMES):
        (tmp_path / f"ride_{number:06d}.npz").write_bytes((drive / "npz" / f"{number:06d}.npz").read_bytes())
        (tmp_path / f"other_{number:06d}.npz").write_bytes(b"")
    stated = [f"{matrix[row, column].item()!r}" for row, column in ((0, 0), (1, 1), (0, 2), (1, 2))]
    words = ["--depth", str(tmp_path), "--trajectory", str(drive / "tum.txt"), "--out", str(tmp_path / "video.ply")]
    main(["cloud", str(video), *words, "--voxel", "0.3", "--intrinsics", *stated])
    assert_same_points(read_points(tmp_path / "video.ply")[0], expected)


def test_the_lens_of_a_camera_file_is_undone(drive, tmp_path):
    content = json.loads((drive / "clip" / "camera.json").read_text()) | {"distortion": [-0.2, 0.03, 0, 0]}
    (tmp_path / "lens.json").write_text(json.dumps(content))
    fused(drive, tmp_path / "cloud.ply", "--camera", tmp_path / "lens.json", "--json", tmp_path / "figures.json")
    pinhole = FolderDrive(drive / "clip", tmp_path / "lens.json").camera
    expected = 2 * np.degrees(np.arctan(0.5 / pinhole.focal[0].item()))
    assert json.loads((tmp_path / "figures.json").read_text())["fov_deg"] == pytest.approx(expected, abs=0.5)


def test_it_makes_of_what_the_video_command_writes_the_same_cloud(rendered, camera, poses, tmp_path):
    """Where all frames were extracted, as of these: the cloud of `egodepth video` is of those alone, here all count."""
    rendered, poses = rendered[:7], poses[:7]
    video = write_video(tmp_path / "ride.mp4", [each.image for each in rendered], rate=10)
    extract(open_footage(video), tmp_path / "frames" / "ride", 1280, EXTRACT_MOTION)
    write_camera(tmp_path / "frames" / "camera.json", camera, DRIVE_SIZE)
    recording = Recording.open(video, tmp_path / "frames" / "ride")
    (row,) = recording.rows
    assert len(row.numbers) == len(rendered)
    twists = twist_of(torch.from_numpy(np.linalg.solve(poses[1:], poses[:-1]))).numpy()
    for place, each in enumerate(rendered):
        inverse = 1 / np.where(each.depth > 0, each.depth, 1000)[::2, ::2].astype(np.float32)
        doubt = np.full(inverse.shape, 0.02, np.float16)
        maps = FrameMaps(float(row.seconds[place]), 0, inverse, doubt, doubt, doubt + 1, np.empty(0, np.float16))
        maps.write(maps_path(tmp_path / "work", place))
    aligned = Aligned.of(recording, tmp_path / "work", len(rendered), [RowTrajectory(row.seconds, twists)])
    out = tmp_path / "out" / "ride"
    write_outputs(recording, aligned, aligned.scales(metric=True), out, ("npz",), lambda _: None)
    write_trajectories(out, aligned)
    write_clouds(out, recording, aligned, lambda _: None)
    words = ["--depth", str(out / "depth"), "--camera", str(tmp_path / "frames" / "camera.json")]
    for trajectory in ("trajectory.txt", "trajectory_tum.txt"):
        again = tmp_path / "again.ply"
        main(["cloud", str(video), *words, "--trajectory", str(out / trajectory), "--out", str(again)])
        (xyz, rgb), (expected, colours) = read_points(again), read_points(out / "cloud.ply")
        assert_same_points(xyz, expected)
        # Extracted frames are JPEGs.
        np.testing.assert_allclose(rgb.mean(0), colours.mean(0), atol=1)


def without_depth(folder: Path) -> None:
    for path in (folder / "npz").iterdir():
        path.unlink()


def without_the_last_depth(folder: Path) -> None:
    (folder / "npz" / f"{FRAMES - 1:06d}.npz").unlink()
    write_kitti_poses(folder / "kitti.txt", np.tile(np.eye(4), (FRAMES - 1, 1, 1)))


def with_too_few_frames(folder: Path) -> None:
    (folder / "clip" / "000003.png").unlink()


def with_a_broken_frame(folder: Path) -> None:
    (folder / "clip" / "000003.png").write_bytes(b"no image")


def with_too_few_poses(folder: Path) -> None:
    lines = (folder / "kitti.txt").read_text().splitlines(keepends=True)
    (folder / "kitti.txt").write_text("".join(lines[:-2]))


def with_words_for_poses(folder: Path) -> None:
    (folder / "kitti.txt").write_text("once upon a time\n")


def with_damaged_quaternions(folder: Path) -> None:
    (folder / "kitti.txt").write_text("0 0 0 0 0 0 0 1\n1 0 0 0 0 0 0 2\n")


def with_times_that_descend(folder: Path) -> None:
    (folder / "kitti.txt").write_text("1 0 0 0 0 0 0 1\n0 0 0 0 0 0 0 1\n")


def with_times_of_another_clip(folder: Path) -> None:
    (folder / "kitti.txt").write_text("1700000000 0 0 0 0 0 0 1\n1700000001 0 0 0 0 0 0 1\n")


def with_depth_of_another_shape(folder: Path) -> None:
    np.savez(folder / "npz" / "000005.npz", depth=np.ones((10, 20)))


def with_a_damaged_depth_map(folder: Path) -> None:
    path = folder / "npz" / "000005.npz"
    path.write_bytes(path.read_bytes()[:300])


def with_another_array(folder: Path) -> None:
    np.savez(folder / "npz" / "000005.npz", disparity=np.ones((10, 20)))


def without_a_camera(folder: Path) -> None:
    (folder / "clip" / "camera.json").unlink()


def with_nothing_but_sky(folder: Path) -> None:
    for path in (folder / "npz").iterdir():
        np.savez(path, depth=np.zeros(DRIVE_SIZE))


BAD: list[tuple[Callable[[Path], None], str]] = [
    (without_depth, "npz: no depth maps"),
    (without_the_last_depth, "clip: more than 11 frames, but 11 depth maps"),
    (with_too_few_frames, "clip: 11 frames, but 12 depth maps"),
    (with_a_broken_frame, "clip: 11 frames, but 12 depth maps"),
    (with_too_few_poses, "kitti.txt: 10 poses, but 12 depth maps"),
    (with_words_for_poses, "kitti.txt: no trajectory; a line has the 12 numbers"),
    (with_damaged_quaternions, "some quaternion has not the length 1"),
    (with_times_that_descend, "kitti.txt: its times do not ascend"),
    (with_times_of_another_clip, "kitti.txt: none of its poses is of a time of"),
    (with_depth_of_another_shape, "000005.npz: (10, 20) where the others are (64, 208)"),
    (with_a_damaged_depth_map, "000005.npz: no depth map that can be read"),
    (with_another_array, "000005.npz: no depth map that can be read"),
    (without_a_camera, "clip: its camera is not known"),
    (with_nothing_but_sky, "no point is left"),
]


@pytest.mark.parametrize(("spoil", "said"), BAD, ids=[spoil.__name__ for spoil, _ in BAD])
def test_what_cannot_be_fused_is_told_in_one_line_and_nothing_is_written(drive, tmp_path, capsys, spoil, said: str):
    for path in drive.rglob("*"):
        if path.is_file():
            (tmp_path / path.relative_to(drive)).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path.relative_to(drive)).write_bytes(path.read_bytes())
    spoil(tmp_path)
    assert said in refused(capsys, tmp_path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--fov-deg 70 --intrinsics 1 1 1 1", "one of --camera, --fov-deg and --intrinsics"),
        ("--fov-deg 170", "12 to 135"),
        ("--intrinsics 1 1 1 1", "--intrinsics: fx is 1 px"),
        ("--camera nowhere.json", "nowhere.json: no camera file"),
        ("--png-scale 256", "are NPZ files; leave it out"),
        ("--depth png", "png: no folder"),
        ("--trajectory nowhere.txt", "nowhere.txt: no trajectory that can be read"),
        ("--min-confidence 3", "0 to 1 are possible"),
        ("--out cloud.txt", "ends in .ply"),
    ],
)
def test_options_that_cannot_be_are_told_in_one_line(drive, capsys, words: str, said: str):
    assert said in refused(capsys, drive, *words.split())


def test_pngs_of_unknown_scale_are_not_guessed(drive, capsys):
    assert "give --png-scale" in refused(capsys, drive, "--depth", str(drive / "png"))


def test_a_scan_of_the_user_is_not_replaced(drive, tmp_path, capsys):
    (tmp_path / "scan.ply").write_text("ply")
    with pytest.raises(SystemExit):
        fused(drive, tmp_path / "scan.ply")
    assert "scan.ply: exists already" in capsys.readouterr().err
    assert (tmp_path / "scan.ply").read_text() == "ply"


def refused(capsys, folder: Path, *more: str) -> str:
    """The one line of a call that ends with code 2."""
    words = [
        "--depth",
        str(folder / "npz"),
        "--trajectory",
        str(folder / "kitti.txt"),
        "--out",
        str(folder / "cloud.ply"),
    ]
    with pytest.raises(SystemExit) as ended:
        main(["cloud", str(folder / "clip"), *words, *more])
    assert ended.value.code == 2
    assert not list(folder.rglob("*.ply"))
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("egodepth: ")]
    assert len(lines) == 1
    return lines[0]


def test_long_clips_need_no_more_memory(tmp_path):
    def most_memory(name: str, frames: int) -> int:
        folder = tmp_path / name
        (folder / "npz").mkdir(parents=True)
        # To and fro, so that the cloud is as large.
        way = 0.5 * np.abs((np.arange(frames) + 12) % 24 - 12)
        for number, z in enumerate(way.tolist()):
            write_image(folder / "clip" / f"{number:06d}.png", np.full((*SIZE, 3), 200, np.uint8))
            np.savez(folder / "npz" / f"{number:06d}.npz", depth=ground_and_wall(z))
        write_kitti_poses(folder / "kitti.txt", np.stack([pose_at(z=z) for z in way]))
        command = FuseCloud(
            clip=folder / "clip",
            depth=folder / "npz",
            trajectory=folder / "kitti.txt",
            out=folder / "cloud.ply",
            intrinsics=(FOCAL_PX, FOCAL_PX, (SIZE[1] - 1) / 2, (SIZE[0] - 1) / 2),
            settings=CloudSettings(most_voxels=2000),
        )
        tracemalloc.start()
        command()
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    most_memory("first", 4)  # what is imported and kept by the first call
    assert most_memory("long", 48) < 1.4 * most_memory("short", 24)
