"""What the end-to-end tests break the laptop cloud with."""
