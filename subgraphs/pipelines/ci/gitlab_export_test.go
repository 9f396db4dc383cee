package ci

import "slices"

// GitLabWords returns the words that are in one of the tables or in these lists, and not in both.
func GitLabWords(statuses, sources []string) []string {
	var out []string
	compare := func(list []string, known func(string) bool, all []string) {
		for _, word := range list {
			if !known(word) {
				out = append(out, word)
			}
		}
		for _, word := range all {
			if !slices.Contains(list, word) {
				out = append(out, word)
			}
		}
	}
	var words []string
	for word := range gitLabStatuses {
		words = append(words, word)
	}
	compare(statuses, func(w string) bool { _, ok := gitLabStatuses[w]; return ok }, words)
	words = nil
	for word := range gitLabTriggers {
		words = append(words, word)
	}
	compare(sources, func(w string) bool { _, ok := gitLabTriggers[w]; return ok }, words)
	slices.Sort(out)
	return out
}
