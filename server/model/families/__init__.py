"""The arithmetic of known estimators, one module for each family, and the registry that lists them all.

Each family gives exactly the bits of scikit-learn, or is not here (docs/adr/0018-a-model-is-data.md).
"""
