"""Output for people: responses as tables and sentences."""
