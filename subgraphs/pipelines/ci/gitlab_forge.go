package ci

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"callboard.dev/callboard/clients"
	"callboard.dev/callboard/clients/git"
	"callboard.dev/callboard/clients/gitlab"
	"callboard.dev/callboard/subgraphs/pipelines/ci/patch"
)

// gitLabAncestors is how many commits from the merge base on are told, by judgement: one of them will have been built.
const gitLabAncestors = 20

// Compare makes three requests for each query, a few at a time: for the merge base, then for what lies between, and for the history. Where the head has nothing that the base has
// not, it makes two.
func (g *gitLab) Compare(ctx context.Context, queries []ComparisonQuery) ([]*Comparison, []error) {
	return gitLabEach(queries, func(q ComparisonQuery) (*Comparison, error) {
		merge, err := g.client.MergeBase(ctx, q.Repository, git.OID(q.Base), git.OID(q.Head))
		if err != nil {
			return nil, g.failed(false, err)
		}
		out := &Comparison{MergeBase: string(merge.OID), Complete: true}
		if head, _ := git.ParseOID(q.Head); head != merge.OID {
			found, err := g.client.Difference(ctx, q.Repository, merge.OID, head)
			if err != nil {
				return nil, g.failed(false, err)
			}
			out.Complete = found.Complete
			for _, f := range found.Files {
				out.Files = append(out.Files, gitLabTouched(f))
			}
		}
		history, err := g.client.History(ctx, gitlab.HistoryQuery{Project: q.Repository, Revision: string(merge.OID), PerPage: gitLabAncestors})
		if err != nil {
			return nil, g.failed(false, err)
		}
		for _, c := range history.Commits {
			out.Ancestors = append(out.Ancestors, string(c.OID))
		}
		return out, nil
	})
}

// gitLabTouched is a file that differs. One that was renamed and is the same, or has no lines, has no hunks; of one whose lines GitLab does not tell, as it is large or no text, they
// are nil.
func gitLabTouched(f gitlab.FileDiff) Touched {
	out := Touched{Path: f.New}
	if f.Deleted && f.Old != "" {
		out.Path = f.Old
	}
	if f.Renamed && f.Old != f.New {
		out.From = f.Old
	}
	found, ok := patch.Hunks(f.Text)
	same := f.Text == "" && (f.Renamed || f.Added || f.Deleted)
	if f.Hidden || !ok || len(found) == 0 && !same {
		return out
	}
	out.Hunks = make([]Hunk, len(found))
	for i, h := range found {
		out.Hunks[i] = Hunk(h)
	}
	return out
}

// gitLabDescription bounds what is said of a commit, in bytes: GitLab's own limit, in characters.
const gitLabDescription = 255

// SetStatus makes one request. GitLab shows it in the newest pipeline of the commit, or in a new one where the commit has none. To say again what is said already changes nothing:
// neither the description nor the address.
func (g *gitLab) SetStatus(ctx context.Context, s CommitStatus) error {
	state := map[Status]string{Running: "running", Succeeded: "success", Failed: "failed"}[s.State]
	if state == "" {
		return g.refuse("a commit is said to be running, succeeded or failed, and not %.50q", s.State)
	}
	_, err := g.client.SetCommitStatus(ctx, gitlab.NewCommitStatus{Project: s.Repository, SHA: git.OID(s.Commit), State: state, Name: s.Name, URL: s.URL,
		Description: gitLabShort(s.Description, gitLabDescription)})
	if errors.Is(err, gitlab.ErrRefused) && strings.Contains(err.Error(), "Cannot transition status") {
		return nil // it is said already
	}
	return g.failed(false, err)
}

// gitLabShort returns the beginning of a text that is too long, with a mark.
func gitLabShort(text string, most int) string {
	const mark = "…"
	if len(text) <= most {
		return text
	}
	end := most - len(mark)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + mark
}

// Comment makes one request, and a second where the comment is gone.
func (g *gitLab) Comment(ctx context.Context, repository string, pullRequest int, id, text string) (string, error) {
	n := gitlab.MergeRequestNumber{Project: repository, Number: pullRequest}
	if id != "" {
		number := gitLabID(id)
		if number == 0 {
			return "", g.refuse("%.50q is no comment", id)
		}
		note, err := g.client.ChangeNote(ctx, n, number, text)
		if err == nil {
			return strconv.FormatInt(note.ID, 10), nil
		}
		if !errors.Is(err, clients.ErrNotFound) {
			return "", g.failed(false, err)
		}
	}
	note, err := g.client.AddNote(ctx, n, text)
	if err != nil {
		return "", g.failed(false, err)
	}
	return strconv.FormatInt(note.ID, 10), nil
}

const (
	// gitLabLinked is how many addresses are told.
	gitLabLinked = 100
	// gitLabLinkedPages is how many pages of 100 statuses are looked through, by judgement: jobs of the GitLab's own are among them.
	gitLabLinkedPages = 3
)

// Linked makes one request for every 100 statuses of each commit, up to three, a few at a time. Addresses on the GitLab itself are left out: they are its own jobs.
func (g *gitLab) Linked(ctx context.Context, commits []CommitName) ([][]string, []error) {
	return gitLabEach(commits, func(c CommitName) ([]string, error) {
		out := []string{}
		next := 1
		for range gitLabLinkedPages {
			page, err := g.client.CommitStatuses(ctx, c.Repository, git.OID(c.OID), next)
			if err != nil {
				return nil, g.failed(false, err)
			}
			for _, s := range page.Statuses {
				if len(out) < gitLabLinked && g.foreign(s.URL) && !slices.Contains(out, s.URL) {
					out = append(out, s.URL)
				}
			}
			if next = page.Next; next == 0 {
				break
			}
		}
		return out, nil
	})
}

// foreign tells whether an address is that of a page of somebody else's.
func (g *gitLab) foreign(address string) bool {
	at, err := url.Parse(address)
	if err != nil || at.Host == "" || at.Scheme != "https" && at.Scheme != "http" {
		return false
	}
	return !strings.EqualFold(at.Host, g.web.Host) || !strings.HasPrefix(at.Path+"/", g.web.Path+"/")
}
