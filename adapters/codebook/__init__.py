"""GRACE: learnt values that stand in for what one module of the model returns; knows no store."""

from memory_editor.adapters.codebook.adapter import CodebookAdapter
from memory_editor.adapters.codebook.codebook import Codebook
from memory_editor.adapters.codebook.entries import Match
from memory_editor.adapters.codebook.files import codebook_folder

__all__ = ["Codebook", "CodebookAdapter", "Match", "codebook_folder"]
