"""How routing fares as the memory grows: edits in any number, memories of them, what is measured, the report."""
