"""Summaries of runs as `measure` gives them, without a model."""

from typing import Any


def estimate(value: float, width: float = 0.1) -> dict[str, float]:
    return {"value": value, "low": value - width, "high": value + width, "prompts": 10}


def summary(method: str = "ours", edits: int = 10, **over: Any) -> dict[str, Any]:
    """Return a summary with three shares; `over` changes its parts."""
    return {
        "data": {"name": "capitals:dev", "form": "jsonl", "version": "1", "sha256": "0"},
        "model": "tiny",
        "method": method,
        "edits": edits,
        "cases": 10,
        "superseded": 0,
        "measures": {
            "reliability": {"begins": estimate(0.8), "contains": estimate(0.85)},
            "generality": {"begins": estimate(0.7)},
            "locality": {"same": estimate(0.9)},
            "harmonic mean": {"mean": estimate(0.79)},
            "routing": {"auroc": 0.975, "false_accepts": 0.25},
        },
        "cost": {"edits": edits, "seconds": 20.0, "cpu_seconds": 10.0, "peak_bytes": 2**30, "bytes": 2048 * edits},
        "general": {"query": {"edited_p50": 100.0, "base_p50": 90.0}, "facts": {"recalled": 0.5}},
        "undone": True,
    } | over
