"""The command line `kubeserve`: one file a command in `commands`, and what they share."""
