package git

import (
	"strings"
)

// mailmap tells the proper name and email of those who committed under others, as gitmailmap(5) has it. Names and emails
// compare in any letter case, and a line that also tells the name in the commit wins over one that tells only the email.
type mailmap map[string]mailmapEntry // by email in lower case

type mailmapEntry struct {
	proper Person            // empty fields stay as they are in the commit
	byName map[string]Person // by name in lower case
}

// maxMailmapLines bounds what is kept of one file.
const maxMailmapLines = 100_000

// parseMailmap reads a .mailmap file. A line that says nothing is left out.
func parseMailmap(text []byte) mailmap {
	out := mailmap{}
	lines := 0
	for line := range strings.Lines(valid(text)) {
		if lines++; lines > maxMailmapLines {
			break
		}
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name1, email1, rest, ok := cutPerson(line)
		if !ok {
			continue
		}
		name2, email2, _, second := cutPerson(rest)
		if !second { // Proper Name <commit@email>
			if name1 == "" {
				continue
			}
			out.set(email1, "", Person{Name: name1})
			continue
		}
		out.set(email2, name2, Person{Name: name1, Email: email1})
	}
	return out
}

func (m mailmap) set(email, name string, proper Person) {
	key := strings.ToLower(email)
	e := m[key]
	if name == "" {
		if proper.Name != "" {
			e.proper.Name = proper.Name
		}
		if proper.Email != "" {
			e.proper.Email = proper.Email
		}
	} else {
		if e.byName == nil {
			e.byName = map[string]Person{}
		}
		e.byName[strings.ToLower(name)] = proper
	}
	m[key] = e
}

// canonical returns who the commit's name and email stand for.
func (m mailmap) canonical(name, email string) Person {
	out := Person{Name: name, Email: email}
	e, ok := m[strings.ToLower(email)]
	if !ok {
		return out
	}
	proper, ok := e.byName[strings.ToLower(name)]
	if !ok {
		proper = e.proper
	}
	if proper.Name != "" {
		out.Name = proper.Name
	}
	if proper.Email != "" {
		out.Email = proper.Email
	}
	return out
}

// cutPerson cuts "Name <email>" off the front of a line.
func cutPerson(line string) (name, email, rest string, ok bool) {
	name, rest, ok = strings.Cut(line, "<")
	if !ok {
		return "", "", "", false
	}
	email, rest, ok = strings.Cut(rest, ">")
	return strings.TrimSpace(name), strings.TrimSpace(email), rest, ok
}
