"""Where the program deploys to: turning a kubeconfig into an explicit Kubernetes provider."""
