"""The ports over AWS, one module for each service; constructors take a botocore client."""
