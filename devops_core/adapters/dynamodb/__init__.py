"""DynamoDB: the inventory tables and the log table."""
