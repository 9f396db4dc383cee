package view

import (
	"context"
	"strconv"
	"strings"
	"time"

	"callboard.dev/callboard/subgraphs/forge"
	"callboard.dev/callboard/subgraphs/relay"
	"callboard.dev/callboard/subgraphs/repos/host"
	"callboard.dev/callboard/subgraphs/scalar"
	"callboard.dev/callboard/subgraphs/upstream"
)

// The closed sets of the schema around pull requests.
type (
	PullRequestState      string
	ReviewDecision        string
	ReviewState           string
	Mergeability          string
	ChecksState           string
	OrderDirection        string
	PullRequestOrderField string
)

// PullRequestOrder is how pull requests are to be ordered.
type PullRequestOrder struct {
	Field     PullRequestOrderField
	Direction OrderDirection
}

// HostUser is somebody on a repository host.
type HostUser struct {
	Login          string
	Name           *string
	URL, AvatarURL *scalar.URL
}

// Label is a label of issues and pull requests.
type Label struct {
	Name               string
	Color, Description *string
}

// PullRequestReview is a review.
type PullRequestReview struct {
	Author      *HostUser
	State       ReviewState
	SubmittedAt *time.Time
	URL         *scalar.URL
}

// ReviewRequest is somebody who was asked for a review.
type ReviewRequest struct {
	User *HostUser
	Team *string
}

// PullRequest is a pull request.
type PullRequest struct {
	Provenance
	ID                            string
	Number                        int
	Title, Body                   string
	State                         PullRequestState
	IsDraft                       bool
	URL                           scalar.URL
	Author, MergedBy              *HostUser
	CreatedAt                     time.Time
	UpdatedAt, ClosedAt, MergedAt *time.Time
	BaseRefName, HeadRefName      string
	HeadRefOid, MergeCommitOid    *string
	Additions, Deletions          *int
	ChangedFileCount, CommitCount *int
	CommentCount                  *int
	Mergeable                     Mergeability
	ReviewDecision                *ReviewDecision
	Reviews                       []*PullRequestReview
	ReviewRequests                []*ReviewRequest
	Labels                        []*Label
	Assignees                     []*HostUser
	Milestone                     *string
	Checks                        *ChecksState

	host    *host.Host
	path    string
	request *Request
}

// IsEntity marks a type with a key, for the generated code.
func (*PullRequest) IsEntity() {}

// Bounds of what one pull request or issue shows.
const (
	maxBody   = 64 << 10 // bytes of a description
	maxListed = 100      // reviews, labels and the like
)

// Repository is the repository that it goes into.
func (p *PullRequest) Repository(ctx context.Context) (*Repository, error) {
	return p.request.hostedAt(ctx, p.host, p.path, nil)
}

func (q *Request) showPullRequest(h *host.Host, from Provenance, p *host.PullRequest) *PullRequest {
	out := &PullRequest{Provenance: from, ID: encodePullRequest(h, p.Repository, p.Number), Number: p.Number, Title: p.Title, Body: cutText(p.Body, maxBody),
		IsDraft: p.Draft, Author: showUser(p.Author), MergedBy: showUser(p.MergedBy), CreatedAt: p.CreatedAt, UpdatedAt: moment(p.UpdatedAt),
		ClosedAt: moment(p.ClosedAt), MergedAt: moment(p.MergedAt), BaseRefName: p.Base, HeadRefName: p.Head, HeadRefOid: orNull(p.HeadOID), MergeCommitOid: orNull(p.MergeOID),
		Additions: p.Additions, Deletions: p.Deletions, ChangedFileCount: p.ChangedFiles, CommitCount: p.Commits, CommentCount: p.Comments,
		Labels: showLabels(p.Labels), Assignees: showUsers(p.Assignees), Milestone: orNull(p.Milestone),
		State: orElse(oneOf[PullRequestState](p.State, "OPEN", "CLOSED", "MERGED"), "OPEN"), Mergeable: orElse(oneOf[Mergeability](p.Mergeable, "MERGEABLE", "CONFLICTING"), "UNKNOWN"),
		ReviewDecision: oneOf[ReviewDecision](p.Decision, "APPROVED", "CHANGES_REQUESTED", "REVIEW_REQUIRED"),
		Checks:         oneOf[ChecksState](p.Checks, "SUCCESS", "FAILURE", "PENDING"),
		Reviews:        []*PullRequestReview{}, ReviewRequests: []*ReviewRequest{}, host: h, path: p.Repository, request: q}
	if address := webAddress(p.URL); address != nil {
		out.URL = *address
	}
	for _, r := range p.Reviews[:min(len(p.Reviews), maxListed)] {
		if state := oneOf[ReviewState](r.State, "APPROVED", "CHANGES_REQUESTED", "COMMENTED", "DISMISSED"); state != nil {
			out.Reviews = append(out.Reviews, &PullRequestReview{Author: showUser(r.Author), State: *state, SubmittedAt: moment(r.SubmittedAt), URL: webAddress(r.URL)})
		}
	}
	for _, user := range p.RequestedUsers[:min(len(p.RequestedUsers), maxListed)] {
		out.ReviewRequests = append(out.ReviewRequests, &ReviewRequest{User: showUser(&user)})
	}
	for _, team := range p.RequestedTeams[:min(len(p.RequestedTeams), maxListed)] {
		out.ReviewRequests = append(out.ReviewRequests, &ReviewRequest{Team: &team})
	}
	return out
}

func orElse[T any](v *T, otherwise T) T {
	if v == nil {
		return otherwise
	}
	return *v
}

func cutText(text string, most int) string {
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "")
	}
	return text
}

func showUser(u *host.User) *HostUser {
	if u == nil || u.Login == "" {
		return nil
	}
	return &HostUser{Login: u.Login, Name: orNull(u.Name), URL: webAddress(u.URL), AvatarURL: webAddress(u.Avatar)}
}

func showUsers(list []host.User) []*HostUser {
	out := []*HostUser{}
	for _, u := range list[:min(len(list), maxListed)] {
		if shown := showUser(&u); shown != nil {
			out = append(out, shown)
		}
	}
	return out
}

func showLabel(l *host.Label) *Label {
	return &Label{Name: l.Name, Color: orNull(l.Color), Description: orNull(l.Description)}
}

func showLabels(list []host.Label) []*Label {
	out := []*Label{}
	for _, l := range list[:min(len(list), maxListed)] {
		out = append(out, showLabel(&l))
	}
	return out
}

// encodePullRequest returns the id of a pull request.
func encodePullRequest(h *host.Host, path string, number int) string {
	return encodeID(RepositoryProvider(h.Provider), h.Name, path+"#"+strconv.Itoa(number))
}

// PullRequestByID returns the pull request with an id, or nil where there is none.
func (q *Request) PullRequestByID(ctx context.Context, id string) (*PullRequest, error) {
	provider, source, rest, ok := decodeID(id)
	path, digits, found := strings.Cut(rest, "#")
	number, err := strconv.Atoi(digits)
	if !ok || !found || err != nil {
		return nil, nil
	}
	for _, h := range q.source.Hosts {
		if h.Name == source && RepositoryProvider(h.Provider) == provider && h.Valid(path) {
			return q.pullRequest(ctx, h, path, number)
		}
	}
	return nil, nil
}

// PullRequestByURL returns the pull request with an address, or nil where there is none.
func (q *Request) PullRequestByURL(ctx context.Context, address scalar.URL) (*PullRequest, error) {
	place, ok := forge.At(q.source.Hosts, string(address))
	if !ok {
		return nil, nil
	}
	return q.pullRequest(ctx, place.Site, place.Path, place.Site.PullRequestIn(place.Rest))
}

func (q *Request) pullRequest(ctx context.Context, h *host.Host, path string, number int) (*PullRequest, error) {
	if number < 1 {
		return nil, nil
	}
	l, err := q.of(h).pull.Load(ctx, host.Numbered{Repository: path, Number: number})
	if err != nil || !l.Known() || l.Value == nil {
		return nil, err
	}
	return q.showPullRequest(h, sourced(h, l), l.Value), nil
}

// PullRequest is one pull request.
func (r *Repository) PullRequest(ctx context.Context, number int) (*PullRequest, error) {
	if r.host == nil {
		return nil, nil
	}
	return r.request.pullRequest(ctx, r.host, r.card.Path, number)
}

// PullRequestConnection is a page of pull requests.
type PullRequestConnection struct {
	hostList[*PullRequest, *PullRequestEdge]
}

// PullRequestEdge is an item of such a page.
type PullRequestEdge struct{ edge[*PullRequest] }

// PullRequests are the pull requests.
func (r *Repository) PullRequests(ctx context.Context, states []PullRequestState, labels []string, baseRefName, headRefName *string, orderBy *PullRequestOrder, first *int, after *string, last *int, before *string) (*PullRequestConnection, error) {
	if r.host == nil {
		return nil, nil
	}
	wanted, err := pagingOf(relay.Args{First: first, After: after, Last: last, Before: before})
	if err != nil {
		return nil, err
	}
	// A count comes with the repository.
	if len(states) == 1 && states[0] == "OPEN" && len(labels) == 0 && baseRefName == nil && headRefName == nil && r.card.OpenPulls != nil && !upstream.Selects(ctx, "nodes", "edges", "pageInfo") {
		return &PullRequestConnection{hostList[*PullRequest, *PullRequestEdge]{TotalCount: r.card.OpenPulls}}, nil
	}
	query := host.PullRequestQuery{States: textsOf(states), Labels: labels, Base: orEmpty(baseRefName), Head: orEmpty(headRefName),
		Order: host.Order{Field: "CREATED_AT", Desc: true}, Paging: wanted.Paging}
	if orderBy != nil {
		query.Order = host.Order{Field: string(orderBy.Field), Desc: orderBy.Direction != "ASC"}
	}
	l, err := together(ctx, r.cohort, r.request.of(r.host).pulls, r.card.Path, func(path string) host.PullRequestQuery {
		query.Repository = path
		return query
	})
	return r.request.pullRequests(r.host, wanted, l, err)
}

func (q *Request) pullRequests(h *host.Host, wanted page, l host.Loaded[*host.Page[*host.PullRequest]], err error) (*PullRequestConnection, error) {
	list, err := showPage(wanted, l, err, func(p *host.PullRequest) *PullRequest { return q.showPullRequest(h, sourced(h, l), p) },
		func(e edge[*PullRequest]) *PullRequestEdge { return &PullRequestEdge{e} })
	if list == nil || err != nil {
		return nil, err
	}
	return &PullRequestConnection{*list}, nil
}

// textsOf returns the values as text, sorted out of order as they may be: the question is the same in any order.
func textsOf[T ~string](values []T) []string {
	var out []string
	for _, v := range values {
		out = append(out, string(v))
	}
	return sortedSet(out)
}
