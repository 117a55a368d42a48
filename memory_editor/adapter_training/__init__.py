"""Training of the edit-following adapter: exercises, token sequences, the loop; nothing here runs when answering."""
