"""The method on one page: from a batch of views to losses (Godard et al. 2019, section 3).

Depth is predicted from the target alone, and poses are predicted from pairs. Each source is warped into the target's
view by this depth and pose. Where both are right, the warped source equals the target. This is the only module that DDP
and torch.compile wrap.
"""

from dataclasses import replace
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

from egodepth.config import TrainConfig
from egodepth.data.batch import Batch, View
from egodepth.geometry import transform_from_axis_angle
from egodepth.hints.supervision import explains_better, in_network_units, one_of_each_distance
from egodepth.losses.registry import Emphasis, chosen_terms
from egodepth.losses.terms import Step
from egodepth.networks import (
    DepthNet,
    PoseNet,
    Pretrained,
    build_depth_net,
    build_pose_net,
    disparity_to_depth,
    translation_in_depth_units,
)
from egodepth.networks.depth import median_depth
from egodepth.networks.focal import LearnedFocal
from egodepth.reprojection import Reprojection, reproject, warped


class Estimate(NamedTuple):
    """The networks' outputs for a batch."""

    disparities: list[Tensor]
    """`b h/2^s w/2^s` in (0, 1), finest first."""
    poses: list[Tensor]
    """source_from_target `b 4 4` of each neighbour, in units of the depth that warps (`depth_scaling`). Where poses are
    known, there is only one per distance."""
    masks: list[Tensor] | None
    """Predictive masks `b n h/2^s w/2^s` in (0, 1); None without `LossConfig.predictive_mask`."""


class Diagnosis(NamedTuple):
    """The maps and figures of one batch for the panels and for the collapse watch."""

    target: Float[Tensor, "b 3 h w"]
    warped: Float[Tensor, "b 3 h w"]
    """First source, warped by the finest depth."""
    disparity: Float[Tensor, "b h w"]
    depth: Float[Tensor, "b h w"]
    kept: Bool[Tensor, "b h w"]
    translation: Float[Tensor, "n b"]
    """Length of the translation of each estimated pose, in the units of the depth; empty for pure stereo."""


class SelfSupervisedObjective(nn.Module):
    """The networks and their losses."""

    def __init__(self, depth_net: DepthNet, pose_net: PoseNet | None, config: TrainConfig) -> None:
        """Store the networks, and build the parts that only the loss needs.

        Args:
            depth_net: predicts disparities from the target.
            pose_net: predicts the motion between two frames; None if no pose is learned.
            config: uses `data.offsets`, the depth limits in `model`, `loss`, `trainer.precision` (not `auto`) and
                `optimiser.encoder_rate` (0 freezes the depth encoder).
        """
        super().__init__()
        self.depth_net, self.pose_net, self.config = depth_net, pose_net, config
        if not config.optimiser.encoder_rate:
            depth_net.encoder.requires_grad_(False).eval()
        sources = len(config.data.offsets) + config.data.stereo
        self.mask_decoder = (
            depth_net.decoder_type(depth_net.encoder.channels, sources) if config.loss.predictive_mask else None
        )
        self.focal = LearnedFocal() if config.data.camera == "learned" else None
        self.terms = chosen_terms(config)

    def train(self, mode: bool = True) -> "SelfSupervisedObjective":
        """Set the mode as for any module. A frozen encoder stays in evaluation mode and keeps its statistics."""
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
        """Return the losses of a batch; see `losses_from`.

        Args:
            batch: clean views, which the loss compares.
            seen: jittered inputs of the networks: target, then neighbours, each `b 3 h w` in [0, 1]; None: the clean
                views.
            automask: False disables the auto-mask, even if the configuration enables it (`OptimiserConfig.pose_first`).
            emphasis: factors on the losses in this step.
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
        """Return the networks' inputs without jitter: the target, and the neighbours whose poses are learned."""
        views = batch.neighbours
        if self._poses_are_known:
            views = [rig.view for rig in batch.rig[: len(self.config.data.offsets)]]
        return [batch.target.image, *(view.image for view in views)]

    def _poses(self, target: Tensor, neighbours: list[Tensor], disparity: Tensor) -> list[Tensor]:
        """Return source_from_target of every neighbour.

        The pose network reads pairs in temporal order. The pose of a source before the target is therefore inverted.
        """
        if self.pose_net is None or not neighbours:
            return []
        offsets = [self.config.data.offsets[place] for place in self._paired]
        pairs = [(n, target) if offset < 0 else (target, n) for n, offset in zip(neighbours, offsets, strict=True)]
        with self._precision(target):
            axis_angle, translation = self.pose_net(*(torch.cat(side) for side in zip(*pairs, strict=True)))
        depth = self._depth(disparity).repeat(len(pairs), 1, 1)
        if self._poses_are_known:
            depth = depth.detach()  # the loss on known poses has no gradient to the depth
        median = self.config.loss.depth_scaling == "median"
        translation = translation_in_depth_units(self.pose_net, translation, depth, self.config.model, median)
        return [
            transform_from_axis_angle(r, t, invert=offset < 0)
            for r, t, offset in zip(axis_angle.chunk(len(pairs)), translation.chunk(len(pairs)), offsets, strict=True)
        ]

    def _precision(self, like: Tensor) -> torch.autocast:
        """Return the autocast context of the networks; their outputs are float32."""
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
        """Return the losses of given disparities and poses.

        Args:
            disparities: four scales `b h/2^s w/2^s` in (0, 1), finest first.
            poses: estimated source_from_target `b 4 4`. The rig's poses come from the batch. If structure from motion
                knows the neighbours' poses, its poses warp, and the estimated ones are compared with them.
            batch: clean views.
            masks: predictive masks `b n h/2^s w/2^s` before weighting, one per scale.
            automask: False disables the auto-mask, even if the configuration enables it.
            emphasis: factors on the losses in this step.

        Returns:
            Unweighted scalars by their names in `losses.registry.TERMS`, without the terms that do not apply to this
            step; `loss`, their weighted sum; and `kept`, the share of pixels that the auto-mask keeps.
        """
        config, image, empty = self.config, batch.target.image, batch.target.image.new_empty(0, *disparities[0].shape)
        batch = in_network_units(batch, self._depth(disparities[0].detach()))
        known = [batch.rig[place].source_from_target for place in self._paired] if self._poses_are_known else []
        step = Step(batch, disparities, poses, known, masks or [], config, empty, [], None)
        found = [(term, term.loss(step)) for term in self.terms if term.regularises]
        finest = self._depth(disparities[0])
        step = step._replace(depth=torch.stack([self._depth(_resized(d[:, None], image)[:, 0]) for d in disparities]))
        compared: list[Reprojection] = []
        if emphasis.photometric and config.loss.photometric:
            sources, source_poses = self._sources(batch, [] if known else poses)
            settings = replace(config.loss, automask=config.loss.automask and automask)
            for target, views, depth, mask in self._at_sizes(step, sources):
                units, present = self._in_units(depth, finest), _present(batch, len(views))
                compared.append(reproject(target, views, units, source_poses, mask, settings, present))
            better = self._explained_better(batch, compared[0], source_poses, finest.detach())
            step = step._replace(errors=[one.error for one in compared], better=better)
        found += [(term, term.loss(step)) for term in self.terms if not term.regularises]
        losses = {term.name: loss for term, loss in found if loss is not None}
        weighted = [term.weight(config, emphasis) * loss for term, loss in found if loss is not None]
        losses["loss"] = torch.stack(weighted).sum()
        if compared:
            with torch.no_grad():
                losses["kept"] = torch.cat([one.kept.flatten(1).float().mean(1) for one in compared]).mean()
        return losses

    def _explained_better(
        self, batch: Batch, compared: Reprojection, poses: list[Tensor], depth: Float[Tensor, "b h w"]
    ) -> Bool[Tensor, "b h w"] | None:
        """Return the pixels whose hints count by the rule of Watson et al. (2019); None if all hints count."""
        if batch.hints is None or self.config.hints.rule == "always":
            return None
        sources, _ = self._sources(batch, [])
        hint_depth = torch.where(batch.hints.inverse_depth > 0, 1 / batch.hints.inverse_depth.clamp(min=1e-12), depth)
        units, present = self._in_units(hint_depth[None], depth), _present(batch, len(sources))
        return explains_better(batch.target, sources, poses, units, compared.error[0], self.config.loss, present)

    def _at_sizes(
        self, step: Step, sources: list[View]
    ) -> list[tuple[View, list[View], Float[Tensor, "s b h w"], Tensor | None]]:
        """Return the target, sources, depth and masks to compare: all scales at full size, or each at its own size."""
        target = step.batch.target
        if self.config.loss.multiscale == "full":
            mask = torch.stack([_resized(m, target.image) for m in step.masks]) if step.masks else None
            return [(target, sources, step.depth, mask)]
        sizes = []
        for scale, disparity in enumerate(step.disparities):
            size = disparity.shape[-2:]
            views = [View(interpolate(view.image, size, mode="area"), view.camera) for view in (target, *sources)]
            mask = step.masks[scale][None] if step.masks else None
            sizes.append((views[0], views[1:], self._depth(disparity)[None], mask))
        return sizes

    def _sources(self, batch: Batch, poses: list[Tensor]) -> tuple[list[View], list[Tensor]]:
        """Return all sources of a batch and their source_from_target: `poses` for the neighbours, then the rig's."""
        sources = [*batch.neighbours, *(rig.view for rig in batch.rig)]
        poses = [*poses, *(rig.source_from_target for rig in batch.rig)]
        return sources, poses if self.focal is None else [self.focal(pose) for pose in poses]

    @property
    def _poses_are_known(self) -> bool:
        """Whether structure from motion knows the neighbours' poses, so that the pose network learns from them."""
        return self.config.data.poses == "sfm"

    @property
    def _paired(self) -> list[int]:
        """Return the indices of the neighbours whose motion the pose network estimates."""
        data = self.config.data
        if not data.learned_poses:
            return []
        return one_of_each_distance(data.offsets) if self._poses_are_known else list(range(len(data.offsets)))

    @torch.no_grad()
    def diagnose(self, batch: Batch) -> Diagnosis:
        """Return maps and figures of a batch for people; the weights and the forward pass do not depend on it."""
        was_training = self.training
        self.eval()
        estimate = self.estimate(batch)
        disparity, depth = estimate.disparities[0], self._depth(estimate.disparities[0])
        batch = in_network_units(batch, depth)
        sources, poses = self._sources(batch, [] if self._poses_are_known else estimate.poses)
        full = _resized(disparity[:, None], batch.target.image)[:, 0]
        units = self._in_units(self._depth(full)[None], depth)
        masks = _resized(estimate.masks[0], batch.target.image)[None] if estimate.masks else None
        kept = reproject(
            batch.target, sources, units, poses, masks, self.config.loss, _present(batch, len(sources))
        ).kept
        self.train(was_training)
        scale = median_depth(depth).flatten() if self.config.loss.depth_scaling == "median" else 1.0
        return Diagnosis(
            batch.target.image,
            warped(sources[0].image, poses[0], sources[0].camera, units, batch.target.camera)[0],
            disparity,
            depth,
            kept[0],
            torch.stack([pose[:, :3, 3].norm(dim=1) * scale for pose in estimate.poses])
            if estimate.poses
            else batch.target.image.new_zeros(0, len(batch.target.image)),
        )

    def _depth(self, disparity: Tensor) -> Tensor:
        return disparity_to_depth(disparity, self.config.model.min_depth, self.config.model.max_depth)

    def _in_units(self, depth: Float[Tensor, "s b h w"], finest: Float[Tensor, "b H W"]) -> Float[Tensor, "s b h w"]:
        """Return the depths that warp; adaptive depth-range scaling divides them by the median of the finest."""
        return depth / median_depth(finest) if self.config.loss.depth_scaling == "median" else depth


def build_objective(config: TrainConfig, pretrained: Pretrained = False) -> SelfSupervisedObjective:
    """Return the objective of a configuration, with new networks.

    The encoders start from `pretrained` weights. All other weights are drawn from torch's global generator.
    """
    model = config.model
    depth_net = build_depth_net(model, pretrained)
    channels, pose_net = depth_net.encoder.channels[-1], None
    if config.data.learned_poses:
        kind = depth_net.encoder_type
        pose_net = build_pose_net(model.pose, model.encoder, pretrained, channels, model.normalisation, kind)
    return SelfSupervisedObjective(depth_net, pose_net, config)


def _present(batch: Batch, sources: int) -> Bool[Tensor, "b n"] | None:
    """Return `Batch.present`, extended to all sources."""
    if batch.present is None:
        return None
    return pad(batch.present, (0, sources - batch.present.shape[1]), value=True)


def _resized(maps: Float[Tensor, "b c h w"], like: Float[Tensor, "b 3 H W"]) -> Float[Tensor, "b c H W"]:
    """Return maps at the size of an image (bilinear, edge to edge)."""
    size = like.shape[-2:]
    return maps if maps.shape[-2:] == size else interpolate(maps, size, mode="bilinear", align_corners=False)
