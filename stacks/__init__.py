"""What an environment is: the stack file, its rules, the composition of components, and what a stack exports."""
