"""On a laptop cloud with authentication on: who may call, and what the functions may do."""
