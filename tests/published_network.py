"""Monodepth2's published layout, written a second time: torchvision's ResNet and plain functions on the state dicts."""

from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import conv2d, elu, pad, relu
from torchvision.models import resnet

STATE = dict[str, Tensor]


def write_folder(folder: Path, name: str = "resnet18", pose: str = "separate", use_stereo: bool = False) -> None:
    """Random weights in the published layout; `pose` is separate, shared, posecnn or empty."""
    folder.mkdir()
    network = random_resnet(name)
    encoder = {f"encoder.{key}": value for key, value in network.state_dict().items()}
    torch.save(encoder | {"height": 64, "width": 96, "use_stereo": use_stereo}, folder / "encoder.pth")
    torch.save(random_decoder(network.fc.in_features), folder / "depth.pth")
    if pose == "separate":
        twin = random_resnet(name, images=2)
        torch.save({f"encoder.{key}": value for key, value in twin.state_dict().items()}, folder / "pose_encoder.pth")
    if pose:
        torch.save(random_pose(pose, network.fc.in_features), folder / "pose.pth")


def random_resnet(name: str, images: int = 1) -> resnet.ResNet:
    network = getattr(resnet, name)(weights=None)
    if images > 1:
        network.conv1 = torch.nn.Conv2d(3 * images, 64, 7, 2, 3, bias=False)
    for key, value in network.state_dict().items():
        if "running_mean" in key:
            value.copy_(0.1 * torch.randn_like(value))
        elif "running_var" in key:
            value.copy_(0.5 + torch.rand_like(value))
    return network


def random_decoder(coarsest: int) -> STATE:
    skips = [coarsest // 2, coarsest // 4, coarsest // 8, 64, 0]
    state, inputs = {}, coarsest
    for position, (skip, outputs) in enumerate(zip(skips, (256, 128, 64, 32, 16), strict=True)):
        state |= _conv(f"decoder.{2 * position}.conv.conv", inputs, outputs)
        state |= _conv(f"decoder.{2 * position + 1}.conv.conv", outputs + skip, outputs)
        inputs = outputs
    for scale, channels in enumerate((16, 32, 64, 128)):
        state |= _conv(f"decoder.{10 + scale}.conv", channels, 1)
    return state


def random_pose(kind: str, coarsest: int) -> STATE:
    if kind == "posecnn":
        widths, kernels = [6, 16, 32, 64, 128, 256, 256, 256], [7, 5, 3, 3, 3, 3, 3]
        state: STATE = {}
        for i, kernel in enumerate(kernels):
            state |= _conv(f"net.{i}", widths[i], widths[i + 1], kernel)
        return state | _conv("pose_conv", 256, 6, 1)
    joined = 256 * (2 if kind == "shared" else 1)
    state = _conv("net.0", coarsest, 256, 1) | _conv("net.1", joined, 256) | _conv("net.2", 256, 256)
    return state | _conv("net.3", 256, 12, 1)


def _conv(name: str, inputs: int, outputs: int, kernel: int = 3) -> STATE:
    spread = (inputs * kernel**2) ** -0.5
    weight = spread * torch.randn(outputs, inputs, kernel, kernel)
    return {f"{name}.weight": weight, f"{name}.bias": 0.1 * torch.randn(outputs)}


def features(folder: Path, file: str, name: str, x: Tensor) -> list[Tensor]:
    """torchvision's ResNet at strides 2 to 32, in evaluation mode."""
    state = torch.load(folder / file, weights_only=True)
    network = random_resnet(name, images=x.shape[1] // 3).eval()
    network.load_state_dict({k.removeprefix("encoder."): v for k, v in state.items() if k.startswith("encoder.")})
    x = network.relu(network.bn1(network.conv1((x - 0.45) / 0.225)))
    found = [x]
    x = network.maxpool(x)
    for layer in (network.layer1, network.layer2, network.layer3, network.layer4):
        x = layer(x)
        found.append(x)
    return found


def disparities(folder: Path, name: str, image: Tensor) -> list[Tensor]:
    """The four sigmoid outputs, finest first."""
    skips = features(folder, "encoder.pth", name, image)
    state = torch.load(folder / "depth.pth", weights_only=True)
    x, found = skips.pop(), []
    for position in range(5):
        x = elu(_reflected(x, state, f"decoder.{2 * position}.conv.conv"))
        x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
        x = torch.cat([x, skips.pop()], 1) if skips else x
        x = elu(_reflected(x, state, f"decoder.{2 * position + 1}.conv.conv"))
        scale = 4 - position
        if scale < 4:
            found.insert(0, torch.sigmoid(_reflected(x, state, f"decoder.{10 + scale}.conv")))
    return found


def _reflected(x: Tensor, state: STATE, name: str) -> Tensor:
    return conv2d(pad(x, (1, 1, 1, 1), mode="reflect"), state[f"{name}.weight"], state[f"{name}.bias"])


def pose_numbers(folder: Path, name: str, kind: str, earlier: Tensor, later: Tensor) -> Tensor:
    """Axis-angle and translation of the first of the two poses, `b 6`."""
    state = torch.load(folder / "pose.pth", weights_only=True)

    def conv(x: Tensor, layer: str, **how: int) -> Tensor:
        return conv2d(x, state[f"{layer}.weight"], state[f"{layer}.bias"], **how)

    if kind == "posecnn":
        x = torch.cat([earlier, later], 1)
        for i, kernel in enumerate([7, 5, 3, 3, 3, 3, 3]):
            x = relu(conv(x, f"net.{i}", stride=2, padding=kernel // 2))
        return 0.01 * conv(x, "pose_conv").mean((2, 3))
    if kind == "separate":
        coarse = [features(folder, "pose_encoder.pth", name, torch.cat([earlier, later], 1))[-1]]
    else:
        coarse = [features(folder, "encoder.pth", name, frame)[-1] for frame in (earlier, later)]
    x = torch.cat([relu(conv(one, "net.0")) for one in coarse], 1)
    x = relu(conv(relu(conv(x, "net.1", padding=1)), "net.2", padding=1))
    return 0.01 * conv(x, "net.3").mean((2, 3))[:, :6]
