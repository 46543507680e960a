"""The values of the service: inventory rows, operations, the observed state of AWS, decisions.

Times are aware datetimes in UTC. The values are independent of AWS, DynamoDB and HTTP.
"""
