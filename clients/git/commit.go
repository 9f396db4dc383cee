package git

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Person is who wrote or committed something, as the commit says.
type Person struct {
	Name, Email string
	At          time.Time // in the zone the commit states; zero where it states no time that can be
}

// Commit is one commit. It is immutable.
type Commit struct {
	OID               OID
	Tree              OID
	Parents           []OID // all of them, also those a shallow clone lacks
	Author, Committer Person
	Message           string
	Signed            bool // there is a signature; whether it is any good is not looked at
}

// Headline returns the first paragraph of the message on one line, as git shows it.
func (c *Commit) Headline() string {
	headline, _ := c.split()
	return headline
}

// Body returns the message after the headline.
func (c *Commit) Body() string {
	_, body := c.split()
	return body
}

func (c *Commit) split() (headline, body string) {
	text := strings.TrimLeft(strings.ReplaceAll(c.Message, "\r\n", "\n"), "\n")
	var lines []string
	for text != "" {
		line, rest, _ := strings.Cut(text, "\n")
		text = rest
		if line = strings.TrimSpace(line); line == "" {
			break
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, " "), strings.TrimSpace(text)
}

func (c *Commit) weight() int { return 200 + len(c.Message) + len(c.Parents)*64 }

// Commits returns the commits with the ids, nil for each that is not there. One process serves all that are not remembered.
func (r *Repository) Commits(ctx context.Context, oids []OID) ([]*Commit, error) {
	names := make([]string, len(oids))
	for i, oid := range oids {
		if _, ok := ParseOID(string(oid)); !ok {
			return nil, fmt.Errorf("%w: %q is no object id", ErrInvalid, oid)
		}
		names[i] = string(oid)
	}
	commits, err := r.Peel(ctx, names)
	if err != nil {
		return nil, err
	}
	for i, commit := range commits {
		if commit != nil && commit.OID != oids[i] { // the id is a tag's
			commits[i] = nil
		}
	}
	return commits, nil
}

// Commit returns the commit with the id.
func (r *Repository) Commit(ctx context.Context, oid OID) (*Commit, error) {
	commits, err := r.Commits(ctx, []OID{oid})
	if err != nil {
		return nil, err
	}
	if commits[0] == nil {
		return nil, fmt.Errorf("%w: commit %s", ErrNotFound, oid.Abbreviated())
	}
	return commits[0], nil
}

// maxParents bounds what one commit can claim; git itself stops at 16 in practice.
const maxParents = 1024

// parseCommit reads the text of a commit object. It is lenient, as histories hold commits no git would write today: what is
// missing or malformed stays empty.
func parseCommit(oid OID, text []byte) *Commit {
	c := &Commit{OID: oid}
	var author, committer []byte
	encoding := ""
	for {
		line, rest, more := bytes.Cut(text, []byte("\n"))
		text = rest
		if len(line) == 0 || !more {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(" "))
		switch string(name) {
		case "tree":
			c.Tree, _ = ParseOID(string(value))
		case "parent":
			if parent, ok := ParseOID(string(value)); ok && len(c.Parents) < maxParents {
				c.Parents = append(c.Parents, parent)
			}
		case "author":
			author = value
		case "committer":
			committer = value
		case "encoding":
			encoding = string(value)
		case "gpgsig", "gpgsig-sha256":
			c.Signed = true
		}
	}
	c.Author = parsePerson(author, encoding)
	c.Committer = parsePerson(committer, encoding)
	c.Message = decode(text, encoding)
	return c
}

// parsePerson reads "Name <email> seconds zone".
func parsePerson(text []byte, encoding string) Person {
	open := bytes.IndexByte(text, '<')
	if open < 0 {
		return Person{Name: strings.TrimSpace(decode(text, encoding))}
	}
	p := Person{Name: strings.TrimSpace(decode(text[:open], encoding))}
	end := bytes.LastIndexByte(text, '>')
	if end < open {
		return p
	}
	p.Email = strings.TrimSpace(decode(text[open+1:end], encoding))
	seconds, zone, _ := strings.Cut(strings.TrimSpace(string(text[end+1:])), " ")
	p.At = parseTime(seconds, zone)
	return p
}

// maxSeconds is the end of the year 9999, past which a time has no RFC 3339 text.
const maxSeconds = 253402300799

// parseTime reads seconds since 1970 and a zone like "+0130"; a zone that cannot be is read as UTC.
func parseTime(seconds, zone string) time.Time {
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || n < 0 || n > maxSeconds-24*60*60 {
		return time.Time{}
	}
	at := time.Unix(n, 0).UTC()
	if len(zone) == 5 && (zone[0] == '+' || zone[0] == '-') {
		if hhmm, err := strconv.ParseUint(zone[1:], 10, 16); err == nil && hhmm/100 < 24 && hhmm%100 < 60 {
			offset := int(hhmm/100*60+hhmm%100) * 60
			if zone[0] == '-' {
				offset = -offset
			}
			if offset != 0 {
				at = at.In(time.FixedZone("", offset))
			}
		}
	}
	return at
}
