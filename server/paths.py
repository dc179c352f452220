"""What is in a model's folder: the downloader writes it, the loader reads it."""

MODEL = "model.joblib"
REQUIREMENTS = "requirements.txt"
PACKAGES = "packages"
"""What requirements.txt brought; first on the server's path."""
