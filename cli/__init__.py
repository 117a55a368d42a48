"""The command `memedit`: parses, calls, prints; decides nothing about edits."""
