"""What is wrong with a set-up, and what to do: facts are gathered, and pure checks turn them into findings."""
