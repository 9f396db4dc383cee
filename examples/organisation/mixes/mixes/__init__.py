"""Personal mixes: which tracks go together, and in which order."""
