"""Lambda handlers: parse, one call, answer."""

import gc

# Loading leaves no garbage behind, and a collector that looks for it all the same costs a twentieth
# of a cold start. `devops_core.api` lets it begin when a handler is complete.
gc.disable()
