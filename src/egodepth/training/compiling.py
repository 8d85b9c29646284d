"""`TrainerConfig.compile`: torch.compile translates the objective before it trains, the networks as it comes or not."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch

from egodepth.foundation.errors import InputError
from egodepth.networks import depth_unit
from egodepth.objective import SelfSupervisedObjective

_EXACT = ("emulate_precision_casts", "eager_numerics.division_rounding")
"""Settings of the compiler under which a GPU rounds as torch does, without contraction of a * b + c: an image compared
with itself must give exactly nothing, or ties of the auto-mask break. A processor does so anyway."""

_SINCE = (2, 14)
"""Of torch: the gradients of stereo pairs that 2.10 translated were far from its own (LOG.md); what is between was not
tried."""


def compile_objective(
    objective: SelfSupervisedObjective, what: Literal["none", "losses", "all"], device: torch.device
) -> str:
    """Compile in place what the trainer calls; names of weights, `diagnose` and validation stay as they are.

    The translation itself happens in the first step, and once more when the auto-mask is switched on
    (`OptimiserConfig.pose_first`). A trifle is compiled at once, so that a machine that cannot is known before a run
    folder is taken.

    Returns:
        What to tell the user; empty for none.

    Raises:
        InputError: no compiler that works for this device.
    """
    if what == "none":
        return ""
    if tuple(map(int, torch.__version__.split(".")[:2])) < _SINCE:
        raise InputError(
            f"--trainer.compile needs torch {_SINCE[0]}.{_SINCE[1]} or newer, and this is {torch.__version__}: older "
            "ones were seen to compute other gradients; update torch, or train with --trainer.compile none"
        )
    with one_line_of_compiler():
        torch.compile(_trifle)(torch.ones(64, device=device))
    from torch._inductor import list_options  # seconds to import

    known = list_options()
    settings: dict[str, Any] = {"dynamic": False, "options": {name: True for name in _EXACT if name in known}}
    if what == "losses":
        compiled = torch.compile(objective.losses_from, fullgraph=True, **settings)
        objective.losses_from = compiled  # pyright: ignore[reportAttributeAccessIssue]
    else:
        # A number of the configuration's, computed by tensors, would break the graph.
        torch.compiler.assume_constant_result(depth_unit)
        # Not fullgraph: some backbone of timm's hundreds may not be traced in one piece.
        objective.compile(**settings)
    said = f"compiling {'the losses' if what == 'losses' else 'networks and losses'}: the first step takes a while"
    if device.type == "cpu":
        said += "; on a processor the losses' loops in C, which this leaves out, are faster (--trainer.compile none)"
    return said


@contextmanager
def one_line_of_compiler() -> Iterator[None]:
    """Turn what torch.compile complains of into one line."""
    try:
        yield
    except RuntimeError as error:
        if not _is_of_compiler(error):
            raise
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f"torch.compile does not work here ({reason}); train with --trainer.compile none, in a new --run"
        ) from error


def _is_of_compiler(error: RuntimeError) -> bool:
    from torch._dynamo.exc import TorchDynamoException  # seconds to import
    from torch._inductor.exc import CppCompileError, InvalidCxxCompiler

    return isinstance(error, TorchDynamoException | CppCompileError | InvalidCxxCompiler)


def _trifle(x: torch.Tensor) -> torch.Tensor:
    return torch.sin(x) + 1
