"""Training MNIST: digits in, a SavedModel and its report out."""
