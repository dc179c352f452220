"""The first init container's program: fetch one model and the files next to it.

It alone has the URLs or keys of the store, and it reads nothing of what it fetches: what an uploader wrote is for
`server.install` and the server. Nothing is imported here: the program sets its signal handlers before it imports
anything slow.
"""
