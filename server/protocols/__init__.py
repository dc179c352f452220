"""What clients speak. Each module only translates: bytes → what to ask of the model, and its answer → bytes.

None knows HTTP routes or calls a model; `server.http.routes` does that for all of them in the same way.
"""
