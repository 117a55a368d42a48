"""How well it works, measured on the published data sets: rows of prompts, metrics, charts and reports."""
