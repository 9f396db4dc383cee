package clients

import (
	"context"
	"time"

	"callboard.dev/callboard/clients/cache"
)

// Name names one wanted value of a source.
type Name struct {
	Name string   // within its kind, such as "larkfold/artist-web"
	Tags []string // by which cache.Cache.Invalidate finds it
}

// Load returns the values of the kind, one for each name and in their order, from what is remembered of the source under the credential of the
// context, or by asking fetch for those that are missing: cache.Cache.Load with the source's name, scope and policies. Where the process has no
// cache all are asked for.
func (s *Source) Load(ctx context.Context, kind string, wanted []Name, fetch cache.Fetch) []cache.Result {
	if len(wanted) == 0 {
		return nil
	}
	scope, err := s.settings.Token.Scope(ctx)
	if err != nil {
		err = credentialError(s.settings.Name, err)
		out := make([]cache.Result, len(wanted))
		for i := range out {
			out[i] = cache.Result{State: cache.Failed, Err: err}
		}
		return out
	}
	policy := s.settings.policy(kind)
	list := make([]cache.Wanted, len(wanted))
	for i, w := range wanted {
		list[i] = cache.Wanted{Key: cache.Key{Source: s.settings.Name, Kind: kind, Scope: scope, Name: w.Name}, Policy: policy, Tags: w.Tags}
	}
	said := callOf(ctx)
	out := s.load(ctx, list, func(ctx context.Context, missing []cache.Missing) []cache.Fetched {
		return fetch(within(ctx, said), missing)
	})
	for _, r := range out {
		s.health.note(r.State)
	}
	return out
}

func (s *Settings) policy(kind string) cache.Policy {
	if p, ok := s.Policies[kind]; ok {
		return p
	}
	return DefaultPolicy
}

// askAll is what a cache that remembers nothing does.
func (s *Source) askAll(ctx context.Context, wanted []cache.Wanted, fetch cache.Fetch) []cache.Result {
	missing := make([]cache.Missing, len(wanted))
	for i := range missing {
		missing[i].Index = i
	}
	at := time.Now()
	fetched := fetch(ctx, missing)
	out := make([]cache.Result, len(wanted))
	for i := range out {
		switch {
		case i >= len(fetched) || fetched[i].Unchanged && fetched[i].Err == nil:
			out[i] = cache.Result{State: cache.Failed, Err: &Error{Kind: ErrBadAnswer, Source: s.settings.Name, Message: "nothing was found out about it; please report this bug", ours: true}}
		case fetched[i].Err != nil:
			out[i] = cache.Result{State: cache.Failed, Err: fetched[i].Err}
		default:
			out[i] = cache.Result{State: cache.Live, Value: fetched[i].Value}
			if out[i].Value.At.IsZero() {
				out[i].Value.At = at
			}
		}
	}
	return out
}

func (s *Source) load(ctx context.Context, wanted []cache.Wanted, fetch cache.Fetch) []cache.Result {
	if s.shared.Cache == nil {
		return s.askAll(ctx, wanted, fetch)
	}
	return s.shared.Cache.Load(ctx, wanted, fetch)
}
