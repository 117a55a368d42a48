"""The Hugging Face side: a model that answers from edits wherever a model is expected; knows no memory."""

from memory_editor.edited_model.model import EditedModel, RoutedCache

__all__ = ["EditedModel", "RoutedCache"]
