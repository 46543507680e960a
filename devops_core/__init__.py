"""The library behind the deployment service: operations on applications that run on ECS Fargate."""
