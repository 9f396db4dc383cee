package descriptor

import "bytes"

// part is the text of one document within its file.
type part struct {
	text     []byte
	line     int // of the file, from 1, where text starts
	position int
}

// split cuts a YAML stream into its documents at the document markers. It looks at lines alone: a line that starts with "---"
// or "..." and then ends or goes on with a blank is a marker wherever it stands, because YAML forbids one inside a scalar of any
// style. So a document that is broken in itself cannot swallow the next.
func split(text []byte) []part {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	var parts []part
	start, startLine, line := 0, 1, 1
	explicit := false // the current document was started by a marker
	count := 0        // of documents, empty ones too
	end := func(at int) {
		body := text[start:at]
		if hasContent(bytes.TrimPrefix(body, []byte("---"))) {
			parts = append(parts, part{text: body, line: startLine, position: count})
			count++
		} else if explicit {
			count++ // an empty document has a position, and nothing to read
		}
	}
	for at := 0; at < len(text); line++ {
		next := len(text)
		if i := bytes.IndexByte(text[at:], '\n'); i >= 0 {
			next = at + i + 1
		}
		switch {
		case isMarker(text[at:next], "---"):
			// Directives belong to the document whose marker follows them.
			if explicit || !onlyDirectives(text[start:at]) {
				end(at)
				start, startLine = at, line
			}
			explicit = true
		case isMarker(text[at:next], "..."):
			end(at)
			start, startLine, explicit = next, line+1, false
		}
		at = next
	}
	end(len(text))
	return parts
}

func isMarker(line []byte, marker string) bool {
	if !bytes.HasPrefix(line, []byte(marker)) {
		return false
	}
	rest := line[len(marker):]
	return len(rest) == 0 || rest[0] == ' ' || rest[0] == '\t' || rest[0] == '\r' || rest[0] == '\n'
}

// onlyDirectives tells whether there is a directive and nothing else but blanks and comments.
func onlyDirectives(text []byte) bool {
	found := false
	for line := range bytes.Lines(text) {
		switch {
		case line[0] == '%':
			found = true
		case hasContent(line):
			return false
		}
	}
	return found
}

func hasContent(text []byte) bool {
	for line := range bytes.Lines(text) {
		trimmed := bytes.TrimLeft(line, " \t\r\n")
		if len(trimmed) > 0 && trimmed[0] != '#' {
			return true
		}
	}
	return false
}
