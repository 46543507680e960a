"""Attack: hostile calls of three principals with different rights (`make attack`).

The calls are sent to a laptop cloud with authentication and two teams. `calls` generates them from
a seed, `rights` is an independent model of the rights, and `checks` compares the state of AWS, the
responses and the logs with it. `mutations` plants bugs that the checks must find.
"""
