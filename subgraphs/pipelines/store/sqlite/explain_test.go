package sqlite

import (
	"strings"
	"testing"
	"time"

	"callboard.dev/callboard/subgraphs/pipelines/store"
)

// Every query finds its rows by an index and in their order: none reads a table, or sorts what it could have found sorted.
func TestQueriesHaveIndexes(t *testing.T) {
	d := New("")
	defer d.Close()
	db, err := d.database.Ready(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	actions := func(q store.ActionsQuery) string {
		text, _, err := actionsOf(q)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	before := store.Action{ID: "a", At: time.Unix(1, 0)}.Cursor()
	for what, test := range map[string]struct {
		text string
		want []string
	}{
		"reports":        {"SELECT " + head + ", size, body" + reportsOf, []string{"sqlite_autoindex_pipelines_reports_1 (repository=? AND kind=? AND commit_id=?)"}},
		"others":         {countOthers, []string{"sqlite_autoindex_pipelines_reports_1 (repository=? AND kind=? AND commit_id=?)"}},
		"series":         {seriesOfAll, []string{"pipelines_reports_branch (repository=? AND kind=? AND branch=? AND at>? AND at<?)"}},
		"series of flag": {seriesOfFlag, []string{"pipelines_reports_flag (repository=? AND kind=? AND branch=? AND flag=? AND at>? AND at<?)"}},
		"old reports": {oldReports, []string{
			"pipelines_reports_taken (taken>? AND taken<?)", "COVERING INDEX pipelines_reports_flag (repository=? AND kind=? AND branch=? AND flag=? AND at>?)",
		}},
		"known action": {knownAction, []string{"pipelines_actions_key (principal=? AND key=? AND at>?)"}},
		"all actions":  {actions(store.ActionsQuery{}), []string{"pipelines_actions_at"}},
		"more actions": {actions(store.ActionsQuery{Before: before}), []string{"pipelines_actions_at ((at,id)<(?,?))"}},
		"of a target":  {actions(store.ActionsQuery{Target: "a", Before: before}), []string{"pipelines_actions_target (target=? AND (at,id)<(?,?))"}},
		"of somebody":  {actions(store.ActionsQuery{Principal: "a", Before: before}), []string{"pipelines_actions_principal (principal=? AND (at,id)<(?,?))"}},
		"finish":       {finishAction, []string{"sqlite_autoindex_pipelines_actions_1 (id=?)"}},
		"announcement": {saveAnnouncement, []string{"PRIMARY KEY (name=?)"}},
	} {
		args := make([]any, strings.Count(test.text, "?"))
		rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+test.text, args...)
		if err != nil {
			t.Fatal(what, err)
		}
		var plan []string
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			plan = append(plan, detail)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		said := strings.Join(plan, "\n")
		for _, want := range test.want {
			if !strings.Contains(said, want) {
				t.Errorf("%s: the plan is\n%s\nwithout %s", what, said, want)
			}
		}
		if strings.Contains(said, "TEMP B-TREE") || strings.Contains(said, "SCAN pipelines_reports") {
			t.Errorf("%s: the plan is\n%s", what, said)
		}
	}
}
