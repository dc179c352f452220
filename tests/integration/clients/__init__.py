"""Scripts that run in the clients' own environments, without our packages: see test_clients.py."""
