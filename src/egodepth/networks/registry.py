"""The depth networks in one table. A new one is a file with its class, and one line here (docs/extending.md)."""

from egodepth.config import ModelConfig
from egodepth.foundation.errors import InputError
from egodepth.networks.depth import DepthNet
from egodepth.networks.encoder import Pretrained
from egodepth.networks.transformer import DptNet

DEPTH_NETWORKS: dict[str, type[DepthNet]] = {"unet": DepthNet, "dpt": DptNet}
"""Depth networks by the name in `ModelConfig.network`; all have the arguments of `DepthNet`."""


def build_depth_net(model: ModelConfig, pretrained: Pretrained = False) -> DepthNet:
    """Return the depth network of a configuration; all weights but those of the encoder are random.

    Raises:
        InputError: an unknown name, or an encoder that cannot be built.
    """
    check_network(model)
    kind = DEPTH_NETWORKS[model.network]
    return kind(model.encoder, pretrained, model.initial_disparity, model.normalisation)


def check_network(model: ModelConfig) -> None:
    """Refuse a network that the table does not have, by an `InputError` that lists the names."""
    if model.network not in DEPTH_NETWORKS:
        raise InputError(f"model.network: unknown network '{model.network}'; there are: {', '.join(DEPTH_NETWORKS)}")
