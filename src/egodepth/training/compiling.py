"""`TrainerConfig.compile`: apply torch.compile to the losses, or to networks and losses."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch

from egodepth.foundation.errors import InputError
from egodepth.networks import depth_unit
from egodepth.objective import SelfSupervisedObjective

_EXACT = ("emulate_precision_casts", "eager_numerics.division_rounding")
"""Compiler settings with which a GPU rounds like torch, without contraction of a * b + c. The error of an image with
itself must be exactly zero, or the auto-mask treats ties wrongly. A processor needs no settings."""

_SINCE = (2, 14)
"""First supported version of torch. The gradients of stereo pairs that 2.10 compiled were wrong (LOG.md); versions in
between were not tested."""


def compile_objective(
    objective: SelfSupervisedObjective, what: Literal["none", "losses", "all"], device: torch.device
) -> str:
    """Compile the functions that the trainer calls, in place. Weights keep their names.

    `diagnose` and the validation are not compiled. Compilation happens in the first step, and again when the auto-mask
    is switched on (`OptimiserConfig.pose_first`). A trivial function is compiled at once, so that a missing compiler is
    found before the run folder is created.

    Returns:
        A message for the user; empty if there is none.

    Raises:
        InputError: no compiler works for this device.
    """
    if what == "none":
        return ""
    if tuple(map(int, torch.__version__.split(".")[:2])) < _SINCE:
        raise InputError(
            f"--trainer.compile needs torch {_SINCE[0]}.{_SINCE[1]} or newer, and this is {torch.__version__}: older "
            "versions can compute wrong gradients; update torch, or train with --trainer.compile none"
        )
    with compiler_errors_as_one_line():
        torch.compile(_trivial)(torch.ones(64, device=device))
    from torch._inductor import list_options  # here, because the import takes seconds

    known = list_options()
    settings: dict[str, Any] = {"dynamic": False, "options": {name: True for name in _EXACT if name in known}}
    if what == "losses":
        compiled = torch.compile(objective.losses_from, fullgraph=True, **settings)
        objective.losses_from = compiled  # pyright: ignore[reportAttributeAccessIssue]
    else:
        # It computes a constant of the configuration by tensors, which would break the graph.
        torch.compiler.assume_constant_result(depth_unit)
        # Not fullgraph: some timm backbones may contain graph breaks.
        objective.compile(**settings)
    said = f"compiling {'the losses' if what == 'losses' else 'networks and losses'}: the first step takes longer"
    if device.type == "cpu":
        said += "; on a processor, the default loops in C of the losses are faster (--trainer.compile none)"
    return said


@contextmanager
def compiler_errors_as_one_line() -> Iterator[None]:
    """Convert errors of torch.compile to an `InputError` with one line."""
    try:
        yield
    except RuntimeError as error:
        if not _is_compiler_error(error):
            raise
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f"torch.compile does not work here ({reason}); train with --trainer.compile none, in a new --run"
        ) from error


def _is_compiler_error(error: RuntimeError) -> bool:
    from torch._dynamo.exc import TorchDynamoException  # here, because the import takes seconds
    from torch._inductor.exc import CppCompileError, InvalidCxxCompiler

    return isinstance(error, TorchDynamoException | CppCompileError | InvalidCxxCompiler)


def _trivial(x: torch.Tensor) -> torch.Tensor:
    return torch.sin(x) + 1
