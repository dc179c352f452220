"""Makes a cluster follow a bucket. The images carry no package metadata, so the version stands here."""

__version__ = "0.1.0"
