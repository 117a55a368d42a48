"""Where the files of language models are: bundled, converted, downloaded; imports no torch until a model is loaded."""
