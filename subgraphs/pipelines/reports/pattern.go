package reports

// Matches tells whether a pattern, as a Rule has it, stands for a path.
func Matches(pattern, path string) bool { return matches(pattern, path) }
