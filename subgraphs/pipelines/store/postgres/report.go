package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"callboard.dev/callboard/subgraphs/pipelines/store"
)

const (
	countOthers = "SELECT count(*), coalesce(sum(size), 0)::bigint FROM pipelines_reports WHERE repository = $1 AND kind = $2 AND commit_id = $3 AND flag <> $4"

	saveReport = `INSERT INTO pipelines_reports (repository, kind, commit_id, flag, branch, run, at, taken, covered, total, failed, size, body)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (repository, kind, commit_id, flag) DO UPDATE SET branch = excluded.branch, run = excluded.run, at = excluded.at, taken = excluded.taken,
	covered = excluded.covered, total = excluded.total, failed = excluded.failed, size = excluded.size, body = excluded.body
WHERE pipelines_reports.taken <= excluded.taken`

	head      = "commit_id, flag, branch, run, at, taken, covered, total, failed"
	reportsOf = " FROM pipelines_reports WHERE repository = $1 AND kind = $2 AND commit_id = ANY($3)"

	// The newest come first, as only so many are wanted.
	seriesOfAll  = "SELECT " + head + " FROM pipelines_reports WHERE repository = $1 AND kind = $2 AND branch = $3 AND at >= $4 AND at < $5 ORDER BY at DESC, commit_id DESC, flag DESC LIMIT $6"
	seriesOfFlag = "SELECT " + head + " FROM pipelines_reports WHERE repository = $1 AND kind = $2 AND branch = $3 AND flag = $7 AND at >= $4 AND at < $5 ORDER BY at DESC, commit_id DESC LIMIT $6"
)

// SaveReport remembers a report.
func (d *DB) SaveReport(ctx context.Context, r store.Report) error {
	err := r.Check()
	if err == nil {
		packed := store.Pack(r.Body)
		err = d.database.Change(ctx, func(tx pgx.Tx) error {
			if err := lock(ctx, tx, lockOfReports, r.Repository, r.Kind, r.Commit); err != nil {
				return err
			}
			var flags int
			var size int64
			if err := tx.QueryRow(ctx, countOthers, r.Repository, r.Kind, r.Commit, r.Flag).Scan(&flags, &size); err != nil {
				return err
			}
			if err := r.Room(flags, size); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, saveReport, r.Repository, r.Kind, r.Commit, r.Flag, r.Branch, r.Run, micro(r.At), micro(r.Taken), r.Covered, r.Total, r.Failed, len(r.Body), packed)
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("remembering a report of %.200s: %w", r.Repository, err)
	}
	return nil
}

// scanHead reads the columns of head, and then others.
func scanHead(row pgx.CollectableRow, r *store.Report, others ...any) error {
	err := row.Scan(append([]any{&r.Commit, &r.Flag, &r.Branch, &r.Run, &r.At, &r.Taken, &r.Covered, &r.Total, &r.Failed}, others...)...)
	r.At, r.Taken = r.At.UTC(), r.Taken.UTC()
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
	columns := head
	if bodies {
		columns += ", size, body"
	}
	var sizes []int
	out, err := query(ctx, d, func(row pgx.CollectableRow) (store.Report, error) {
		r := store.Report{Repository: repository, Kind: kind}
		if !bodies {
			return r, scanHead(row, &r)
		}
		var size int
		err := scanHead(row, &r, &size, &r.Body)
		sizes = append(sizes, size)
		return r, err
	}, "SELECT "+columns+reportsOf, repository, kind, commits)
	if err != nil {
		return fail(err)
	}
	for i, size := range sizes { // when others may have the connection
		if out[i].Body, err = store.Unpack(out[i].Body, size); err != nil {
			return fail(err)
		}
	}
	slices.SortFunc(out, func(a, b store.Report) int {
		return cmp.Or(cmp.Compare(places[a.Commit], places[b.Commit]), cmp.Compare(a.Flag, b.Flag))
	})
	return out, nil
}

// bound is a time, or the one before or after all.
func bound(t time.Time, none pgtype.InfinityModifier) pgtype.Timestamptz {
	if t.IsZero() {
		return pgtype.Timestamptz{InfinityModifier: none, Valid: true}
	}
	return pgtype.Timestamptz{Time: micro(t), Valid: true}
}

// Series returns the reports of a branch without their bodies.
func (d *DB) Series(ctx context.Context, q store.SeriesQuery) ([]store.Report, error) {
	var out []store.Report
	err := q.Check()
	if err == nil {
		text, args := seriesOfAll, []any{q.Repository, q.Kind, q.Branch, bound(q.From, pgtype.NegativeInfinity), bound(q.To, pgtype.Infinity), q.Most}
		if q.Flag != nil {
			text, args = seriesOfFlag, append(args, *q.Flag)
		}
		out, err = query(ctx, d, func(row pgx.CollectableRow) (store.Report, error) {
			r := store.Report{Repository: q.Repository, Kind: q.Kind}
			err := scanHead(row, &r)
			return r, err
		}, text, args...)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the series of %.200s: %w", q.Repository, err)
	}
	slices.Reverse(out)
	return out, nil
}
