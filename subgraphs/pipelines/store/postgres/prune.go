package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"callboard.dev/callboard/subgraphs/pipelines/store"
)

// atOnce is how many rows one transaction looks at.
const atOnce = 200

// oldReports walks through those that were taken before a time, and tells of each whether there is a newer one in its place.
const oldReports = `SELECT id, taken, EXISTS (SELECT 1 FROM pipelines_reports n WHERE n.repository = r.repository AND n.kind = r.kind AND n.branch = r.branch AND n.flag = r.flag
	AND (n.at, n.commit_id) > (r.at, r.commit_id))
FROM pipelines_reports r WHERE taken < $1 AND (taken, id) > ($2, $3) ORDER BY taken, id LIMIT $4`

// Prune forgets what is old.
func (d *DB) Prune(ctx context.Context, before time.Time) error {
	if err := d.prune(ctx, micro(before)); err != nil {
		return fmt.Errorf("forgetting what is old: %w", err)
	}
	return nil
}

func (d *DB) prune(ctx context.Context, before time.Time) error {
	taken, id := bound(time.Time{}, pgtype.NegativeInfinity), int64(0)
	for more := true; more; {
		err := d.database.Change(ctx, func(tx pgx.Tx) error {
			if err := lock(ctx, tx, lockOfPrune); err != nil { // two that lock rows in another order would wait for each other
				return err
			}
			rows, err := tx.Query(ctx, oldReports, before, taken, id, atOnce)
			if err != nil {
				return err
			}
			seen, forget := 0, []int64{}
			var superseded bool
			if _, err := pgx.ForEachRow(rows, []any{&id, &taken, &superseded}, func() error {
				seen++
				if superseded {
					forget = append(forget, id)
				}
				return nil
			}); err != nil {
				return err
			}
			more = seen == atOnce
			_, err = tx.Exec(ctx, "DELETE FROM pipelines_reports WHERE id = ANY($1) AND taken < $2", forget, before) // one may have been sent again
			return err
		})
		if err != nil {
			return err
		}
	}
	return d.database.Change(ctx, func(tx pgx.Tx) error {
		if err := lock(ctx, tx, lockOfPrune); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM pipelines_announcements WHERE coalesce(at, until) < $1 AND (until IS NULL OR until <= clock_timestamp())", before); err != nil {
			return err
		}
		oldest := before
		if stay := micro(time.Now().Add(-store.ActionsStay)); stay.Before(oldest) {
			oldest = stay
		}
		_, err := tx.Exec(ctx, "DELETE FROM pipelines_actions WHERE at < $1", oldest)
		return err
	})
}
