package git

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Filter selects commits of a history. Its zero value selects all.
type Filter struct {
	Path         string    // only commits that changed this file or folder
	Author       string    // only authors whose "Name <email>" holds this text, in any letter case
	Since, Until time.Time // only commits committed then; zero means no bound
}

// maxWalk is how many commits one page may pass over to reach its cursor.
const maxWalk = 2_000_000

// args returns the options and paths for rev-list, and the key of the filter.
func (r *Repository) args(ctx context.Context, start OID, f Filter) (args []string, key string, err error) {
	if _, ok := ParseOID(string(start)); !ok {
		return nil, "", fmt.Errorf("%w: %q is no object id", ErrInvalid, start)
	}
	path, err := CleanPath(f.Path)
	if err != nil {
		return nil, "", err
	}
	if strings.ContainsRune(path, '\uFFFD') { // as it is shown; git wants the bytes
		if e, err := r.Entry(ctx, start, path); err == nil {
			path = e.raw
		}
	}
	if len(f.Author) > maxRefName || strings.ContainsAny(f.Author, "\x00\n") {
		return nil, "", fmt.Errorf("%w: an author with a line break, a NUL or more than %d bytes", ErrInvalid, maxRefName)
	}
	if f.Author != "" {
		args = append(args, "--fixed-strings", "--regexp-ignore-case", "--author="+f.Author)
	}
	if !f.Since.IsZero() {
		args = append(args, "--max-age="+strconv.FormatInt(f.Since.Unix(), 10))
	}
	if !f.Until.IsZero() {
		args = append(args, "--min-age="+strconv.FormatInt(f.Until.Unix(), 10))
	}
	args = append(args, "--end-of-options", string(start), "--")
	if path != "" {
		args = append(args, path)
	}
	return args, strings.Join(args, "\x00"), nil
}

// page is one page of a history.
type page struct {
	oids []OID
	more bool
}

func (p page) weight() int { return 80 * len(p.oids) }

// History returns the first n commits reachable from start that f selects, newest first, after the commit after (from the
// first where it is empty), and whether there are more. The walk ends with the page: it is never longer than it must be. It
// wraps ErrNotFound where the history does not hold after.
func (r *Repository) History(ctx context.Context, start OID, f Filter, after OID, n int) ([]OID, bool, error) {
	args, key, err := r.args(ctx, start, f)
	if err != nil {
		return nil, false, err
	}
	p, err := remember(ctx, r.client, r.key("history", r.depth(), key, string(after), strconv.Itoa(n)), func(ctx context.Context) (page, error) {
		p, err := r.client.start(ctx, r, false, append([]string{"rev-list"}, args...)...)
		if err != nil {
			return page{}, err
		}
		return readPage(p, after, n)
	})
	if err != nil {
		return nil, false, fmt.Errorf("reading the history of %s: %w", r.Path, err)
	}
	return p.oids, p.more, nil
}

// readPage reads object ids, one a line, until the page is full.
func readPage(p *process, after OID, n int) (page, error) {
	lines := bufio.NewScanner(p.out)
	found := page{}
	passing := after != ""
	for passed := 0; lines.Scan(); {
		oid, ok := ParseOID(lines.Text())
		switch {
		case !ok:
			p.abandon()
			return page{}, fmt.Errorf("%w: git rev-list printed %q", ErrBadRepository, valid(lines.Bytes()[:min(len(lines.Bytes()), 200)]))
		case passing && passed >= maxWalk:
			p.abandon()
			return page{}, fmt.Errorf("%w: the cursor lies more than %d commits deep; narrow the history down by date or path", ErrTooLarge, maxWalk)
		case passing:
			passing = oid != after
			passed++
		case len(found.oids) == n:
			found.more = true
			p.abandon()
			return found, nil
		default:
			found.oids = append(found.oids, oid)
		}
	}
	err := lines.Err()
	if failed := p.finish(); failed != nil {
		return page{}, failed
	}
	if err != nil {
		return page{}, fmt.Errorf("%w: reading from git rev-list: %v", ErrBadRepository, err)
	}
	if passing {
		return page{}, fmt.Errorf("%w: this history does not hold the commit of the cursor; start again without it", ErrNotFound)
	}
	return found, nil
}

// Count returns how many commits reachable from start f selects.
func (r *Repository) Count(ctx context.Context, start OID, f Filter) (int, error) {
	args, key, err := r.args(ctx, start, f)
	if err != nil {
		return 0, err
	}
	n, err := remember(ctx, r.client, r.key("count", r.depth(), key), func(ctx context.Context) (int, error) {
		out, err := r.client.output(ctx, r, 100, append([]string{"rev-list", "--count"}, args...)...)
		if err != nil {
			return 0, err
		}
		return strconv.Atoi(strings.TrimSpace(string(out)))
	})
	if err != nil {
		return 0, fmt.Errorf("counting the history of %s: %w", r.Path, err)
	}
	return n, nil
}

// Divergence is how two commits stand to each other.
type Divergence struct{ Ahead, Behind int }

// Compare returns how many commits head has that from has not, and the other way round.
func (r *Repository) Compare(ctx context.Context, from, head OID) (Divergence, error) {
	for _, oid := range []OID{from, head} {
		if _, ok := ParseOID(string(oid)); !ok {
			return Divergence{}, fmt.Errorf("%w: %q is no object id", ErrInvalid, oid)
		}
	}
	if from == head {
		return Divergence{}, nil
	}
	d, err := remember(ctx, r.client, r.key("compare", r.depth(), string(from), string(head)), func(ctx context.Context) (Divergence, error) {
		out, err := r.client.output(ctx, r, 100, "rev-list", "--count", "--left-right", "--end-of-options", string(from)+"..."+string(head), "--")
		if err != nil {
			return Divergence{}, err
		}
		behind, ahead, _ := strings.Cut(strings.TrimSpace(string(out)), "\t")
		var d Divergence
		var err1, err2 error
		d.Behind, err1 = strconv.Atoi(behind)
		d.Ahead, err2 = strconv.Atoi(ahead)
		if err := errors.Join(err1, err2); err != nil {
			return Divergence{}, fmt.Errorf("%w: git rev-list counted %q", ErrBadRepository, valid(out))
		}
		return d, nil
	})
	if err != nil {
		return Divergence{}, fmt.Errorf("comparing commits of %s: %w", r.Path, err)
	}
	return d, nil
}
