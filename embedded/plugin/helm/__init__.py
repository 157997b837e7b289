"""`kubernetes:helm.sh/v3:Release`, through the `helm` binary."""
