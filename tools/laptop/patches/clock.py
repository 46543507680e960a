"""The clock of the laptop cloud, in the emulator and in the functions of the service.

Not a gap: AWS has no such clock. Without the option `minute` it is the clock of the machine.
"""

from __future__ import annotations

from ministack.core import lambda_runtime, responses
from ministack.services import cloudwatch, cloudwatch_logs, dynamodb, ecs, eventbridge, sns, sqs
from ministack.services.cloudformation import provisioners

from tools.laptop import clock as clocks
from tools.laptop.clock import MINUTE, replace_time
from tools.laptop.emulator import clock

# The modules whose times clients or the service can see, or that act at a time. `responses` has the
# times of the other services, such as those of stacks. The check of signatures and the limits of
# invocations remain real.
_MODULES = (
    responses, cloudwatch, cloudwatch_logs, dynamodb, ecs, eventbridge, provisioners, sns, sqs,
)  # fmt: skip
# Seconds between two checks of the schedules; ten in the emulator, at most a sixth of a minute.
_CHECK = 10.0
# The start of the program of a function. It loads the clock from its file, because a function has
# no access to the modules of this repository.
_PROGRAM = f"""
import importlib.util, os, sys
_spec = importlib.util.spec_from_file_location("laptop_clock", {clocks.__file__!r})
sys.modules["laptop_clock"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(sys.modules["laptop_clock"])
sys.modules["laptop_clock"].replace_function_clock(os.environ)
"""


def apply() -> None:
    """Replace the clocks, if the minute is not that of the machine."""
    if clock().minute == MINUTE:
        return
    for module in _MODULES:
        replace_time(module, clock())
    eventbridge._SCHEDULER_TICK_INTERVAL = clock().machine_seconds(_CHECK)
    lambda_runtime._PYTHON_WORKER_SCRIPT = _PROGRAM + lambda_runtime._PYTHON_WORKER_SCRIPT
