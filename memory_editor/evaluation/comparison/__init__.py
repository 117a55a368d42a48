"""Editing methods compared under one protocol: all edits applied, then everything asked, freely decoded."""
