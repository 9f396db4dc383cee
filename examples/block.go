package examples

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
)

// blocks cuts a text into the blocks that a history counts. Joined, they are the text again.
func blocks(text string) []string {
	var out []string
	start, blank := 0, false
	for at := 0; at < len(text); {
		end := len(text)
		if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		line := strings.TrimRight(text[at:end], "\r\n")
		switch {
		case strings.TrimSpace(line) == "":
			blank = true
		case at > start && (line == "---" || blank && startsBlock(line)):
			out = append(out, text[start:at])
			start, blank = at, false
		default:
			blank = false
		}
		at = end
	}
	if start < len(text) {
		out = append(out, text[start:])
	}
	return out
}

// startsBlock tells whether a line after a blank one starts a block: one that is indented or closes a bracket goes on with
// the block before.
func startsBlock(line string) bool { return !strings.ContainsAny(line[:1], " \t})]") }

// selectBlocks returns the blocks that ranges such as "1-3,5,8-" name, in the text's order.
func selectBlocks(text, ranges string) (string, error) {
	all := blocks(text)
	wanted := make([]bool, len(all))
	for _, part := range strings.Split(ranges, ",") {
		low, high, isRange := strings.Cut(part, "-")
		from, err := strconv.Atoi(low)
		to := from
		if err == nil && isRange {
			to = len(all)
			if high != "" {
				to, err = strconv.Atoi(high)
			}
		}
		if err != nil || from < 1 || to < from || to > len(all) {
			return "", fmt.Errorf("%q does not name some of its %d blocks", part, len(all))
		}
		for i := from; i <= to; i++ {
			wanted[i-1] = true
		}
	}
	var kept strings.Builder
	for i, block := range all {
		if wanted[i] {
			kept.WriteString(block)
		}
	}
	return strings.TrimRight(kept.String(), "\r\n") + "\n", nil
}

// replace applies replacements of the form s/from/to/, separated by blanks. In both texts \n stands for the end of a line.
func replace(text, replacements string) (string, error) {
	for rest := replacements; rest != ""; {
		if len(rest) < 2 || rest[0] != 's' {
			return "", fmt.Errorf("want s/from/to/, found %q", rest)
		}
		parts := strings.SplitN(rest[2:], rest[1:2], 3)
		if len(parts) != 3 || parts[0] == "" {
			return "", fmt.Errorf("want s/from/to/, found %q", rest)
		}
		from, to := strings.ReplaceAll(parts[0], `\n`, "\n"), strings.ReplaceAll(parts[1], `\n`, "\n")
		if !strings.Contains(text, from) {
			return "", fmt.Errorf("does not have the text %q", from)
		}
		text = strings.ReplaceAll(text, from, to)
		rest = strings.TrimLeft(parts[2], " ")
	}
	return text, nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
