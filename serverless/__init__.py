"""Extensions of the deploy tool: plugins (JavaScript), and the steps that they run (Python)."""
