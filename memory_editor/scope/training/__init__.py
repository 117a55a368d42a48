"""Training the scope classifier: examples from phrasings and published facts, the pair model, simulated memories."""
