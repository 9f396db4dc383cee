package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"callboard.dev/callboard/subgraphs/pipelines/store"
)

// atOnce is how many rows one transaction looks at: others wait for it.
const atOnce = 200

// oldReports walks through those that were taken before a time, and tells of each whether there is a newer one in its place.
const oldReports = `SELECT id, taken, EXISTS (SELECT 1 FROM pipelines_reports n WHERE n.repository = r.repository AND n.kind = r.kind AND n.branch = r.branch AND n.flag = r.flag
	AND (n.at, n.commit_id) > (r.at, r.commit_id))
FROM pipelines_reports r WHERE taken < ? AND (taken, id) > (?, ?) ORDER BY taken, id LIMIT ?`

// Prune forgets what is old.
func (d *DB) Prune(ctx context.Context, before time.Time) error {
	if err := d.prune(ctx, before); err != nil {
		return fmt.Errorf("forgetting what is old: %w", err)
	}
	return nil
}

func (d *DB) prune(ctx context.Context, before time.Time) error {
	taken, id := int64(math.MinInt64), int64(0)
	for more := true; more; {
		err := d.change(ctx, func(tx *sql.Tx) error {
			rows, err := tx.QueryContext(ctx, oldReports, before.UnixMicro(), taken, id, atOnce)
			if err != nil {
				return err
			}
			defer rows.Close()
			seen, forget := 0, []int64{}
			for ; rows.Next(); seen++ {
				var superseded bool
				if err := rows.Scan(&id, &taken, &superseded); err != nil {
					return err
				}
				if superseded {
					forget = append(forget, id)
				}
			}
			if err := rows.Err(); err != nil {
				return err
			}
			more = seen == atOnce
			array, err := json.Marshal(forget)
			if err != nil {
				return err
			}
			_, err = tx.ExecContext(ctx, "DELETE FROM pipelines_reports WHERE id IN (SELECT value FROM json_each(?))", string(array))
			return err
		})
		if err != nil {
			return err
		}
	}
	now := time.Now()
	return d.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM pipelines_announcements WHERE coalesce(at, until) < ? AND (until IS NULL OR until <= ?)", before.UnixMicro(), now.UnixMicro())
		if err != nil {
			return err
		}
		oldest := before
		if stay := now.Add(-store.ActionsStay); stay.Before(oldest) {
			oldest = stay
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM pipelines_actions WHERE at < ?", oldest.UnixMicro())
		return err
	})
}
