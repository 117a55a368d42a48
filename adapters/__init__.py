"""What answers a prompt that is in scope of edits; knows no store."""
