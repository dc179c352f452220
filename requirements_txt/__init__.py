"""What a requirements.txt of an uploader may say. The watcher and the server read it by the same rules."""
