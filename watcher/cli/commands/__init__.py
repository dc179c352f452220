"""One module a command, independent of the others. Each imports what is slow in its function, not at its top."""
