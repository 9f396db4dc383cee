package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"callboard.dev/callboard/subgraphs/pipelines/store"
)

const (
	action = "id, key, principal, kind, target, at, details, state, result, ended"

	// The condition on the key being there is the index's.
	knownAction  = "SELECT " + action + " FROM pipelines_actions WHERE principal = ? AND key = ? AND key <> '' AND at > ? ORDER BY at DESC LIMIT 1"
	beginAction  = "INSERT INTO pipelines_actions (" + action + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL) ON CONFLICT (id) DO NOTHING"
	finishAction = "UPDATE pipelines_actions SET state = ?, result = ?, ended = ? WHERE id = ? AND state = 'pending'"
)

func scanAction(row interface{ Scan(into ...any) error }) (a store.Action, err error) {
	var at int64
	var ended sql.NullInt64
	err = row.Scan(&a.ID, &a.Key, &a.Principal, &a.Kind, &a.Target, &at, &a.Details, &a.State, &a.Result, &ended)
	a.At, a.Ended = time.UnixMicro(at).UTC(), timeOf(ended)
	return a, err
}

// Begin remembers an action as pending, or returns the one that is known by its key.
func (d *DB) Begin(ctx context.Context, a store.Action) (known *store.Action, err error) {
	a, err = a.Begun()
	if err == nil {
		err = d.change(ctx, func(tx *sql.Tx) error {
			known = nil
			if a.Key != "" {
				before, err := scanAction(tx.QueryRowContext(ctx, knownAction, a.Principal, a.Key, a.At.Add(-store.KeyLives).UnixMicro()))
				if err == nil {
					known = &before
					return before.Answers(a)
				}
				if !errors.Is(err, sql.ErrNoRows) {
					return err
				}
			}
			done, err := tx.ExecContext(ctx, beginAction, a.ID, a.Key, a.Principal, a.Kind, a.Target, a.At.UnixMicro(), a.Details, a.State, a.Result)
			if err != nil {
				return err
			}
			if n, err := done.RowsAffected(); err != nil || n > 0 {
				return err
			}
			return fmt.Errorf("%w: there is an action %s", store.ErrInvalid, a.ID)
		})
	}
	if err != nil {
		return nil, fmt.Errorf("writing down an action: %w", err)
	}
	return known, nil
}

// Finish writes down how an action ended.
func (d *DB) Finish(ctx context.Context, id string, state store.State, result string) error {
	err := store.CheckEnd(id, state, result)
	if err == nil {
		err = d.change(ctx, func(tx *sql.Tx) error {
			done, err := tx.ExecContext(ctx, finishAction, state, result, time.Now().UnixMicro(), id)
			if err != nil {
				return err
			}
			if n, err := done.RowsAffected(); err != nil || n > 0 {
				return err
			}
			a, err := scanAction(tx.QueryRowContext(ctx, "SELECT "+action+" FROM pipelines_actions WHERE id = ?", id))
			if errors.Is(err, sql.ErrNoRows) {
				return fmt.Errorf("%w: %s", store.ErrNotFound, id)
			}
			if err != nil {
				return err
			}
			return a.EndedSo(state, result)
		})
	}
	if err != nil {
		return fmt.Errorf("writing down the end of an action: %w", err)
	}
	return nil
}

// actionsOf returns the statement that answers a query, with its arguments.
func actionsOf(q store.ActionsQuery) (text string, args []any, err error) {
	text = "SELECT " + action + " FROM pipelines_actions WHERE true"
	if q.Target != "" {
		text, args = text+" AND target = ?", append(args, q.Target)
	}
	if q.Principal != "" {
		text, args = text+" AND principal = ?", append(args, q.Principal)
	}
	if q.Before != "" {
		at, id, err := store.Place(q.Before)
		if err != nil {
			return "", nil, err
		}
		text, args = text+" AND (at, id) < (?, ?)", append(args, at.UnixMicro(), id)
	}
	return text + " ORDER BY at DESC, id DESC LIMIT ?", append(args, q.Most), nil
}

// Actions returns actions, the newest first.
func (d *DB) Actions(ctx context.Context, q store.ActionsQuery) ([]store.Action, error) {
	var out []store.Action
	err := q.Check()
	if err == nil {
		var text string
		var args []any
		if text, args, err = actionsOf(q); err == nil {
			err = d.query(ctx, func(rows *sql.Rows) error {
				a, err := scanAction(rows)
				out = append(out, a)
				return err
			}, text, args...)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("reading actions: %w", err)
	}
	return out, nil
}
