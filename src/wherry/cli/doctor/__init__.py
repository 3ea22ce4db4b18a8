"""What a machine must have for containers, each looked at by a function that changes nothing."""
