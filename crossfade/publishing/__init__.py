"""Publishing one immutable version of a model to an S3 bucket."""
