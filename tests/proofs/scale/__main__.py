"""Print the reads and writes of each operation, among few and many applications."""

from __future__ import annotations

from tests.proofs.scale.consumption import MANY, Life, table

if __name__ == "__main__":
    print("\n".join(table(Life(1), Life(MANY))))
