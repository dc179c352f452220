"""The protocols that clients speak. Each module only translates: bytes → model input, and the model's answer → bytes.

No module here knows HTTP routes or calls a model; `server.http.routes` does that for all protocols in the same way.
"""
