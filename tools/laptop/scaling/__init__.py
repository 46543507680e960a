"""Application Auto Scaling for the services of the laptop cloud's ECS; no I/O except `usage`.

`api` answers the calls, `scaler` evaluates the policies and runs the scheduled actions. Both change
an `Account`, whose state is one JSON document. `patches.application_autoscaling` connects them to
the emulator.
"""
