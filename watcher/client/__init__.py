"""What a user's machine does with the store, the watcher and the models: for the command line and for notebooks."""
