package git

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// Limits on one object. What is larger exists all the same; it is only not held.
const (
	maxCommit = 1 << 20 // a commit with its message
	maxTree   = 16 << 20
	maxBlob   = 4 << 20 // the beginning of a file that is kept
)

// object is what git keeps under an id.
type object struct {
	oid  OID
	kind string // "commit", "tree", "blob", "tag"
	size int64
	data []byte // nil where only the header was asked for; cut off at the limit that was asked for
}

// objects is a running `git cat-file` that answers one question after the other. It is for one goroutine and one call.
type objects struct {
	repository *Repository
	ctx        context.Context
	process    [2]*process // with contents, headers only
	out        [2]*bufio.Reader
}

func (r *Repository) objects(ctx context.Context) *objects {
	return &objects{repository: r, ctx: ctx}
}

// close ends the processes. It must be called.
func (o *objects) close() {
	for i, p := range o.process {
		if p != nil {
			p.abandon()
			o.process[i] = nil
		}
	}
}

// ask sends a spec, an object id with or without a suffix such as "^{commit}", and returns the header of the answer.
// It wraps ErrNotFound where there is no such object.
func (o *objects) ask(which int, spec string) (object, error) {
	if o.process[which] == nil {
		mode := [2]string{"--batch", "--batch-check"}[which]
		p, err := o.repository.client.start(o.ctx, o.repository, true, "cat-file", mode)
		if err != nil {
			return object{}, err
		}
		o.process[which], o.out[which] = p, bufio.NewReaderSize(p.out, 32<<10)
	}
	if _, err := io.WriteString(o.process[which].in, spec+"\n"); err != nil {
		return object{}, o.broken(which, err)
	}
	line, err := o.out[which].ReadSlice('\n')
	if err != nil {
		return object{}, o.broken(which, err)
	}
	return parseHeader(line)
}

// broken ends a process that did not answer and says why.
func (o *objects) broken(which int, err error) error {
	p := o.process[which]
	o.process[which] = nil
	if errors.Is(err, bufio.ErrBufferFull) {
		p.abandon()
		return fmt.Errorf("%w: git cat-file answered with an endless line", ErrBadRepository)
	}
	if failed := p.finish(); failed != nil {
		return failed
	}
	return fmt.Errorf("%w: git cat-file ended early", ErrBadRepository)
}

// header returns what an object is, without its content.
func (o *objects) header(spec string) (object, error) { return o.ask(1, spec) }

// read returns an object with at most limit bytes of its content.
func (o *objects) read(spec string, limit int64) (object, error) {
	found, err := o.ask(0, spec)
	if err != nil {
		return object{}, err
	}
	found.data = make([]byte, min(found.size, limit))
	if _, err := io.ReadFull(o.out[0], found.data); err != nil {
		return object{}, o.broken(0, err)
	}
	if found.size > limit { // reading on only to throw it away could take for ever
		o.process[0].abandon()
		o.process[0] = nil
		return found, nil
	}
	if _, err := o.out[0].Discard(1); err != nil {
		return object{}, o.broken(0, err)
	}
	return found, nil
}

// parseHeader reads "oid SP type SP size LF", or "spec SP missing LF" and "spec SP ambiguous LF".
func parseHeader(line []byte) (object, error) {
	fields := bytes.Split(bytes.TrimSuffix(line, []byte("\n")), []byte(" "))
	if len(fields) == 2 && string(fields[1]) == "ambiguous" {
		return object{}, fmt.Errorf("%w: %q is the beginning of several objects; give more digits", ErrNotFound, valid(fields[0]))
	}
	if len(fields) == 2 && string(fields[1]) == "missing" {
		return object{}, fmt.Errorf("%w: object %q", ErrNotFound, valid(fields[0]))
	}
	if len(fields) == 3 {
		oid, ok := ParseOID(string(fields[0]))
		size, err := strconv.ParseInt(string(fields[2]), 10, 64)
		switch kind := string(fields[1]); kind {
		case "commit", "tree", "blob", "tag":
			if ok && err == nil && size >= 0 {
				return object{oid: oid, kind: kind, size: size}, nil
			}
		}
	}
	return object{}, fmt.Errorf("%w: git cat-file answered %q", ErrBadRepository, valid(line[:min(len(line), 200)]))
}

// Peel returns the commit that each object id, in full or abbreviated, stands for: itself, or what a tag points to. It is nil
// where there is none. One process serves all that are not remembered.
func (r *Repository) Peel(ctx context.Context, names []string) ([]*Commit, error) {
	out := make([]*Commit, len(names))
	o := r.objects(ctx)
	defer o.close()
	for i, name := range names {
		if !isHex(name) {
			return nil, fmt.Errorf("%w: %q is no object id", ErrInvalid, name)
		}
		_, full := ParseOID(name)
		if full {
			if out[i] = r.Known(OID(name)); out[i] != nil {
				continue
			}
		}
		found, err := o.read(name+"^{commit}", maxCommit)
		if isNotFound(err) {
			continue
		} else if err != nil {
			return nil, fmt.Errorf("reading object %s of %s: %w", name[:min(len(name), 7)], r.Path, err)
		}
		if found.kind != "commit" {
			continue
		}
		out[i] = parseCommit(found.oid, found.data)
		r.client.cache.Set(r.key("commit", string(found.oid)), out[i])
		if full && OID(name) != found.oid {
			r.client.cache.Set(r.key("commit", name), out[i])
		}
	}
	return out, nil
}

// Known returns the commit that an object id in full stands for where it is remembered, else nil.
func (r *Repository) Known(oid OID) *Commit {
	if known, ok := r.client.cache.GetIfPresent(r.key("commit", string(oid))); ok {
		return known.(*Commit)
	}
	return nil
}

// readAll reads what a process prints, at most limit bytes, and waits for its end.
func readAll(p *process, limit int64) ([]byte, error) {
	out, err := io.ReadAll(io.LimitReader(p.out, limit+1))
	if int64(len(out)) > limit {
		p.abandon()
		return nil, fmt.Errorf("%w: git %s printed more than %d bytes", ErrTooLarge, p.name, limit)
	}
	if failed := p.finish(); failed != nil {
		return nil, failed
	}
	if err != nil {
		return nil, fmt.Errorf("%w: reading from git %s: %v", ErrBadRepository, p.name, err)
	}
	return out, nil
}
