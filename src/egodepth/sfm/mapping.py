"""COLMAP's stages: features, matches, and the map for a camera that is taken as known.

COLMAP's default thresholds suit photographs around an object. A camera that looks in driving direction has small
triangulation angles and moves along its axis: `_mapper_options` sets thresholds for that (with the defaults, no frame
of KITTI's drive 0095 is registered; with these, all are).
"""

from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from egodepth.data.cameras import FOCAL_WIDTHS
from egodepth.geometry import Camera, focal_of_fov
from egodepth.sfm.features import find_features, name_of
from egodepth.sfm.matching import match_frames
from egodepth.sfm.stages import Stages
from egodepth.sfm.structures import Footage, SfmSettings

SMALLEST_PART = 10
"""Fewer frames that fit together, but to no others, do not form a part."""


def map_folder(work: Path) -> Path:
    """Return the folder of the library's files of the finished map, within the work folder."""
    return work / "map"


class Mapper:
    """Map frames, with a database that survives an interruption."""

    def __init__(
        self,
        library: Any,
        footage: Footage,
        work: Path,
        settings: SfmSettings,
        stages: Stages,
        camera: Camera | None = None,
    ) -> None:
        """Take the input of the mapping.

        Args:
            library: pycolmap.
            footage: the frames.
            work: folder for the database; results of an interrupted call are used.
            settings: the settings of the reconstruction.
            stages: shows the progress of each stage.
            camera: the known camera; otherwise `take_camera` sets the one to map with later.
        """
        self.library, self.footage, self.settings, self.stages = library, footage, settings, stages
        self._work = work
        self._database = work / "database.db"
        self._known = camera
        self.focal_px = focal_of_fov(settings.fov_deg, footage.size[1])
        """Focal length of the camera that maps are made with, if none is known."""

    def extract(self) -> None:
        """Find the features of all frames."""
        reader = self.library.ImageReaderOptions()
        height, width = self.footage.size
        if self._known is None:
            reader.camera_model = "SIMPLE_RADIAL"
            # A default, not a prior: the verification of image pairs would take a prior as known.
            reader.default_focal_length_factor = self.focal_px / max(height, width)
        else:
            reader.camera_model = "PINHOLE"
            values = (self._known.focal.tolist(), self._known.centre.tolist())
            reader.camera_params = ",".join(f"{x * width!r},{y * height!r}" for x, y in values)
        find_features(self.library, self._database, self.footage, reader, self.settings, self.stages)

    def match(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Find verified matches between the frames of each pair."""
        match_frames(self.library, self._database, pairs, self.settings, self.stages)

    def map(self, label: str, frames: tuple[int, ...], begin: int | None = None) -> list[Any]:
        """Return the models into which these frames fit together, the largest first.

        The first pair includes the frame `begin`, if given.
        """
        out = self._work / "models"
        out.mkdir(exist_ok=True)
        token = self.library.CancellationToken()

        def work(advance: Callable[[int], None]) -> dict[int, Any]:
            return self.library.incremental_mapping(
                self._database,
                self._work,
                out,
                self._mapper_options(frames, begin),
                initial_image_pair_callback=lambda: advance(2),
                next_image_callback=lambda: advance(1),
                cancellation_token=token,
            )

        models = self.stages.run(label, len(frames), work, token.cancel)
        return sorted(models.values(), key=lambda model: -model.num_reg_images())

    def take_camera(
        self, focal_px: float, distortion: float = 0.0, centre_px: tuple[float, float] | None = None
    ) -> bool:
        """Map with this camera from now on. Returns False without a change if no real camera has such a focal length.

        Args:
            focal_px: focal length in pixels of the working images, like all pixels here.
            distortion: k1 of `Reconstruction`.
            centre_px: (x, y) edge to edge; the image centre by default.
        """
        height, width = self.footage.size
        if not FOCAL_WIDTHS[0] <= focal_px / width <= FOCAL_WIDTHS[1]:
            return False
        with closing(self.library.Database.open(self._database)) as database:
            camera = database.read_all_cameras()[0]
            camera.params = [focal_px, *(centre_px or (0.5 * width, 0.5 * height)), distortion]
            # Otherwise the mapper keeps the focal length that its first pair suggests, which may be far off.
            camera.has_prior_focal_length = True
            database.update_camera(camera)
        self.focal_px = focal_px
        return True

    def keep(self, model: Any) -> None:
        """Write the library's files of a finished model to the work folder."""
        folder = map_folder(self._work)
        folder.mkdir(exist_ok=True)
        model.write(folder)

    def _mapper_options(self, frames: tuple[int, ...], begin: int | None) -> Any:
        options = self.library.IncrementalPipelineOptions()
        options.image_names = [name_of(frame) for frame in frames]
        if begin is not None:
            with closing(self.library.Database.open(self._database)) as database:
                options.init_image_id1 = database.read_image_with_name(name_of(begin)).image_id
        # With the library's 4 px for the first pair and 12 for a pose, a map can begin on a car ahead that fills the
        # view, and bend all other poses to it: an error of 1.9 m in 72 m of a rendered street, compared with .016 m
        # here.
        options.mapper.init_max_error = 2.0
        options.mapper.abs_pose_max_error = 4.0
        options.mapper.init_min_tri_angle = 2.0
        options.mapper.init_max_forward_motion = 1.0
        options.mapper.filter_min_tri_angle = 0.5
        options.mapper.abs_pose_min_num_inliers = 15
        options.init_num_trials = 500
        options.min_model_size = min(SMALLEST_PART, len(frames))
        options.extract_colors = False
        options.ba_refine_focal_length = options.ba_refine_extra_params = False
        options.mapper.abs_pose_refine_focal_length = options.mapper.abs_pose_refine_extra_params = False
        self._hurry(options)
        options.num_threads = 1
        options.random_seed = self.settings.seed
        return options

    @staticmethod
    def _hurry(options: Any) -> None:
        """Set coarse bundle adjustment during mapping, because the finished map is adjusted again.

        It takes a quarter of the time of the library's defaults on drive 0095, with as many points.
        """
        options.mapper.ba_local_num_images = 4
        options.ba_local_max_num_iterations = 8
        options.ba_local_max_refinements = 1
        options.ba_local_function_tolerance = 1e-3
        options.ba_global_frames_ratio = options.ba_global_points_ratio = 1.6
        options.ba_global_max_num_iterations = 20
        options.ba_global_max_refinements = 1
        options.ba_global_function_tolerance = 1e-4
