"""What people see: answers as tables and sentences."""
