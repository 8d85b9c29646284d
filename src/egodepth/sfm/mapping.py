"""COLMAP's stages: features, matches, and the map of a camera that is taken for known.

COLMAP's own thresholds are made for photographs around an object. A camera that looks where it drives sees small angles
and moves along its axis: `_mapper_options` has the thresholds for that (with the library's own, no frame of KITTI's
drive 0095 is registered; with these, all are).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from egodepth.data.cameras import FOCAL_WIDTHS
from egodepth.geometry import focal_of_fov
from egodepth.sfm.stages import Stages
from egodepth.sfm.types import SfmSettings

_QUADRATIC = 10
"""A frame is matched with the 2^k-th after it, for k below this: COLMAP's own."""
_IMAGES, _PAIRS = 8, 60
"""How many are done by one call, which cannot say how far it is. (To look into its database meanwhile with Python's own
SQLite takes the locks of the library's, and kills the process.)"""
T = TypeVar("T")


class Mapper:
    """A folder of images on its way to a map, with a database that outlives an interruption."""

    def __init__(
        self, library: Any, images: Path, size: tuple[int, int], work: Path, settings: SfmSettings, stages: Stages
    ) -> None:
        self.names = sorted(path.name for path in images.iterdir())
        self._library, self._images, self._work, self._settings = library, images, work, settings
        self._database = work / "database.db"
        self._stages, self.size = stages, size
        self.focal_px = focal_of_fov(settings.fov_deg, size[1])
        """Of the camera that maps are made with."""

    def extract(self) -> None:
        """Features of all images, of one camera; those of images that have some stay."""
        library = self._library
        reader = self._entered()
        options = library.FeatureExtractionOptions()
        options.use_gpu = False
        options.num_threads = self._settings.threads
        options.sift.max_num_features = self._settings.features
        token = library.CancellationToken()

        def work(told: Callable[[int], None]) -> None:
            for names in _chunks(self.names, _IMAGES):
                library.extract_features(
                    self._database,
                    self._images,
                    names,
                    camera_mode=library.CameraMode.SINGLE,
                    reader_options=reader,
                    extraction_options=options,
                    device=library.Device.cpu,
                    cancellation_token=token,
                )
                if token.is_cancelled:
                    return
                told(len(names))

        self._stages.run("Finding features", len(self.names), work, token.cancel)

    def _entered(self) -> Any:
        """Enter the images into the database, all of one camera; how they are to be read.

        Threads would enter each image when its features are found, in another order every time, and the order decides
        which pairs a map begins with: the focal length came out .01 % apart, its spread a tenth.
        """
        library = self._library
        reader = library.ImageReaderOptions()
        reader.camera_model = "SIMPLE_RADIAL"
        # As a default, not as a prior: a prior would be taken for known where pairs of images are verified.
        reader.default_focal_length_factor = self.focal_px / max(self.size)
        with closing(library.Database.open(self._database)) as database:
            cameras = database.read_all_cameras()
        if cameras:
            reader.existing_camera_id = cameras[0].camera_id
        library.import_images(self._database, self._images, library.CameraMode.SINGLE, self.names, reader)
        return reader

    def match(self) -> None:
        """Matches between frames that are near one another, verified; those of pairs that have some stay."""
        library = self._library
        matching = library.FeatureMatchingOptions()
        matching.use_gpu = False
        matching.num_threads = self._settings.threads
        verification = library.TwoViewGeometryOptions()
        verification.ransac.random_seed = self._settings.seed
        pairing = library.ImportedPairingOptions()
        pairing.match_list_path = self._work / "pairs.txt"
        token = library.CancellationToken()
        pairs = _pairs(self.names)

        def work(told: Callable[[int], None]) -> None:
            for chunk in _chunks(pairs, _PAIRS):
                pairing.match_list_path.write_text("".join(f"{first} {second}\n" for first, second in chunk))
                library.match_image_pairs(
                    self._database,
                    matching_options=matching,
                    pairing_options=pairing,
                    verification_options=verification,
                    device=library.Device.cpu,
                    cancellation_token=token,
                )
                if token.is_cancelled:
                    return
                told(len(chunk))

        self._stages.run("Matching frames", len(pairs), work, token.cancel)

    def map(self, label: str) -> Any | None:
        """The model with most frames, None if there is none."""
        out = self._work / "models"
        out.mkdir(exist_ok=True)
        token = self._library.CancellationToken()

        def work(told: Callable[[int], None]) -> dict[int, Any]:
            return self._library.incremental_mapping(
                self._database,
                self._images,
                out,
                self._mapper_options(),
                next_image_callback=lambda: told(1),
                cancellation_token=token,
            )

        models = self._stages.run(label, len(self.names), work, token.cancel)
        return max(models.values(), key=lambda model: model.num_reg_images(), default=None)

    def take_camera(self, focal_px: float, distortion: float = 0.0) -> bool:
        """Map with this camera from now on; False, and nothing changes, if no real camera looks like it."""
        if not FOCAL_WIDTHS[0] <= focal_px / self.size[1] <= FOCAL_WIDTHS[1]:
            return False
        with closing(self._library.Database.open(self._database)) as database:
            camera = database.read_all_cameras()[0]
            camera.params = [focal_px, 0.5 * self.size[1], 0.5 * self.size[0], distortion]
            # Else the mapper takes the focal length that its first pair suggests, which may be far off, and keeps it.
            camera.has_prior_focal_length = True
            database.update_camera(camera)
        self.focal_px = focal_px
        return True

    def _mapper_options(self) -> Any:
        options = self._library.IncrementalPipelineOptions()
        options.mapper.init_min_tri_angle = 2.0
        options.mapper.init_max_forward_motion = 1.0
        options.mapper.filter_min_tri_angle = 0.5
        options.mapper.abs_pose_min_num_inliers = 15
        options.init_num_trials = 500
        options.min_model_size = min(10, len(self.names))
        options.ba_refine_focal_length = options.ba_refine_extra_params = False
        options.mapper.abs_pose_refine_focal_length = options.mapper.abs_pose_refine_extra_params = False
        options.num_threads = 1
        options.random_seed = self._settings.seed
        return options


def _pairs(names: Sequence[str]) -> list[tuple[str, str]]:
    """Each frame and the 2^k-th after it, as COLMAP's sequential matching has them: near ones, and wide baselines."""
    steps = [1 << k for k in range(_QUADRATIC)]
    return [
        (name, names[place + step]) for place, name in enumerate(names) for step in steps if place + step < len(names)
    ]


def _chunks(items: Sequence[T], length: int) -> Iterator[list[T]]:
    return (list(items[start : start + length]) for start in range(0, len(items), length))
