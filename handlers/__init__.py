"""Lambda handlers: parse the request, call the engine, respond."""

import gc

# Imports leave no garbage, and collections during the imports take 5 % of a cold start.
# `devops_core.http` enables the collector when a handler is complete.
gc.disable()
