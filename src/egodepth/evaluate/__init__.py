"""`egodepth evaluate`: `command` is the verb, `options` says what goes together, `frames` what is judged on."""

from egodepth.evaluate.command import Evaluate

__all__ = ["Evaluate"]
