"""Which edits a prompt is in scope of: candidates, their classification, and the route that follows."""
