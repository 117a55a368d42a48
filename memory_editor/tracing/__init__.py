"""Where a model recalls a fact: causal tracing; changes no model."""
