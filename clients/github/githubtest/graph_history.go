package githubtest

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"callboard.dev/callboard/clients/clientstest"
	"callboard.dev/callboard/clients/git"
)

// headlineLength is how many characters of the first line GitHub shows as the headline.
const headlineLength = 72

// splitMessage returns the headline and the rest of a message; of a long first line the end stands in the rest.
func splitMessage(message string) (headline, body string) {
	headline, body, _ = strings.Cut(strings.TrimRight(message, "\n"), "\n")
	body = strings.TrimLeft(body, "\n")
	if runes := []rune(headline); len(runes) > headlineLength {
		headline = string(runes[:headlineLength-3]) + "…"
		body = strings.TrimRight("…"+string(runes[headlineLength-3:])+"\n\n"+body, "\n")
	}
	return headline, body
}

// commitAuthors returns the author of a commit and those its message names in lines "Co-authored-by: NAME <EMAIL>".
func commitAuthors(o *gitCommit) []*gitActor {
	list := []*gitActor{{o.Author}}
	for line := range strings.SplitSeq(o.Message, "\n") {
		if rest, ok := cutPrefixFold(line, "Co-authored-by:"); ok {
			name, email, found := strings.Cut(rest, "<")
			if email, closed := strings.CutSuffix(strings.TrimSpace(email), ">"); found && closed {
				list = append(list, &gitActor{git.Person{Name: strings.TrimSpace(name), Email: email, At: o.Author.At}})
			}
		}
	}
	return list
}

func cutPrefixFold(text, prefix string) (string, bool) {
	if len(text) < len(prefix) || !strings.EqualFold(text[:len(prefix)], prefix) {
		return text, false
	}
	return text[len(prefix):], true
}

// refList returns the refs with a prefix, sorted by name.
func (c *call) refList(r *Repository, prefix string) ([]*gitRef, error) {
	known, err := r.refs(c.ctx)
	if err != nil {
		return nil, err
	}
	var list []*gitRef
	for _, ref := range slices.Concat(known.Branches, known.Tags) {
		if strings.HasPrefix(ref.Name, prefix) {
			list = append(list, &gitRef{Name: ref.Name, target: ref.Target, repository: r})
		}
	}
	return list, nil
}

func refs(c *call, r *Repository, at clientstest.Field) (any, error) {
	prefix := at.Args.Text("refPrefix")
	if !strings.HasPrefix(prefix, "refs/") || !strings.HasSuffix(prefix, "/") {
		return nil, &clientstest.Error{Type: "ARGUMENT_ERROR", Message: "refPrefix must begin with `refs/` and end with a `/`."}
	}
	list, err := c.refList(r, prefix)
	if err != nil {
		return nil, err
	}
	query := strings.ToLower(at.Args.Text("query"))
	list = slices.DeleteFunc(list, func(ref *gitRef) bool {
		return !strings.Contains(strings.ToLower(strings.TrimPrefix(ref.Name, prefix)), query)
	})
	order := at.Args.Object("orderBy")
	if order == nil && at.Args.Given("direction") {
		order = clientstest.Args{"field": "ALPHABETICAL", "direction": at.Args.Text("direction")}
	}
	times := map[string]time.Time{}
	if order.Text("field") == "TAG_COMMIT_DATE" {
		names := make([]string, len(list))
		for i, ref := range list {
			names[i] = string(ref.target)
		}
		peeled, err := r.content.Peel(c.ctx, names)
		if err != nil {
			return nil, err
		}
		for i, commit := range peeled {
			if commit != nil {
				times[list[i].Name] = commit.Committer.At
			}
		}
	}
	list = ordered(list, order, func(field string, a, b *gitRef) int {
		if field == "TAG_COMMIT_DATE" {
			return times[a.Name].Compare(times[b.Name])
		}
		return cmp.Compare(a.Name, b.Name)
	})
	return connect(at, list, func(ref *gitRef) string { return ref.Name }, nil)
}

// history is the history of a commit. Its cursors are an object id and a position, as GitHub's are.
func history(c *call, o *gitCommit, at clientstest.Field) (any, error) {
	if err := checkPage(at, "history"); err != nil {
		return nil, err
	}
	f := git.Filter{Path: strings.Trim(at.Args.Text("path"), "/")}
	var err error
	if f.Since, err = moment(at.Args.Text("since")); err == nil {
		f.Until, err = moment(at.Args.Text("until"))
	}
	if err != nil {
		return nil, err
	}
	emails, wanted := c.authorEmails(at.Args.Object("author"))
	all, err := c.historyOf(o, f, emails, wanted)
	if absent(err) {
		all, err = nil, nil // a path that was never there
	}
	if err != nil {
		return nil, err
	}
	from, to := 0, len(all)
	for _, argument := range []string{"after", "before"} {
		text := at.Args.Text(argument)
		if text == "" {
			continue
		}
		oid, position, _ := strings.Cut(text, " ")
		n, err := strconv.Atoi(position)
		if _, ok := git.ParseOID(oid); !ok || err != nil || n < 0 {
			return nil, badCursor(text)
		}
		if argument == "after" {
			from = min(n+1, len(all))
		} else {
			to = min(n, len(all))
		}
	}
	to = max(from, to)
	if n, ok := at.Args.Int("first"); ok {
		to = min(to, from+n)
	} else if n, ok := at.Args.Int("last"); ok {
		from = max(from, to-n)
	} else {
		to = from
	}
	commits, err := c.g.commits(c.ctx, o.repository, all[from:to])
	if err != nil {
		return nil, err
	}
	key := func(i int) string { return string(o.OID) + " " + itoa(i) }
	edges, nodes := []any{}, []any{}
	for i, one := range commits {
		nodes, edges = append(nodes, one), append(edges, map[string]any{"cursor": key(from + i), "node": one})
	}
	info := map[string]any{"hasNextPage": to < len(all), "hasPreviousPage": from > 0, "startCursor": nil, "endCursor": nil}
	if to > from {
		info["startCursor"], info["endCursor"] = key(from), key(to-1)
	}
	return map[string]any{"nodes": nodes, "edges": edges, "pageInfo": info, "totalCount": len(all)}, nil
}

// historyOf returns the ids of a history, newest first. It is remembered: a page of it is asked for after the other.
func (c *call) historyOf(o *gitCommit, f git.Filter, emails []string, wanted bool) ([]git.OID, error) {
	key := fmt.Sprintf("history %s %s %q %v %v %q %v", o.repository.content.Path, o.OID, f.Path, f.Since, f.Until, emails, wanted)
	if known, ok := c.g.remembered.Load(key); ok {
		return known.([]git.OID), nil
	}
	n, err := o.repository.content.Count(c.ctx, o.OID, f)
	if err != nil {
		return nil, err
	}
	var all []git.OID
	const page = 1000 // ids, of what one process gives
	for len(all) < n {
		after := git.OID("")
		if len(all) > 0 {
			after = all[len(all)-1]
		}
		some, more, err := o.repository.content.History(c.ctx, o.OID, f, after, page)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
		if !more {
			break
		}
	}
	if wanted {
		commits, err := c.g.commits(c.ctx, o.repository, all)
		if err != nil {
			return nil, err
		}
		all = nil
		for _, one := range commits {
			if slices.Contains(emails, strings.ToLower(one.Author.Email)) {
				all = append(all, one.OID)
			}
		}
	}
	c.g.remembered.Store(key, all)
	return all, nil
}

// authorEmails returns the addresses, in lower case, that an author argument names, and whether there is one.
func (c *call) authorEmails(author clientstest.Args) ([]string, bool) {
	if author == nil {
		return nil, false
	}
	var emails []string
	if u, ok := c.g.state.nodes[author.Text("id")].(*User); ok {
		emails = append(emails, strings.ToLower(u.Email))
		for _, e := range u.Emails {
			emails = append(emails, strings.ToLower(e))
		}
	} else {
		for _, e := range author.Texts("emails") {
			emails = append(emails, strings.ToLower(e))
		}
	}
	return emails, true
}

// moment reads a GitTimestamp argument, zero for none.
func moment(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, &clientstest.Error{Message: fmt.Sprintf("Could not coerce value %q to GitTimestamp", text)}
}
