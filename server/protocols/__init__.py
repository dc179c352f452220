"""The protocols that clients use. Each module only translates: bytes → model input, and the model's answer → bytes.

No module here handles HTTP routes or calls a model; `server.http.routes` does that for all protocols in the same way.
"""
