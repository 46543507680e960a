"""What all adapters share: the SDK's session, its errors, and the operations that are called."""
