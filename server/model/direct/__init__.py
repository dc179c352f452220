"""The arithmetic of known estimators, one module for each kind, and the registry that lists them all.

Each family gives exactly the bits of scikit-learn, or is not here (docs/adr/0005-direct-evaluation.md).
"""
