"""What the deploy tool runs besides its own: plugins (JavaScript), and these steps (Python)."""
