"""Operations: accept and claim (start), then move forward until the end (reconcile)."""
