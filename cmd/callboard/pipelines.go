package main

import (
	"log/slog"
	"slices"

	"callboard.dev/callboard/cmd/callboard/board"
	"callboard.dev/callboard/cmd/callboard/config"
	"callboard.dev/callboard/subgraphs/access"
	"callboard.dev/callboard/subgraphs/pipelines"
	"callboard.dev/callboard/subgraphs/pipelines/announce"
	"callboard.dev/callboard/subgraphs/pipelines/reports"
	"callboard.dev/callboard/subgraphs/pipelines/store"
	"callboard.dev/callboard/subgraphs/pipelines/store/postgres"
)

// openPipelines opens the subgraph of what builds.
func openPipelines(cfg config.Config, log *slog.Logger, from *upstream) (*pipelines.Pipelines, error) {
	settings := pipelines.Config{
		Systems: from.systems, StateFolder: cfg.State, Redis: from.redis, Prefix: cfg.Cache.Redis.Prefix, Access: accessOf(cfg.Access), Rules: from.reportRules, Log: log,
	}
	if cfg.PublicURL != "" {
		settings.View = func(pullRequest string) string { return board.PullRequest(cfg.PublicURL, pullRequest) }
		settings.Announce = from.announced
	}
	if from.cache != nil {
		settings.Forget = from.cache.Invalidate
	}
	if address := cfg.Store.Reveal(); address != "" {
		kept, err := postgres.New(address)
		if err != nil {
			return nil, err
		}
		settings.Store = store.Store(kept)
	}
	return pipelines.Open(settings), nil
}

// accessOf is who may do what.
func accessOf(c config.Access) *access.Access {
	permissions := func(names []string) []access.Permission {
		out := make([]access.Permission, len(names))
		for i, name := range names {
			out[i] = access.Permission(name)
		}
		return out
	}
	var tokens []access.Token
	for _, t := range c.Tokens {
		if t.Token.Given() {
			tokens = append(tokens, access.Token{Name: t.Name, Secret: t.Token.Reveal(), May: permissions(t.May)})
		}
	}
	return access.New(permissions(c.Anonymous), tokens)
}

// announced says how pull requests of a repository get a link to their view.
func (u *upstream) announced(system, repository string) string {
	if a := u.said[system].Announce; slices.ContainsFunc(a.Repositories, func(pattern string) bool { return reports.Matches(pattern, repository) }) {
		return a.As
	}
	return announce.None
}

// reportRules says which files that runs of a repository leave are reports: the usual ones where the configuration says nothing of the system.
func (u *upstream) reportRules(system, repository string) []reports.Rule {
	said := u.said[system].Reports
	if len(said) == 0 {
		return reports.Usual()
	}
	var out []reports.Rule
	for _, r := range said {
		if len(r.Repositories) == 0 || slices.ContainsFunc(r.Repositories, func(pattern string) bool { return reports.Matches(pattern, repository) }) {
			out = append(out, reports.Rule{Artifact: r.Artifact, Files: r.Files, Kind: r.Kind, Format: r.Format, Flag: r.Flag})
		}
	}
	return out
}
