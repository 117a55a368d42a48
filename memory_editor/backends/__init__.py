"""Editing methods behind one interface, `edit(model, edits) -> Undo`; none of them knows the edit memory."""
