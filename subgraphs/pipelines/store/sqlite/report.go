package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"callboard.dev/callboard/subgraphs/pipelines/store"
)

const (
	countOthers = "SELECT count(*), coalesce(sum(size), 0) FROM pipelines_reports WHERE repository = ? AND kind = ? AND commit_id = ? AND flag <> ?"

	saveReport = `INSERT INTO pipelines_reports (repository, kind, commit_id, flag, branch, run, at, taken, covered, total, failed, size, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (repository, kind, commit_id, flag) DO UPDATE SET branch = excluded.branch, run = excluded.run, at = excluded.at, taken = excluded.taken,
	covered = excluded.covered, total = excluded.total, failed = excluded.failed, size = excluded.size, body = excluded.body
WHERE pipelines_reports.taken <= excluded.taken`

	head = "commit_id, flag, branch, run, at, taken, covered, total, failed"

	// reportsOf is followed by nothing: the commits are a JSON array, as their number is not known.
	reportsOf = " FROM pipelines_reports WHERE repository = ? AND kind = ? AND commit_id IN (SELECT value FROM json_each(?))"

	// The newest come first, as only so many are wanted.
	seriesOfAll  = "SELECT " + head + " FROM pipelines_reports WHERE repository = ? AND kind = ? AND branch = ? AND at >= ? AND at < ? ORDER BY at DESC, commit_id DESC, flag DESC LIMIT ?"
	seriesOfFlag = "SELECT " + head + " FROM pipelines_reports WHERE repository = ? AND kind = ? AND branch = ? AND flag = ? AND at >= ? AND at < ? ORDER BY at DESC, commit_id DESC LIMIT ?"
)

// SaveReport remembers a report.
func (d *DB) SaveReport(ctx context.Context, r store.Report) error {
	err := r.Check()
	if err == nil {
		packed := store.Pack(r.Body)
		err = d.change(ctx, func(tx *sql.Tx) error {
			var flags int
			var size int64
			if err := tx.QueryRowContext(ctx, countOthers, r.Repository, r.Kind, r.Commit, r.Flag).Scan(&flags, &size); err != nil {
				return err
			}
			if err := r.Room(flags, size); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, saveReport, r.Repository, r.Kind, r.Commit, r.Flag, r.Branch, r.Run, r.At.UnixMicro(), r.Taken.UnixMicro(), r.Covered, r.Total, r.Failed, len(r.Body), packed)
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("remembering a report of %.200s: %w", r.Repository, err)
	}
	return nil
}

// scanHead reads the columns of head, and then others.
func scanHead(rows *sql.Rows, r *store.Report, others ...any) error {
	var at, taken int64
	err := rows.Scan(append([]any{&r.Commit, &r.Flag, &r.Branch, &r.Run, &at, &taken, &r.Covered, &r.Total, &r.Failed}, others...)...)
	r.At, r.Taken = time.UnixMicro(at).UTC(), time.UnixMicro(taken).UTC()
	return err
}

// Reports returns the reports of some commits.
func (d *DB) Reports(ctx context.Context, repository, kind string, commits []string) ([]store.Report, error) {
	return d.reports(ctx, repository, kind, commits, true)
}

// ReportHeads returns the reports of some commits without their bodies.
func (d *DB) ReportHeads(ctx context.Context, repository, kind string, commits []string) ([]store.Report, error) {
	return d.reports(ctx, repository, kind, commits, false)
}

func (d *DB) reports(ctx context.Context, repository, kind string, commits []string, bodies bool) ([]store.Report, error) {
	fail := func(err error) ([]store.Report, error) {
		return nil, fmt.Errorf("reading reports of %.200s: %w", repository, err)
	}
	places, err := store.CheckCommits(repository, kind, commits)
	if err != nil {
		return fail(err)
	}
	array, err := json.Marshal(commits)
	if err != nil {
		return fail(err)
	}
	var out []store.Report
	var sizes []int
	columns := head
	if bodies {
		columns += ", size, body"
	}
	err = d.query(ctx, func(rows *sql.Rows) error {
		r := store.Report{Repository: repository, Kind: kind}
		if !bodies {
			err := scanHead(rows, &r)
			out = append(out, r)
			return err
		}
		var size int
		err := scanHead(rows, &r, &size, &r.Body)
		out, sizes = append(out, r), append(sizes, size)
		return err
	}, "SELECT "+columns+reportsOf, repository, kind, string(array))
	if err != nil {
		return fail(err)
	}
	for i, size := range sizes { // when others may use the file again
		if out[i].Body, err = store.Unpack(out[i].Body, size); err != nil {
			return fail(err)
		}
	}
	slices.SortFunc(out, func(a, b store.Report) int {
		return cmp.Or(cmp.Compare(places[a.Commit], places[b.Commit]), cmp.Compare(a.Flag, b.Flag))
	})
	return out, nil
}

// Series returns the reports of a branch without their bodies.
func (d *DB) Series(ctx context.Context, q store.SeriesQuery) ([]store.Report, error) {
	var out []store.Report
	err := q.Check()
	if err == nil {
		from, to := int64(math.MinInt64), int64(math.MaxInt64)
		if !q.From.IsZero() {
			from = q.From.UnixMicro()
		}
		if !q.To.IsZero() {
			to = q.To.UnixMicro()
		}
		text, args := seriesOfAll, []any{q.Repository, q.Kind, q.Branch, from, to, q.Most}
		if q.Flag != nil {
			text, args = seriesOfFlag, []any{q.Repository, q.Kind, q.Branch, *q.Flag, from, to, q.Most}
		}
		err = d.query(ctx, func(rows *sql.Rows) error {
			r := store.Report{Repository: q.Repository, Kind: q.Kind}
			err := scanHead(rows, &r)
			out = append(out, r)
			return err
		}, text, args...)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the series of %.200s: %w", q.Repository, err)
	}
	slices.Reverse(out)
	return out, nil
}
