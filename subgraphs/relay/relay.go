// Package relay cuts lists into Relay connections. A list and the four paging arguments go in, one page with cursors comes
// out. The one rule: a cursor names an item, not a position, so a list that changes between two pages neither repeats nor
// skips the items that stayed.
package relay

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// MaxPage is the most items one page may ask for: GitHub's limit, which clients already know.
const MaxPage = 100

// DefaultPage is the size of a page when neither first nor last is given.
const DefaultPage = 20

// Args are the paging arguments of a connection field, as the client gave them.
type Args struct {
	First, Last   *int
	After, Before *string
}

// PageInfo tells where a page lies in its list.
type PageInfo struct {
	HasNextPage     bool
	HasPreviousPage bool
	StartCursor     *string
	EndCursor       *string
}

// Page is one page of a list of T.
type Page[T any] struct {
	Items      []T
	Cursors    []string // one for each item
	TotalCount int
	Info       PageInfo
}

// Check reports what is wrong with the arguments: a size below zero or above MaxPage, or both first and last.
func (a Args) Check() error {
	switch {
	case a.First != nil && a.Last != nil:
		return fmt.Errorf("give first or last, not both")
	case a.First != nil && (*a.First < 0 || *a.First > MaxPage):
		return fmt.Errorf("first must be from 0 to %d, got %d", MaxPage, *a.First)
	case a.Last != nil && (*a.Last < 0 || *a.Last > MaxPage):
		return fmt.Errorf("last must be from 0 to %d, got %d", MaxPage, *a.Last)
	}
	return nil
}

// Cut returns the page of items that args ask for. key names an item, uniquely within the list; find tells the position of
// the item with that key, or false where it is gone. A nil find searches the list.
func Cut[T any](items []T, args Args, key func(T) string, find func(key string) (int, bool)) (Page[T], error) {
	if err := args.Check(); err != nil {
		return Page[T]{}, err
	}
	if find == nil {
		find = func(wanted string) (int, bool) {
			for i, item := range items {
				if key(item) == wanted {
					return i, true
				}
			}
			return 0, false
		}
	}
	from, to := 0, len(items)
	if args.After != nil {
		at, err := position("after", *args.After, find)
		if err != nil {
			return Page[T]{}, err
		}
		from = at + 1
	}
	if args.Before != nil {
		at, err := position("before", *args.Before, find)
		if err != nil {
			return Page[T]{}, err
		}
		to = max(at, from)
	}
	switch {
	case args.Last != nil:
		from = max(from, to-*args.Last)
	case args.First != nil:
		to = min(to, from+*args.First)
	default:
		to = min(to, from+DefaultPage)
	}
	page := Page[T]{Items: items[from:to], TotalCount: len(items)}
	page.Cursors = make([]string, len(page.Items))
	for i, item := range page.Items {
		page.Cursors[i] = Cursor(key(item))
	}
	page.Info = PageInfo{HasNextPage: to < len(items), HasPreviousPage: from > 0}
	if n := len(page.Cursors); n > 0 {
		page.Info.StartCursor, page.Info.EndCursor = &page.Cursors[0], &page.Cursors[n-1]
	}
	return page, nil
}

// cursorVersion starts every cursor, so that the meaning of one can change without an old one being misread.
const cursorVersion = "1:"

// Cursor returns the opaque cursor of the item that key names.
func Cursor(key string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(cursorVersion + key))
}

// Key returns the key inside a cursor, or an error where the text is not a cursor of ours.
func Key(cursor string) (string, error) {
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || !strings.HasPrefix(string(text), cursorVersion) {
		return "", fmt.Errorf("%q is not a cursor of this list; use endCursor or startCursor of an earlier page", cursor)
	}
	return string(text[len(cursorVersion):]), nil
}

func position(argument, cursor string, find func(string) (int, bool)) (int, error) {
	key, err := Key(cursor)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", argument, err)
	}
	at, ok := find(key)
	if !ok {
		return 0, fmt.Errorf("%s: the item this cursor names is no longer in the list; start again without it", argument)
	}
	return at, nil
}
