"""The second init container's program: install what a model's requirements.txt names.

It handles text that an uploader wrote, so it has neither URLs nor keys of the store, and may write the packages alone.
Nothing is imported here: the program sets its signal handlers before it imports anything slow.
"""
