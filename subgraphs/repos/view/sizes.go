package view

import (
	"context"
	"sync"

	"callboard.dev/callboard/clients/git"
)

// pageSizes are the sizes of the files on one page, asked for once, and only where one is selected.
type pageSizes struct {
	facts facts
	oids  []git.OID

	once  sync.Once
	sizes map[string]int64
	err   error
}

func (p *pageSizes) of(ctx context.Context, oid string) (*float64, error) {
	p.once.Do(func() {
		sizes, err := p.facts.sizes(ctx, p.oids)
		if err != nil {
			p.err = err
			return
		}
		p.sizes = make(map[string]int64, len(sizes))
		for i, size := range sizes {
			p.sizes[string(p.oids[i])] = size
		}
	})
	size, ok := p.sizes[oid]
	if p.err != nil || !ok || size < 0 {
		return nil, fail(p.err)
	}
	return new(float64(size)), nil
}
