"""`python -m tests.scale`: print what each operation reads and writes, among few and many."""

from __future__ import annotations

from tests.scale.life import MANY, Life, table

if __name__ == "__main__":
    print("\n".join(table(Life(1), Life(MANY))))
