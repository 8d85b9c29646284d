"""`egodepth video CLIP --out DIR`: from a recording that nobody calibrated to depth, trajectory, cloud and report."""

from egodepth.foundation.errors import require
from egodepth.video.options import VideoOptions, clip_name


class VideoToDepth(VideoOptions):
    """The whole way in one command: from a video that nobody calibrated to a model of it, and all that this model says.

    Picks frames by their motion, finds the camera, trains, and writes into OUT/NAME of each clip: depth.mp4 (the video
    and its depth, in colours that keep their meaning), depth/ (16-bit PNG and NPZ with confidence of each frame),
    trajectory.txt (KITTI) and trajectory_tum.txt, cloud.ply, and report.html, which shows and judges all of it.
    Stopped, the same command goes on; each part is a command of its own, too: data extract, camera, train, scale,
    predict, odometry, cloud. Several clips must be of one camera.
    """

    def __call__(self) -> None:
        """Go all the way."""
        from egodepth.video.pipeline import Journey

        for clip in self.clips:
            require(clip.exists(), f"{clip}: does not exist; give a video file or a folder of frames")
        Journey(self, {clip_name(clip): clip for clip in self.clips}).go()
