"""Scale: the reads and writes of each operation with 1 and with 10,000 applications."""
