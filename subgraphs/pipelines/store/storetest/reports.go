package storetest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"callboard.dev/callboard/subgraphs/pipelines/store"
)

const repository = "host.example/team/repo"

func commit(n int) string { return fmt.Sprintf("%040x", n+1) }

// aReport is one of a commit; later ones are of later commits.
func aReport(n int) store.Report {
	return store.Report{
		Repository: repository, Commit: commit(n), Flag: "unit", Kind: store.Coverage, Branch: "main", Run: fmt.Sprint("run ", n), At: after(n), Taken: after(n).Add(time.Minute),
		Covered: 50 + n, Total: 200, Failed: n % 3, Body: fmt.Appendf(nil, "body %d", n),
	}
}

func headOf(r store.Report) store.Report {
	r.Body = nil
	return r
}

func heads(reports ...store.Report) (out []store.Report) {
	for _, r := range reports {
		out = append(out, headOf(r))
	}
	return out
}

func reportsAreRemembered(t *testing.T, open Opener) {
	ctx, s := t.Context(), open()
	first, second, whole := aReport(0), aReport(1), aReport(1)
	whole.Flag, whole.Branch, whole.Run = "", "", ""
	odd := aReport(2)
	odd.Flag, odd.Branch = "ä'; DROP TABLE pipelines_reports; --%_", strings.Repeat("x", store.MaxName)
	tests := aReport(1)
	tests.Kind, tests.Covered = store.Tests, 7
	another := aReport(1)
	another.Repository = "host.example/team/another"
	for _, r := range []store.Report{second, first, odd, whole, tests, another} {
		done(t, s.SaveReport(ctx, r))
	}
	asked := []string{commit(1), commit(9), commit(0), commit(1), commit(2)}
	for _, s := range []store.Store{s, open()} {
		same(t, "reports", must[[]store.Report](t)(s.Reports(ctx, repository, store.Coverage, asked)), []store.Report{whole, second, first, odd})
		same(t, "heads", must[[]store.Report](t)(s.ReportHeads(ctx, repository, store.Coverage, asked)), heads(whole, second, first, odd))
		same(t, "tests", must[[]store.Report](t)(s.Reports(ctx, repository, store.Tests, asked)), []store.Report{tests})
		same(t, "another's", must[[]store.Report](t)(s.Reports(ctx, another.Repository, store.Coverage, asked)), []store.Report{another})
		for _, none := range [][]string{nil, {commit(9)}} {
			if got := must[[]store.Report](t)(s.Reports(ctx, repository, store.Coverage, none)); len(got) != 0 {
				t.Errorf("of %v there are %v", none, got)
			}
		}
	}
}

func bodiesAreKept(t *testing.T, open Opener) {
	ctx, s := t.Context(), open()
	noise := make([]byte, 300_000)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	bodies := [][]byte{nil, {0}, []byte("\x00\xff\xfe'\\\r\n"), noise, bytes.Repeat([]byte("0123456789abcdef"), store.MaxBody/16)}
	var commits []string
	for i, body := range bodies {
		r := aReport(i)
		r.Body = body
		commits = append(commits, r.Commit)
		done(t, s.SaveReport(ctx, r))
	}
	got := must[[]store.Report](t)(open().Reports(ctx, repository, store.Coverage, commits))
	if len(got) != len(bodies) {
		t.Fatalf("there are %d reports", len(got))
	}
	for i, body := range bodies {
		if !bytes.Equal(got[i].Body, body) {
			t.Errorf("body %d of %d bytes came back with %d", i, len(body), len(got[i].Body))
		}
	}
}

func theReportTakenLaterStays(t *testing.T, open Opener) {
	ctx, s, other := t.Context(), open(), open()
	wanted := func(want store.Report) {
		t.Helper()
		same(t, "the report", must[[]store.Report](t)(s.Reports(ctx, repository, store.Coverage, []string{want.Commit})), []store.Report{want})
	}
	r := aReport(0)
	done(t, s.SaveReport(ctx, r))
	older := r
	older.Taken, older.Body, older.Covered = r.Taken.Add(-time.Microsecond), []byte("older"), 1
	done(t, other.SaveReport(ctx, older))
	wanted(r)
	again := r
	again.Body, again.Covered, again.Run = []byte("at once"), 2, "another"
	done(t, other.SaveReport(ctx, again))
	wanted(again)
	later := r
	later.Taken, later.Body, later.Total, later.Failed, later.Branch, later.At = r.Taken.Add(time.Microsecond), []byte("later"), 3, 3, "other", after(5)
	done(t, other.SaveReport(ctx, later))
	wanted(later)
	series := must[[]store.Report](t)(s.Series(ctx, store.SeriesQuery{Repository: repository, Kind: store.Coverage, Branch: "main"}))
	if len(series) != 0 {
		t.Errorf("on the branch where it was before there are %v", series)
	}
}

func flagsAreLimited(t *testing.T, open Opener) {
	ctx := t.Context()
	var saving sync.WaitGroup
	var mu sync.Mutex
	full := 0
	stores := []store.Store{open(), open()}
	for i := range store.MaxFlags + 10 {
		r := aReport(0)
		r.Flag = fmt.Sprint("flag ", i)
		save := func() {
			if err := stores[i%len(stores)].SaveReport(ctx, r); err != nil {
				refused(t, r.Flag, err, store.ErrFull)
				mu.Lock()
				full++
				mu.Unlock()
			}
		}
		if i < store.MaxFlags-5 {
			save()
		} else {
			saving.Go(save)
		}
	}
	saving.Wait()
	s := stores[0]
	got := must[[]store.Report](t)(s.ReportHeads(ctx, repository, store.Coverage, []string{commit(0)}))
	if len(got) != store.MaxFlags || full != 10 {
		t.Fatalf("there are %d flags, and %d were refused", len(got), full)
	}
	known := got[0]
	known.Taken = after(1)
	done(t, s.SaveReport(ctx, known))
	for _, other := range []func(r *store.Report){
		func(r *store.Report) { r.Commit = commit(1) }, func(r *store.Report) { r.Kind = store.Tests }, func(r *store.Report) { r.Repository = "host.example/another" },
	} {
		r := aReport(0)
		other(&r)
		done(t, s.SaveReport(ctx, r))
	}
}

func bodiesAreLimited(t *testing.T, open Opener) {
	ctx, s := t.Context(), open()
	r := aReport(0)
	r.Body = make([]byte, store.MaxBody+1)
	refused(t, "one byte more", s.SaveReport(ctx, r), store.ErrTooLarge)
	r.Body = r.Body[1:]
	for i := range store.MaxBodies / store.MaxBody {
		r.Flag = fmt.Sprint(i)
		done(t, s.SaveReport(ctx, r))
	}
	r.Flag, r.Body = "another", []byte{1}
	refused(t, "one byte more together", s.SaveReport(ctx, r), store.ErrTooLarge)
	r.Flag = "0"
	done(t, s.SaveReport(ctx, r))
	r.Flag = "another"
	done(t, s.SaveReport(ctx, r))
	if got := must[[]store.Report](t)(s.ReportHeads(ctx, repository, store.Coverage, []string{r.Commit})); len(got) != store.MaxBodies/store.MaxBody+1 {
		t.Errorf("there are %d reports", len(got))
	}
}

func reportsThatCannotBeKept(t *testing.T, open Opener) {
	ctx, s := t.Context(), open()
	long := strings.Repeat("x", store.MaxName+1)
	for what, wrong := range map[string]struct {
		change func(r *store.Report)
		want   error
	}{
		"no repository":         {func(r *store.Report) { r.Repository = "" }, store.ErrInvalid},
		"an upper-case one":     {func(r *store.Report) { r.Repository = "host.example/Team/repo" }, store.ErrInvalid},
		"a long one":            {func(r *store.Report) { r.Repository = long }, store.ErrTooLarge},
		"no commit":             {func(r *store.Report) { r.Commit = "" }, store.ErrInvalid},
		"another kind":          {func(r *store.Report) { r.Kind = "lint" }, store.ErrInvalid},
		"a flag with a 0":       {func(r *store.Report) { r.Flag = "a\x00b" }, store.ErrInvalid},
		"a flag of other bytes": {func(r *store.Report) { r.Flag = "\xff" }, store.ErrInvalid},
		"a long flag":           {func(r *store.Report) { r.Flag = long }, store.ErrTooLarge},
		"a long branch":         {func(r *store.Report) { r.Branch = long }, store.ErrTooLarge},
		"a long run":            {func(r *store.Report) { r.Run = long }, store.ErrTooLarge},
		"no time":               {func(r *store.Report) { r.At = time.Time{} }, store.ErrInvalid},
		"a strange time":        {func(r *store.Report) { r.At = time.Unix(1<<50, 0) }, store.ErrInvalid},
		"not taken":             {func(r *store.Report) { r.Taken = time.Time{} }, store.ErrInvalid},
		"less than nothing":     {func(r *store.Report) { r.Failed = -1 }, store.ErrInvalid},
	} {
		r := aReport(0)
		wrong.change(&r)
		refused(t, what, s.SaveReport(ctx, r), wrong.want)
	}
	if got := must[[]store.Report](t)(s.ReportHeads(ctx, repository, store.Coverage, []string{commit(0)})); len(got) != 0 {
		t.Errorf("there are %v", got)
	}
	_, err := s.Reports(ctx, "Host.example", store.Coverage, []string{commit(0)})
	refused(t, "reading of an upper-case repository", err, store.ErrInvalid)
	_, err = s.Reports(ctx, repository, store.Coverage, []string{"\x00"})
	refused(t, "reading of a strange commit", err, store.ErrInvalid)
	strange := "\xff"
	for _, q := range []store.SeriesQuery{
		{Repository: repository}, {Repository: repository, Kind: store.Coverage, Branch: "\x00"}, {Repository: repository, Kind: store.Coverage, Flag: &strange},
		{Repository: repository, Kind: store.Coverage, To: time.Unix(1<<50, 0)},
	} {
		_, err := s.Series(ctx, q)
		refused(t, fmt.Sprintf("%+v", q), err, store.ErrInvalid)
	}
}

func aSeriesIsSorted(t *testing.T, open Opener) {
	ctx, s := t.Context(), open()
	var want []store.Report
	for i := range 20 {
		for _, flag := range []string{"", "B", "a"} {
			r := aReport(i)
			r.At, r.Flag = after(i/2), flag // two commits at each time
			want = append(want, r)
		}
	}
	for _, i := range rand.Perm(len(want)) {
		done(t, s.SaveReport(ctx, want[i]))
	}
	q := store.SeriesQuery{Repository: repository, Kind: store.Coverage, Branch: "main"}
	same(t, "the series", must[[]store.Report](t)(s.Series(ctx, q)), heads(want...))
	q.Most = 7
	same(t, "the newest", must[[]store.Report](t)(s.Series(ctx, q)), heads(want[len(want)-7:]...))
}

func aSeriesIsAPart(t *testing.T, open Opener) {
	ctx, s := t.Context(), open()
	var whole, unit []store.Report
	for i := range 12 {
		for _, other := range []func(r *store.Report){
			func(r *store.Report) { r.Flag = ""; whole = append(whole, *r) }, func(r *store.Report) { unit = append(unit, *r) },
			func(r *store.Report) { r.Branch, r.Commit = "other", commit(100+i) }, func(r *store.Report) { r.Kind = store.Tests },
			func(r *store.Report) { r.Repository = "host.example/another" },
		} {
			r := aReport(i)
			other(&r)
			done(t, s.SaveReport(ctx, r))
		}
	}
	none, some := "", "unit"
	q := func(flag *string, from, to time.Time, most int) store.SeriesQuery {
		return store.SeriesQuery{Repository: repository, Kind: store.Coverage, Branch: "main", Flag: flag, From: from, To: to, Most: most}
	}
	for what, test := range map[string]struct {
		query store.SeriesQuery
		want  []store.Report
	}{
		"of a flag":             {q(&some, time.Time{}, time.Time{}, 0), unit},
		"of the empty flag":     {q(&none, time.Time{}, time.Time{}, 0), whole},
		"from a time":           {q(&some, after(4), time.Time{}, 0), unit[4:]},
		"to a time":             {q(&some, time.Time{}, after(4), 0), unit[:4]},
		"between":               {q(&some, after(4), after(6), 0), unit[4:6]},
		"the newest of between": {q(&some, after(4), after(9), 2), unit[7:9]},
		"of all flags":          {q(nil, after(3), after(4), 0), []store.Report{whole[3], unit[3]}},
		"of nothing":            {q(&some, after(6), after(6), 0), nil},
		"of an unknown branch":  {store.SeriesQuery{Repository: repository, Kind: store.Coverage, Branch: "Main"}, nil},
	} {
		same(t, what, must[[]store.Report](t)(s.Series(ctx, test.query)), heads(test.want...))
	}
}

// Of what was taken before, only the newest of each place stays.
func oldReportsAreForgotten(t *testing.T, open Opener) {
	ctx, s := t.Context(), open()
	var want, commits []string
	for i := range 10 {
		commits = append(commits, commit(i))
		for _, flag := range []string{"a", "b"} {
			r := aReport(i)
			r.Flag = flag
			if flag == "b" && i > 3 { // which has not been sent since
				continue
			}
			if i == 9 { // an old commit, built again today
				r.At = after(-100)
			}
			done(t, s.SaveReport(ctx, r))
			if i >= 7 || flag == "b" && i == 3 {
				want = append(want, fmt.Sprint(r.Commit, r.Flag))
			}
		}
	}
	branch := aReport(0)
	branch.Commit, branch.Branch = commit(50), "feature"
	done(t, s.SaveReport(ctx, branch))
	tests := aReport(0)
	tests.Kind = store.Tests
	done(t, s.SaveReport(ctx, tests))
	done(t, s.Prune(ctx, after(7))) // of which each was taken a minute after
	for range 2 {
		var got []string
		for _, r := range must[[]store.Report](t)(s.ReportHeads(ctx, repository, store.Coverage, commits)) {
			got = append(got, fmt.Sprint(r.Commit, r.Flag))
		}
		slices.Sort(got)
		slices.Sort(want)
		same(t, "what is left", got, want)
		same(t, "the branch", must[[]store.Report](t)(s.Reports(ctx, repository, store.Coverage, []string{branch.Commit})), []store.Report{branch})
		same(t, "the tests", must[[]store.Report](t)(s.Reports(ctx, repository, store.Tests, commits)), []store.Report{tests})
		done(t, s.Prune(ctx, after(7))) // again, which changes nothing
	}
	done(t, s.Prune(ctx, after(1000)))
	newest := must[[]store.Report](t)(s.ReportHeads(ctx, repository, store.Coverage, commits))
	if len(newest) != 2 || newest[0].Commit != commit(3) || newest[1].Commit != commit(8) {
		t.Errorf("after all was old the newest are %+v", newest)
	}
}

// More than one transaction forgets at once.
func manyOldReportsAreForgotten(t *testing.T, open Opener) {
	ctx, s := t.Context(), open()
	const many = 700
	for i := range many {
		r := aReport(i)
		if i%7 == 0 {
			r.Branch = fmt.Sprint("branch", i) // which is its newest
		}
		r.Taken = after(i % 10) // many at one time
		done(t, s.SaveReport(ctx, r))
	}
	done(t, s.Prune(ctx, after(10)))
	var commits []string
	for i := range many {
		commits = append(commits, commit(i))
	}
	if got := must[[]store.Report](t)(s.ReportHeads(ctx, repository, store.Coverage, commits)); len(got) != many/7+1 {
		t.Errorf("%d reports are left, want %d", len(got), many/7+1)
	}
}
