"""Ten thousand applications and a million lines of log: what each operation reads and writes."""
