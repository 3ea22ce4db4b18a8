"""What a flag's value means: text from the command line into the values of Docker's JSON."""
