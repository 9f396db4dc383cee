package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"callboard.dev/callboard/subgraphs/pipelines/store"
)

const (
	action = "id, key, principal, kind, target, at, details, state, result, ended"

	// The condition on the key being there is the index's.
	knownAction  = "SELECT " + action + " FROM pipelines_actions WHERE principal = $1 AND key = $2 AND key <> '' AND at > $3 ORDER BY at DESC LIMIT 1"
	beginAction  = "INSERT INTO pipelines_actions (" + action + ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL) ON CONFLICT (id) DO NOTHING"
	finishAction = "UPDATE pipelines_actions SET state = $1, result = $2, ended = $3 WHERE id = $4 AND state = 'pending'"
)

func scanAction(row pgx.Row) (a store.Action, err error) {
	var ended *time.Time
	err = row.Scan(&a.ID, &a.Key, &a.Principal, &a.Kind, &a.Target, &a.At, &a.Details, &a.State, &a.Result, &ended)
	a.At, a.Ended = a.At.UTC(), timeOf(ended)
	return a, err
}

// Begin remembers an action as pending, or returns the one that is known by its key.
func (d *DB) Begin(ctx context.Context, a store.Action) (known *store.Action, err error) {
	a, err = a.Begun()
	if err == nil {
		err = d.database.Change(ctx, func(tx pgx.Tx) error {
			known = nil
			if a.Key != "" {
				if err := lock(ctx, tx, lockOfActions, a.Principal, a.Key); err != nil {
					return err
				}
				before, err := scanAction(tx.QueryRow(ctx, knownAction, a.Principal, a.Key, micro(a.At.Add(-store.KeyLives))))
				if err == nil {
					known = &before
					return before.Answers(a)
				}
				if !errors.Is(err, pgx.ErrNoRows) {
					return err
				}
			}
			done, err := tx.Exec(ctx, beginAction, a.ID, a.Key, a.Principal, a.Kind, a.Target, micro(a.At), a.Details, a.State, a.Result)
			if err == nil && done.RowsAffected() == 0 {
				err = fmt.Errorf("%w: there is an action %s", store.ErrInvalid, a.ID)
			}
			return err
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
		err = d.database.Change(ctx, func(tx pgx.Tx) error {
			done, err := tx.Exec(ctx, finishAction, state, result, micro(time.Now()), id)
			if err != nil || done.RowsAffected() > 0 {
				return err
			}
			a, err := scanAction(tx.QueryRow(ctx, "SELECT "+action+" FROM pipelines_actions WHERE id = $1", id))
			if errors.Is(err, pgx.ErrNoRows) {
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
	give := func(value any) string {
		args = append(args, value)
		return "$" + strconv.Itoa(len(args))
	}
	text = "SELECT " + action + " FROM pipelines_actions WHERE true"
	if q.Target != "" {
		text += " AND target = " + give(q.Target)
	}
	if q.Principal != "" {
		text += " AND principal = " + give(q.Principal)
	}
	if q.Before != "" {
		at, id, err := store.Place(q.Before)
		if err != nil {
			return "", nil, err
		}
		text += " AND (at, id) < (" + give(at) + ", " + give(id) + ")"
	}
	return text + " ORDER BY at DESC, id DESC LIMIT " + give(q.Most), args, nil
}

// Actions returns actions, the newest first.
func (d *DB) Actions(ctx context.Context, q store.ActionsQuery) ([]store.Action, error) {
	var out []store.Action
	err := q.Check()
	if err == nil {
		var text string
		var args []any
		if text, args, err = actionsOf(q); err == nil {
			out, err = query(ctx, d, func(row pgx.CollectableRow) (store.Action, error) { return scanAction(row) }, text, args...)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("reading actions: %w", err)
	}
	return out, nil
}
