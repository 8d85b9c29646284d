"""A tiny depth model of `transformers`, for tests without network."""

from pathlib import Path

import torch


def save_depth_anything(folder: Path, seed: int = 0, readme: str = "", **changes: object) -> Path:
    """A Depth Anything of 30 thousand weights at random, with its image processor."""
    import transformers  # slow to import, and not everywhere

    torch.manual_seed(seed)
    backbone = transformers.Dinov2Config(
        hidden_size=16,
        num_hidden_layers=4,
        num_attention_heads=2,
        image_size=42,
        patch_size=14,
        out_features=["stage1", "stage2", "stage3", "stage4"],
        reshape_hidden_states=False,
        apply_layernorm=True,
    )
    config = transformers.DepthAnythingConfig(
        backbone_config=backbone,
        patch_size=14,
        reassemble_hidden_size=16,
        neck_hidden_sizes=[8, 8, 8, 8],
        fusion_hidden_size=8,
        head_hidden_size=8,
        **changes,
    )
    transformers.DepthAnythingForDepthEstimation(config).save_pretrained(folder)
    transformers.DPTImageProcessor(
        size={"height": 42, "width": 42}, ensure_multiple_of=14, keep_aspect_ratio=True
    ).save_pretrained(folder)
    if readme:
        (folder / "README.md").write_text(readme)
    return folder
