"""AWS calls: how many an operation makes until its caller is answered, and what they take."""
