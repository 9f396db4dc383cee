package githubtest

import (
	"regexp"
	"strconv"
	"sync"
)

// memory keeps what was worked out from commits, which do not change. Where it is full it begins anew.
type memory struct {
	mu    sync.Mutex
	known map[string]any
}

const memorySize = 10_000 // entries of about a kilobyte

// Load returns what is remembered under a key.
func (m *memory) Load(key string) (any, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	value, ok := m.known[key]
	return value, ok
}

// Store remembers a value, which must not be changed any more.
func (m *memory) Store(key string, value any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil || len(m.known) >= memorySize {
		m.known = map[string]any{}
	}
	m.known[key] = value
}

var closingPattern = regexp.MustCompile(`(?i)\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+#(\d{1,9})\b`)

func itoa(n int) string { return strconv.Itoa(n) }

// atoi returns the number a text is, 0 for none.
func atoi(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return n
}
