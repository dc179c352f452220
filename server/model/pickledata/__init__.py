"""A model file as data: its bytes, its opcodes, and the records that they describe. Nothing that it names is run."""
