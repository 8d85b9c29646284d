"""`egodepth video CLIP --out DIR`: from an uncalibrated recording to depth, trajectory, point cloud and report."""

from egodepth.foundation.errors import require
from egodepth.video.options import VideoOptions, clip_name


class VideoToDepth(VideoOptions):
    """Process an uncalibrated video in one command: find its camera, train a model on it, and write all its outputs.

    The command selects frames by their motion, finds the camera, trains, and writes into OUT/NAME for each clip:
    depth.mp4 (the video and its depth, with one colour scale), depth/ (16-bit PNG and NPZ with expected error for each
    frame), trajectory.txt (KITTI) and trajectory_tum.txt, cloud.ply, and report.html, which shows and judges all
    outputs. If it is stopped, run it again to continue. Each stage is also a command of its own: data extract, camera,
    train, scale, predict, odometry, cloud. Several clips must come from one camera.
    """

    def __call__(self) -> None:
        """Run all stages."""
        from egodepth.video.pipeline import Pipeline

        for clip in self.clips:
            require(clip.exists(), f"{clip}: does not exist; give a video file or a folder of frames")
        Pipeline(self, {clip_name(clip): clip for clip in self.clips}).run_all()
