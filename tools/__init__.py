"""Developer tools that are not deployed: the laptop cloud, benchmarks, checks, the contract."""
