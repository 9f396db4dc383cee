//go:build servers

package postgres

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"callboard.dev/callboard/subgraphs/database/postgrestest"
	"callboard.dev/callboard/subgraphs/pipelines/store"
)

// Among many rows every query finds its own by an index and in their order: none reads a table, or sorts what it could have found
// sorted.
func TestQueriesHaveIndexes(t *testing.T) {
	server, err := postgrestest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Remove)
	d, err := New(server.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	pool, err := d.database.Ready(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// 40,000 reports of 20 repositories, two branches and five flags, of which some are old; and as many actions.
	for _, statement := range []string{
		`INSERT INTO pipelines_reports (repository, kind, commit_id, flag, branch, run, at, taken, covered, total, failed, size, body)
SELECT 'host.example/' || n % 20, 'coverage', md5((n / 100)::text), 'flag' || n / 20 % 5, 'branch' || n / 100 % 2, '', now() - n * interval '1 minute', now() - n * interval '1 minute', 1, 2, 0, 0, ''
FROM generate_series(1, 40000) n`,
		`INSERT INTO pipelines_actions (id, key, principal, kind, target, at, details, state, result)
SELECT n::text, n::text, 'user' || n % 90, 'rerun', 'target' || n % 100, now() - n * interval '1 minute', '', 'done', '' FROM generate_series(1, 40000) n`,
		`INSERT INTO pipelines_announcements (name, reference, digest, at, lease) SELECT n::text, '', '', now(), '' FROM generate_series(1, 40000) n`,
		"ANALYZE",
	} {
		if _, err := pool.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	before := store.Action{ID: "a", At: time.Now().Add(-time.Hour)}.Cursor()
	actions := func(q store.ActionsQuery) (string, []any) {
		if err := q.Check(); err != nil {
			t.Fatal(err)
		}
		q.Most = 50
		text, args, err := actionsOf(q)
		if err != nil {
			t.Fatal(err)
		}
		return text, args
	}
	of := func(text string, args ...any) func() (string, []any) {
		return func() (string, []any) { return text, args }
	}
	with := func(q store.ActionsQuery) func() (string, []any) {
		return func() (string, []any) { return actions(q) }
	}
	month, now := time.Now().Add(-30*24*time.Hour), time.Now()
	for what, test := range map[string]struct {
		query func() (string, []any)
		want  []string
	}{
		"reports":        {of("SELECT "+head+", size, body"+reportsOf, "host.example/1", "coverage", []string{"a", "b"}), []string{"pipelines_reports_repository_kind_commit_id_flag_key"}},
		"others":         {of(countOthers, "host.example/1", "coverage", "a", ""), []string{"pipelines_reports_repository_kind_commit_id_flag_key"}},
		"series":         {of(seriesOfAll, "host.example/1", "coverage", "branch1", month, now, 30), []string{"Index Scan Backward using pipelines_reports_branch"}},
		"series of flag": {of(seriesOfFlag, "host.example/1", "coverage", "branch1", month, now, 30, "flag1"), []string{"Index Scan Backward using pipelines_reports_flag"}},
		"old reports":    {of(oldReports, now.Add(-27*24*time.Hour), time.Unix(0, 0), 0, atOnce), []string{"pipelines_reports_taken", "Index Only Scan using pipelines_reports_flag"}},
		"known action":   {of(knownAction, "user1", "1", now.Add(-24*time.Hour)), []string{"pipelines_actions_key"}},
		"all actions":    {with(store.ActionsQuery{}), []string{"pipelines_actions_at"}},
		"more actions":   {with(store.ActionsQuery{Before: before}), []string{"pipelines_actions_at"}},
		"of a target":    {with(store.ActionsQuery{Target: "target1", Before: before}), []string{"pipelines_actions_target"}},
		"of somebody":    {with(store.ActionsQuery{Principal: "user1", Before: before}), []string{"pipelines_actions_principal"}},
		"finish":         {of(finishAction, store.Done, "", now, "1"), []string{"pipelines_actions_pkey"}},
		"announcement":   {of(saveAnnouncement, "1", "", "", "", now), []string{"pipelines_announcements_pkey"}},
	} {
		text, args := test.query()
		plan, err := query(t.Context(), d, pgx.RowTo[string], "EXPLAIN "+text, args...)
		if err != nil {
			t.Fatal(what, err)
		}
		said := strings.Join(plan, "\n")
		for _, want := range test.want {
			if !strings.Contains(said, want) {
				t.Errorf("%s: the plan is\n%s\nwithout %s", what, said, want)
			}
		}
		if strings.Contains(said, "Sort") || strings.Contains(said, "Seq Scan") {
			t.Errorf("%s: the plan is\n%s", what, said)
		}
	}
}
