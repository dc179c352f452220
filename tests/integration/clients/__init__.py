"""Scripts that run in the clients' own environments, where nothing of ours is: see test_clients.py."""
