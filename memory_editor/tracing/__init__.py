"""Where a model recalls a fact: causal tracing (Meng et al. 2022, section 2); changes no model."""

from memory_editor.tracing.averages import AverageTrace, Role, average, roles_of
from memory_editor.tracing.prompts import TracePrompt, known, read_prompts, trace_each
from memory_editor.tracing.states import Kind, kind_named
from memory_editor.tracing.trace import Trace, TraceSettings, subject_noise, trace

__all__ = [
    "AverageTrace",
    "Kind",
    "Role",
    "Trace",
    "TracePrompt",
    "TraceSettings",
    "average",
    "kind_named",
    "known",
    "read_prompts",
    "roles_of",
    "subject_noise",
    "trace",
    "trace_each",
]
