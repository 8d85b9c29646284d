"""Plot a trajectory from above, beside the ground truth."""

from pathlib import Path

from matplotlib.figure import Figure

from egodepth.evaluation.trajectory_metrics import OdometryScores, Poses, similarity
from egodepth.foundation.files import replacing


def write_trajectory_plot(
    path: Path, title: str, predicted: Poses, truth: Poses | None, score: OdometryScores | None
) -> None:
    """Draw right against forward. With truth, the prediction is aligned to it (Sim(3)); else it keeps its units."""
    figure = Figure(figsize=(6, 6), layout="constrained")
    axes = figure.add_subplot()
    places = predicted[:, :3, 3]
    unit = "units of the model's depth"
    if truth is not None:
        true = truth[:, :3, 3]
        rotation, shift, scale = similarity(places, true)
        places = scale * places @ rotation.T + shift
        unit = "m"
        axes.plot(true[:, 0], true[:, 2], color="0.6", linewidth=3, label="truth")
    axes.plot(places[:, 0], places[:, 2], color="tab:red", linewidth=1.5, label="predicted")
    axes.plot(*places[0, [0, 2]], "o", color="black", label="start")
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xlabel(f"right ({unit})")
    axes.set_ylabel(f"forward ({unit})")
    figures = "" if score is None else f"\nATE {score.ate_m:.2f} m over {score.path_m:.0f} m of path, aligned"
    axes.set_title(title + figures)
    axes.legend()
    axes.grid(alpha=0.3)
    with replacing(path) as beside:
        figure.savefig(beside, dpi=110)
