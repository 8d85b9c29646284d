"""The method on one page: a batch of views in, losses out (Godard et al. 2019, section 3).

Depth is predicted from the target alone; poses from pairs. Each source is warped into the target's view by that depth
and pose; where both are right, it equals the target. This is the one module that DDP and compile wrap.
"""

from dataclasses import replace
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

from egodepth.config import TrainConfig
from egodepth.data.batch import Batch, Hints, View
from egodepth.geometry import transform_from_axis_angle
from egodepth.hints.supervision import explains_better, hint_losses, in_network_units, one_of_each_distance, pose_loss
from egodepth.losses import edge_aware_smoothness
from egodepth.networks import (
    Decoder,
    DepthNet,
    PoseNet,
    Pretrained,
    build_pose_net,
    disparity_to_depth,
    translation_in_depth_units,
)
from egodepth.networks.focal import LearnedFocal
from egodepth.reprojection import Comparison, compare_views


class Estimate(NamedTuple):
    """What the networks say of a batch."""

    disparities: list[Tensor]
    """`b h/2^s w/2^s` in (0, 1), finest first."""
    poses: list[Tensor]
    """source_from_target `b 4 4`, in units of the depth that warps (`depth_scaling`), one a neighbour; where poses are
    known, one of each distance."""
    masks: list[Tensor] | None
    """Predictive masks `b n h/2^s w/2^s` in (0, 1), only with `LossConfig.predictive_mask`."""


class Emphasis(NamedTuple):
    """What counts in a step, beside the weights of the configuration."""

    photometric: bool = True
    """Whether the photometric loss counts yet (`LossConfig.photometric_from`)."""
    hints: Tensor | float = 1.0
    """What the weight of the hints is multiplied by."""
    teacher: Tensor | float = 1.0
    """What the weight of the teacher is multiplied by."""


class Diagnosis(NamedTuple):
    """What the panels draw and the watch looks at, of one batch."""

    target: Float[Tensor, "b 3 h w"]
    warped: Float[Tensor, "b 3 h w"]
    """The first source, warped by the finest depth."""
    disparity: Float[Tensor, "b h w"]
    depth: Float[Tensor, "b h w"]
    kept: Bool[Tensor, "b h w"]
    translation: Float[Tensor, "n b"]
    """Length of each estimated motion's translation, in the units of the depth; empty for pure stereo."""


class SelfSupervisedObjective(nn.Module):
    """The networks and the losses between them."""

    def __init__(self, depth_net: DepthNet, pose_net: PoseNet | None, config: TrainConfig) -> None:
        """Join the parts.

        Args:
            depth_net: disparities from the target.
            pose_net: motion between neighbours; None where no pose is to be learned.
            config: its `data.offsets`, `model` limits, `loss` and `trainer.precision` (not `auto`) are used, and
                whether the depth encoder learns (`optimiser.encoder_rate`).
        """
        super().__init__()
        self.depth_net, self.pose_net, self.config = depth_net, pose_net, config
        if not config.optimiser.encoder_rate:
            depth_net.encoder.requires_grad_(False).eval()
        sources = len(config.data.offsets) + config.data.stereo
        self.mask_decoder = Decoder(depth_net.encoder.channels, sources) if config.loss.predictive_mask else None
        self.focal = LearnedFocal() if config.data.camera == "learned" else None

    def train(self, mode: bool = True) -> "SelfSupervisedObjective":
        """As of any module; an encoder that does not learn keeps its statistics, too."""
        super().train(mode)
        if not self.config.optimiser.encoder_rate:
            self.depth_net.encoder.eval()
        return self

    def forward(
        self,
        batch: Batch,
        seen: list[Tensor] | None = None,
        automask: bool = True,
        emphasis: Emphasis = Emphasis(),  # noqa: B008 - it cannot be changed
    ) -> dict[str, Tensor]:
        """Losses of a batch; see `losses_from`.

        Args:
            batch: clean views, which the loss compares.
            seen: what the networks see in their place, jittered: target, then neighbours, each `b 3 h w` in [0, 1].
            automask: False leaves out the auto-mask, whatever the configuration says (`OptimiserConfig.pose_first`).
            emphasis: what counts in this step.
        """
        estimate = self.estimate(batch, seen)
        return self.losses_from(estimate.disparities, estimate.poses, batch, estimate.masks, automask, emphasis)

    def estimate(self, batch: Batch, seen: list[Tensor] | None = None) -> Estimate:
        """Run the networks: one depth pass, and one pose pass over all pairs together."""
        target, *views = seen or self._clean(batch)
        neighbours = [views[place] for place in self._paired]
        with self._precision(target):
            if self.pose_net is not None and self.pose_net.reads_features:
                stacked = self.depth_net.encoder(torch.cat([target, *neighbours]))
                features = [level[: len(target)] for level in stacked]
                frames = list(stacked[-1].split(len(target)))
            else:
                features, frames = self.depth_net.encoder(target), [target, *neighbours]
            disparities = self.depth_net.disparities(features)
            masks = self.mask_decoder(features) if self.mask_decoder is not None else None
        return Estimate(disparities, self._poses(frames[0], frames[1:], disparities[0]), masks)

    def _clean(self, batch: Batch) -> list[Tensor]:
        """What the networks see without jitter: the target, and the neighbours whose poses are learned."""
        views = batch.neighbours
        if self._poses_are_known:
            views = [rig.view for rig in batch.rig[: len(self.config.data.offsets)]]
        return [batch.target.image, *(view.image for view in views)]

    def _poses(self, target: Tensor, neighbours: list[Tensor], disparity: Tensor) -> list[Tensor]:
        """source_from_target of every neighbour; pairs go in temporal order, a source before the target inverts."""
        if self.pose_net is None or not neighbours:
            return []
        offsets = [self.config.data.offsets[place] for place in self._paired]
        pairs = [(n, target) if offset < 0 else (target, n) for n, offset in zip(neighbours, offsets, strict=True)]
        with self._precision(target):
            axis_angle, translation = self.pose_net(*(torch.cat(side) for side in zip(*pairs, strict=True)))
        depth = self._depth(disparity).repeat(len(pairs), 1, 1)
        if self._poses_are_known:
            depth = depth.detach()  # depth learns nothing from a motion that is known
        median = self.config.loss.depth_scaling == "median"
        translation = translation_in_depth_units(self.pose_net, translation, depth, self.config.model, median)
        return [
            transform_from_axis_angle(r, t, invert=offset < 0)
            for r, t, offset in zip(axis_angle.chunk(len(pairs)), translation.chunk(len(pairs)), offsets, strict=True)
        ]

    def _precision(self, like: Tensor) -> torch.autocast:
        """Where the networks run: their outputs leave it in float32."""
        enabled = self.config.trainer.precision == "bfloat16"
        return torch.autocast(like.device.type, torch.bfloat16, enabled=enabled)

    def losses_from(
        self,
        disparities: list[Tensor],
        poses: list[Tensor],
        batch: Batch,
        masks: list[Tensor] | None = None,
        automask: bool = True,
        emphasis: Emphasis = Emphasis(),  # noqa: B008 - it cannot be changed
    ) -> dict[str, Tensor]:
        """Losses from given disparities and poses.

        Args:
            disparities: four scales `b h/2^s w/2^s` in (0, 1), finest first.
            poses: source_from_target `b 4 4`, as estimated; the rig's poses are the batch's own. Where structure from
                motion knows the neighbours' poses, too, those warp, and these are compared with them.
            batch: clean views.
            masks: predictive masks `b n h/2^s w/2^s` before weighting, one a scale.
            automask: False leaves out the auto-mask, whatever the configuration says.
            emphasis: what counts in this step.

        Returns:
            Scalars, means over the scales and unweighted: `photometric`, `smoothness` (halved at each coarser scale),
            `mask` with predictive masks, `hint`, `gradient`, `road`, `teacher` and `pose` where something is known of
            depth and poses; their weighted sum `loss`; and `kept`, the share of pixels that the auto-mask keeps.
        """
        config, depth = self.config, self._depth(disparities[0])
        batch, estimated = in_network_units(batch, depth), poses
        poses = [] if self._poses_are_known else poses
        losses, comparisons = {"smoothness": self._smoothness(disparities, batch.target.image)}, []
        if emphasis.photometric and config.loss.photometric:
            comparisons = self.compare(disparities, poses, batch, masks, automask)
            errors = torch.stack([c.error.mean((1, 2, 3)).sum() for c in comparisons])
            losses = {"photometric": errors.sum() / len(disparities), **losses}
        if masks is not None:
            # Cross-entropy against 1 keeps the masks from switching every pixel off (Zhou et al. 2017, eq. 4).
            losses["mask"] = torch.stack([-mask.clamp(min=1e-7).log().mean() for mask in masks]).mean()
        if batch.hints is not None:
            better = self._explained_better(batch, batch.hints, poses, comparisons, depth) if comparisons else None
            losses |= hint_losses(self._full_size_depth(disparities, batch), batch.hints, better, config.hints)
        if self._poses_are_known:
            known = [batch.rig[place].source_from_target for place in self._paired]
            losses["pose"] = pose_loss(estimated, known, depth)
        weights = {
            "photometric": config.loss.photometric,
            "smoothness": config.loss.smoothness,
            "mask": config.loss.mask_weight,
            "hint": config.hints.weight * emphasis.hints,
            "gradient": config.hints.weight * config.hints.gradient_weight * emphasis.hints,
            "road": config.hints.road_weight * emphasis.hints,
            "teacher": config.hints.teacher_weight * emphasis.teacher,
            "pose": config.loss.pose,
        }
        losses["loss"] = torch.stack([weights[name] * value for name, value in losses.items()]).sum()
        if comparisons:
            with torch.no_grad():
                losses["kept"] = torch.cat([c.kept.flatten(1).float().mean(1) for c in comparisons]).mean()
        return losses

    def _explained_better(
        self, batch: Batch, hints: Hints, poses: list[Tensor], comparisons: list[Comparison], depth: Tensor
    ) -> Bool[Tensor, "b h w"] | None:
        """The pixels whose hints count by the rule of Watson et al. (2019); None where all do."""
        if self.config.hints.rule == "always":
            return None
        hint_depth = torch.where(hints.inverse_depth > 0, 1 / hints.inverse_depth.clamp(min=1e-12), depth)
        sources, poses = self._sources(batch, poses)
        error, present = comparisons[0].error[0], _present(batch, len(sources))
        units = self._in_units(hint_depth[None], depth)
        return explains_better(batch.target, sources, poses, units, error, self.config.loss, present)

    def _sources(self, batch: Batch, poses: list[Tensor]) -> tuple[list[View], list[Tensor]]:
        """All sources of a batch, and source_from_target of each: of the neighbours as given, of the rig its own."""
        sources = [*batch.neighbours, *(rig.view for rig in batch.rig)]
        poses = [*poses, *(rig.source_from_target for rig in batch.rig)]
        return sources, poses if self.focal is None else [self.focal(pose) for pose in poses]

    @property
    def _poses_are_known(self) -> bool:
        """Whether the neighbours' poses are known, and the pose network learns from them."""
        return self.config.data.poses == "sfm"

    @property
    def _paired(self) -> list[int]:
        """Indices of the neighbours whose motion the pose network estimates."""
        data = self.config.data
        if not data.learned_poses:
            return []
        return one_of_each_distance(data.offsets) if self._poses_are_known else list(range(len(data.offsets)))

    def compare(
        self,
        disparities: list[Tensor],
        poses: list[Tensor],
        batch: Batch,
        masks: list[Tensor] | None = None,
        automask: bool = True,
        keep_warped: bool = False,
    ) -> list[Comparison]:
        """Target against warped sources: one comparison of all scales at full resolution, or one a scale at its own."""
        config = replace(self.config.loss, automask=self.config.loss.automask and automask)
        sources, poses = self._sources(batch, poses)
        full, present = batch.target.image.shape[-2:], _present(batch, len(sources))
        finest = self._depth(disparities[0])
        if config.multiscale == "full":
            depth = self._in_units(self._full_size_depth(disparities, batch), finest)
            mask = torch.stack([_resized(m, full) for m in masks]) if masks is not None else None
            return [compare_views(batch.target, sources, depth, poses, mask, config, present, keep_warped)]
        comparisons = []
        for scale, disparity in enumerate(disparities):
            size = disparity.shape[-2:]
            views = [View(interpolate(v.image, size, mode="area"), v.camera) for v in [batch.target, *sources]]
            mask = masks[scale][None] if masks is not None else None
            depth = self._in_units(self._depth(disparity)[None], finest)
            comparisons.append(compare_views(views[0], views[1:], depth, poses, mask, config, present, keep_warped))
        return comparisons

    @torch.no_grad()
    def diagnose(self, batch: Batch) -> Diagnosis:
        """Look at a batch without training on it: never part of the forward pass."""
        was_training = self.training
        self.eval()
        estimate = self.estimate(batch)
        depth = self._depth(estimate.disparities[0])
        batch = in_network_units(batch, depth)
        poses = [] if self._poses_are_known else estimate.poses
        comparison = self.compare(estimate.disparities, poses, batch, estimate.masks, keep_warped=True)[0]
        self.train(was_training)
        unit = self._reference_depth(depth).flatten()
        return Diagnosis(
            batch.target.image,
            comparison.warped[0][0],
            estimate.disparities[0],
            depth,
            comparison.kept[0],
            torch.stack([pose[:, :3, 3].norm(dim=1) * unit for pose in estimate.poses])
            if estimate.poses
            else batch.target.image.new_zeros(0, len(batch.target.image)),
        )

    def _depth(self, disparity: Tensor) -> Tensor:
        return disparity_to_depth(disparity, self.config.model.min_depth, self.config.model.max_depth)

    def _full_size_depth(self, disparities: list[Tensor], batch: Batch) -> Float[Tensor, "s b h w"]:
        """Depth of every scale, each enlarged as disparity to the size of the target."""
        full = batch.target.image.shape[-2:]
        return torch.stack([self._depth(_resized(d[:, None], full)[:, 0]) for d in disparities])

    def _in_units(self, depth: Float[Tensor, "s b h w"], finest: Float[Tensor, "b H W"]) -> Float[Tensor, "s b h w"]:
        """Depths as they warp."""
        return depth if self.config.loss.depth_scaling == "none" else depth / self._reference_depth(finest)

    def _reference_depth(self, depth: Float[Tensor, "b h w"]) -> Float[Tensor, "b 1 1"]:
        """What the depths of each sample are divided by: 1, or their median (adaptive depth-range scaling).

        A gradient passes through it, so that the loss is blind to the scale of a frame's depth: nothing is left between
        depth network and pose network that could drift. It is that of the geometric mean, spread over all pixels: the
        median's own would go through a single one.
        """
        if self.config.loss.depth_scaling == "none":
            return depth.new_ones(len(depth), 1, 1)
        flat = depth.flatten(1)
        mean = flat.log().mean(1)
        return (flat.detach().median(1).values * (mean - mean.detach()).exp())[:, None, None]

    @staticmethod
    def _smoothness(disparities: list[Tensor], image: Float[Tensor, "b 3 h w"]) -> Float[Tensor, ""]:
        terms = [
            edge_aware_smoothness(d, interpolate(image, d.shape[-2:], mode="area")) / 2**scale
            for scale, d in enumerate(disparities)
        ]
        return torch.stack(terms).mean()


def build_objective(config: TrainConfig, pretrained: Pretrained = False) -> SelfSupervisedObjective:
    """Networks of a configuration with fresh weights, drawn from torch's global generator, joined by the losses.

    The encoders start from `pretrained` weights.
    """
    model = config.model
    depth_net = DepthNet(model.encoder, pretrained, model.initial_disparity, model.normalisation)
    channels, pose_net = depth_net.encoder.channels[-1], None
    if config.data.learned_poses:
        pose_net = build_pose_net(model.pose, model.encoder, pretrained, channels, model.normalisation)
    return SelfSupervisedObjective(depth_net, pose_net, config)


def _present(batch: Batch, sources: int) -> Bool[Tensor, "b n"] | None:
    """`Batch.present` of all sources."""
    if batch.present is None:
        return None
    return pad(batch.present, (0, sources - batch.present.shape[1]), value=True)


def _resized(maps: Float[Tensor, "b c h w"], size: torch.Size) -> Float[Tensor, "b c H W"]:
    return maps if maps.shape[-2:] == size else interpolate(maps, list(size), mode="bilinear", align_corners=False)
