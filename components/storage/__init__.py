"""The bucket that holds the models, and the credentials it hands over."""
