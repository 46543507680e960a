"""The engine accepts operations and advances them; it is independent of their kinds.

The path of an operation, from a request to its end:

1. A handler parses the request and calls `accept.accept` with the controller of its kind
   (`observe.Controller`: the pure rules of a kind and its observations of AWS).
2. `accept` reads the inventory (except for a new application), checks the caller's rights
   (`accept.permit`), observes AWS for the plan (`Controller.before`), and lets the kind check the
   request (`Kind.plan`). For a dry run it returns the plan (`dry_run.of_request`), for an upgrade
   with the change set of a `preview`. Otherwise it
   claims the rows in one transaction, with the operation's record and its first event
   (`events.acceptance`). From now on the operation is durable.
3. The handler calls `reconcile.proceed`, which decides (`Kind.decide`) and acts until the operation
   waits or ends. An `Act` has steps: their calls (`steps.calls`) are made at the same time, and
   `steps.applied`, a pure function, applies the results (`stack_steps` has the steps for
   CloudFormation, `scaling` those for Application Auto Scaling). The worker takes the lease before
   it acts, and every save writes the events of its changes (`events.with_changes`).
4. While AWS works, the operation waits on record. EventBridge, a one-minute schedule
   (`sweep.sweep_open`) and status reads call `reconcile.resume`: it observes AWS
   (`Controller.during`) and continues as in step 3. After a throttled call it pauses
   (`pauses.paused`), and the reads of the schedule have a pace (`pace.Pace`).
   A waiting call reads the operation until it ends, if `waiting.admission` admits it.
5. `Done` or `Fail` ends the operation: `reconcile.finish` writes the status, the rows of the kind
   (`Kind.rows`), the release of the claim and the last event in one transaction, and
   `telemetry.operation_ended` counts it. `reconcile.give_up` ends an operation that AWS blocks.
6. The transactions of some events also write a notification; `outbox.send_due` sends it to people.

`abort.abort` requests the end of an operation, which the next decision then considers;
`advance.advance` moves a waiting one on (`Kind.advance`). `force.force` ends one that AWS blocks
permanently. The values
that these functions pass on are in `run`.
"""
