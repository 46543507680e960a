"""Developer tools, which are not deployed: laptop cloud, benchmarks, security checks, contract."""
