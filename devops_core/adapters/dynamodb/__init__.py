"""DynamoDB: the three inventory tables and the log table."""
