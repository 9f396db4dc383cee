package git

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"
)

// Contributor is somebody who wrote commits, under the name the repository's .mailmap gives them.
type Contributor struct {
	Name, Email string
	Commits     int
	First, Last time.Time // of their commits, by author date
}

type contributors []Contributor

func (c contributors) weight() int {
	n := 0
	for _, one := range c {
		n += 100 + len(one.Name) + len(one.Email)
	}
	return n
}

// maxContributors bounds how many people one history can hold.
const maxContributors = 200_000

// Contributors returns who wrote the commits reachable from the commit, by commits, then name, then email. Who is who is told by
// the .mailmap in that same commit, and by the email in any letter case.
func (r *Repository) Contributors(ctx context.Context, commit OID) ([]Contributor, error) {
	if _, ok := ParseOID(string(commit)); !ok {
		return nil, fmt.Errorf("%w: %q is no object id", ErrInvalid, commit)
	}
	list, err := remember(ctx, r.client, r.key("contributors", r.depth(), string(commit)), func(ctx context.Context) (contributors, error) {
		var names mailmap
		entry, blob, err := r.File(ctx, commit, ".mailmap")
		switch {
		case err == nil && entry.Kind != KindSymlink:
			names = parseMailmap(blob.Data)
		case err != nil && !isNotFound(err):
			return nil, err
		}
		p, err := r.client.start(ctx, r, false, "rev-list", "--encoding=UTF-8", "--format=tformat:%at%x00%ae%x00%an", "--end-of-options", string(commit), "--")
		if err != nil {
			return nil, err
		}
		people := census{names: names, byKey: map[string]*Contributor{}, written: map[string]*Contributor{}}
		lines := bufio.NewReaderSize(p.out, 64<<10)
		for {
			line, err := lines.ReadSlice('\n')
			if err == bufio.ErrBufferFull { // nobody is called that; the commit counts for what there is of it
				people.add(bytes.Clone(line))
				for err == bufio.ErrBufferFull {
					_, err = lines.ReadSlice('\n')
				}
			} else if err == nil {
				people.add(bytes.TrimSuffix(line, []byte("\n")))
			}
			if err != nil {
				break
			}
			if len(people.byKey) > maxContributors {
				p.abandon()
				return nil, fmt.Errorf("%w: more than %d contributors", ErrTooLarge, maxContributors)
			}
		}
		if err := p.finish(); err != nil {
			return nil, err
		}
		return people.list(), nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading who wrote %s: %w", r.Path, err)
	}
	return list, nil
}

// census counts commits by person.
type census struct {
	names   mailmap
	byKey   map[string]*Contributor
	written map[string]*Contributor // by "email NUL name" as commits have it, so that each is looked up once
}

// add counts one line of "seconds NUL email NUL name". The lines "commit ID" between them, and what is damaged, count nothing.
func (c *census) add(line []byte) {
	seconds, who, ok := bytes.Cut(line, []byte{0})
	if !ok {
		return
	}
	person := c.written[string(who)]
	if person == nil {
		email, name, ok := bytes.Cut(who, []byte{0})
		if !ok {
			return
		}
		canonical := c.names.canonical(valid(name), valid(email))
		key := strings.ToLower(canonical.Email)
		if key == "" {
			key = "\x00" + canonical.Name
		}
		if person = c.byKey[key]; person == nil {
			person = &Contributor{Name: canonical.Name, Email: canonical.Email}
			c.byKey[key] = person
		}
		if len(c.written) < maxContributors { // past it, looking up again is slower and just as right
			c.written[string(who)] = person
		}
	}
	person.Commits++
	if n, err := strconv.ParseInt(string(seconds), 10, 64); err == nil && n > 0 && n <= maxSeconds {
		at := time.Unix(n, 0).UTC()
		if person.First.IsZero() || at.Before(person.First) {
			person.First = at
		}
		if at.After(person.Last) {
			person.Last = at
		}
	}
}

func (c *census) list() contributors {
	out := make(contributors, 0, len(c.byKey))
	for _, person := range c.byKey {
		out = append(out, *person)
	}
	sort.Slice(out, func(i, j int) bool {
		a, b := out[i], out[j]
		switch {
		case a.Commits != b.Commits:
			return a.Commits > b.Commits
		case a.Name != b.Name:
			return a.Name < b.Name
		}
		return a.Email < b.Email
	})
	return out
}
